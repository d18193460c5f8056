"""The transaction in which an action runs: with ATOMIC_REQUESTS, and where the tasks are in another store."""

import sqlite3
from contextlib import contextmanager

import pytest
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import DatabaseError, IntegrityError, OperationalError, connection, connections, transaction
from django.test import Client, TestCase
from django.urls import include, path, reverse
from django.utils.decorators import method_decorator

from flows.components import COMPLETE, Action, Scaffold
from flows.engine.transactions import RequestsTransaction, get_aliases
from flows.exceptions import StoreUnavailable
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.statestore.base import get_store
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Effect, Item
from tests.visitor import Visitor

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True, databases=["default", "other"])]

#: What the page does when its form is sent.
during = {}


class Begin(Action):
    form_class = NameForm


class Work(Action):
    form_class = NameForm

    def form_valid(self, form):
        Effect.objects.create(what="effect")
        form.request = self.request
        during["work"](form)
        return COMPLETE


class Claimed(Work):
    guarantee = "claim"


class Last(Action):
    form_class = NameForm


class Working(Scaffold):
    action_set = [Begin, Work, Last]
    transition = Linear()


class Claiming(Scaffold):
    action_set = [Begin, Claimed, Last]
    transition = Linear()


class Ending(Scaffold):
    action_set = [Begin, Work]
    transition = Linear()
    guarantee = "claim"

    def complete(self):
        Effect.objects.create(what="complete")


class First(Action):
    form_class = NameForm


class Shown(Action):
    def prepare(self):
        transaction.on_commit(away)


class Showing(Scaffold):
    action_set = [First, Shown]
    transition = Linear()


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class Exempt(Claimed):
    def get(self, request, *args, **kwargs):
        during["look"]()
        return super().get(request, *args, **kwargs)


class Exempted(Scaffold):
    action_set = [Begin, Exempt, Last]
    transition = Linear()


handler = FlowHandler()
for flow in (Working, Claiming, Ending, Showing, Exempted):
    handler.register_entry_point(flow)
urlpatterns = [path("", include(handler.urls))]


@pytest.fixture(autouse=True)
def nothing_more():
    during["work"] = lambda form: None


@pytest.fixture
def atomic_requests(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


def arrive(flow="working", user=None):
    """Return a visitor on the page that works, who is shown errors as a visitor is."""
    visitor = Visitor(Client(enforce_csrf_checks=True, raise_request_exception=False))
    if user:
        visitor.client.force_login(user)
    visitor.open(reverse(f"flows:{flow}"))
    visitor.submit(name="x")
    return visitor


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_database_that_is_busy_is_tried_again(atomic_requests, monkeypatch, each_store, method):
    """Tasks may be in Redis, or the page be shown: the transaction is not the store's."""
    visitor = arrive()
    form = visitor.form(name="work")

    def locked(*args, **options):
        raise OperationalError("database is locked") from sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(transaction, "atomic", locked)
        response = getattr(visitor.client, method)(visitor.url, form if method == "post" else None)
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert visitor.client.post(visitor.url, form).status_code == 302


def test_a_page_may_be_left_out_of_atomic_requests(atomic_requests, each_store):
    seen = []
    during["look"] = lambda: seen.append(connection.in_atomic_block)
    during["work"] = lambda form: seen.append(connection.in_atomic_block)
    visitor = arrive("exempted")
    visitor.submit(name="work")
    assert visitor.page == "/exempted/last/"
    assert seen == [False, False]


def test_effects_and_state_are_one_transaction(atomic_requests, each_store):
    visitor = arrive()
    seen = []

    def fail(form):
        seen.append(connection.in_atomic_block)
        if form.cleaned_data["name"] == "fail":
            raise ZeroDivisionError

    during["work"] = fail
    visitor.submit(name="fail")
    assert visitor.response.status_code == 500
    assert not Effect.objects.exists()
    visitor.open(visitor.url)
    visitor.submit(name="work")
    assert visitor.page == "/working/last/"
    assert Effect.objects.count() == 1
    assert seen == [True, True]


def test_where_one_database_is_away_the_transaction_on_another_is_ended(atomic_requests, monkeypatch):
    monkeypatch.setitem(connections.settings, "away", {**connections.settings["default"], "NAME": "/nowhere/at/all"})
    monkeypatch.setattr(
        transaction, "atomic", lambda alias, atomic=transaction.atomic: away() if alias == "away" else atomic(alias)
    )

    def away():
        raise OperationalError("unable to open database file") from sqlite3.OperationalError("unable to open")

    with pytest.raises(StoreUnavailable), RequestsTransaction():
        pass
    assert not connection.in_atomic_block
    assert Effect.objects.count() == 0


def break_off(form):
    """Let a query fail, and go on as if nothing had been: the database rolls everything back."""
    try:
        with transaction.atomic(savepoint=False):
            raise IntegrityError("This is there already.")
    except IntegrityError:
        pass


def lose_the_connection(form):
    connection.close()


@pytest.mark.parametrize("what", [break_off, lose_the_connection])
@pytest.mark.parametrize("flow", ["working", "claiming"])
@pytest.mark.parametrize("atomic", [False, True])
def test_effects_that_were_rolled_back_unnoticed_are_not_taken_for_done(what, flow, atomic, monkeypatch, each_store):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    visitor = arrive(flow)
    url, form = visitor.url, visitor.form(name="x")
    during["work"] = what
    visitor.send(url, form)
    is_led_on = visitor.response.status_code == 200 and visitor.page == f"/{flow}/last/"
    assert is_led_on == (Effect.objects.count() == 1)
    if flow == "working":
        during["work"] = lambda form: None
        visitor.send(url, form)
        assert (visitor.page, Effect.objects.count()) == ("/working/last/", 1)


def test_who_lets_a_query_fail_is_told_what_to_do(each_store, redis_url):
    if each_store == "django":
        pytest.skip("The tasks' own transaction fails then, and says so itself.")
    visitor = arrive()
    visitor.client.raise_request_exception = True
    during["work"] = break_off
    with pytest.raises(DatabaseError) as caught:
        visitor.submit(name="x")
    assert str(caught.value) == (
        "What was done in the database 'default' for 'working/work' is rolled back, since a query failed in it. "
        "Put what may fail into a transaction.atomic() of its own, and catch the error around that."
    )


# After the commit


def break_after_commit(form):
    transaction.on_commit(away)


def away():
    raise ConnectionRefusedError("The mail server is away.")


def send(visitor, **data):
    """Send the same form three times, and return the answers."""
    form = visitor.form(**data)
    return [visitor.client.post(visitor.url, form) for _ in range(3)]


def test_what_is_committed_is_noted_though_a_hook_fails_after_it(each_store):
    visitor = arrive()
    during["work"] = break_after_commit
    answers = send(visitor, name="work")
    assert [answer.status_code for answer in answers] == [500, 302, 302]
    assert answers[1]["Location"].startswith("/working/last/")
    assert Effect.objects.count() == 1


def test_the_exception_of_a_hook_goes_its_way(each_store):
    visitor = arrive()
    visitor.client.raise_request_exception = True
    during["work"] = break_after_commit
    with pytest.raises(ConnectionRefusedError, match="The mail server is away"):
        visitor.client.post(visitor.url, visitor.form(name="work"))


def test_a_login_that_is_committed_stays_though_a_hook_fails_after_it(each_store):
    user = User.objects.create(username="anna")
    visitor = arrive()

    def work(form):
        login(form.request, user)
        transaction.on_commit(away)

    during["work"] = work
    before = visitor.client.cookies["sessionid"].value
    answers = send(visitor, name="work")
    assert [answer.status_code for answer in answers] == [500, 302, 302]
    assert not Session.objects.filter(pk=before).exists()
    assert visitor.client.session["_auth_user_id"] == str(user.pk)
    assert visitor.client.get(answers[2]["Location"]).status_code == 200
    assert Effect.objects.count() == 1


def test_what_was_put_into_the_session_stays_though_a_hook_fails_after_the_commit(each_store):
    visitor = arrive()

    def work(form):
        form.request.session["cart"] = ["a mug"]
        transaction.on_commit(away)

    during["work"] = work
    assert [answer.status_code for answer in send(visitor, name="work")] == [500, 302, 302]
    assert visitor.client.session["cart"] == ["a mug"]


def fail_at_last(patch):
    """Have the store raise an exception when what was saved is stored."""
    store = get_store()
    lock = store.lock

    @contextmanager
    def failing(task_id):
        with lock(task_id) as hold:
            yield hold
        raise ConnectionResetError("The connection was lost")

    patch.setattr(store, "lock", failing)


@pytest.mark.parametrize("flow", ["working", "claiming"])
@pytest.mark.parametrize("change", ["login", "logout", "cart"])
def test_the_session_of_what_is_stored_stays_though_the_store_fails_after_it(flow, change, each_store, monkeypatch):
    user = User.objects.create(username="anna")
    visitor = arrive(flow, user=user if change == "logout" else None)

    def work(form):
        if change == "cart":
            form.request.session["cart"] = ["a mug"]
        else:
            {"login": lambda request: login(request, user), "logout": logout}[change](form.request)

    during["work"] = work
    form = visitor.form(name="work")
    with monkeypatch.context() as patch:
        fail_at_last(patch)
        assert visitor.client.post(visitor.url, form).status_code == 500
    response = visitor.client.post(visitor.url, form)
    assert response.status_code == 302
    assert visitor.client.get(response["Location"]).status_code == 200
    assert ("_auth_user_id" in visitor.client.session) is (change == "login")
    assert ("cart" in visitor.client.session) is (change == "cart")
    assert Effect.objects.count() == 1


def test_a_hook_that_fails_before_a_claim_leaves_nothing_claimed_that_was_not_run(each_store):
    visitor = arrive("ending")
    during["work"] = break_after_commit
    answers = send(visitor, name="work")
    assert [answer.status_code for answer in answers] == [500, 302, 302]
    assert sorted(Effect.objects.values_list("what", flat=True)) == ["complete", "effect"]


def test_a_hook_that_fails_under_a_claim_leaves_the_claim(each_store, settings):
    """Nobody knows what it was to do; the claim says that something was interrupted."""
    settings.FLOWS_LOCK_WAIT = 0.1
    visitor = arrive("claiming")
    during["work"] = break_after_commit
    answers = send(visitor, name="work")
    assert [answer.status_code for answer in answers] == [500, 503, 503]
    assert Effect.objects.count() == 1


def test_the_exception_of_a_hook_of_a_page_that_is_shown_goes_its_way(atomic_requests, each_store):
    visitor = arrive("showing")
    visitor.client.raise_request_exception = True
    with pytest.raises(ConnectionRefusedError):
        visitor.open(visitor.url)
    assert not connection.in_atomic_block


def test_no_hook_of_ours_is_among_those_of_a_test():
    with transaction.atomic(), TestCase.captureOnCommitCallbacks() as callbacks:
        arrive()
    assert callbacks == []


# Several databases


class EffectsElsewhere:
    def db_for_write(self, model, **hints):
        return "other" if model is Effect else None

    db_for_read = db_for_write


class TasksElsewhere:
    def db_for_write(self, model, **hints):
        return "other" if model is StoredTask else None

    db_for_read = db_for_write


@pytest.mark.parametrize("router", [EffectsElsewhere, TasksElsewhere])
def test_what_fails_leaves_nothing_in_whichever_database_the_routers_choose(router, settings, each_store):
    settings.DATABASE_ROUTERS = [router()]
    visitor = arrive()

    def fail(form):
        if form.cleaned_data["name"] == "fail":
            raise ZeroDivisionError

    during["work"] = fail
    assert [answer.status_code for answer in send(visitor, name="fail")] == [500, 500, 500]
    assert not Effect.objects.exists()
    visitor.open(visitor.url)
    assert [answer.status_code for answer in send(visitor, name="work")] == [302, 302, 302]
    assert Effect.objects.count() == 1


def test_a_hook_that_fails_in_one_database_undoes_nothing_in_another(settings, each_store):
    settings.DATABASE_ROUTERS = [EffectsElsewhere()]
    visitor = arrive()

    def work(form):
        Item.objects.create(name="kept")
        transaction.on_commit(away, using="other")

    during["work"] = work
    assert [answer.status_code for answer in send(visitor, name="work")] == [500, 302, 302]
    assert (Effect.objects.count(), Item.objects.count()) == (1, 1)


def test_without_routers_no_other_database_is_asked():
    assert get_aliases() == {"default"}
