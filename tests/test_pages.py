"""The pages as they are before anyone styles them, their headers, and bad input."""

import sqlite3
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.http import Http404, HttpResponse
from django.urls import reverse

from flows.exceptions import StoreUnavailable
from flows.statestore.django_store import StateStore

from tests.route_pages import Page, Told, walk
from tests.testapp.flows import Counted, Menu
from tests.testapp.models import Effect
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def visitor():
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    return visitor


class Parser(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_every_field_has_a_label_and_the_page_its_title(visitor):
    parsed = Parser(visitor.text)
    assert {label["for"] for label in parsed.all("label")} == {"id_name"}
    assert "<title>Second</title>" in visitor.text
    assert parsed.all("html") == [{"lang": "en"}]
    assert len(parsed.all("h1")) == 1


def test_errors_are_summed_up_and_linked_to_their_fields(visitor):
    visitor.submit(name="")
    parsed = Parser(visitor.text)
    assert "<title>Error: Second</title>" in visitor.text
    assert [tag for tag in parsed.tags if tag[1].get("role") == "alert"]
    assert {"href": "#id_name"} in parsed.all("a")
    assert parsed.all("input")[1]["aria-invalid"] == "true"


def test_the_progress_says_which_step_is_current(visitor):
    assert sum(attributes.get("aria-current") == "step" for _, attributes in Parser(visitor.text).tags) == 1


@pytest.mark.parametrize(("language", "text"), [("en", "Step 3 of 13"), ("de", "Schritt 3 von 13")])
def test_the_progress_of_a_long_flow_is_a_number(settings, language, text):
    class Long(Told):
        action_set = [type(f"Page{number}", (Page,), {}) for number in range(13)]

    walker = walk(settings, Long, "one", "two")
    shown = walker.client.get(walker.url, headers={"Accept-Language": language}).content.decode()
    assert f'<p class="flow-progress">{text}</p>' in shown
    assert not Parser(shown).all("nav")


def test_the_progress_of_a_flow_of_a_dozen_steps_is_a_list(settings):
    class Dozen(Told):
        action_set = [type(f"Page{number}", (Page,), {}) for number in range(12)]

    assert len(Parser(walk(settings, Dozen, "one").text).all("li")) == 12


def test_pages_speak_the_visitors_language(visitor):
    response = visitor.client.get(visitor.url, headers={"Accept-Language": "ar"})
    assert {"lang": "ar", "dir": "rtl"} in Parser(response.content.decode()).all("html")


def answers(visitor):
    """Yield a response of each kind."""
    first, here = reverse("flows:journey"), visitor.url
    yield visitor.client.get(first)
    yield visitor.client.get(here)
    yield visitor.client.post(here, visitor.form(name=""))
    yield visitor.client.post(here, visitor.form(name="two"))
    yield visitor.client.get(f"/journey/second/?_t={UNKNOWN}")
    yield visitor.client.get("/journey/second/")
    yield visitor.client.get(here.replace("second", "gone"))
    yield visitor.client.options(here)
    yield visitor.client.delete(here, headers={"X-CSRFToken": visitor.form()["csrfmiddlewaretoken"]})
    visitor.open(here.replace("second", "third"))
    response = visitor.client.post(visitor.url, visitor.form(name="three"))
    yield response
    yield visitor.client.get(response["Location"])


def test_every_page_is_kept_out_of_caches_and_logs(visitor):
    seen = set()
    for response in answers(visitor):
        seen.add(response.status_code)
        assert "no-store" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]
        assert "Cookie" in response["Vary"]
        assert response["Referrer-Policy"] == "same-origin"
    assert seen == {200, 302, 404, 405}


def test_a_stricter_referrer_policy_is_left_alone(visitor, settings):
    settings.SECURE_REFERRER_POLICY = "no-referrer"
    assert visitor.client.get(visitor.url)["Referrer-Policy"] == "no-referrer"


def test_the_pages_can_be_overridden(visitor, settings, tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "base.html").write_text(
        "mine {% block title %}{% endblock %}{% block content %}{% endblock %}"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    for response in answers(visitor):
        assert response.status_code in (302, 405) or not response.content or response.content.startswith(b"mine ")


# Exceptions are Django's and the project's


class Watching:
    """A middleware with a page of its own for some exceptions."""

    seen = []

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        self.seen.append(type(exception))
        return HttpResponse("Please wait an hour.", status=429) if isinstance(exception, PermissionDenied) else None


@pytest.fixture
def seen(settings, monkeypatch):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Watching"]
    monkeypatch.setattr(Watching, "seen", [])
    return Watching.seen


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "error", [PermissionDenied("No."), Http404("No."), SuspiciousOperation("No."), BadRequest("No."), ValueError("No.")]
)
def test_middleware_sees_exceptions_as_of_any_view(seen, visitor, monkeypatch, error, method):
    def act(self, request, *args, **kwargs):
        raise error

    monkeypatch.setattr(Counted, method, act, raising=False)
    visitor.client.raise_request_exception = False
    expected = {PermissionDenied: 429, Http404: 404, ValueError: 500}.get(type(error), 400)
    data = visitor.form(name="two") if method == "post" else None
    assert getattr(visitor.client, method)(visitor.url, data).status_code == expected
    assert seen == [type(error)]


def test_middleware_does_not_see_what_we_have_a_page_for(seen, visitor):
    assert visitor.client.get(f"/journey/second/?_t={'0' * 32}").status_code == 404
    assert visitor.client.get(visitor.url.replace("second", "third")).status_code == 302
    assert seen == []


def test_the_projects_own_page_for_what_is_not_found_is_shown(client, settings, tmp_path):
    (tmp_path / "404.html").write_text("We have looked everywhere.")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    response = client.get("/journey/gone/")
    assert (response.status_code, response.content) == (404, b"We have looked everywhere.")


# A store that is away


class Away(StateStore):
    def read(self, *args):
        raise StoreUnavailable("away")

    lock = lock_new = create = read


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_store_that_cannot_be_reached_is_busy_and_loses_nothing(visitor, monkeypatch, method):
    form = visitor.form(name="two")
    session = visitor.client.cookies["sessionid"].value
    with monkeypatch.context() as patch:
        for name in ("read", "lock"):
            patch.setattr(StateStore, name, Away.read)
        response = getattr(visitor.client, method)(visitor.url, form if method == "post" else None)
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "Please try again" in response.content.decode()
    assert visitor.client.cookies["sessionid"].value == session
    visitor.send(visitor.url, form)
    assert visitor.page == "/journey/third/"
    assert Effect.objects.filter(what="journey/second").count() == 1


def database_away(*args, **options):
    raise OperationalError("unable to open database file") from sqlite3.OperationalError("unable to open")


@pytest.mark.parametrize("page", ["first", "later"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_sessions_that_cannot_be_read_are_busy_and_lose_nothing(visitor, monkeypatch, method, page):
    if page == "first":
        visitor.open(reverse("flows:journey"))
    form = visitor.form(name="two")
    with monkeypatch.context() as patch:
        for name in ("load", "save", "exists"):
            patch.setattr(SessionStore, name, database_away)
        response = getattr(visitor.client, method)(visitor.url, form if method == "post" else None)
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    visitor.send(visitor.url, form)
    assert visitor.page == ("/journey/second/" if page == "first" else "/journey/third/")


@pytest.mark.parametrize("method", ["get", "post", "options"])
@pytest.mark.parametrize("task_id", ["zz", UNKNOWN])
def test_where_sessions_cannot_be_read_not_even_a_made_up_id_is_an_error(visitor, monkeypatch, method, task_id):
    form = visitor.form(name="two") if method == "post" else None
    for name in ("load", "save", "exists"):
        monkeypatch.setattr(SessionStore, name, database_away)
    assert getattr(visitor.client, method)(f"/journey/second/?_t={task_id}", form).status_code == 503


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_busy_page_is_shown_though_the_projects_pages_need_the_database(
    visitor, monkeypatch, method, settings, tmp_path
):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "base.html").write_text(
        "{% if user.is_authenticated %}Hello{% endif %}{% block content %}{% endblock %}"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    form = visitor.form(name="two") if method == "post" else None
    for name in ("load", "save", "exists"):
        monkeypatch.setattr(SessionStore, name, database_away)
    response = getattr(visitor.client, method)(visitor.url, form)
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert b"Please try again" in response.content


def test_who_had_no_session_is_given_none_by_what_could_not_be_done(client, monkeypatch):
    for name in ("load", "save", "exists"):
        monkeypatch.setattr(SessionStore, name, database_away)
    monkeypatch.setattr(StateStore, "lock_new", Away.lock_new)
    response = client.post(reverse("flows:journey"), {"name": "one"})
    assert response.status_code == 503
    assert not response.cookies


def test_a_template_that_asks_a_database_that_is_away_is_busy(linking, monkeypatch):
    monkeypatch.setattr(Menu, "links", database_away)
    visitor = Visitor()
    visitor.open(reverse("flows:free"))
    assert (visitor.response.status_code, visitor.response["Retry-After"]) == (503, "2")


@pytest.fixture
def linking(monkeypatch, settings, tmp_path):
    """Let the first page of the flow ``free`` have links in its template, which is rendered after the view."""
    (tmp_path / "linking.html").write_text("<h1>Menu</h1>{{ view.links }}<form>{% csrf_token %}</form>")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    monkeypatch.setattr(Menu, "template_name", "linking.html")


def test_an_exception_in_an_action_keeps_nothing_and_a_resend_is_well(visitor, monkeypatch):
    from tests.testapp.flows import Second

    url, form, valid = visitor.url, visitor.form(name="two"), Second.form_valid

    def fail(self, form):
        valid(self, form)
        raise OperationalError("no such table: other")

    monkeypatch.setattr(Second, "form_valid", fail, raising=False)
    with pytest.raises(OperationalError):
        visitor.send(url, form)
    monkeypatch.undo()
    assert not Effect.objects.filter(what="journey/second").exists()
    visitor.send(url, form)
    assert visitor.page == "/journey/third/"


# Bad input

TOKEN = "csrfmiddlewaretoken"


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data", b"no boundary", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken", 302),
        ("application/x-www-form-urlencoded; charset=klingon", b"name=two", 302),
        ("application/x-www-form-urlencoded; charset=utf-16", b"name=two", 400),
        ("application/x-www-form-urlencoded", b"name=%00", 200),
        ("application/x-www-form-urlencoded", b"name=%ff%fe", 302),
        ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % n for n in range(3000)), 400),
        ("application/x-www-form-urlencoded", b"name=" + b"x" * 5_000_000, 400),
        ("application/json", b'{"name": "\\ud800"}', 200),
        ("application/json", b"x" * 5_000_000, 400),
        ("", b"", 200),
        ("text/plain", b"\xff", 200),
    ],
)
@pytest.mark.parametrize("place", ["first", "second"])
def test_a_broken_body_is_never_an_error_of_ours(client, content_type, body, status, place):
    client.raise_request_exception = False
    visitor = Visitor(client)
    visitor.open(reverse("flows:journey"))
    if place == "second":
        visitor.submit_without_token(name="one")
    response = client.generic("POST", visitor.url, body, content_type=content_type)
    assert response.status_code in (status, 413 if status == 400 else 200)


def test_two_hundred_files_are_refused(client):
    visitor = Visitor(client)
    visitor.open(reverse("flows:journey"))
    response = client.post(visitor.url, {f"f{n}": SimpleUploadedFile("x", b"x") for n in range(200)})
    assert response.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "FOO"])
def test_methods_that_an_action_does_not_know_do_nothing(client, method):
    visitor = Visitor(client)
    visitor.open(reverse("flows:journey"))
    visitor.submit_without_token(name="one")
    response = client.generic(method, visitor.url, b"", content_type="application/x-www-form-urlencoded")
    assert response.status_code in (200, 405)
    assert Effect.objects.count() == 1


def test_hostile_text_stays_text(client):
    User.objects.create(username="anna")
    visitor = Visitor(client)
    visitor.open(reverse("flows:journey"))
    visitor.submit_without_token(name="</title><script>alert(1)</script>")
    visitor.open(visitor.response.context["flow"].back_url + "&x=</title><script>")
    assert not Parser(visitor.text).all("script")


def test_the_pages_are_translated(visitor):
    german = {"Accept-Language": "de"}
    assert ">Weiter<" in visitor.client.get(visitor.url, headers=german).content.decode()
    expired = visitor.client.get(f"/journey/second/?_t={UNKNOWN}", headers=german).content.decode()
    assert "Diese Seite ist abgelaufen" in expired
    assert "Neu beginnen: Journey" in expired
