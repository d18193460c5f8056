"""What goes on at the same time, in one session or in one task, does not get in each other's way."""

from functools import partial

import pytest

from tests.acceptance.client import at_once
from tests.acceptance.setups import PAIRS
from tests.acceptance.walks import PAGES, answers_at_the_end, assert_done_once, side_by_side


@pytest.fixture
def flow_of(setup):
    """Return what names a flow of a kind: each time with another of the guarantees that the setup gives."""
    return lambda kind, number: f"{kind}-{setup.guarantees[number % len(setup.guarantees)]}"


def names_for(who):
    """Return what somebody answers on each page."""
    return {page: f"{who} on {page}" for page in PAGES}


def send_at_once(tabs, page, *also):
    """Send the forms of tabs, by the name of who answers there, and whatever else, at one instant; each tab goes on."""
    forms = [(tab, tab.form(name=names_for(who)[page])) for who, tab in tabs.items()]
    answers = at_once(*(partial(tab.send, tab.url, form) for tab, form in forms), *also)
    for tab, answer in zip(tabs.values(), answers, strict=not also):
        assert answer.status == 302, answer
        assert tab.follow(answer).status == 200
    return answers


def assert_each_said_his_own(ledger, runs):
    """Assert that what the flows of each run saw at their ends is what was answered in the tab of each."""
    expected = [names_for("one"), names_for("other")]
    for seen in answers_at_the_end(ledger, runs):
        assert sorted(seen, key=str) == expected


# Two tasks in one session


def test_two_tasks_of_one_flow_in_two_tabs_at_once(newcomer, ledger, trials, flow_of):
    def go(number):
        browser = newcomer()
        tabs = {who: browser.another_tab() for who in ("one", "other")}
        for tab in tabs.values():
            tab.open(f"/{flow_of('journey', number)}/first/")
        for page in PAGES:
            send_at_once(tabs, page)
            for who, tab in tabs.items():
                assert all(answers["name"].startswith(f"{who} on") for answers in tab.page.answers.values())
        return browser.run

    runs = side_by_side(go, range(PAIRS))
    assert_each_said_his_own(ledger, runs)
    trials(PAIRS)


def test_two_tasks_of_one_flow_interleaved(newcomer, ledger, trials, guarantee):
    browser = newcomer()
    one, other = browser.another_tab(), browser.another_tab()
    one.open(f"/journey-{guarantee}/")
    other.open(f"/journey-{guarantee}/")
    one.submit(name="one at first")
    other.submit(name="other on first")
    other.submit(name="other on second")
    one.submit(name="one on second")
    one.open(f"/journey-{guarantee}/first/?_t={one.task_id}")
    other.submit(name="other on third")
    one.submit(name="one on first")
    one.open(f"/journey-{guarantee}/third/?_t={one.task_id}")
    assert {answers["name"] for answers in one.page.answers.values()} == {"one on first", "one on second"}
    one.submit(name="one on third")
    assert_each_said_his_own(ledger, [browser.run])
    trials(1)


def test_two_flows_and_a_view_that_writes_the_session_at_once(newcomer, ledger, trials, flow_of):
    """In a session that, to begin with, has nothing of the flows in it."""

    def go(number):
        browser = newcomer()
        browser.get("/token/")
        browser.get("/touch-session/")
        tabs = {"one": browser.twin(), "other": browser.twin()}
        urls = [f"/{flow_of('journey', number)}/first/", f"/{flow_of('looked', number)}/first/"]
        touch = partial(browser.get, "/touch-session/")
        opened = at_once(*(partial(tab.open, url) for tab, url in zip(tabs.values(), urls, strict=True)), touch)
        assert {answer.status for answer in opened} == {200}
        for page in PAGES:
            answers = send_at_once(tabs, page, touch)
            assert answers[-1].status == 200
        assert len({tab.cookies["sessionid"] for tab in (browser, *tabs.values())}) == 1
        return browser.run

    runs = side_by_side(go, range(PAIRS))
    assert_each_said_his_own(ledger, runs)
    trials(PAIRS)


# Two pages of one task


def go_to_the_last(browser, flow):
    """Go to the third page; return the browser, and the URL and the form of each page before."""
    browser.open(f"/{flow}/first/")
    forms = {}
    for page in PAGES[:2]:
        forms[page] = f"/{flow}/{page}/", browser.form(name="before")
        browser.follow(browser.send(browser.url, forms[page][1]))
    task = browser.task_id
    return browser, {page: (f"{url}?_t={task}", form) for page, (url, form) in forms.items()}


def test_two_pages_of_one_task_at_once_are_both_remembered(newcomer, ledger, trials, flow_of):
    def go(number):
        browser, forms = go_to_the_last(newcomer(), flow_of("journey", number))
        again = [(url, {**form, "name": f"{page} again"}) for page, (url, form) in forms.items()]
        at_once(*(partial(browser.twin().send, *pair) for pair in again))
        browser.submit(name="third")
        return browser.run

    runs = side_by_side(go, range(PAIRS))
    expected = {"first": "first again", "second": "second again", "third": "third"}
    assert answers_at_the_end(ledger, runs) == [[expected]] * PAIRS
    trials(PAIRS)


def test_a_page_that_is_sent_at_the_instant_of_the_end_comes_before_it_or_not_at_all(newcomer, ledger, trials, flow_of):
    """The one that waits for the other then sees all that was said, or is led to the end."""

    def go(number):
        # Of every third the end has another guarantee than the pages, so that the task is let go before it.
        flow = flow_of("journey", number) if number % 3 else "mixed-claim"
        browser, forms = go_to_the_last(newcomer(), flow)
        url, form = forms["second"]
        calls = [(url, {**form, "name": "second again"}), (browser.url, browser.form(name="third"))]
        answers = at_once(*(partial(browser.twin().send, *call) for call in calls))
        assert {answer.status for answer in answers} == {302}
        assert "Done" in browser.follow(answers[1]).text
        return browser.run

    runs = side_by_side(go, range(PAIRS))
    assert_done_once(ledger, runs, pages=("first", "third"))
    for run, seen in zip(runs, answers_at_the_end(ledger, runs), strict=True):
        names = [entry["name"] for entry in ledger.entries("second", run=run)]
        assert names in (["before"], ["before", "second again"])
        assert seen == [{"first": "before", "second": names[-1], "third": "third"}]
    trials(PAIRS)
