"""Ids, methods, cookies and hosts that nobody should send: never an error of ours, and nothing is done or kept."""

import secrets
from itertools import chain
from urllib.parse import urlsplit

import pytest

from tests.acceptance.hostile import BROKEN_IDS, COOKIES, HOSTS, METHODS, NO_IDS, NO_METHODS, SAME_IDS
from tests.acceptance.kept import kept, kept_of, tasks
from tests.acceptance.setups import PAIRS
from tests.acceptance.wire import exchange, head, in_parallel

#: With how many of the methods each combination of an id and a position is tried; they take turns.
METHODS_AT_ONCE = 5 if PAIRS >= 50 else 1


@pytest.fixture
def journey(setup):
    """The path of the journey that stands for all."""
    return f"/journey-{setup.guarantees[0]}/"


@pytest.fixture
def positions(journey):
    """Paths of positions that are open, not open yet, none (any more), with arguments, or take forms from anywhere."""
    pages = (f"{journey}{page}" for page in ("first/", "second/", "third/", "", "no/such/page/"))
    return (*pages, "/text-0/%0D%22/a/%3Cb%3E/ask/", "/open/first/", "/deep/ending/last/")


@pytest.fixture
def visitor(browser, journey):
    """A visitor with a live task on the second page."""
    browser.open(journey)
    browser.submit(name="kept")
    return browser


def filled(query, task_id):
    encoded = "".join(f"%{ord(digit):02X}" for digit in task_id)
    known = {"{id}": task_id, "{ID}": task_id.upper(), "{part}": task_id[:-1], "{encoded}": encoded}
    for name, value in known.items():
        query = query.replace(name, value)
    return query


def asked(browser, method, target):
    """Send a request with the token that every method but those for reading needs, and an empty form."""
    token = ("X-CSRFToken", browser.cookies["csrftoken"])
    form = ("Content-Type", "application/x-www-form-urlencoded")
    return exchange(browser.host, head(browser, method, target, token, form, ("Content-Length", "0")), method=method)


def said(response):
    """Return all that a response says, but for when it was made."""
    headers = sorted((name, value) for name, value in response.headers.items() if name != "Date")
    return response.status, headers, response.body


def test_an_id_that_we_did_not_make_is_answered_as_one_that_never_was(visitor, positions, setup, trials):
    other = visitor.another_tab()
    other.open(f"/member-{setup.guarantees[0]}/")
    other.submit(name="mine too, in another flow")
    queries = [filled(query, visitor.task_id) for query in BROKEN_IDS] + [f"_t={other.task_id}"]
    combinations = [
        (METHODS[(number + 5 * place + turn) % len(METHODS)], path, query)
        for number, query in enumerate(queries)
        for place, path in enumerate(positions)
        if other.task_id not in query or path.startswith("/journey")
        for turn in range(METHODS_AT_ONCE)
    ]
    unknown = {
        (method, path): said(asked(visitor, method, f"{path}?_t={secrets.token_hex(28)}"))
        for method in METHODS
        for path in positions
    }
    assert {status for status, _, _ in unknown.values()} == {404}
    before, document = tasks(visitor), kept(visitor)

    def differs(combination):
        method, path, query = combination
        response = asked(visitor, method, f"{path}?{query}")
        if response is None or said(response) != unknown[method, path]:
            return combination, response
        return None

    assert not list(filter(None, in_parallel(differs, combinations)))
    assert tasks(visitor) <= before
    assert kept(visitor) == document
    assert visitor.submit(name="x").status == 200
    trials(len(combinations))


def test_an_id_longer_than_the_server_takes_is_refused_by_it(visitor, journey, trials):
    sizes = (5_000, 100_000, 10_000_000)
    for size in sizes:
        response = asked(visitor, "GET", f"{journey}second/?_t={'a' * size}")
        assert response is None or response.status == 414
    assert visitor.submit(name="x").status == 200
    trials(len(sizes))


def test_what_only_looks_like_the_parameter_is_none(visitor, positions, trials):
    """The visitor is led as one who comes without a task: into the flow at its entry, nowhere from elsewhere."""
    combinations = [
        (("GET", "POST")[(number + place) % 2], path, filled(query, visitor.task_id))
        for number, query in enumerate(NO_IDS)
        for place, path in enumerate(positions)
    ]

    def led(method, path, query):
        response = asked(visitor, method, f"{path}?{query}")
        return response.status, (response.location or "").partition("?")[0], response.page.heading

    without = {(method, path): led(method, path, "x=y") for method in ("GET", "POST") for path in positions}
    before = tasks(visitor)

    def differs(combination):
        method, path, query = combination
        here = led(method, path, query)
        return None if here == without[method, path] else (combination, here)

    assert {status for status, _, _ in without.values()} == {200, 302, 404}
    assert not list(filter(None, in_parallel(differs, combinations)))
    assert tasks(visitor) <= before
    trials(len(combinations))


def test_an_id_may_be_spelled_as_urls_may_be(visitor, trials):
    for query in SAME_IDS:
        response = visitor.get(f"{visitor.path}?{filled(query, visitor.task_id)}")
        assert response.status == 200
        assert response.page.answers, query
    trials(len(SAME_IDS))


def test_no_method_but_post_does_anything(newcomer, ledger, journey, positions, trials):
    """A form that is filled in rightly is sent to each position with each other method; the task stays as it was."""

    def trial(method):
        browser = newcomer()
        browser.open(journey)
        browser.submit(name="kept")
        form, task_id = browser.form(name="x"), browser.task_id
        token = {"X-CSRFToken": browser.cookies["csrftoken"]}
        document, wrong = kept_of(browser, task_id), []
        for path in positions:
            for query in ("", f"?_t={task_id}"):
                response = browser.send(f"{path}{query}", form, headers=token, method=method)
                if response.status not in (200, 302, 303, 404, 405):
                    wrong.append((method, path, query, response))
        if kept_of(browser, task_id) != document or ledger.count(run=browser.run) != 1:
            wrong.append((method, "the task has changed"))
        return wrong if browser.submit(name="x").page.heading == "Third" else [*wrong, (method, "cannot go on")]

    before = tasks(browser := newcomer())
    methods = [method for method in METHODS if method != "POST"]
    assert not list(chain.from_iterable(in_parallel(trial, methods)))
    assert len(tasks(browser) - before) == len(methods)
    trials(len(methods) * len(positions) * 2)


def test_what_is_no_method_is_refused_by_the_server(visitor, trials):
    for method in NO_METHODS:
        response = asked(visitor, method, visitor.url)
        assert response is None or response.status == 400, method
    assert visitor.submit(name="x").status == 200
    trials(len(NO_METHODS))


def test_nothing_makes_a_get_a_post(visitor, ledger, trials):
    headers = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method", "X-Rewrite-URL")
    document = kept(visitor)
    for header in headers:
        for method in ("POST", "DELETE"):
            response = visitor.send(
                f"{visitor.url}&_method={method}&name=x", visitor.form(name="x"), {header: method}, method="GET"
            )
            assert (response.status, response.page.heading) == (200, "Second")
    assert kept(visitor) == document
    assert not ledger.entries("second", run=visitor.run)
    trials(len(headers) * 2)


def test_cookies_that_we_did_not_set_are_those_of_a_stranger(visitor, journey, trials):
    """Who comes with any of them is shown the way in, and told of no task; the one whose task it is goes on.

    Unless the site's other pages cannot be shown either: Django asks PostgreSQL for a session with NUL in its key.
    """

    entry = visitor.get(f"{journey}first/").location

    def trial(cookie):
        targets = ("/session/", entry, visitor.url)
        found = [exchange(visitor.host, head(visitor, "GET", target, ("Cookie", cookie))) for target in targets]
        outside, *statuses = [response and response.status for response in found]
        expected = {200: [200, 404], 431: [431, 431], 500: [500, 500]}
        return None if statuses == expected[outside] else (cookie[:60], outside, statuses)

    before = tasks(visitor)
    assert not list(filter(None, in_parallel(trial, COOKIES)))
    assert tasks(visitor) <= before
    assert visitor.submit(name="x").status == 200
    trials(len(COOKIES) * 3)


def test_a_host_that_is_not_ours_gets_no_page_and_no_redirect(visitor, trials):
    def trial(host):
        line = ("Host", host.replace("{host}", visitor.host))
        response = exchange(visitor.host, head(visitor, "GET", visitor.url, line))
        return None if response is None or response.status == 400 else (host[:60], response)

    assert not list(filter(None, in_parallel(trial, HOSTS)))
    forwarded = visitor.get(visitor.url, headers={"X-Forwarded-Host": "evil.example", "X-Original-URL": "/login/"})
    assert (forwarded.status, forwarded.page.heading) == (200, "Second")
    assert all(urlsplit(link).netloc == "" for link in forwarded.page.links)
    assert visitor.submit(name="x").status == 200
    trials(len(HOSTS) + 1)
