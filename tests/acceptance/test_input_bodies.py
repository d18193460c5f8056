"""Bodies that are no proper form: what they would do is not done, what is kept stays as it is, the visitor goes on."""

import time
from collections import Counter
from itertools import product
from urllib.parse import quote, urlencode

import pytest

from tests.acceptance.hostile_bodies import BODIES, CHARSETS, FORM, JUNK, MULTIPART, parts
from tests.acceptance.kept import kept, tasks
from tests.acceptance.setups import LOCK_WAIT
from tests.acceptance.wire import FINISH, RESET, exchange, head, in_parallel, slowly

#: What the form on the page is to be filled in with; cut at this place it is a form all the same, and another one.
GOOD, CUT = "good answer", "good"


@pytest.fixture(params=["guarded", "open"])
def place(request):
    """Pages that Django's CSRF protection looks after, and pages that are exempt from it."""
    return request.param


@pytest.fixture
def first_page(setup, place):
    return f"/journey-{setup.guarantees[0]}/first/" if place == "guarded" else "/open/first/"


def sent(browser, lines, data, **how):
    """Send a body to where the browser is."""
    return exchange(browser.host, head(browser, "POST", browser.url, *lines) + data, method="POST", **how)


def go_on(browser, name):
    """Send the form that is on the page, and be where that leads without looking: its token is good there too."""
    response = browser.send(browser.url, browser.form(name=name))
    browser.url = response.location
    return browser.path


def done(ledger, what, browsers):
    """Return what was done for these visitors, by name."""
    runs = {browser.run for browser in browsers}
    return Counter(entry["name"] for entry in ledger.entries(what) if entry["run"] in runs)


def test_a_bad_body_does_nothing_and_loses_nothing(newcomer, ledger, trials, place, first_page):
    """On the first page, where it begins no task, and on the second, where it leaves the task as it is."""
    bodies = [body for body in BODIES if place == "guarded" or not body.is_refused]
    browsers = [newcomer() for _ in bodies]

    def status_of(trial):
        body, browser = trial
        data = body.make(browser.form(name=GOOD))
        response = sent(browser, body.head(data), data)
        return response and response.status

    def unexpected():
        statuses = in_parallel(status_of, zip(bodies, browsers, strict=True))
        pairs = zip(bodies, statuses, strict=True)
        return [(body.name, status) for body, status in pairs if status not in body.expected[place == "open"]]

    in_parallel(lambda browser: browser.open(first_page), browsers)
    before = tasks(browsers[0])
    assert not unexpected()
    assert tasks(browsers[0]) <= before
    assert not done(ledger, "first", browsers)

    in_parallel(lambda browser: go_on(browser, GOOD), browsers)
    assert done(ledger, "first", browsers) == {GOOD: len(bodies)}
    documents = in_parallel(kept, browsers)
    assert not unexpected()
    assert in_parallel(kept, browsers) == documents
    assert not done(ledger, "second", browsers)

    assert {*in_parallel(lambda browser: go_on(browser, GOOD), browsers)} == {first_page.replace("first", "third")}
    assert done(ledger, "second", browsers) == {GOOD: len(bodies)}
    trials(2 * len(bodies))


def test_junk_around_the_answers_is_not_kept(newcomer, ledger, trials, first_page):
    browsers = [newcomer() for _ in JUNK]

    def answers_of(trial):
        body, browser = trial
        browser.open(first_page)
        data = body.make(browser.form(name=GOOD))
        page = browser.follow(sent(browser, body.head(data), data)).page
        return body.name, next(iter(page.answers.values()), page)

    expected = {"name": GOOD, "delay": None, "meet": "", "hidden": ""}
    found = dict(in_parallel(answers_of, zip(JUNK, browsers, strict=True)))
    assert {name: answers for name, answers in found.items() if answers != expected} == {}
    assert done(ledger, "first", browsers) == {GOOD: len(JUNK)}
    trials(len(JUNK))


def test_a_charset_that_is_none_is_no_error_of_ours(newcomer, trials):
    """With a query Django decodes that too, and may fail before it knows what page is asked for."""

    def failures(charset):
        browser = newcomer()
        browser.open("/open/first/")
        data = parts(browser.form(name=GOOD))
        lines = (("Content-Type", f"{MULTIPART}; charset={charset}"), ("Content-Length", str(len(data))))
        entry = browser.another_tab()
        entry.url = browser.path  # where a form may come without an id
        first = sent(entry, lines, data)
        go_on(browser, "kept")
        second = sent(browser, lines, data)
        outside = exchange(browser.host, head(browser, "GET", f"/ping/?_t={browser.task_id}", *lines[:1]))
        asked = exchange(browser.host, head(browser, "GET", browser.url, *lines[:1]))
        statuses = [response.status for response in (first, second, asked)]
        fine = first.status < 500 and (outside.status == 500 or max(statuses) < 500)
        return None if fine and browser.get(browser.url).status == 200 else (charset, statuses)

    assert not list(filter(None, in_parallel(failures, CHARSETS)))
    trials(len(CHARSETS) * 3)


# Bodies that stop half way

#: How a form is sent: its type, and its bytes with the token first and the answer last.
WAYS = {
    "form": (FORM, lambda form: urlencode(form, quote_via=quote).encode()),
    "parts": (MULTIPART, parts),
}
#: After what it stops.
CUTS = {
    "head": lambda data: 0,
    "half the token": lambda data: data.index(b"csrfmiddlewaretoken") + 40,
    "token": lambda data: data.index(GOOD[:4].encode()),
    "half the answer": lambda data: data.index(GOOD[:4].encode()) + len(CUT),
    "all but a letter": lambda data: data.index(b"answer") + len("answe"),
}


def form_of(browser, way):
    """Return the header lines and the body of what the browser is to send."""
    kind, make = WAYS[way]
    data = make({"csrfmiddlewaretoken": browser.form()["csrfmiddlewaretoken"], "name": GOOD})
    return (("Content-Type", kind), ("Content-Length", str(len(data)))), data


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_stops_half_way_does_nothing(newcomer, ledger, trials, place, first_page, way):
    """However much of it came: half an answer is none."""
    stops = list(product(CUTS, (FINISH, RESET)))
    browsers = [newcomer() for _ in stops]

    def trial(pair):
        (cut, then), browser = pair
        browser.open(first_page)
        go_on(browser, "kept")
        document = kept(browser)
        lines, data = form_of(browser, way)
        response = sent(browser, lines, data[: CUTS[cut](data)], then=then, wait=0.2)
        time.sleep(0.2)  # it is read, and answered or not, after we hung up
        status = response and response.status
        return None if status in (None, 200, 400, 403) and kept(browser) == document else (cut, then, status)

    assert not list(filter(None, in_parallel(trial, zip(stops, browsers, strict=True))))
    assert not done(ledger, "second", browsers)
    in_parallel(lambda browser: go_on(browser, GOOD), browsers)
    assert done(ledger, "second", browsers) == {GOOD: len(stops)}
    trials(len(stops))


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_does_not_come_keeps_nobody_waiting(browser, ledger, trials, first_page, way):
    """While it is waited for, another tab sends the same, and is answered at once; what comes later is its twin."""
    browser.open(first_page)
    browser.submit(name="kept")
    lines, data = form_of(browser, way)
    request = head(browser, "POST", browser.url, *lines) + data
    with slowly(browser.host, request, upto=len(request) - 5) as finish:
        began = time.monotonic()
        first = sent(browser, lines, data)
        assert time.monotonic() - began < LOCK_WAIT / 2
        assert first.status == 302
        assert browser.get(browser.url).status == 200
        late = finish()
    assert (late.status, late.location) == (302, first.location)
    assert done(ledger, "second", [browser]) == {GOOD: 1}
    trials(1)


# Tokens


def test_a_form_without_its_token_does_nothing(newcomer, ledger, setup, trials):
    browser, other = newcomer(), newcomer()
    for visitor in (browser, other):
        visitor.open(f"/journey-{setup.guarantees[0]}/")
        visitor.submit(name="kept")
    form, document = browser.form(name=GOOD), kept(browser)
    right, answers = form.pop("csrfmiddlewaretoken"), list(form.items())
    bad = [[], [""], ["x" * 64], [right[:-1]], [right + "x"], [right.swapcase()], ["\0" * 64], ["\xe4" * 64]]
    bad += [[right, ""], [right, "x" * 64], [other.form()["csrfmiddlewaretoken"]]]
    for tokens in bad:
        data = urlencode([*(("csrfmiddlewaretoken", token) for token in tokens), *answers]).encode()
        assert sent(browser, form_lines(data), data).status == 403, tokens
    data = urlencode([("csrfmiddlewaretoken", right), *answers]).encode()
    assert sent(browser, (*form_lines(data), ("Origin", "http://evil.example")), data).status == 403
    session_alone = ("Cookie", f"sessionid={browser.cookies['sessionid']}")
    assert sent(browser, (*form_lines(data), session_alone), data).status == 403
    assert kept(browser) == document
    assert not done(ledger, "second", [browser])

    data = urlencode([("csrfmiddlewaretoken", "x"), ("csrfmiddlewaretoken", right), *answers]).encode()
    assert sent(browser, form_lines(data), data).status == 302
    assert done(ledger, "second", [browser]) == {GOOD: 1}
    trials(len(bad) + 3)


def form_lines(data):
    return (("Content-Type", FORM), ("Content-Length", str(len(data))))
