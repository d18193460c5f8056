"""Requests that are hardly any: most of them the server refuses, and none does harm."""

from urllib.parse import urlencode

import pytest

from tests.acceptance.hostile import NO_REQUESTS, PATHS
from tests.acceptance.hostile_bodies import FORM
from tests.acceptance.kept import kept
from tests.acceptance.locations import host_of
from tests.acceptance.wire import FINISH, exchange, head, in_parallel

#: How a path may be answered that is written in a way of its own: by the library, by Django, or by the server.
EXPECTED = (200, 301, 302, 303, 400, 403, 404, 405, 414)


@pytest.fixture
def visitor(browser, setup):
    """A visitor with a live task on the second page."""
    browser.open(f"/journey-{setup.guarantees[0]}/first/")
    browser.submit(name="kept")
    return browser


def post(browser, *lines, version="HTTP/1.1", **data):
    """Return the request that sends the form on the page."""
    body = urlencode(browser.form(**data)).encode()
    lines = (*lines, ("Content-Type", FORM), ("Content-Length", str(len(body))))
    return head(browser, "POST", browser.url, *lines, version=version) + body


def assert_goes_on(browser, ledger, *, times=0):
    """Assert that the second page is done so many times, and that the visitor goes on to the third."""
    assert ledger.count("second", run=browser.run) == times
    if not times:
        browser.submit(name="x")
    assert browser.open(browser.url.replace("second", "third")).status == 200
    assert browser.page.heading == "Third"


def test_a_path_in_another_spelling_does_no_harm(visitor, ledger, trials):
    def harm(path):
        known = {"{path}": visitor.path, "{PATH}": visitor.path.upper(), "{host}": visitor.host}
        for name, value in known.items():
            path = path.replace(name, value)
        for query in ("", f"?_t={visitor.task_id}"):
            for method in ("GET", "PATCH"):
                token = ("X-CSRFToken", visitor.cookies["csrftoken"])
                response = exchange(visitor.host, head(visitor, method, path + query, token), method=method)
                if response is None:
                    continue
                is_here = response.location is None or host_of(response.location, visitor.host) == visitor.host
                if response.status not in EXPECTED or not is_here or "X-Evil" in response.headers:
                    return path, method, response
        return None

    document = kept(visitor)
    assert not list(filter(None, in_parallel(harm, PATHS)))
    assert kept(visitor) == document
    assert_goes_on(visitor, ledger)
    trials(len(PATHS) * 4)


def test_what_is_no_request_is_refused_by_the_server(visitor, ledger, trials):
    def answered(text):
        text = text.replace(b"{path}", visitor.url.encode())
        response = exchange(visitor.host, text, then=FINISH)
        return None if response is None or response.status in (400, 414, 431, 505) else (text[:60], response)

    assert not list(filter(None, in_parallel(answered, NO_REQUESTS)))
    assert_goes_on(visitor, ledger)
    trials(len(NO_REQUESTS))


@pytest.mark.parametrize("host", ["given", "not given"])
def test_an_old_client_is_served(visitor, ledger, trials, host):
    """HTTP/1.0, where a request need not say for which host it is."""
    request = post(visitor, version="HTTP/1.0", name="x")
    if host == "not given":
        request = request.replace(f"Host: {visitor.host}\r\n".encode(), b"")
    for _ in range(2):
        response = exchange(visitor.host, request, method="POST")
        assert response.status == 302
        assert host_of(response.location, visitor.host) == visitor.host
    assert_goes_on(visitor, ledger, times=1)
    trials(2)


def test_requests_in_a_row_are_done_once(visitor, ledger, trials):
    """Sent at once over one connection, which the server closes after the first."""
    request = post(visitor, ("Connection", "keep-alive"), name="x")
    response = exchange(visitor.host, request * 5, method="POST")
    assert response is None or response.status == 302
    assert_goes_on(visitor, ledger, times=1)
    trials(5)


def test_a_request_in_a_body_is_none(newcomer, ledger, setup, trials):
    """However the length of the body around it is told, and to whichever of two who read it differently."""
    hidings = {
        "length": (("Content-Length", "0"),),
        "length and chunks": (("Content-Length", "4"), ("Transfer-Encoding", "chunked")),
        "chunks and length": (("Transfer-Encoding", "chunked"), ("Content-Length", "4")),
        "chunks, nearly": (("Transfer-Encoding", "xchunked"),),
        "chunks, with a blank": (("Transfer-Encoding ", "chunked"),),
        "chunks, with a tab": (("Transfer-Encoding", "\tchunked"),),
        "chunks, twice": (("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")),
        "two lengths": (("Content-Length", "0"), ("Content-Length", "9")),
        "an underscore": (("Content_Length", "0"),),
        "no length": (),
    }

    def trial(lines):
        browser = newcomer()
        browser.open(f"/journey-{setup.guarantees[0]}/first/")
        browser.submit(name="kept")
        document, hidden = kept(browser), post(browser, name="hidden")
        around = head(browser, "POST", browser.url, ("Connection", "keep-alive"), ("Content-Type", FORM), *lines)
        response = exchange(browser.host, around + b"0\r\n\r\n" + hidden, method="POST", then=FINISH)
        statuses = (None, 400, 403, 501)
        unharmed = (response and response.status) in statuses and kept(browser) == document
        assert_goes_on(browser, ledger)
        return None if unharmed else (lines, response)

    assert not list(filter(None, in_parallel(trial, hidings.values())))
    trials(len(hidings))
