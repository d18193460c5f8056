"""A submission that logs its visitor in or out: what becomes of his session if it fails, and what twins are told."""

import pytest
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.test import Client
from django.urls import reverse

from flows.engine.guarantees import Guarantees
from flows.exceptions import StoreUnavailable

from tests.testapp.flows import Counted
from tests.testapp.models import Effect
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES = {
    "logout": logout,
    "flush": lambda request: request.session.flush(),
    "cycle_key": lambda request: request.session.cycle_key(),
    "login": lambda request: login(request, User.objects.get(username="bea")),
}
DJANGOS = "django.contrib.sessions.backends"
ENGINES = [f"{DJANGOS}.db", f"{DJANGOS}.cache", "flows.sessions.db"]


@pytest.fixture(params=CHANGES)
def change(request):
    return CHANGES[request.param]


@pytest.fixture(params=ENGINES)
def each_engine(request, settings):
    settings.SESSION_ENGINE = request.param


@pytest.fixture
def visitor():
    """Who is logged in, and on the second page of three."""
    User.objects.create(username="bea")
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(User.objects.create(username="anna"))
    visitor = Visitor(client)
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    assert visitor.page == "/journey/second/"
    return visitor


@pytest.fixture
def during(monkeypatch):
    """Let the pages do something more, before or after what they do."""

    def do(after):
        valid = Counted.form_valid

        def form_valid(self, form):
            outcome = valid(self, form)
            return after(self.request) or outcome

        monkeypatch.setattr(Counted, "form_valid", form_valid)

    return do


def cookies(visitor):
    return {name: visitor.client.cookies[name].value for name in ("sessionid", "csrftoken")}


def send(visitor, url, form):
    """Send a form without following; return the status."""
    visitor.response = visitor.client.post(url, form)
    return visitor.response.status_code


# It fails


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("It failed."), 500), (OperationalError("deadlock"), 500), (StoreUnavailable("It is away."), 503)],
    ids=["error", "database", "unavailable"],
)
def test_a_page_that_failed_after_it_changed_the_session_can_be_sent_again(
    each_store, each_engine, visitor, during, change, error, status
):
    failures = [error]

    def act(request):
        change(request)
        if failures:
            raise failures.pop()

    during(act)
    before = cookies(visitor)
    url, form = visitor.url, visitor.form(name="two")
    assert send(visitor, url, form) == status
    assert cookies(visitor) == before
    assert visitor.client.session["_auth_user_id"] == str(User.objects.get(username="anna").pk)
    assert send(visitor, url, form) == 302
    visitor.follow()
    assert visitor.page == "/journey/third/"
    assert Effect.objects.filter(what="journey/second").count() == 1


@pytest.mark.slow
def test_a_page_whose_task_could_not_be_kept_can_be_sent_again(
    each_store, each_engine, visitor, during, change, monkeypatch
):
    during(change)
    before = cookies(visitor)
    url, form = visitor.url, visitor.form(name="two")
    with monkeypatch.context() as patch:
        patch.setattr(Guarantees, "save", _unavailable)
        assert send(visitor, url, form) == 503
    assert cookies(visitor) == before
    assert send(visitor, url, form) == 302
    visitor.follow()
    assert visitor.page == "/journey/third/"


def _unavailable(*args):
    raise StoreUnavailable("It is away.")


def test_the_page_that_asks_to_try_again_is_shown_to_who_sent_the_form(each_store, visitor, during):
    def act(request):
        logout(request)
        raise StoreUnavailable("It is away.")

    during(act)
    assert send(visitor, visitor.url, visitor.form(name="two")) == 503
    assert visitor.response.context["user"].username == "anna"


@pytest.fixture(params=[*ENGINES, f"{DJANGOS}.cached_db", f"{DJANGOS}.file", f"{DJANGOS}.signed_cookies"])
def every_engine(request, settings, tmp_path):
    settings.SESSION_ENGINE = request.param
    settings.SESSION_FILE_PATH = tmp_path


@pytest.mark.slow
def test_an_exception_that_is_an_answer_undoes_session_and_database_alike(
    each_store, every_engine, visitor, during, change
):
    def act(request):
        change(request)
        raise PermissionDenied("Your account is locked.")

    during(act)
    before = cookies(visitor)
    assert send(visitor, visitor.url, visitor.form(name="two")) == 403
    assert cookies(visitor) == before
    assert visitor.client.session["_auth_user_id"] == str(User.objects.get(username="anna").pk)
    assert not Effect.objects.filter(what="journey/second").exists()


@pytest.mark.slow
def test_what_was_put_into_the_session_before_an_exception_is_undone(each_store, every_engine, visitor, during):
    def act(request):
        request.session["cart"] = ["a mug"]
        raise Http404("That is sold out.")

    during(act)
    assert send(visitor, visitor.url, visitor.form(name="two")) == 404
    assert "cart" not in visitor.client.session


@pytest.mark.slow
def test_what_was_saved_into_the_session_before_an_exception_is_undone(each_store, every_engine, visitor, during):
    def act(request):
        request.session["paid"] = True
        request.session.save()
        raise PermissionDenied("Your account is locked.")

    during(act)
    assert send(visitor, visitor.url, visitor.form(name="two")) == 403
    assert "paid" not in visitor.client.session
    assert visitor.client.session["_auth_user_id"] == str(User.objects.get(username="anna").pk)


def test_a_login_that_was_undone_leaves_no_session_behind(each_store, visitor, during):
    def act(request):
        login(request, User.objects.get(username="bea"))
        raise PermissionDenied("Your account is locked.")

    during(act)
    assert send(visitor, visitor.url, visitor.form(name="two")) == 403
    assert Session.objects.count() == 1


def test_a_first_page_that_refuses_who_has_no_session_begins_none(each_store, settings, monkeypatch):
    User.objects.create(username="bea")

    def form_valid(self, form):
        login(self.request, User.objects.get(username="bea"))
        raise PermissionDenied("Your account is locked.")

    monkeypatch.setattr(Counted, "form_valid", form_valid)
    client = Client()
    assert client.post(reverse("flows:journey"), {"name": "one"}).status_code == 403
    assert "sessionid" not in client.cookies
    assert not Session.objects.exists()


# Its twins


def without_token(visitor):
    """Return a browser with the cookies of ``visitor`` that sends its token in a header, as a script does."""
    client = Client(headers={"X-CSRFToken": visitor.client.cookies["csrftoken"].value})
    for name, morsel in visitor.client.cookies.items():
        client.cookies[name] = morsel.value
    return Visitor(client)


def test_a_twin_without_a_token_in_its_body_is_led_to_the_same_page(each_store, visitor, during, change):
    during(change)
    one, late = without_token(visitor), without_token(visitor)
    one.send(visitor.url, {"name": "two"})
    assert one.page == "/journey/third/"
    late.url, late.response = visitor.url, late.client.post(visitor.url, {"name": "two"})
    assert late.response["Location"] == one.url
    assert Effect.objects.filter(what="journey/second").count() == 1


@pytest.mark.parametrize("save_every_request", [False, True])
def test_without_the_token_of_the_form_nobody_is_given_the_new_session_or_loses_his(
    each_store, visitor, during, change, save_every_request, settings
):
    """Who planted the old session knows its key, and might guess the rest of what was sent."""
    settings.SESSION_SAVE_EVERY_REQUEST = save_every_request
    during(change)
    one, late = without_token(visitor), without_token(visitor)
    one.send(visitor.url, {"name": "two"})
    response = late.client.post(visitor.url, {"name": "two"})
    assert (response["Location"], "sessionid" in response.cookies) == (one.url, False)


def test_a_first_page_without_a_token_that_changes_the_session_is_executed_once(each_store, visitor, during, change):
    during(change)
    visitor.open(reverse("flows:journey"))
    Effect.objects.all().delete()
    one, late = without_token(visitor), without_token(visitor)
    one.send(visitor.url, {"name": "one"})
    late.send(visitor.url, {"name": "one"})
    assert late.url == one.url
    assert Effect.objects.filter(what="journey/first").count() == 1
