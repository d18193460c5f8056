"""What the store keeps of a task, for cases that ask whether anything was written."""

from typing import Any

from .server import Site

#: Seconds after which a task that nobody used has expired: the default of ``FLOWS_TASK_IDLE_TIMEOUT``.
LIMIT = 1200
#: Seconds after which nothing is known any more, of what ended neither.
TWO_DAYS = 2 * 24 * 3600


def record_of(site: Site, task_id: str) -> dict[str, Any] | None:
    """Return all that is kept of a task, and ``touched``, from when its idle time counts; None where nothing is."""
    return site.browser().get(f"/record/?task={task_id}").json()


def grow_old(site: Site, task_id: str, seconds: int) -> None:
    """Let so many seconds pass for a task."""
    aged = site.browser().send("/age/", {"task": task_id, "seconds": seconds}).json()["aged"]
    assert aged == 1, f"There is no task {task_id}."
