"""What is promised for the effects of a component holds when it fails half way."""

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connections, transaction
from django.test import Client
from django.urls import include, path, reverse

from flows.components import Action, Scaffold
from flows.exceptions import StoreUnavailable
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.statestore import redis_store
from flows.statestore.base import CLAIMED, MOST_AT_A_TASK, OPEN, BaseStateStore, get_store
from flows.statestore.redis_client import get_client
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Effect
from tests.visitor import Visitor, at_once

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]

PAIRS = 10
LAST = "claimed-last/last-claimed"
#: What was done, outside of every transaction, and what is to happen while it is done.
done, during = [], {}


def do(component):
    """Have an effect on the world and one on the database, with what the test wants to happen in between."""
    name = component.position.name
    done.append(name)
    Effect.objects.create(what=name)
    if name in during:
        during[name](component)


class Step(Action):
    form_class = NameForm

    def form_valid(self, form):
        self.state["paid"] = "yes"
        do(self)
        if form.cleaned_data["name"] == "declined":
            form.add_error("name", "The card was declined.")
            return self.form_invalid(form)
        return super().form_valid(form)


class Claimed(Step):
    guarantee = "claim"


class Last(Step):
    pass


class LastClaimed(Claimed):
    pass


class Ending(Scaffold):
    transition = Linear()

    def complete(self):
        do(self)


class ClaimedFirst(Ending):
    action_set = [Claimed, Last]


class ClaimedLast(Ending):
    """The payment is claimed; the order that follows it is in a transaction."""

    action_set = [Step, LastClaimed]


class ClaimedEnd(Ending):
    """The page is in a transaction; what follows it is claimed."""

    action_set = [Step, Last]
    guarantee = "claim"


class Inner(Ending):
    action_set = [LastClaimed]
    guarantee = "claim"


class Nested(Ending):
    action_set = [Step, Inner]


class Middle(Ending):
    action_set = [LastClaimed]


class Thrice(Ending):
    """What is claimed, what is in a transaction, and what is claimed again, in one submission."""

    action_set = [Step, Middle]
    guarantee = "claim"


class Alone(Claimed):
    """A flow of one page."""


class OnePage(Ending):
    action_set = [Step]
    guarantee = "claim"


class Retried(Ending):
    action_set = [Step]
    guarantee = "retry"


class DictStore(BaseStateStore):
    def __init__(self):
        self.states = {}

    def get_state(self, task_id):
        return self.states[task_id]

    def put_state(self, task_id, state):
        self.states[task_id] = state


handler, poor = FlowHandler(), FlowHandler("poor", DictStore())
for flow in (ClaimedFirst, ClaimedLast, ClaimedEnd, Nested, Retried, Thrice, Alone, OnePage):
    handler.register_entry_point(flow)
poor.register_entry_point(ClaimedFirst)
urlpatterns = [path("", include(handler.urls)), path("poor/", include(poor.urls))]


@pytest.fixture(autouse=True)
def fresh(each_store, settings):
    settings.FLOWS_LOCK_WAIT = 0.5
    done.clear()
    during.clear()


def fail(component):
    raise RuntimeError("Something outside has failed.")


def release(component):
    """Release what is claimed while it is at work, as an operator who is mistaken."""
    store = get_store()
    if isinstance(store, redis_store.StateStore):  # which has a lease too, that a failover may lose
        get_client().delete(redis_store._keys(component.task.id)[1])
    call_command("flowtasks", release=component.task.id)


def log_in(request):
    login(request, User.objects.get())


def arrive(flow, pages=1):
    """Return a visitor on a page of a flow, who is shown errors as a visitor is."""
    visitor = Visitor(Client(enforce_csrf_checks=True, raise_request_exception=False))
    visitor.open(reverse(f"flows:{flow}"))
    for _ in range(pages):
        visitor.submit(name="x")
        assert visitor.response.status_code == 200
    done.clear()
    return visitor


def arrive_before(change, flow):
    """Return a visitor on the second page of a flow, who can log in, or is logged in where he is to be logged out."""
    User.objects.create(username="anna")
    visitor = arrive(flow)
    if change is logout:
        visitor.client.force_login(User.objects.get())
        visitor.open(reverse(f"flows:{flow}"))
        visitor.submit(name="x")
        done.clear()
    return visitor


def flowtasks(capsys, **options):
    call_command("flowtasks", **options)
    return capsys.readouterr().out


def assert_being_finished(visitor, url=None, form=None):
    if form:
        visitor.send(url, form)
        assert (visitor.response.status_code, visitor.response["Retry-After"]) == (503, "2")
    visitor.open(url or visitor.url)
    assert visitor.response.status_code == 200
    assert "is being finished" in visitor.text
    assert visitor.response["Cache-Control"] == "no-store, private"


def test_a_claim_is_kept_before_the_action_is_run():
    seen = []

    def look(component):
        seen.extend(at_once(lambda: get_store().read(component.task.id).status))

    visitor = arrive("claimed-last")
    during["claimed-last/last-claimed"] = look
    visitor.submit(name="x")
    assert seen == [CLAIMED]
    assert "Done" in visitor.text


@pytest.mark.slow
@pytest.mark.parametrize("atomic", [False, True])
def test_what_failed_under_a_claim_is_not_done_again(atomic, monkeypatch):
    from django.db import connection

    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    visitor = arrive("claimed-last")
    url, form = visitor.url, visitor.form(name="x")
    during["claimed-last/last-claimed"] = fail
    visitor.send(url, form)
    assert visitor.response.status_code == 500
    assert_being_finished(visitor, url, form)
    assert_being_finished(visitor, url.replace("last-claimed", "step"))
    assert done == ["claimed-last/last-claimed"]
    assert Effect.objects.filter(what="claimed-last/last-claimed").count() == int(not atomic)


def test_what_is_being_finished_is_told_in_the_language_of_the_visitor():
    visitor = arrive("claimed-last")
    during["claimed-last/last-claimed"] = fail
    visitor.submit(name="x")
    page = visitor.client.get(visitor.url, headers={"Accept-Language": "de"}).content.decode()
    assert "<h1>Claimed last wird abgeschlossen</h1>" in page
    assert f'<a href="{visitor.url}">Noch einmal nachsehen</a>' in page


def test_the_first_page_can_be_claimed():
    visitor = arrive("claimed-first", pages=0)
    url, form = visitor.url, visitor.form(name="x")
    during["claimed-first/claimed"] = fail
    visitor.send(url, form)
    assert visitor.response.status_code == 500
    visitor.send(url, form)
    assert "is being finished" in visitor.text
    assert done == ["claimed-first/claimed"]


def test_without_a_token_a_claimed_first_page_can_be_done_again_after_it_was_shown_again():
    visitor = Visitor(Client())
    url = visitor.enter(reverse("flows:claimed-first"))
    for _ in range(2):
        visitor.open(url)
        for _ in range(2):
            visitor.send(url, {"name": "x"})
            assert visitor.page == "/claimed-first/last/"
    assert done == ["claimed-first/claimed"] * 2


def test_another_visitor_is_not_told_of_a_claim():
    visitor = arrive("claimed-last")
    during["claimed-last/last-claimed"] = fail
    visitor.submit(name="x")
    stranger = Visitor()
    stranger.open(visitor.url)
    assert stranger.response.status_code == 404
    claimed = stranger.response.content
    assert stranger.open(f"{visitor.page}?_t={'0' * 32}").content == claimed


def test_a_claim_is_listed_and_released(capsys):
    visitor = arrive("claimed-last")
    url, form = visitor.url, visitor.form(name="x")
    assert flowtasks(capsys, claimed=True) == "0 claimed tasks.\n"
    keys = []

    def note(component):
        keys.append(component.submission_key)
        fail(component)

    during["claimed-last/last-claimed"] = note
    visitor.send(url, form)
    listed = flowtasks(capsys, claimed=True).splitlines()
    assert listed[0].startswith(f"{visitor.task_id}  0:00:0")
    assert listed[0].endswith(f"  flows:claimed-last at claimed-last/last-claimed, submission {keys[0]}")
    assert listed[1] == "1 claimed task."

    told = flowtasks(capsys, release=visitor.task_id)
    assert told == "Released: claimed-last/last-claimed can be sent again.\n"
    assert flowtasks(capsys, claimed=True) == "0 claimed tasks.\n"
    during.clear()
    visitor.send(url, form)
    assert "Done" in visitor.text
    assert done == ["claimed-last/last-claimed"] * 2 + ["claimed-last"]


def test_a_claimed_page_that_was_done_after_all_is_passed(capsys):
    visitor = arrive("claimed-first", pages=0)
    url, form = visitor.url, visitor.form(name="x")
    during["claimed-first/claimed"] = fail
    visitor.send(url, form)
    ((task_id, _),) = get_store().claimed()
    told = flowtasks(capsys, release=task_id, done=True)
    assert told == "Released: claimed-first/claimed is done, its visitor goes on from there.\n"
    visitor.open(f"/claimed-first/claimed/?_t={task_id}")
    assert visitor.page == "/claimed-first/last/"
    visitor.send(url, form)
    assert visitor.page == "/claimed-first/last/"
    visitor.open(f"/claimed-first/claimed/?_t={task_id}")
    assert visitor.page == "/claimed-first/claimed/", "who comes back to it later is shown it, to say something else"
    visitor.open(f"/claimed-first/last/?_t={task_id}")
    visitor.submit(name="x")
    assert "Done" in visitor.text
    assert done == ["claimed-first/claimed", "claimed-first/last", "claimed-first"]


def test_the_claimed_end_of_a_flow_that_was_reached_after_all_ends_the_task(capsys):
    visitor = arrive("claimed-end")
    url, form = visitor.url, visitor.form(name="x")
    during["claimed-end"] = fail
    visitor.send(url, form)
    told = flowtasks(capsys, release=visitor.task_id, done=True)
    assert told == "Released: claimed-end is done, and with it the task.\n"
    visitor.send(url, form)
    assert "Done" in visitor.text
    assert done == ["claimed-end/last", "claimed-end"]


def test_what_comes_after_a_claim_is_done_by_a_resend_and_the_claimed_is_not_done_again():
    visitor = arrive("claimed-last")
    url, form = visitor.url, visitor.form(name="x")
    during["claimed-last"] = fail
    visitor.send(url, form)
    assert visitor.response.status_code == 500
    assert Effect.objects.filter(what="claimed-last").count() == 0
    assert get_store().read(visitor.task_id).status == OPEN
    during.clear()
    visitor.send(url, form)
    assert "Done" in visitor.text
    assert done == ["claimed-last/last-claimed", "claimed-last", "claimed-last"]
    assert Effect.objects.filter(what="claimed-last").count() == 1


@pytest.mark.parametrize("change", [logout, lambda request: request.session.flush(), log_in])
def test_what_comes_after_a_claim_that_changed_the_session_is_done_by_a_resend_without_its_cookie(change):
    visitor = arrive_before(change, "claimed-last")
    url, form, session = visitor.url, visitor.form(name="x"), visitor.client.cookies["sessionid"].value
    during["claimed-last/last-claimed"] = lambda component: change(component.request)
    during["claimed-last"] = fail
    visitor.send(url, form)
    assert (visitor.response.status_code, visitor.client.cookies["sessionid"].value) == (500, session)
    during.clear()
    visitor.send(url, form)
    assert visitor.client.cookies["sessionid"].value != session
    assert ("_auth_user_id" in visitor.client.session) is (change is log_in)
    visitor.submit()  # there is nothing left to say
    assert "Done" in visitor.text
    assert done == ["claimed-last/last-claimed", "claimed-last", "claimed-last"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [logout, lambda request: request.session.flush(), log_in])
def test_a_claim_after_a_change_of_the_session_is_told_to_who_sends_again_without_the_new_cookie(change, capsys):
    visitor = arrive_before(change, "claimed-end")
    url, form, session = visitor.url, visitor.form(name="x"), visitor.client.cookies["sessionid"].value
    during["claimed-end/last"] = lambda component: change(component.request)
    during["claimed-end"] = fail
    visitor.send(url, form)
    assert (visitor.response.status_code, visitor.client.cookies["sessionid"].value) == (500, session)
    visitor.send(url, form)
    assert "is being finished" in visitor.text
    assert visitor.client.cookies["sessionid"].value != session
    flowtasks(capsys, release=visitor.task_id)
    during.clear()
    visitor.open(url)
    visitor.submit(name="x")
    assert "Done" in visitor.text
    assert ("_auth_user_id" in visitor.client.session) is (change is log_in)
    assert done == ["claimed-end/last", "claimed-end", "claimed-end"]


def test_a_session_that_the_claimed_itself_has_changed_is_what_it_was_when_that_fails():
    User.objects.create(username="anna")
    visitor = arrive("claimed-end")
    url, form, before = visitor.url, visitor.form(name="x"), dict(visitor.client.session)

    def log_in_and_fail(component):
        log_in(component.request)
        fail(component)

    during["claimed-end"] = log_in_and_fail
    visitor.send(url, form)
    assert visitor.response.status_code == 500
    assert dict(visitor.client.session) == before
    assert_being_finished(visitor, url, form)


def test_who_finds_the_claim_released_at_its_end_keeps_nothing_and_does_not_do_it_again():
    visitor = arrive("claimed-last")
    url, form = visitor.url, visitor.form(name="x")
    during["claimed-last/last-claimed"] = release
    visitor.send(url, form)
    assert (visitor.response.status_code, visitor.response["Retry-After"]) == (503, "2")
    assert done == ["claimed-last/last-claimed"]
    assert get_store().read(visitor.task_id).status == OPEN


def test_a_claim_that_is_released_after_another_was_committed_is_not_done_again_either():
    visitor = arrive("thrice")
    during["thrice"] = release
    visitor.send(visitor.url, visitor.form(name="x"))
    assert visitor.response.status_code == 503
    assert done == ["thrice/middle/last-claimed", "thrice/middle", "thrice"]


def unavailable(component):
    raise StoreUnavailable("Something is away.")


@pytest.mark.parametrize(("flow", "place"), [("claimed-end", "claimed-end/last"), ("claimed-last", LAST)])
def test_who_logged_in_before_what_failed_can_send_the_form_again(flow, place):
    """The answer 503 sets no cookie of a session, and must not set another CSRF token either."""
    User.objects.create(username="anna")
    visitor = arrive(flow)
    url, form, cookies = visitor.url, visitor.form(name="x"), str(visitor.client.cookies)
    during.update({place: lambda component: log_in(component.request), flow: unavailable})
    visitor.send(url, form)
    assert (visitor.response.status_code, str(visitor.client.cookies)) == (503, cookies)
    during.clear()
    visitor.send(url, form)
    if flow == "claimed-end":
        assert "is being finished" in visitor.text
    else:
        visitor.submit()
        assert "Done" in visitor.text
    assert visitor.client.session["_auth_user_id"]
    assert done.count(place) == 1


@pytest.mark.parametrize(("flow", "place"), [("claimed-end", "claimed-end/last"), ("claimed-last", LAST)])
def test_what_was_put_into_the_session_is_kept_with_what_came_before_a_failure(flow, place, capsys):
    visitor = arrive(flow)
    url, form = visitor.url, visitor.form(name="x")
    during.update({place: lambda component: component.request.session.update({"voucher": "ten"}), flow: fail})
    visitor.send(url, form)
    assert visitor.response.status_code == 500
    assert visitor.client.session["voucher"] == "ten"


def test_a_claimed_flow_of_one_page_that_was_done_after_all_leads_to_its_end(capsys):
    visitor = arrive("alone", pages=0)
    url, form = visitor.url, visitor.form(name="x")
    during["alone"] = fail
    visitor.send(url, form)
    ((task_id, _),) = get_store().claimed()
    assert flowtasks(capsys, release=task_id, done=True) == "Released: alone is done, and with it the task.\n"
    visitor.send(url, form)
    assert "Done" in visitor.text
    assert done == ["alone"]


def test_who_logged_in_on_a_flow_of_one_page_is_told_of_the_claim_that_follows():
    User.objects.create(username="anna")
    visitor = arrive("one-page", pages=0)
    url, form = visitor.url, visitor.form(name="x")
    during.update({"one-page/step": lambda component: log_in(component.request), "one-page": fail})
    for _ in range(2):
        visitor.send(url, form)
    assert "is being finished" in visitor.text
    assert done == ["one-page/step", "one-page"]


def test_what_comes_after_a_claim_can_be_done_from_the_page_opened_afresh():
    visitor = arrive("claimed-last")
    during["claimed-last"] = fail
    visitor.submit(name="x")
    during.clear()
    visitor.open(visitor.url)
    assert "There is nothing more to fill in." in visitor.text
    visitor.submit()
    assert "Done" in visitor.text
    assert done == ["claimed-last/last-claimed", "claimed-last", "claimed-last"]


def test_what_came_before_a_claim_is_kept_when_the_claimed_fails(capsys):
    visitor = arrive("claimed-end")
    url, form = visitor.url, visitor.form(name="x")
    during["claimed-end"] = fail
    visitor.send(url, form)
    assert_being_finished(visitor, url, form)
    assert Effect.objects.filter(what="claimed-end/last").count() == 1
    flowtasks(capsys, release=visitor.task_id)
    during.clear()
    visitor.send(url, form)
    assert "Done" in visitor.text
    assert done == ["claimed-end/last", "claimed-end", "claimed-end"]


def test_claims_in_a_row_are_claimed_one_by_one(capsys):
    visitor = arrive("nested")
    url, form = visitor.url, visitor.form(name="x")
    for place in ("nested/inner/last-claimed", "nested/inner"):
        during[place] = fail
        visitor.send(url, form)
        assert f" at {place}, " in flowtasks(capsys, claimed=True)
        flowtasks(capsys, release=visitor.task_id)
        during.clear()
    during["nested"] = fail
    visitor.send(url, form)
    assert flowtasks(capsys, claimed=True) == "0 claimed tasks.\n"
    during.clear()
    visitor.send(url, form)
    assert "Done" in visitor.text
    assert done == ["nested/inner/last-claimed"] * 2 + ["nested/inner"] * 2 + ["nested"] * 2


def test_an_error_that_a_claimed_action_shows_ends_the_claim():
    visitor = arrive("claimed-last")
    url, form = visitor.url, visitor.form(name="declined")
    for _ in range(2):
        visitor.send(url, form)
        assert visitor.response.status_code == 200
        assert "The card was declined." in visitor.text
    assert done == ["claimed-last/last-claimed"]
    visitor.submit(name="x")
    assert "Done" in visitor.text


def test_what_a_claimed_action_puts_into_the_state_is_kept():
    visitor = arrive("claimed-first", pages=1)
    seen = []
    during["claimed-first"] = lambda component: seen.append(dict(component.state))
    visitor.submit(name="x")
    assert seen == [{"paid": "yes"}]


def test_an_invalid_form_is_not_claimed():
    visitor = arrive("claimed-last")
    visitor.submit(name="")
    assert "This field is required." in visitor.text
    assert not list(get_store().claimed())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flow", "pages", "expected"),
    [
        ("claimed-first", 0, ["claimed-first/claimed"]),
        ("claimed-last", 1, ["claimed-last/last-claimed", "claimed-last"]),
        ("claimed-end", 1, ["claimed-end/last", "claimed-end"]),
        ("nested", 1, ["nested/inner/last-claimed", "nested/inner", "nested"]),
        ("retried", 0, ["retried/step", "retried"]),
    ],
)
def test_doubled_under_each_guarantee(flow, pages, expected, settings):
    settings.FLOWS_LOCK_WAIT = 10
    for _ in range(PAIRS):
        visitor = arrive(flow, pages)
        call = visitor.url, visitor.form(name="x")
        during[expected[0]] = lambda component: threading.Event().wait(0.03)
        responses = at_once(*(partial(visitor.twin().client.post, *call) for _ in range(3)))
        assert [getattr(response, "status_code", response) for response in responses] == [302] * 3
        assert len({response["Location"] for response in responses}) == 1
        assert done == expected
        during.clear()


def test_who_waits_for_a_claim_waits_for_a_limited_time():
    visitor = arrive("claimed-last")
    url, form, twin = visitor.url, visitor.form(name="x"), visitor.twin()
    answers = []
    during["claimed-last/last-claimed"] = lambda component: answers.extend(at_once(lambda: twin.client.post(url, form)))
    visitor.send(url, form)
    assert "Done" in visitor.text
    assert [answer.status_code for answer in answers] == [503]


@pytest.mark.slow
def test_a_claimed_task_neither_expires_nor_is_cleaned_up(settings):
    settings.FLOWS_TASK_IDLE_TIMEOUT = 1
    visitor = arrive("claimed-last")
    during["claimed-last/last-claimed"] = fail
    visitor.submit(name="x")
    threading.Event().wait(1.2)
    call_command("cleanupflows")
    assert_being_finished(visitor)


def test_a_guarantee_that_the_store_cannot_give_is_refused_before_the_action_is_run():
    visitor = Visitor()
    visitor.open("/poor/claimed-first/claimed/")
    with pytest.raises(ImproperlyConfigured) as caught:
        visitor.submit(name="x")
    assert str(caught.value) == (
        "Claimed.guarantee is 'claim', which tests.test_guarantees cannot give. "
        "Make it 'retry', or keep the tasks in another state store."
    )
    assert done == []


def test_within_another_transaction_nothing_is_claimed_and_the_action_not_run(each_store):
    if each_store == "redis":
        pytest.skip("Redis knows nothing of transactions.")
    visitor = arrive("claimed-last")
    visitor.client.raise_request_exception = True
    call = partial(visitor.submit, name="x")
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        call()
    assert done == []
    assert StoredTask.objects.get().status == OPEN


# A crowd at one task


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "pages"),
    [("claimed-last/step", 0), ("claimed-last/last-claimed", 1), ("retried/step", 0)],
    ids=["a first page", "under a claim", "under retry"],
)
def test_of_a_crowd_that_sends_one_form_few_wait_and_the_others_are_told_that_it_is_busy(settings, place, pages):
    settings.FLOWS_LOCK_WAIT = 20
    visitor = arrive(place.partition("/")[0], pages)
    url, form, crowd = visitor.url, visitor.form(name="x"), []

    def send():
        try:
            return visitor.twin().client.post(url, form)
        finally:
            connections.close_all()

    def gather(component):
        del during[place]
        crowd.extend(pool.submit(send) for _ in range(30))
        deadline = time.monotonic() + 15
        while sum(each.done() for each in crowd) < 30 - MOST_AT_A_TASK + 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        refused.extend(each.result() for each in crowd if each.done())

    during[place], refused = gather, []
    with ThreadPoolExecutor(30) as pool:
        first = visitor.client.post(url, form)
    assert [(answer.status_code, answer["Retry-After"]) for answer in refused] == [(503, "2")] * len(refused)
    assert len(refused) == 30 - MOST_AT_A_TASK + 1
    waited = [each.result() for each in crowd if each.result() not in refused]
    assert {answer["Location"] for answer in waited} == {first["Location"]}
    assert done.count(place) == 1
    gc.collect()  # older Pythons leave the frames of what was raised to it
    assert not get_store()._locks


def test_only_the_visitor_of_a_task_is_told_that_it_is_crowded():
    visitor, stranger = arrive("claimed-last"), arrive("claimed-last")
    url, unknown = visitor.url, visitor.url.replace(visitor.task_id, "0" * 32)
    with ExitStack() as stack:
        for task_id in (visitor.task_id, "0" * 32):
            for _ in range(MOST_AT_A_TASK):
                stack.enter_context(get_store().admit(task_id))
        assert visitor.client.post(url, visitor.form(name="x")).status_code == 503
        assert stranger.client.post(url, stranger.form(name="x")).status_code == 404
        assert stranger.client.post(unknown, stranger.form(name="x")).status_code == 404
    assert visitor.client.post(url, visitor.form(name="x")).status_code == 302
    assert done == ["claimed-last/last-claimed", "claimed-last"]
