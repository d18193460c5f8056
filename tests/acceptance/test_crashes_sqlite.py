"""SQLite locked for longer than a request waits costs nobody more than another attempt."""

import pytest

from tests.acceptance.failing import assert_interrupted, assert_try_again, at_last, go_on, halfway, locked_sqlite
from tests.acceptance.setups import CLAIM, IMPATIENT


def runs_on(setup):
    return setup.is_sqlite


@pytest.fixture(scope="session")
def site(impatient, start):
    """The site with a database for which nobody waits for long."""
    with start(beside=impatient, settings={**IMPATIENT, "SQLITE_TIMEOUT": 0.3}) as site:
        yield site


@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
def test_who_sends_while_sqlite_is_locked_may_try_again(site, setup, newcomer, ledger, trials, guarantee, mode):
    going_on, beginning = at_last(newcomer(), guarantee), newcomer()
    beginning.open(f"/crash-{guarantee}-after-{guarantee}/")
    forms = [(tab, tab.url, tab.form(name="x")) for tab in (going_on, beginning)]
    with locked_sqlite(site, mode):
        answers = [tab.send(url, form) for tab, url, form in forms]
    for answer in answers:
        if mode == "EXCLUSIVE" and setup.kind == "sqlite" and setup.sessions == "db":
            assert answer.status in (500, 503), "the session is what Django cannot read then"
        else:
            assert_try_again(answer)
    for tab, url, form in forms:
        tab.follow(tab.send(url, form))
    beginning.submit(name="x")
    for tab in (going_on, beginning):
        assert "Done" in tab.response.text
        for what in ("begin", "last", "complete"):
            assert ledger.count(what, run=tab.run) == len(site.effects(tab.run, what)) == 1
    trials(len(answers))


@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
def test_who_looks_while_sqlite_is_locked_sees_the_page_if_it_can_be_read(site, setup, browser, trials, mode):
    at_last(browser, setup.guarantees[0])
    with locked_sqlite(site, mode):
        shown = browser.get(browser.url)
    cannot_read = mode == "EXCLUSIVE" and setup.kind == "sqlite"
    if cannot_read and setup.sessions == "db":
        assert shown.status in (500, 503), "the session is what Django cannot read then"
    elif cannot_read or setup.atomic:  # a transaction that a setting asks for begins with the lock
        assert_try_again(shown)
    else:
        assert shown.page.form is not None
    assert browser.get(browser.url).page.form is not None
    trials(1)


def test_what_is_claimed_stays_so_if_sqlite_is_locked_then(site, setup, browser, ledger, trials):
    if setup.atomic:
        pytest.skip("With ATOMIC_REQUESTS a claimed page has the lock itself.")
    at_last(browser, CLAIM)
    with halfway(site, browser, before="{gate}") as waiting, locked_sqlite(site, "IMMEDIATE"):
        assert_interrupted(waiting.go_on(), CLAIM)
    assert (ledger.count("last", run=browser.run), len(site.effects(browser.run, "last"))) == (1, 0)
    go_on(site, browser, waiting.url, waiting.form, CLAIM)
    assert (ledger.count("last", run=browser.run), len(site.effects(browser.run, "last"))) == (2, 1)
    trials(1)
