"""A Redis that is away, refuses to write or has lost all: nobody loses more than the server has lost."""

import time

import pytest

from tests.acceptance.aftermath import claims, flowtasks
from tests.acceptance.crashing import UNTIL_OVER
from tests.acceptance.failing import OwnRedis, assert_try_again, at_last, halfway
from tests.acceptance.setups import CLAIM, IMPATIENT
from tests.conftest import available

#: What makes a server refuse to write, and what makes it write again.
REFUSALS = {
    "replica": ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    "alone": ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
    "full": ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
}


def runs_on(setup):
    return setup.kind == "redis"


@pytest.fixture(scope="session")
def redis(setup, tmp_path_factory):
    """A server for the tasks of these cases alone. Sessions are elsewhere."""
    server = OwnRedis(tmp_path_factory.mktemp("redis"))
    with available():
        server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def site(redis, start):
    with start(settings={**IMPATIENT, **redis.settings}) as site:
        yield site


def entrance(browser, guarantee):
    """Go to the first page of a flow, where there is no task yet."""
    browser.open(f"/crash-{guarantee}-after-{guarantee}/")
    return browser


def assert_done_once(ledger, run):
    for what in ("begin", "last", "complete"):
        assert ledger.count(what, run=run) == 1


def test_while_redis_is_away_everybody_may_try_again(redis, newcomer, ledger, trials, guarantee):
    going_on, beginning = at_last(newcomer(), guarantee), entrance(newcomer(), guarantee)
    forms = [(tab, tab.url, tab.form(name="x")) for tab in (going_on, beginning)]
    session = going_on.get("/session/").json()
    redis.stop()
    answers = [tab.send(url, form) for tab, url, form in forms]
    shown, entered = going_on.get(going_on.url), beginning.get(beginning.url)
    led = beginning.get(beginning.path)
    redis.start()
    for answer in (*answers, shown, entered):
        assert_try_again(answer)
    assert led.status == 302, "an id is made without the store"
    for tab, url, form in forms:
        assert tab.follow(tab.send(url, form)).status == 200
    assert "Done" in beginning.submit(name="x").text
    for tab in (going_on, beginning):
        assert "Done" in tab.response.text
        assert_done_once(ledger, tab.run)
    assert going_on.get("/session/").json() == session
    trials(len(answers))


@pytest.mark.parametrize("refusal", REFUSALS)
def test_while_redis_refuses_to_write_pages_are_shown_and_nothing_is_done(
    redis, newcomer, ledger, trials, guarantee, refusal
):
    going_on, beginning = at_last(newcomer(), guarantee), entrance(newcomer(), guarantee)
    forms = [(tab, tab.url, tab.form(name="x")) for tab in (going_on, beginning)]
    begin, end = REFUSALS[refusal]
    redis.tell(begin)
    answers = [tab.send(url, form) for tab, url, form in forms]
    shown = going_on.get(going_on.url)
    redis.tell(end)
    for answer in answers:
        assert_try_again(answer)
    assert shown.page.form is not None
    for tab, url, form in forms:
        assert tab.follow(tab.send(url, form)).status == 200
    beginning.submit(name="x")
    for tab in (going_on, beginning):
        assert "Done" in tab.response.text
        assert_done_once(ledger, tab.run)
    trials(len(answers))


def test_what_redis_has_lost_is_as_if_it_had_never_been(redis, browser, ledger, trials, guarantee):
    at_last(browser, guarantee)
    url, form, session = browser.url, browser.form(name="x"), browser.get("/session/").json()
    redis.stop()
    redis.forget()
    redis.start()
    fresh = browser.another_tab()
    fresh.open(f"/crash-{guarantee}-after-{guarantee}/begin/")
    for answer in (browser.get(url), browser.send(url, form)):
        assert (answer.status, answer.location) == (302, fresh.url.replace(fresh.task_id, browser.task_id))
    assert ledger.count("last", run=browser.run) == 0
    assert browser.get("/session/").json() == session
    browser.open(url)
    assert browser.path == fresh.path
    browser.submit(name="begin")
    assert browser.url == url, "the same id begins again"
    assert "Done" in browser.submit(name="x").text
    trials(2)


def test_redis_lost_between_effect_and_save_costs_what_the_guarantee_says(
    redis, site, browser, ledger, trials, guarantee
):
    at_last(browser, guarantee)
    with halfway(site, browser, after="{gate}") as waiting:
        redis.stop()
        assert_try_again(waiting.go_on(), "being finished" if guarantee == CLAIM else "Please try again")
    redis.start()
    time.sleep(UNTIL_OVER)
    if guarantee == CLAIM:
        (entry,) = ledger.entries("last", run=browser.run)
        assert claims(site)[browser.task_id] == (entry["position"], entry["key"])
        assert_try_again(waiting.resend(), "being finished")
        flowtasks(site, ["--release", browser.task_id, "--done"])
    assert "Done" in browser.follow(waiting.resend()).text
    # With "retry" both are committed before the task is kept, and come again.
    times = 1 if guarantee == CLAIM else 2
    for what in ("last", "complete"):
        assert ledger.count(what, run=browser.run) == len(site.effects(browser.run, what)) == times
    assert len({entry["key"] for entry in ledger.entries("last", run=browser.run)}) == 1
    trials(1)


def test_redis_started_again_between_effect_and_save_is_not_noticed(redis, site, browser, ledger, trials, guarantee):
    at_last(browser, guarantee)
    with halfway(site, browser, after="{gate}") as waiting:
        redis.stop()
        redis.start()
        answer = waiting.go_on()
    assert "Done" in browser.follow(answer).text
    assert_done_once(ledger, browser.run)
    trials(1)
