"""A process that dies, or an error, costs nobody more than the guarantee says."""

import time

import pytest

from tests.acceptance.aftermath import claims
from tests.acceptance.client import Dropped
from tests.acceptance.crash_points import Course
from tests.acceptance.crashing import crash_and_go_on
from tests.acceptance.setups import CLAIM, CRASHES, IMPATIENT

#: How many times what leaves less to chance is tried.
FEW = max(CRASHES // 5, 1)


@pytest.fixture(scope="session")
def site(impatient):
    return impatient


def test_a_crash_leaves_what_the_guarantee_says(site, setup, trials, guarantee):
    trials(crash_and_go_on(site, *(Course(setup, page, guarantee, guarantee) for page in ("begin", "last"))))


@pytest.mark.parametrize("claimed", ["page", "complete"])
def test_a_crash_between_two_guarantees_leaves_what_both_say(site, setup, trials, claimed):
    page, at_the_end = (CLAIM, setup.guarantees[0])[:: 1 if claimed == "page" else -1]
    trials(crash_and_go_on(site, Course(setup, "last", page, at_the_end)))


def test_who_sends_again_at_once_waits_no_longer_than_he_may(site, browser, trials, guarantee):
    browser.open(f"/crash-{guarantee}-after-{guarantee}/")
    browser.submit(name="begin")
    form = browser.form(name="x")
    with pytest.raises(Dropped):
        browser.send(browser.url, form, fault="kill@after-effect:last")
    began = time.monotonic()
    again = browser.send(browser.url, form)
    # Half a lease more, since whoever waits for it looks now and then.
    assert time.monotonic() - began < IMPATIENT["FLOWS_LOCK_WAIT"] + IMPATIENT["FLOWS_REDIS_STATE_STORE_LEASE"] + 1
    assert again.status == (503 if guarantee == CLAIM else 302)
    trials(1)


def test_an_operator_finds_and_releases_what_was_claimed(site, browser, ledger, trials):
    browser.open("/crash-claim-after-claim/")
    browser.submit(name="begin")
    form = browser.form(name="x")
    with pytest.raises(Dropped):
        browser.send(browser.url, form, fault="kill@after-effect:last")
    (entry,) = ledger.entries("last", run=browser.run)
    listed = site.manage("flowtasks", "--claimed")
    assert f"{browser.task_id}  0:00:0" in listed
    assert f"at crash-claim-after-claim/last, submission {entry['key']}" in listed
    assert "last is done" in site.manage("flowtasks", "--release", browser.task_id, "--done")
    assert browser.task_id not in claims(site)
    assert "Done" in browser.follow(browser.send(browser.url, form)).text
    assert (ledger.count("last", run=browser.run), ledger.count("complete", run=browser.run)) == (1, 1)
    trials(1)


@pytest.mark.parametrize("point", ["after-save", "before-response"])
@pytest.mark.parametrize("how", ["kill", "raise"])
@pytest.mark.parametrize("change", ["login", "logout", "flush"])
def test_a_session_that_was_changed_is_not_lost_with_its_answer(
    newcomer, ledger, trials, guarantee, change, how, point
):
    """The new session is kept before the task, which nobody else could open; a browser without its cookie gets it."""
    for _ in range(FEW):
        browser = newcomer()
        if change == "logout":
            browser.log_in("anna")
        browser.open(f"/crash-{change}-{guarantee}/")
        browser.submit(name="begin")
        url, form = browser.url, browser.form(name="anna")
        if how == "kill":
            with pytest.raises(Dropped):
                browser.send(url, form, fault=f"kill@{point}")
        else:
            assert browser.send(url, form, fault=f"raise@{point}").status == 500
        again = browser.send(url, form)
        assert again.status == 302
        browser.follow(again)
        assert browser.path == f"/crash-{change}-{guarantee}/third/"
        assert ("_auth_user_id" in browser.get("/session/").json()["names"]) is (change == "login")
        assert "Done" in browser.submit(name="x").text
        assert ledger.count(change, run=browser.run) == 1
        assert ledger.count("complete", run=browser.run) == 1
    trials(FEW)
