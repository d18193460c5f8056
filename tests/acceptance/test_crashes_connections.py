"""A database that hangs up, or gives up one of two that wait for each other, costs what the guarantee says."""

from functools import partial

import pytest

from tests.acceptance.client import at_once
from tests.acceptance.failing import (
    Halfway,
    Server,
    assert_interrupted,
    assert_try_again,
    at_last,
    go_on,
    halfway,
    wait_until,
)
from tests.acceptance.setups import CLAIM


def runs_on(setup):
    return not setup.is_sqlite


@pytest.fixture(scope="session")
def site(impatient):
    return impatient


@pytest.fixture
def server(site):
    return Server(site)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_cut_in_the_middle_costs_what_the_guarantee_says(
    site, server, setup, browser, ledger, trials, guarantee, moment
):
    at_last(browser, guarantee)
    with halfway(site, browser, **{moment: "{gate}"}) as waiting:
        server.cut(waiting.connection)
        answer = waiting.go_on()
    assert_interrupted(answer, guarantee)
    # Outside of all transactions it is committed as it is written; and Redis can be told so without that connection.
    stands = guarantee == CLAIM and not setup.atomic and moment == "after"
    is_kept = stands and setup.kind == "redis"
    assert (ledger.count("last", run=browser.run), len(site.effects(browser.run, "last"))) == (1, stands)
    go_on(site, browser, waiting.url, waiting.form, guarantee)
    assert ledger.count("last", run=browser.run) == 2 - is_kept
    assert len(site.effects(browser.run, "last")) == 1 + stands - is_kept
    assert len(site.effects(browser.run, "complete")) == 1
    trials(1)


def test_a_connection_cut_while_it_waits_for_a_row_costs_no_more(
    site, server, setup, browser, ledger, trials, guarantee
):
    (row,) = browser.send("/crashing/rows/", {"number": 1}).json()
    at_last(browser, guarantee, "crossing-{}")
    url, form = browser.url, browser.form(name="x", rows=row)
    with server.connected() as cursor:
        cursor.execute("SELECT * FROM site_effect WHERE id = %s FOR UPDATE", [row])
        (answer, _) = at_once(
            partial(browser.twin().send, url, form),
            lambda: server.cut(*wait_until(lambda: server.connections(waiting=True))),
        )
    assert_interrupted(answer, guarantee)
    go_on(site, browser, url, form, guarantee)
    assert (ledger.count("crossing", run=browser.run), len(site.effects(browser.run, "crossing"))) == (2, 1)
    trials(1)


def test_one_of_two_that_wait_for_each_other_may_try_again(site, site_with, server, setup, newcomer, ledger, trials):
    # PostgreSQL takes a second to see it.
    patient = site_with(beside=site, FLOWS_LOCK_WAIT=5)
    for guarantee in setup.guarantees:
        browser = newcomer()
        browser.host = patient.host
        left, right = browser.send("/crashing/rows/", {"number": 2}).json()
        crossing = [
            Halfway(site, at_last(tab, guarantee, "crossing-{}"), name="x", rows=rows, before="{gate}")
            for tab, rows in ((browser, f"{left} {right}"), (browser.another_tab(), f"{right} {left}"))
        ]
        at_once(*(waiting.go_on for waiting in crossing))
        winner, loser = sorted(crossing, key=lambda waiting: waiting.answer.status)
        assert winner.answer.status == 302
        assert_interrupted(loser.answer, guarantee)
        go_on(site, loser.tab, loser.url, loser.form, guarantee)
        assert ledger.count("crossing", run=browser.run) == 3
        assert len(site.effects(browser.run, "crossing")) == len(site.effects(browser.run, "complete")) == 2
        trials(1)


def test_connections_cut_while_nobody_used_them_cost_an_attempt_each(server, setup, newcomer, trials):
    """As when the database was started again: each process finds out for itself."""
    tabs = [at_last(newcomer(), setup.guarantees[0]) for _ in range(8)]
    server.cut(*server.connections())
    for tab in tabs:
        form = tab.form(name="x")
        while (answer := tab.send(tab.url, form)).status != 302:
            if setup.kind == "redis" or setup.sessions == "db":
                assert answer.status in (500, 503), "where the session is read first, Django fails at that"
            else:
                assert_try_again(answer)
            trials(1)
        # Other processes have other connections.
        assert "Done" in get_in_the_end(tab, answer.location).text
    for tab in tabs:
        effects = get_in_the_end(tab, "/effects/").json()
        assert sorted(effect["what"] for effect in effects) == ["begin", "complete", "last"]


def get_in_the_end(tab, url):
    """Return a page as soon as it is shown."""
    return wait_until(lambda: next((answer for answer in [tab.get(url)] if answer.status == 200), None))
