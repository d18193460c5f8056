"""A submission is executed once, however often and however close together it is sent.

What is doubled is doubled page by page through a whole journey, so that a journey is three pairs: one that makes the
task, one in its middle, and one that ends it.
"""

from functools import partial
from itertools import product

import pytest

from tests.acceptance.client import at_once
from tests.acceptance.setups import PAIRS
from tests.acceptance.walks import (
    PAGES,
    answers_at_the_end,
    assert_done_once,
    assert_one_result,
    double,
    go_to,
    side_by_side,
)

#: What the pages are told, in a journey in which all goes well.
NAMES = {page: f"it is {page}" for page in PAGES}
#: Milliseconds that an effect takes where nothing else is said.
DELAY = 40
#: How many journeys have that many pages.
FEW = -(-PAIRS // len(PAGES))


def double_each_page(flow, browser, *, late=(0, 0, 0), times=2, delay=DELAY):
    """Go through a journey of which each page is doubled."""
    browser.open(f"/{flow}/first/")
    said = []
    for page, seconds in zip(PAGES, late, strict=True):
        said.append(NAMES[page])
        assert browser.path == f"/{flow}/{page}/"
        responses, twins = double(browser, late=seconds, times=times, name=NAMES[page], delay=delay)
        assert_one_result(responses)
        for browser, response in zip(twins, responses, strict=True):
            assert browser.follow(response).status == 200
            # Who waited sees what was said, too.
            assert page == PAGES[-1] or [each["name"] for each in browser.page.answers.values()] == said


def assert_done_once_with_all_answers(site, browsers):
    """Assert that each journey was done once, in the database too, and that its end saw what was said on each page."""
    runs = [browser.run for browser in browsers]
    assert_done_once(site.ledger, runs)
    assert answers_at_the_end(site.ledger, runs) == [[NAMES]] * len(runs)
    for run in runs:
        assert sorted(effect["what"] for effect in site.effects(run)) == sorted([*PAGES, "complete"])


@pytest.mark.parametrize("delay", [0, DELAY])
def test_a_doubled_page_is_executed_once(newcomer, site, trials, guarantee, delay):
    visitors = [newcomer() for _ in range(PAIRS)]
    side_by_side(partial(double_each_page, f"journey-{guarantee}", delay=delay), visitors)
    assert_done_once_with_all_answers(site, visitors)
    trials(PAIRS * len(PAGES))


def test_a_doubled_page_that_takes_half_a_second_is_executed_once(newcomer, site, trials, setup):
    journeys = [(f"journey-{guarantee}", newcomer()) for guarantee in setup.guarantees * FEW]
    side_by_side(lambda journey: double_each_page(*journey, delay=500), journeys, width=3)
    assert_done_once_with_all_answers(site, [browser for _, browser in journeys])
    trials(len(journeys) * len(PAGES))


def test_a_doubled_page_is_executed_once_where_the_end_has_another_guarantee(newcomer, site, trials):
    """The task is let go for an instant before the end, and its twin may be who goes on with it."""
    visitors = [newcomer() for _ in range(PAIRS)]
    side_by_side(partial(double_each_page, "mixed-claim", delay=20), visitors)
    assert_done_once_with_all_answers(site, visitors)
    trials(PAIRS * len(PAGES))


def test_a_second_click_a_little_later_is_no_second_execution(newcomer, site, trials, guarantee):
    """From 5 milliseconds later, which is early in the effect of the first, to 100, when all is over."""
    journeys = [(newcomer(), number) for number in range(-(-PAIRS // 3))]
    late = [0.005 + 0.095 * number / (3 * len(journeys) - 1) for number in range(3 * len(journeys))]

    def go(journey):
        browser, number = journey
        double_each_page(f"journey-{guarantee}", browser, late=late[number :: len(journeys)])

    side_by_side(go, journeys)
    assert_done_once_with_all_answers(site, [browser for browser, _ in journeys])
    trials(len(late))


def test_ten_at_once_are_executed_once(newcomer, site, trials, guarantee):
    browser = newcomer()
    double_each_page(f"journey-{guarantee}", browser, times=10)
    assert_done_once_with_all_answers(site, [browser])
    trials(10 * len(PAGES))


def test_twins_never_meet_in_an_action(newcomer, ledger, trials, setup):
    """The first waits in the action for the second, which must not come in, however long it waits."""

    def meet(place):
        guarantee, page = place
        browser = go_to(newcomer(), f"journey-{guarantee}", page)
        responses, _ = double(browser, name="x", meet="here")
        assert_one_result(responses)
        assert ledger.count("met", run=browser.run) == 0
        assert ledger.count(page, run=browser.run) == 1

    places = list(product(setup.guarantees, PAGES))
    side_by_side(meet, places)
    trials(len(places))


def test_two_tasks_do_meet_where_the_database_lets_them(newcomer, ledger, setup):
    """That they could is what makes the case before this one worth something."""
    if setup.is_sqlite:
        pytest.skip("SQLite has one writer for all tasks.")
    one = go_to(newcomer(), f"journey-{setup.guarantees[0]}", "second")
    other = go_to(one.another_tab(), f"journey-{setup.guarantees[0]}", "second")
    forms = [(tab, tab.form(name="x", meet="here")) for tab in (one, other)]
    at_once(*(lambda tab=tab, form=form: tab.send(tab.url, form) for tab, form in forms))
    assert ledger.count("met", run=one.run) == 2
