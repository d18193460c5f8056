"""SQLite locked for longer than a request waits costs nobody more than another attempt."""

import pytest

from tests.acceptance.failing import assert_interrupted, assert_try_again, at_last, go_on, halfway, locked_sqlite
from tests.acceptance.setups import CLAIM


def runs_on(setup):
    return setup.is_sqlite


@pytest.fixture(scope="session")
def site(impatient):
    return impatient


@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
def test_who_finds_sqlite_locked_may_try_again(site, site_with, setup, newcomer, ledger, trials, mode):
    hasty = site_with(beside=site, SQLITE_TIMEOUT=0.3)
    tabs = [at_last(newcomer(), guarantee) for guarantee in setup.guarantees]
    forms = [tab.form(name="x") for tab in tabs]
    for tab in tabs:
        tab.host = hasty.host
    entrances = [tab.another_tab() for tab in tabs]
    for tab, guarantee in zip(entrances, setup.guarantees, strict=True):
        tab.open(f"/crash-{guarantee}-after-{guarantee}/")
    with locked_sqlite(site, mode):
        answers = [tab.send(tab.url, form) for tab, form in zip(tabs, forms, strict=True)]
        begun = [tab.send(tab.url, tab.form(name="begun")) for tab in entrances]
        shown = [tab.get(tab.url) for tab in tabs]
    if mode == "EXCLUSIVE" and setup.kind == "sqlite" and setup.sessions == "db":
        # Where nobody can read either, the session is what Django fails at.
        assert {answer.status for answer in (*answers, *begun, *shown)} <= {500, 503}
    else:
        for answer in (*answers, *begun):
            assert_try_again(answer)
        cannot_read = mode == "EXCLUSIVE" and setup.kind == "sqlite"
        assert {answer.status for answer in shown} == {503 if cannot_read else 200}
    for tab, form in zip(tabs, forms, strict=True):
        assert ledger.count("last", run=tab.run) == 0
        assert "Done" in tab.follow(tab.send(tab.url, form)).text
        assert ledger.count("last", run=tab.run) == 1
        assert len(site.effects(tab.run, "complete")) == 1
    for tab in entrances:
        tab.submit(name="begun")
        assert ledger.count("begin", run=tab.run) == 2, "one of this task, and one of that in the other tab"
    trials(len(answers) + len(begun) + len(shown))


def test_what_is_claimed_stays_so_if_sqlite_is_locked_then(site, site_with, setup, browser, ledger, trials):
    if setup.atomic:
        pytest.skip("With ATOMIC_REQUESTS a claimed page has the lock itself.")
    hasty = site_with(beside=site, SQLITE_TIMEOUT=0.3)
    at_last(browser, CLAIM)
    browser.host = hasty.host
    with halfway(site, browser, before="{gate}") as waiting, locked_sqlite(site, "IMMEDIATE"):
        assert_interrupted(waiting.go_on(), setup, CLAIM)
    assert (ledger.count("last", run=browser.run), len(site.effects(browser.run, "last"))) == (1, 0)
    go_on(site, browser, waiting.url, waiting.form, CLAIM)
    assert (ledger.count("last", run=browser.run), len(site.effects(browser.run, "last"))) == (2, 1)
    trials(1)
