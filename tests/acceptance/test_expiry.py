"""A task that nobody uses for twenty minutes is gone: by the store's clock, and for good."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.acceptance.client import at_once
from tests.acceptance.records import LIMIT, TWO_DAYS, grow_old, record_of

#: Seconds by which the second server's own clock is wrong.
AHEAD = 600
#: Seconds for which a task is not touched again.
TENTH = LIMIT // 10


@pytest.fixture
def journey(site):
    """The flow of three pages, with the guarantee that is the store's default."""
    return f"/journey-{site.setup.guarantees[0]}/"


@pytest.fixture(scope="session")
def ahead(start, site):
    """A second server of the site, whose clock is ten minutes ahead."""
    with start(beside=site, settings={"CLOCK_AHEAD": AHEAD}) as other:
        now = other.browser().get("/clock/").json()
        assert min(now.values()) > time.time() + AHEAD - 60
        yield other


def begin(browser, url, *answers):
    browser.open(url)
    for answer in answers:
        browser.submit(name=answer)


def assert_expired(response):
    """Assert that a visitor is told that his task expired and that what he sent now was not kept."""
    assert (response.status, response.page.heading) == (404, "This page has expired")
    assert "has not been saved" in response.text


def in_the_last_second(site, newcomer, url, act):
    """Return a browser at the second page of a flow, and what came of an act a second before its task expires.

    With another task where the machine was too slow for that.
    """
    for _ in range(10):
        browser, began = newcomer(), time.monotonic()
        begin(browser, url, "a")
        grow_old(site, browser.task_id, LIMIT - 1)
        result = act(browser)
        if time.monotonic() - began < 1:
            return browser, result
    raise AssertionError("It took longer than a second each time.")


def test_a_second_before_the_limit_a_task_is_there(site, newcomer, trials, journey):
    browser, shown = in_the_last_second(site, newcomer, journey, lambda browser: browser.get(browser.url))
    assert (shown.status, shown.page.heading) == (200, "Second")
    grow_old(site, browser.task_id, TENTH)
    assert browser.get(browser.url).status == 200, "that it was looked at was to begin its time anew"
    browser, _ = in_the_last_second(site, newcomer, journey, lambda browser: browser.submit(name="b"))
    assert browser.path == f"{journey}third/"
    grow_old(site, browser.task_id, LIMIT - TENTH)
    assert browser.submit(name="c").status == 200
    trials(4)


def test_a_second_after_the_limit_a_task_is_gone(site, late, browser, ledger, trials, journey):
    begin(browser, journey, "a")
    form = browser.form(name="b")
    grow_old(site, browser.task_id, LIMIT + 1)
    before = record_of(site, browser.task_id)
    tab = browser.at(late.host)
    for response in (tab.get(tab.url), tab.send(tab.url, form), tab.get(tab.url)):
        assert_expired(response)
        trials(1)
    assert record_of(site, browser.task_id) == before, "it was brought back"
    assert ledger.count("second", run=browser.run) == 0


@pytest.mark.parametrize("flow", ["journey", "item"])
def test_a_visitor_who_comes_too_late_can_begin_again(site, late, browser, ledger, trials, journey, flow):
    """Also where the page is one of many of its kind: it is the same one."""
    url = "/item/7/" if flow == "item" else journey
    begin(browser, url, "a")
    grow_old(site, browser.task_id, LIMIT + 1)
    browser.host = late.host
    assert_expired(browser.submit(name="b"))
    [link] = browser.page.links
    assert browser.open(link).status == 200
    assert browser.path in (url, f"{url}first/")
    for answer in "abc":
        browser.submit(name=answer)
    assert [entry["what"] for entry in ledger.entries(run=browser.run)] == [
        "first",
        *("first", "second", "third", "complete"),
    ]
    trials(1)


def test_looking_keeps_a_task_and_writes_once_in_a_tenth_of_its_time(site, browser, trials, journey):
    begin(browser, journey, "a")
    version = record_of(site, browser.task_id)["version"]

    def look(times):
        for _ in range(times):
            assert browser.get(browser.url).status == 200
        return record_of(site, browser.task_id)["touched"]

    for _ in range(LIMIT // TENTH + 1):
        grow_old(site, browser.task_id, TENTH - 10)
        before = record_of(site, browser.task_id)["touched"]
        assert look(2) == before, "it was written too early"
        grow_old(site, browser.task_id, 11)
        first = look(1)
        assert first > before
        assert look(2) == first, "it was written twice"
        trials(5)
    assert record_of(site, browser.task_id)["version"] == version


@pytest.mark.parametrize("flow", ["journey", "item"])
def test_who_comes_too_late_to_an_id_that_is_fresh_is_led_to_its_first_page(site, browser, trials, journey, flow):
    url = "/item/7/" if flow == "item" else journey
    begin(browser, url, "a")
    first = browser.url.replace("/second/", "/first/")
    grow_old(site, browser.task_id, LIMIT + 1)
    for response in (browser.get(browser.url), browser.send(browser.url, browser.form(name="b"))):
        assert (response.status, response.location) == (302, first)
        trials(1)
    assert record_of(site, browser.task_id) is None, "it was brought back"
    assert browser.open(first).page.answers == {}
    begin(browser, first, "a", "b")
    assert browser.url == first.replace("/first/", "/third/")


def test_the_first_page_sent_again_after_the_limit_begins_again(site, browser, ledger, trials, guarantee):
    browser.open(f"/journey-{guarantee}/")
    url, form = browser.url, browser.form(name="a")
    first = browser.send(url, form)
    grow_old(site, browser.task_id, LIMIT + 1)
    for _ in range(2):
        assert browser.send(url, form).location == first.location
        trials(1)
    assert ledger.count("first", run=browser.run) == 2
    begin(browser, first.location, "b", "c")
    assert ledger.count("complete", run=browser.run) == 1


def test_what_has_ended_is_not_begun_again_after_the_limit(site, late, browser, ledger, trials, guarantee):
    """It is known for a day, as long as an id may begin a task; then its page is that of one that expired."""
    browser.open(f"/journey-{guarantee}/")
    url, form = browser.url, browser.form(name="a")
    browser.follow(browser.send(url, form))
    browser.submit(name="b")
    browser.submit(name="c")
    grow_old(site, browser.task_id, LIMIT + 1)
    assert "Done" in browser.follow(browser.send(url, form)).text
    grow_old(site, browser.task_id, TWO_DAYS)
    assert_expired(browser.at(late.host).send(url, form))
    assert ledger.count("first", run=browser.run) == 1
    trials(2)


def test_what_is_at_work_when_its_task_would_expire_is_finished(site, newcomer, ledger, trials):
    """It came in time. While it works others may be told that the task expired; it is there again with the result."""

    def outlast(guarantee):
        for _ in range(10):
            browser = newcomer()
            begin(browser, f"/journey-{guarantee}/", "a")
            url, form = browser.url, browser.form(name="b", delay=1800)
            grow_old(site, browser.task_id, LIMIT - 1)
            answer = browser.send(url, form)
            if answer.status != 404 or ledger.count("second", run=browser.run):
                return browser, url, form, answer
        raise AssertionError("It came too late each time.")

    def clean_up():
        time.sleep(0.8)  # until the tasks have expired, or nearly so: the command takes its time to start
        return site.manage("cleanupflows")

    # One after the other where those of different tasks wait for each other.
    with ThreadPoolExecutor(1 if site.setup.is_sqlite else 4) as pool, ThreadPoolExecutor(1) as operator:
        cleaned, finished = operator.submit(clean_up), list(pool.map(outlast, site.setup.guarantees))
        cleaned.result()
    for browser, url, form, answer in finished:
        assert (answer.status, ledger.count("second", run=browser.run)) == (302, 1), answer
        assert browser.send(url, form).location == answer.location
        browser.follow(answer)
        assert browser.path.endswith("/third/")
        browser.submit(name="c")
        found = [effect["what"] for effect in site.effects(browser.run)]
        assert found == ["first", "second", "third", "complete"]
        trials(1)


# A second server


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["ahead is second", "ahead is first"])
def test_servers_whose_clocks_differ_agree_on_what_has_expired(site, ahead, browser, trials, journey, order):
    first, second = (browser.at((site, ahead)[number].host) for number in order)
    begin(first, journey, "a")
    second.url, task_id = first.url, first.task_id
    for tab in (second, first, second):
        # Long enough to be expired by a clock that is ahead of the one that it was written by.
        grow_old(site, task_id, LIMIT - AHEAD // 2)
        assert tab.open(first.url).status == 200
        trials(1)
    second.submit(name="b")
    grow_old(site, task_id, LIMIT - AHEAD // 2)
    assert first.open(second.url).status == 200
    # And not long enough for one that is behind it.
    grow_old(site, task_id, LIMIT + AHEAD // 2)
    for tab in (first, second):
        assert tab.get(second.url).location == f"{journey}first/?_t={task_id}"
        trials(1)


def test_servers_whose_clocks_differ_execute_a_submission_once(site, ahead, newcomer, ledger, trials, guarantee):
    browser = newcomer()
    browser.open(f"/journey-{guarantee}/")
    for _ in range(3):
        url, form = browser.url, browser.form(name="x", delay=20)
        twins = [browser.twin().at(server.host) for server in (site, ahead)]
        answers = at_once(*(partial(twin.send, url, form) for twin in twins))
        assert answers[0].location == answers[1].location
        browser = twins[1]
        browser.follow(answers[1])
        trials(1)
    assert [entry["what"] for entry in ledger.entries(run=browser.run)] == ["first", "second", "third", "complete"]
