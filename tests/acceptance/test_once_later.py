"""A submission is executed once, also where it is sent again much later, or by one who had gone away meanwhile."""

import os
from functools import partial
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from tests.acceptance.client import at_once
from tests.acceptance.site.middleware import RUN_HEADER
from tests.acceptance.walks import PAGES, assert_done_once, assert_one_result, side_by_side, walk

#: Where a journey leads at its end: the query with which it is begun, and what is said there.
ENDS = {"its-own-end": ("", "Done"), "a-page-of-the-site": ("?_on_complete=/thanks/", "thanks")}
#: After how many seconds somebody goes away from a page that takes 40 milliseconds.
MOMENTS = (0, 0.01, 0.03, 0.08)


@pytest.mark.parametrize(("query", "words"), ENDS.values(), ids=ENDS)
def test_when_all_is_done_everything_leads_to_the_end_and_runs_nothing(
    browser, ledger, trials, guarantee, query, words
):
    browser.open(f"/journey-{guarantee}/{query}")
    sent = walk(browser)
    entries = ledger.entries(run=browser.run)
    pages = [f"/journey-{guarantee}/{page}/?_t={entries[0]['task']}" for page in PAGES]

    answers = [browser.send(url, form) for url, form in sent]
    answers += [browser.send(url, {**form, "name": "something else"}) for url, form in sent if "_t=" in url]
    answers += [browser.send(url, sent[0][1]) for url in pages]
    answers += [browser.get(url) for url in (browser.url, *pages)]
    for answer in answers:
        # Where it says that all is done, a page of the flow may do so itself, and leads nowhere then.
        assert answer.location == browser.url or words in answer.text, answer
    assert words in browser.open(browser.url).text

    assert ledger.entries(run=browser.run) == entries
    assert_done_once(ledger, [browser.run])
    trials(len(answers))


def test_a_resend_while_the_journey_goes_on_leads_where_the_first_led(browser, ledger, trials, guarantee):
    browser.open(f"/journey-{guarantee}/")
    sent = []
    for page in PAGES:
        url, form = browser.url, browser.form(name=page)
        first = browser.send(url, form)
        browser.follow(first)
        if page == PAGES[-1]:
            sent.clear()  # now that all is done, these lead to the end
        sent.append((url, form, first.location))
        for url, form, location in sent:
            assert browser.send(url, form).location == location
            trials(1)
    assert_done_once(ledger, [browser.run])


def test_who_goes_away_meanwhile_and_sends_again_has_it_done_once(newcomer, ledger, trials, guarantee):
    def go(visit):
        browser, moment = visit
        browser.open(f"/journey-{guarantee}/")
        for page in PAGES:
            form = browser.form(name=page, delay=40)
            browser.abandon(browser.url, form, after=moment)
            answer = browser.send(browser.url, form)
            assert_one_result([answer])
            assert browser.follow(answer).status == 200

    visits = [(newcomer(), moment) for moment in MOMENTS]
    side_by_side(go, visits)
    assert_done_once(ledger, [browser.run for browser, _ in visits])
    trials(len(visits) * len(PAGES))


# Connections that are kept


@pytest.fixture
def threaded(site, site_with, monkeypatch):
    """The site once more, on a server whose processes have threads; it keeps connections, which the other does not."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", f"{os.environ.get('GUNICORN_CMD_ARGS', '')} --threads 4")
    return site_with(beside=site)


def test_with_threads_and_kept_connections_it_is_executed_once(threaded, trials, setup):
    browsers = [threaded.browser() for _ in setup.guarantees]
    for browser, guarantee in zip(browsers, setup.guarantees, strict=True):
        browser.open(f"/journey-{guarantee}/")
        for page in PAGES:
            # Two connections, over each of which it is sent again as soon as it was answered.
            send = partial(send_over_one_connection, browser, browser.form(name=page, delay=40), times=2)
            locations = {location for two in at_once(send, send) for location in two}
            assert len(locations) == 1, locations
            browser.open(locations.pop())
    assert_done_once(threaded.ledger, [browser.run for browser in browsers])
    trials(4 * len(PAGES) * len(browsers))


def send_over_one_connection(browser, form, *, times):
    """Send the form on the page several times over one connection; return where each was led."""
    connection, locations, sockets = HTTPConnection(browser.host, timeout=60), [], set()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items()),
        RUN_HEADER: browser.run,
    }
    for _ in range(times):
        connection.request("POST", browser.url, urlencode(form), headers)
        sockets.add(connection.sock)
        answer = connection.getresponse()
        answer.read()
        locations.append(answer.headers["Location"])
    connection.close()
    assert len(sockets) == 1, "The server closed the connection: this is not the case that it should be."
    return locations
