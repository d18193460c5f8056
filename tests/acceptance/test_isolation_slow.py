"""A page that is looked at while it is sent takes nothing away from what is sent."""

import time
from functools import partial

import pytest

from tests.acceptance.client import at_once
from tests.acceptance.records import record_of
from tests.acceptance.setups import PAIRS
from tests.acceptance.walks import answers_at_the_end, assert_done_once, go_to, side_by_side

#: How many times each is tried: a slow page takes 300 milliseconds.
FEW = max(2, PAIRS // 5)
#: How the page is looked at, how many milliseconds it takes when sent, and how many seconds after the one comes the
#: other. With ``count`` the look writes into the state, with ``slow`` it takes 300 milliseconds.
MEETINGS = {
    "sent-during-a-slow-look": ("&slow", 0, (0, 0.1)),
    "sent-during-a-slow-look-that-writes": ("&slow&count", 0, (0, 0.1)),
    "looked-at-while-it-is-sent": ("&count", 300, (0.1, 0)),
}


@pytest.mark.parametrize(("how", "delay", "moments"), MEETINGS.values(), ids=MEETINGS)
def test_what_is_sent_is_not_lost_by_looking(setup, newcomer, ledger, trials, guarantee, how, delay, moments):
    def go(browser):
        go_to(browser, f"looked-{guarantee}", "second")
        form, looker = browser.form(name="sent", delay=delay), browser.twin()
        (looked, look_ended), (sent, sending_ended) = at_once(
            partial(call_after, moments[0], looker.get, browser.url + how),
            partial(call_after, moments[1], browser.send, browser.url, form),
        )
        assert looked.status == 200
        browser.follow(sent)
        assert browser.path.endswith("/third/")
        browser.submit(name="third")
        # Else, and often in SQLite, the one had to wait for the other.
        return (look_ended > sending_ended) == ("slow" in how)

    visitors = [newcomer() for _ in range(FEW)]
    ended_between = side_by_side(go, visitors)
    runs = [visitor.run for visitor in visitors]
    assert_done_once(ledger, runs)
    expected = {"first": "before", "second": "sent", "third": "third"}
    assert answers_at_the_end(ledger, runs) == [[expected]] * len(runs)
    # SQLite has one writer, and what comes second there may always have to wait.
    assert any(ended_between) or setup.is_sqlite
    trials(sum(ended_between))


def call_after(seconds, call, *args):
    """Return what a call returns that is made so many seconds later, and when it did."""
    time.sleep(seconds)
    return call(*args), time.monotonic()


def test_a_look_that_writes_does_write_where_nobody_sends(browser, site, setup):
    """That it does is what makes the case before this one worth something."""
    go_to(browser, f"looked-{setup.guarantees[0]}", "second")
    browser.get(browser.url + "&count")
    assert '"looked"' in record_of(site, browser.task_id)["data"]
