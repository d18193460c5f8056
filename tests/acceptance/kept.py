"""What the site's operator sees: what is kept of a task, and which tasks there are."""

from typing import Any

from .client import Browser


def kept(browser: Browser) -> dict[str, Any]:
    """Return the text, the version and the status of the task that a browser is at; nothing if there is none."""
    return kept_of(browser, browser.task_id)


def kept_of(browser: Browser, task_id: str) -> dict[str, Any]:
    return browser.get(f"/document/?task={task_id}").json()


def tasks(browser: Browser) -> set[str]:
    """Return all tasks that are kept, whoever asks. Those of other cases may expire at any time."""
    return set(browser.get("/tasks/").json())
