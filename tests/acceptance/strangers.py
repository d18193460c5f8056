"""Visitors to whom a task is none, and what it is to be like one that never was."""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from itertools import product

METHODS = ("GET", "HEAD", "POST")
#: Every page of the journey, what leads to it, and a page that is not in it.
PLACES = ("first/", "second/", "third/", "", "nothing/")

FIELD = "csrfmiddlewaretoken"
#: What is different in each answer: the token in a form, and in the cookies, with the second in which they expire.
TOKEN = re.compile(rb'(?<=name="csrfmiddlewaretoken" value=")\w{64}(?=")')
COOKIE = re.compile(r"^(csrftoken|sessionid)=\w{32}(?=;)")
EXPIRES = re.compile(r"(?<=; expires=)\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT(?=;)")


def what_it_says(response):
    """Return all of an answer but what is different in each."""
    headers = [
        (name, EXPIRES.sub("then", COOKIE.sub(r"\1=random", value)) if name == "Set-Cookie" else value)
        for name, value in response.headers.items()
        if name != "Date"
    ]
    return response.status, headers, TOKEN.sub(b"random", response.body)


def assert_never_was(visitor, task_id, flow, *, status=404, places=PLACES):
    """Assert that a task is answered as an unknown one is, whatever is done at whichever of its pages.

    Returns the number of comparisons. ``status`` is that of a POST.
    """
    page = visitor.response.page.form if visitor.response else None
    form = {"name": "stranger", FIELD: (page or {}).get(FIELD, "")}

    def ask(method, place, asked):
        # Each time with the cookies there were, since an answer may take one away.
        url, twin = f"/{flow}/{place}?_t={asked}", visitor.twin()
        return twin.send(url, form if method == "POST" else b"", method=method)

    def compare(case):
        known, unknown = ask(*case, task_id), ask(*case, secrets.token_hex(16))
        assert what_it_says(known) == what_it_says(unknown), case
        assert known.status == (status if case[0] == "POST" else 404), case

    cases = list(product(METHODS, places))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(compare, cases))
    return len(cases)


# Visitors to whom a task of Anna's is none


def another_browser(site, owner, entry):
    visitor = site.browser()
    visitor.open(entry)
    return visitor


def another_browser_with_a_task(site, owner, entry):
    visitor = another_browser(site, owner, entry)
    visitor.submit(name="own")
    return visitor


def another_user(site, owner, entry):
    visitor = site.browser()
    visitor.log_in("bea")
    visitor.open(entry)
    return visitor


def a_copied_url_without_cookies(site, owner, entry):
    return site.browser()


def logged_out(site, owner, entry):
    owner.log_out()
    owner.open(entry)
    return owner


def logged_out_and_back(site, owner, entry):
    """With the cookie that there was before, as somebody has who copied it."""
    before = owner.cookies["sessionid"]
    logged_out(site, owner, entry)
    owner.cookies["sessionid"] = before
    return owner


def logged_in_as_another_user(site, owner, entry):
    """In the same browser."""
    owner.log_in("bea")
    owner.open(entry)
    return owner


def session_gone_from_the_server(site, owner, entry):
    site.browser().send("/forget-session/", {"key": owner.cookies["sessionid"]})
    return owner


def made_up_cookie(site, owner, entry):
    visitor = another_browser(site, owner, entry)
    visitor.cookies["sessionid"] = secrets.token_hex(16)
    return visitor


VISITORS = {
    visitor.__name__: visitor
    for visitor in (
        another_browser,
        another_browser_with_a_task,
        another_user,
        a_copied_url_without_cookies,
        logged_out,
        logged_out_and_back,
        logged_in_as_another_user,
        session_gone_from_the_server,
        made_up_cookie,
    )
}
