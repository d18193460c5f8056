"""One session holds its own tasks together: from the first requests at once, and however many there come to be."""

import statistics
import time
from functools import partial

import pytest

from tests.acceptance.client import at_once
from tests.acceptance.setups import PAIRS
from tests.acceptance.walks import assert_one_result, double, side_by_side, walk

#: How many tasks a visitor has who has too many, 5,000 where everything is repeated, and with how many he goes on.
CROWD, SOME = 100 * PAIRS, 8
#: How many times slower his pages may be than those of somebody with one task. They are not: this bears a bad moment.
RATIO = 3


def walk_both(tabs):
    """Go on to the end in both tabs at once, each with answers of its own."""
    at_once(*(partial(walk, tab, hidden=who) for who, tab in tabs.items()))


def assert_both_came_to_their_end(ledger, runs):
    """Assert that in each run two journeys were completed, each by itself."""
    entries = ledger.entries("complete")
    for run in runs:
        ends = [entry["answers"] for entry in entries if entry["run"] == run]
        said = [{answers["hidden"] for answers in end.values()} for end in ends]
        assert sorted(said, key=str) == [{"one"}, {"other"}]
        assert {len(end) for end in ends} == {3}


@pytest.mark.parametrize("kept", ["each-its-own", "the-one", "the-other"])
def test_two_first_pages_of_a_new_visitor_at_once(newcomer, ledger, trials, setup, kept):
    """Both answers bring the cookie of a session; a browser keeps that of the answer that comes last."""

    def go(number):
        url = f"/journey-{setup.guarantees[number % len(setup.guarantees)]}/first/"
        browser = newcomer()
        browser.get("/token/")
        tabs = {"one": browser.twin(), "other": browser.twin()}
        at_once(*(partial(tab.open, url) for tab in tabs.values()))
        assert tabs["one"].cookies["sessionid"] != tabs["other"].cookies["sessionid"]
        if kept != "each-its-own":
            last = tabs[kept.removeprefix("the-")]
            for tab in tabs.values():
                tab.cookies = dict(last.cookies)
        walk_both(tabs)
        return browser.run

    times = -(-PAIRS // 2)
    assert_both_came_to_their_end(ledger, side_by_side(go, range(times)))
    trials(times)


def test_a_page_whose_token_another_tab_of_a_new_visitor_took_can_be_opened_again(newcomer, ledger, trials, guarantee):
    """Django answers with 403 where the cookie of the token has been overwritten; nothing has been done then."""
    one, other = newcomer(), newcomer()
    one.run = other.run
    at_once(*(partial(tab.open, f"/journey-{guarantee}/") for tab in (one, other)))
    one.cookies = dict(other.cookies)
    assert one.send(one.url, one.form(name="x")).status == 403
    assert ledger.count(run=one.run) == 0
    one.open(one.url)
    walk_both({"one": one, "other": other})
    assert_both_came_to_their_end(ledger, [one.run])
    trials(1)


def test_two_doubled_first_submissions_in_a_session_that_knows_nothing_of_them(newcomer, ledger, trials, setup):
    """As after a login with another session in between: the secret of the session is made by all four of them."""

    def go(number):
        browser = newcomer()
        tabs = {"one": browser.another_tab(), "other": browser.another_tab()}
        for tab in tabs.values():
            tab.open(f"/journey-{setup.guarantees[number % len(setup.guarantees)]}/first/")
        del browser.cookies["sessionid"]
        browser.get("/touch-session/")
        doubled = at_once(*(partial(double, tab, name="0", hidden=who) for who, tab in tabs.items()))
        for tab, (answers, _) in zip(tabs.values(), doubled, strict=True):
            assert_one_result(answers)
            assert tab.follow(answers[-1]).status == 200
            assert tab.path.endswith("/second/")
        walk_both({who: tab.twin() for who, tab in tabs.items()})
        return browser.run

    times = -(-PAIRS // 2)
    assert_both_came_to_their_end(ledger, side_by_side(go, range(times)))
    trials(times)


def test_thousands_of_tasks_in_one_session_cost_no_more_than_one_and_none_is_lost(site, ledger, trials):
    crowded, light = site.browser(), site.browser()
    links = {}
    for visitor, number in ((light, 1), (crowded, CROWD)):
        visitor.open("/crowd/")
        size = session_size(visitor)
        links[visitor.run] = make_crowd(visitor, number)
        assert len(set(links[visitor.run])) == number
        assert session_size(visitor) == size, "the session does not grow with its tasks"
    assert set(crowded.cookies) == set(light.cookies)

    some = range(0, CROWD, -(-CROWD // SOME))
    spent = {visitor.run: [] for visitor in (light, crowded)}
    for number in some:
        for visitor, link in ((light, links[light.run][0]), (crowded, links[crowded.run][number])):
            spent[visitor.run].append(time_of(visitor, link))
    light_time, crowded_time = (statistics.median(spent[visitor.run]) for visitor in (light, crowded))
    assert crowded_time < RATIO * light_time

    kept = site.browser().get("/records/").json()
    assert {link.partition("_t=")[2] for link in links[crowded.run]} <= kept.keys()
    for number in some:
        crowded.open(links[crowded.run][number])
        walk(crowded)
    ends = ledger.entries("complete", run=crowded.run)
    assert [(entry["number"], len(entry["answers"])) for entry in ends] == [(number, 3) for number in some]
    trials(SOME)


def session_size(browser):
    return browser.get("/session/").json()["size"]


def make_crowd(browser, number):
    """Begin so many tasks, in as many requests as there are processes; return where they begin."""
    part = -(-number // 4)
    parts = [(first, min(first + part, number)) for first in range(0, number, part)]
    calls = [partial(browser.twin().get, f"/make-crowd/?first={first}&last={last}") for first, last in parts]
    return [link for answer in at_once(*calls) for link in answer.json()]


def time_of(browser, link):
    """Return how many seconds it takes to look at the first page of a task and to send it."""
    began = time.perf_counter()
    assert browser.open(link).status == 200
    assert browser.send(browser.url, browser.form(name=link)).status == 302
    return time.perf_counter() - began
