"""How cases go through the flows of the site: page by page, and several visitors side by side."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from .client import Browser, at_once
from .ledger import Ledger
from .page import Response
from .server import WORKERS

T = TypeVar("T")

#: The pages of a journey.
PAGES = ("first", "second", "third")
#: How many visitors go side by side where each sends two requests at one instant: no request has then to wait for a
#: process that takes it, and so for its twin to be over.
PAIRS_AT_ONCE = WORKERS // 2


def side_by_side(visit: Callable[[T], Any], items: Iterable[T], *, width: int = PAIRS_AT_ONCE) -> list[Any]:
    """Call ``visit`` with each of the items, with ``width`` of them at the same time; return what it returned."""
    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(visit, items))


def double(browser: Browser, *, times: int = 2, late: float = 0.0, **data: Any) -> tuple[list[Response], list[Browser]]:
    """Send the form on the page twice at one instant, or the second time so many seconds late.

    Returns the answers, and the twins that got them.
    """
    form, twins = browser.form(**data), [browser.twin() for _ in range(times)]

    def send(number: int) -> Response:
        time.sleep(late * number)
        return twins[number].send(browser.url, form)

    return at_once(*(partial(send, number) for number in range(times))), twins


def go_to(browser: Browser, flow: str, page: str, *, name: str = "before") -> Browser:
    """Begin a flow and go on until the tab is at a page of it."""
    browser.open(f"/{flow}/")
    while browser.path != f"/{flow}/{page}/":
        before = browser.path
        browser.submit(name=name)
        assert browser.path != before, f"There is no way on from {before}: {browser.response}"
    return browser


def walk(browser: Browser, **data: Any) -> list[tuple[str, dict[str, Any]]]:
    """Send page after page, as long as there is a form; return what was sent to which URL."""
    sent = []
    while browser.page.form is not None:
        sent.append((browser.url, browser.form(name=f"{len(sent)}", **data)))
        browser.follow(browser.send(*sent[-1]))
        assert len(sent) < 10, f"There is no end to this: {sent}"
    return sent


def assert_one_result(responses: Iterable[Response]) -> str:
    """Assert that all were led to the same place, and return it."""
    responses = list(responses)
    assert {response.status for response in responses} == {302}, responses
    assert len({response.location for response in responses}) == 1, responses
    return str(responses[0].location)


def assert_done_once(ledger: Ledger, runs: Iterable[str], *, pages: Iterable[str] = PAGES) -> None:
    """Assert that in each run each page was executed once and the flow completed once."""
    entries = ledger.entries()
    counted = Counter((entry["run"], entry["what"]) for entry in entries)
    expected = {(run, what): 1 for run in runs for what in (*pages, "complete")}
    assert {key: counted[key] for key in expected} == expected


def answers_at_the_end(ledger: Ledger, runs: Iterable[str]) -> list[list[dict[str, Any]]]:
    """Return, for each run, for each time that a flow of it completed, the name that it saw of each page."""
    seen: dict[str, list[dict[str, Any]]] = {run: [] for run in runs}
    for entry in ledger.entries("complete"):
        if entry["run"] in seen:
            names = {position.rpartition("/")[2]: answers["name"] for position, answers in entry["answers"].items()}
            seen[entry["run"]].append(names)
    return list(seen.values())
