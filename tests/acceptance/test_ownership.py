"""To all but its owner a task is like one that never was, and what is kept of it gives away nothing."""

import base64
import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.acceptance.records import TWO_DAYS, grow_old, record_of
from tests.acceptance.setups import LOCK_WAIT
from tests.acceptance.strangers import FIELD, PLACES, VISITORS, another_browser, assert_never_was


@pytest.fixture(scope="session")
def users_site(start, site):
    """The site where a task is its user's."""
    with start(beside=site, settings={"FLOWS_TASK_BINDER": "flows.binder.user_binder"}) as other:
        yield other


@pytest.fixture(params=["session_binder", "user_binder"])
def bound(request, site):
    """The site with each binder."""
    return site if request.param == "session_binder" else request.getfixturevalue("users_site")


def begin(browser, flow, pages=1):
    """Go through some pages of a flow, and return the task."""
    browser.open(f"/{flow}/")
    for _ in range(pages):
        browser.submit(name="owner")
    return browser.task_id


def interrupted(browser, site):
    """Return a task that stays claimed, since its second page was not heard of any more."""
    task_id = begin(browser, "journey-claim")
    assert browser.send(browser.url, browser.form(name="lost"), fault="raise@after-effect").status == 500
    grow_old(site, task_id, LOCK_WAIT + 1)  # not one at work, for which is waited
    return task_id


@pytest.mark.parametrize("visitor", VISITORS)
def test_another_visitors_task_is_one_that_never_was(site, bound, ledger, trials, visitor):
    owner, flow = bound.browser(), f"journey-{bound.setup.guarantees[0]}"
    owner.log_in("anna")
    claimed, ended, is_open = interrupted(owner, bound), begin(owner, flow, 3), begin(owner, flow)
    kept = [record_of(bound, task_id) for task_id in (claimed, ended, is_open)]
    assert [record["status"] for record in kept] == ["claimed", "ended", "open"]

    stranger = VISITORS[visitor](bound, owner, f"/{flow}/")
    done = ledger.count(run=owner.run) + ledger.count(run=stranger.run)
    # Without a cookie Django refuses what is posted before it comes to us, whatever the task.
    status = 403 if visitor == "a_copied_url_without_cookies" else 404
    places = PLACES if bound is site else ("second/",)  # which a binder has nothing to do with
    trials(assert_never_was(stranger, is_open, flow, status=status, places=places))
    trials(assert_never_was(stranger, ended, flow, status=status, places=places))
    trials(assert_never_was(stranger, claimed, "journey-claim", status=status, places=("second/",)))

    assert [record_of(bound, task_id) for task_id in (claimed, ended, is_open)] == kept
    assert ledger.count(run=owner.run) + ledger.count(run=stranger.run) == done


def test_a_user_goes_on_with_another_device_where_the_task_is_the_users(users_site, ledger, trials):
    flow, here, there = f"journey-{users_site.setup.guarantees[0]}", users_site.browser(), users_site.browser()
    here.log_in("anna")
    there.log_in("anna")
    begin(here, flow)
    here.log_out()
    there.open(here.url)
    there.submit(name="there")
    there.submit(name="there")
    assert ledger.count("complete", run=there.run) == 1
    trials(1)


@pytest.mark.parametrize("login", ["in the flow", "beside it"])
def test_a_session_that_was_planted_opens_nothing_after_the_login(bound, ledger, trials, login):
    """Whoever had a visitor use his cookie shares a session with him until he logs in, and nothing from then on."""
    flow, attacker, victim = f"member-{bound.setup.guarantees[0]}", bound.browser(), bound.browser()
    attacker.open(f"/{flow}/")
    victim.cookies.update(attacker.cookies)
    planted = attacker.cookies["sessionid"]
    task_id = begin(victim, flow)
    assert victim.cookies["sessionid"] == planted
    assert attacker.open(victim.url).status == 200
    form = attacker.form(name="anna", password="a guess")
    if login == "beside it":
        victim.log_in("anna")
        victim.open(victim.url)
    victim.submit(name="anna", password="his own")
    assert victim.path.endswith("/order/")
    assert victim.cookies["sessionid"] != planted

    trials(assert_never_was(attacker, task_id, flow, places=("first/", "login/", "order/", "")))
    # No twin of the victim's own form either, which brings the new cookie to whoever sends it.
    assert attacker.send(f"/{flow}/login/?_t={task_id}", form).status == 404
    assert attacker.cookies.get("sessionid") != victim.cookies["sessionid"]
    assert ledger.count(run=attacker.run) == 0
    victim.submit(name="goes on")
    assert ledger.count("complete", run=victim.run) == 1


def test_made_up_cookies_open_nothing(site, browser, trials):
    """Not even those made of what a look into the store or into the session would tell."""
    flow = f"journey-{site.setup.guarantees[0]}"
    task_id = begin(browser, flow)
    secret, key = browser.get("/session-data/").json()["_flows"], browser.cookies["sessionid"]
    owner = record_of(site, task_id)["owner"]
    for cookie in (secret, owner, owner[:32], task_id, f"{key}x", f"x{key}", "../../etc/passwd", "%00"):
        visitor = another_browser(site, browser, f"/{flow}/")
        visitor.cookies["sessionid"] = cookie
        trials(assert_never_was(visitor, task_id, flow, places=("second/",)))
    assert browser.get(browser.url).status == 200


@pytest.mark.parametrize("flow", ["member", "leaver"])
def test_at_the_pages_of_another_flow_a_task_is_none_even_to_its_owner(site, browser, trials, flow):
    flow, guarantee = f"{flow}-{site.setup.guarantees[0]}", site.setup.guarantees[-1]
    for number in (1, 3):
        task_id = begin(browser, f"journey-{guarantee}", number)
        browser.open(f"/{flow}/")
        trials(assert_never_was(browser, task_id, flow, places=("first/", "third/", "order/", "nothing/", "")))


def test_a_task_that_expired_is_none_even_to_its_owner(site, late, browser, trials):
    flow = f"journey-{site.setup.guarantees[0]}"
    for number in (1, 3):
        task_id = begin(browser, flow, number)
        grow_old(site, task_id, TWO_DAYS)
        owner = browser.at(late.host)
        owner.open(f"/{flow}/")
        trials(assert_never_was(owner, task_id, flow))


@contextmanager
def at_work(site, browser):
    """Send the form on the page, and run the block while its effect takes a second."""
    form, place = browser.form(name="owner", meet="nobody"), site.folder / "meetings" / f"{browser.run}-nobody"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(browser.send, browser.url, form)
        while not (place.exists() and any(place.iterdir())):
            assert not answer.done(), answer.result()
            time.sleep(0.01)
        yield
        assert answer.result().status == 302


def test_a_stranger_is_not_told_that_a_task_is_busy(site, site_with, newcomer, trials):
    """Not even where its owner's submission takes longer than anybody waits."""
    impatient = site_with(beside=site, FLOWS_LOCK_WAIT=0.2)
    for guarantee in site.setup.guarantees:
        owner, flow = newcomer(), f"journey-{guarantee}"
        task_id, stranger = begin(owner, flow), another_browser(impatient, owner, f"/{flow}/")
        with at_work(site, owner):
            trials(assert_never_was(stranger, task_id, flow, places=("second/",)))


def test_what_is_anothers_is_not_read(site, browser, trials):
    """It is the owner who is told, in the log, that his task is damaged, and not whoever has its id."""
    flow = f"journey-{site.setup.guarantees[0]}"
    task_id, mark = begin(browser, flow), secrets.token_hex(8)
    browser.send("/damage/", {"task": task_id, "text": json.dumps([mark])})
    trials(assert_never_was(another_browser(site, browser, f"/{flow}/"), task_id, flow))
    assert mark not in site.log
    trials(assert_never_was(browser, task_id, flow, places=("second/",)))
    assert mark in site.log


def secrets_of(browser):
    """Return what nobody but a visitor's browser, or his session, is to know."""
    fields = [value for name, value in (browser.page.form or {}).items() if name == FIELD]
    # No secret where an interrupted login took the session away.
    session = browser.get("/session-data/").json().get("_flows")
    return {*browser.cookies.values(), *fields, *filter(None, [session])}


def in_all_writings(secret):
    return {secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()}


def test_what_is_kept_holds_no_secret(site, newcomer, trials, guarantee):
    """Neither of a visitor who logs in on his way, twice at once, nor of one whose login was interrupted."""
    for fault in ("", "raise@after-effect", "raise@before-save"):
        browser, (answer, password) = newcomer(), (secrets.token_hex(12) for _ in range(2))
        browser.open(f"/member-{guarantee}/")
        known = {password} | secrets_of(browser)
        browser.submit(name=answer)
        known |= secrets_of(browser)
        form = browser.form(name="anna", password=password)
        if fault:
            assert browser.send(browser.url, form, fault=fault).status == 500
        else:
            for response, twin in zip(*browser.doubled(name="anna", password=password), strict=True):
                assert twin.follow(response).page.heading == "Order"
                known |= secrets_of(twin)
        known |= secrets_of(browser)
        kept = browser.get("/records/").text
        assert answer in kept
        assert [secret for secret in known if any(text in kept for text in in_all_writings(secret))] == []
        trials(len(known))


def test_what_is_kept_of_a_task_that_ended_holds_no_answers(site, browser, trials, guarantee):
    answer = secrets.token_hex(12)
    browser.open(f"/journey-{guarantee}/")
    for page in range(3):
        browser.submit(name=answer, hidden=answer)
        kept = json.dumps(record_of(site, browser.task_id))
        assert (answer in kept) == (page < 2)
        trials(1)
    assert answer not in browser.get("/records/").text
