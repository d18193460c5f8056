"""A submission that logs the visitor in or out, or ends his session, is executed once, and its twins follow it."""

import pytest

from tests.acceptance.setups import PAIRS
from tests.acceptance.walks import assert_done_once, assert_one_result, double, go_to, side_by_side, walk

#: On which pages of a flow the session is changed: the names of all of its pages.
PLACES = {
    "first": ("{change}", "third"),
    "middle": ("first", "{change}", "third"),
    "last": ("first", "{change}"),
}
CHANGES = ("login", "logout", "flush")
#: How many visitors try each change at each place with each guarantee: for each guarantee there are ``PAIRS`` of them.
FEW = -(-PAIRS // (len(CHANGES) * len(PLACES)))


def double_the_change(browser, change, flow):
    """Go to the page that changes the session, send it twice at once and once more with the old cookies."""
    if change == "logout":
        browser.log_in("anna")
    go_to(browser, flow, change)
    form, late = browser.form(name="anna", delay=20), browser.twin()
    answers, twins = double(browser, name="anna", delay=20)
    very_late = late.twin()
    answers.append(late.send(late.url, form))
    twins.append(late)

    location = assert_one_result(answers)
    sessions = {twin.cookies["sessionid"] for twin in twins}
    assert len(sessions) == 1, "each of them goes on in the new session"
    assert browser.cookies["sessionid"] not in sessions
    assert late.follow(answers[-1]).status == 200
    assert ("_auth_user_id" in late.get("/session/").json()["names"]) == (change == "login")

    walk(late)
    answer = very_late.send(very_late.url, form)
    assert answer.location == location
    assert "Done" in very_late.follow(answer).text


def test_a_doubled_login_is_executed_once(newcomer, ledger, trials, guarantee):
    visitors = [newcomer() for _ in range(PAIRS)]
    side_by_side(lambda visitor: double_the_change(visitor, "login", f"login-middle-{guarantee}"), visitors)
    assert_done_once(ledger, [visitor.run for visitor in visitors], pages=("first", "login", "third"))
    trials(PAIRS)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_doubled_change_of_the_session_is_executed_once(newcomer, ledger, trials, setup, change, place):
    visits = [(newcomer(), f"{change}-{place}-{guarantee}") for guarantee in setup.guarantees * FEW]
    side_by_side(lambda visit: double_the_change(visit[0], change, visit[1]), visits, width=3)
    pages = [page.format(change=change) for page in PLACES[place]]
    assert_done_once(ledger, [visitor.run for visitor, _ in visits], pages=pages)
    trials(len(visits))


@pytest.mark.parametrize("change", CHANGES)
def test_who_goes_away_before_he_hears_of_his_new_session_finds_it(newcomer, ledger, trials, setup, change):
    def go(guarantee):
        browser = newcomer()
        if change == "logout":
            browser.log_in("anna")
        go_to(browser, f"{change}-middle-{guarantee}", change)
        form = browser.form(name="anna", delay=20)
        browser.abandon(browser.url, form, after=0.01)
        assert browser.follow(browser.send(browser.url, form)).status == 200
        assert browser.path.endswith("/third/")
        assert ("_auth_user_id" in browser.get("/session/").json()["names"]) == (change == "login")
        walk(browser)
        return browser.run

    runs = side_by_side(go, setup.guarantees, width=3)
    assert_done_once(ledger, runs, pages=("first", change, "third"))
    trials(len(runs))
