"""A task belongs to one visitor; to everyone else there is none."""

import threading

import pytest
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends import signed_cookies
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from flows import binder
from flows.models import StoredTask

from tests.testapp.flows import Second
from tests.testapp.models import Effect
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def visitor(each_store):
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    return visitor


def request_of(session=None, user=None):
    request = RequestFactory().get("/")
    request.session = session if session is not None else Client().session
    request.user = user or AnonymousUser()
    return request


def fresh():
    return Client(enforce_csrf_checks=False)


def other_user():
    client = fresh()
    client.force_login(User.objects.create(username="other"))
    return client


def made_up_cookie():
    client = fresh()
    client.cookies["sessionid"] = "x" * 32
    return client


def garbage_cookie():
    client = fresh()
    client.cookies["sessionid"] = "\xe9'; --"
    return client


@pytest.mark.parametrize("stranger", [fresh, other_user, made_up_cookie, garbage_cookie])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_shared_link_is_answered_as_an_id_that_never_was(visitor, stranger, method):
    client = stranger()
    shared = getattr(client, method)(visitor.url, {"name": "x"} if method == "post" else None)
    unknown = getattr(client, method)(
        visitor.url.replace(visitor.task_id, UNKNOWN), {"name": "x"} if method == "post" else None
    )
    assert shared.status_code == unknown.status_code == 404
    assert shared.content == unknown.content
    assert {n: v for n, v in shared.items() if n != "Set-Cookie"} == {
        n: v for n, v in unknown.items() if n != "Set-Cookie"
    }
    assert visitor.open(visitor.url).status_code == 200


def test_a_session_deleted_with_its_cookie_kept(visitor):
    Session.objects.all().delete()
    assert visitor.open(visitor.url).status_code == 404


def test_a_logout_takes_the_task_away(visitor):
    user = User.objects.create(username="anna")
    visitor.client.force_login(user)
    assert visitor.open(visitor.url).status_code == 200
    visitor.client.logout()
    assert visitor.client.get(visitor.url).status_code == 404


def test_a_login_elsewhere_on_the_site_keeps_the_task(visitor):
    User.objects.create_superuser("anna", password="x")
    token = visitor.client.get("/admin/login/").cookies["csrftoken"].value
    response = visitor.client.post(
        "/admin/login/?next=/admin/", {"username": "anna", "password": "x", "csrfmiddlewaretoken": token}
    )
    assert response.status_code == 302
    assert USER_KEY in visitor.client.session
    assert visitor.open(visitor.url).status_code == 200


@pytest.mark.parametrize(
    "task_id",
    [
        "",
        "x",
        "\0",
        "%00",
        UNKNOWN + "0",
        UNKNOWN.upper(),
        "\ud800".encode("utf-8", "surrogatepass"),
        "9" * 100_000,
        "' or 1=1 --",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "head", "options", "patch"])
def test_what_is_no_id_is_not_found(client, task_id, method):
    assert client.generic(method.upper(), "/journey/second/", QUERY_STRING=f"_t={task_id!s}").status_code == 404


def test_repeated_ids_are_not_found(visitor):
    assert visitor.client.get(f"{visitor.url}&_t={visitor.task_id}").status_code == 404


def test_a_task_of_another_flow_is_not_found(visitor):
    assert visitor.client.get(f"/branching/question/?_t={visitor.task_id}").status_code == 404


def test_no_such_task_offers_to_begin_again(client):
    response = client.get(f"/buy/3/confirm/?_t={UNKNOWN}")
    assert 'href="/buy/3/choose/"' in response.content.decode()


def test_a_damaged_record_is_loud_in_the_log_and_no_such_task(caplog):
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    for damaged in ("", "null", "{}", "[" * 100_000, '{"flow": "flows:journey"}'):
        StoredTask.objects.update(data=damaged)
        caplog.clear()
        assert visitor.client.get(visitor.url).status_code == 404
        assert "cannot be read" in caplog.text


# The binders


def test_the_secret_is_kept_in_the_sessions_data_and_not_the_key():
    client = fresh()
    client.get(reverse("flows:journey"), follow=True)
    secret = client.session[binder.VISITOR_KEY]
    client.force_login(User.objects.create(username="anna"))
    assert client.session[binder.VISITOR_KEY] == secret != client.session.session_key


def test_the_owner_is_stored_hashed():
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    task = StoredTask.objects.get()
    assert visitor.client.session[binder.VISITOR_KEY] not in (task.owner, task.data)
    assert len(task.owner) == 64


def test_two_first_requests_of_one_session_agree_on_the_secret():
    client = fresh()
    session = client.session
    session["other"] = 1
    session.save()
    one, two = (type(session)(session.session_key) for _ in range(2))
    assert binder.session_binder(request_of(one)) == binder.session_binder(request_of(two))


@pytest.mark.parametrize("rotated", [False, True])
def test_a_secret_that_a_request_at_the_same_time_wrote_over_is_found_again(settings, rotated):
    """A view that loaded the session before the secret was in it, and writes it afterwards, takes it out."""
    visitor = Visitor()
    visitor.client.session.save()  # which is the first that a client without one has
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    session = visitor.client.session
    secret = session.pop(binder.VISITOR_KEY)
    session.save()
    if rotated:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert visitor.open(visitor.url).status_code == 200
    assert visitor.page == "/journey/second/"
    # For good: the session's key, of which it was made, is another after a login.
    assert visitor.client.session[binder.VISITOR_KEY] == secret


def test_sessions_that_do_not_exist_share_no_secret():
    one, two = (type(Client().session)("x" * 32) for _ in range(2))
    assert binder.session_binder(request_of(one)) != binder.session_binder(request_of(two))


def test_the_user_binder_follows_the_user_to_another_device(settings):
    settings.FLOWS_TASK_BINDER = "flows.binder.user_binder"
    user = User.objects.create(username="anna")
    one, two = Visitor(fresh()), Visitor(fresh())
    for device in (one, two):
        device.client.force_login(user)
    one.open(reverse("flows:journey"))
    one.submit_without_token(name="one")
    assert two.open(one.url).status_code == 200


def test_under_the_user_binder_a_task_goes_on_over_a_login(settings):
    settings.FLOWS_TASK_BINDER = binder.user_binder
    user = User.objects.create(username="anna")
    visitor, device = Visitor(), Visitor()
    visitor.open(reverse("flows:checkout", kwargs={"item": 1}))
    visitor.submit(name="hat")
    visitor.submit(user="anna", password="x")
    assert visitor.page == "/buy/1/pay/method/"
    device.client.force_login(user)
    assert device.open(visitor.url).status_code == 200


def test_a_project_may_bind_tasks_by_something_of_its_own(settings):
    settings.FLOWS_TASK_BINDER = lambda request: request.headers.get("Device", "")
    visitor = Visitor(Client(headers={"Device": "a"}))
    visitor.open(reverse("flows:journey"))
    visitor.submit_without_token(name="one")
    assert Client(headers={"Device": "a"}).get(visitor.url).status_code == 200
    assert Client(headers={"Device": "b"}).get(visitor.url).status_code == 404


def test_a_key_that_was_rotated_out_still_finds_its_tasks(settings):
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new"
    assert visitor.open(visitor.url).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_first_posts_of_a_visitor_at_once_each_have_a_task():
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    tab = visitor.another_tab()
    tab.open(reverse("flows:journey"))
    barrier, urls = threading.Barrier(2), []

    def run(twin, form):
        barrier.wait()
        urls.append(twin.client.post(twin.url, form)["Location"])
        connection.close()

    threads = [threading.Thread(target=run, args=(each.twin(), each.form(name="x"))) for each in (visitor, tab)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(urls)) == 2
    assert all(visitor.open(url).status_code == 200 for url in urls)


# Whose session it is


@pytest.fixture(params=["session_binder", "user_binder"])
def each_binder(request, settings):
    settings.FLOWS_TASK_BINDER = f"flows.binder.{request.param}"


def test_a_session_that_is_void_for_its_user_opens_nothing(each_store, each_binder):
    anna = User.objects.create_user("anna", password="old")
    visitor = Visitor()
    visitor.client.force_login(anna)
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    form = visitor.form(name="two")
    anna.set_password("new")
    anna.save()
    assert visitor.client.post(visitor.url, form).status_code == 404
    assert visitor.client.get(visitor.url).status_code == 404
    assert visitor.client.get(visitor.url).status_code == 404  # with the session that came in its place
    assert not Effect.objects.filter(what="journey/second").exists()


def take_over(visitor, username):
    """Return a browser with a copy of the visitor's session in which somebody has logged in.

    As comes of a request that had loaded the session before its visitor logged in, and ended its own login after that.
    """
    data = dict(visitor.client.session)
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create(username=username))
    session = client.session
    session.update({name: value for name, value in data.items() if not name.startswith("_auth")})
    session.save()
    return Visitor(client)


def test_two_who_logged_in_from_one_session_open_nothing_of_each_other(visitor):
    planter, url = take_over(visitor, "planter"), visitor.url
    visitor.client.force_login(User.objects.create(username="anna"))
    visitor.open(url)
    visitor.submit(name="two")
    assert visitor.page == "/journey/third/"
    assert planter.client.get(visitor.url).status_code == 404
    planter.open(reverse("flows:journey"))
    planter.submit(name="one")
    assert planter.page == "/journey/second/"
    assert visitor.client.get(planter.url).status_code == 404


def test_what_was_begun_before_the_login_is_opened_by_the_session_before_it_until_it_goes_on(visitor):
    earlier, url = visitor.twin(), visitor.url
    data = dict(visitor.client.session)
    visitor.client.force_login(User.objects.create(username="anna"))
    session = SessionStore(earlier.client.cookies["sessionid"].value)
    session.update(data)
    session.save()
    visitor.open(url)
    visitor.submit(name="two")
    assert visitor.page == "/journey/third/"
    assert earlier.client.get(url).status_code == 404


def test_what_a_page_keeps_when_it_is_shown_to_a_user_is_that_users(visitor, monkeypatch):
    planter = take_over(visitor, "planter")
    visitor.client.force_login(User.objects.create(username="anna"))

    def prepare(self):
        self.state["who"] = str(self.request.user)

    monkeypatch.setattr(Second, "prepare", prepare)
    assert visitor.open(visitor.url).status_code == 200
    assert planter.client.get(visitor.url).status_code == 404


def test_visitors_whose_signed_cookies_say_the_same_share_nothing(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    session = Client().session
    session["lang"] = "de"
    session.save()
    secrets = {binder.session_binder(request_of(signed_cookies.SessionStore(session.session_key))) for _ in range(2)}
    assert len(secrets) == 2


def test_a_user_without_a_key_is_known_by_the_session():
    class Token(AnonymousUser):
        is_authenticated = True

    session = Client().session
    assert binder.session_binder(request_of(session, Token())) == session[binder.VISITOR_KEY]


# Requests without a session


@pytest.fixture
def away_site(visitor):
    """A browser that withholds its cookies, as from a form on another site."""
    return Client()


def test_a_post_without_cookies_begins_no_session_and_sets_no_cookie(visitor, away_site):
    response = away_site.post(visitor.url, {"name": "two"})
    assert response.status_code == 404
    assert not response.cookies
    assert visitor.client.get(visitor.url).status_code == 200
