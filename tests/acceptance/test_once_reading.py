"""Looking at a page executes nothing, begins nothing and ends nothing, whoever looks and in whichever way."""

from functools import partial

import pytest

from tests.acceptance.client import at_once
from tests.acceptance.records import record_of
from tests.acceptance.setups import PAIRS
from tests.acceptance.walks import PAGES, assert_done_once, assert_one_result, double, side_by_side

#: What a browser says when it guesses where its user goes next.
PREFETCH = {"Sec-Purpose": "prefetch"}
#: The ways of looking: a method and headers.
WAYS = {
    "get": ("GET", {}),
    "head": ("HEAD", {}),
    "options": ("OPTIONS", {}),
    "prefetch": ("GET", PREFETCH),
}


def look(browser, way, urls):
    """Look at each of the URLs, following nothing; return the status of each."""
    method, headers = WAYS[way]
    answers = side_by_side(lambda url: browser.twin().send(url, b"", headers, method=method), urls, width=4)
    return [answer.status for answer in answers]


def tasks(site):
    """Return the ids of all tasks that are kept."""
    return set(site.browser().get("/records/").json())


@pytest.mark.parametrize("way", WAYS)
def test_looking_without_a_task_begins_none(browser, site, ledger, trials, way):
    urls = browser.get("/positions/").json()
    before = tasks(site)
    statuses = look(browser, way, urls)
    # The first pages lead to themselves with an id; to the others nobody comes without a task.
    led = 200 if way == "options" else 302
    assert set(statuses) == {led, 404}, dict(zip(urls, statuses, strict=True))
    first = [browser.get(url).location for url, status in zip(urls, statuses, strict=True) if status == led][:8]
    assert set(look(browser, way, first)) == {200}
    # And once more by one who has a session.
    browser.open(first[0])
    assert set(look(browser, way, first)) == {200}
    assert tasks(site) <= before
    assert ledger.entries(run=browser.run) == []
    trials(len(urls) + 2 * len(first))


@pytest.mark.parametrize("way", WAYS)
def test_looking_at_a_task_changes_nothing(browser, site, ledger, trials, setup, way):
    flow = f"journey-{setup.guarantees[0]}"
    browser.open(f"/{flow}/")
    for page in PAGES:
        browser.submit(name=page)
        task_id = ledger.entries(run=browser.run)[0]["task"]
        before, done = record_of(site, task_id), ledger.entries(run=browser.run)
        urls = [f"/{flow}/{page}/?_t={task_id}" for page in PAGES]
        assert set(look(browser, way, urls)) <= {200, 303 if way == "options" else 302}
        assert record_of(site, task_id) == before
        assert ledger.entries(run=browser.run) == done
        trials(len(urls))
    assert_done_once(ledger, [browser.run])


def test_a_page_that_was_prefetched_can_be_sent_and_is_executed_once(newcomer, ledger, trials, guarantee):
    def go(browser):
        url = f"/journey-{guarantee}/first/"
        # Shown as it was fetched; meanwhile the browser guesses again, and once more between the two clicks.
        browser.follow(browser.get(url, PREFETCH))
        for page in PAGES:
            assert browser.path == f"/journey-{guarantee}/{page}/"
            assert browser.get(browser.url, PREFETCH).status == 200
            form = browser.form(name=page)
            answers, _ = double(browser, name=page)
            browser.get(browser.url, PREFETCH)
            answers.append(browser.send(browser.url, form))
            assert_one_result(answers)
            browser.follow(answers[-1])

    visitors = [newcomer() for _ in range(max(1, PAIRS // 10))]
    side_by_side(go, visitors)
    assert_done_once(ledger, [visitor.run for visitor in visitors])
    trials(len(visitors) * len(PAGES) * 3)


def test_a_body_without_a_token_is_another_submission_only_after_its_page_was_shown(browser, ledger, trials, setup):
    browser.open(f"/journey-{setup.guarantees[0]}/")
    headers = {"X-CSRFToken": browser.cookies["csrftoken"]}

    def send(twin, name):
        return twin.send(twin.url, {"name": name}, headers)

    for page in PAGES[:2]:
        answers = at_once(*[partial(send, browser.twin(), page) for _ in range(2)])
        for way in ("prefetch", "head", "options"):
            look(browser, way, [browser.url])
        answers.append(send(browser, page))
        location = assert_one_result(answers)
        assert ledger.count(page, run=browser.run) == 1

        look(browser, "get", [browser.url])
        again = send(browser, page)
        # From the first page too it is the same task that goes on to the same page.
        assert again.location == location
        assert ledger.count(page, run=browser.run) == 2
        browser.follow(again)
    trials(8)
