"""Sessions by `flows.sessions.db`: loaded with a query that is compiled once, and otherwise as Django has them."""

import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.models import Session
from django.contrib.sessions.serializers import JSONSerializer
from django.core.cache import caches
from django.core.management import call_command
from django.db.models.signals import post_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from flows.sessions.db import SessionStore

from tests.testapp.models import OwnSession
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

DJANGOS, ENGINE = "django.contrib.sessions.backends", "flows.sessions.db"


@pytest.fixture
def key():
    """Of a session that is kept."""
    session = DjangosStore()
    session["hat"] = "red"
    session.create()
    return session.session_key


def expire(key):
    Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))


# It is loaded


def test_a_session_is_loaded_with_one_query_that_is_compiled_once(key, compiled, django_assert_num_queries):
    SessionStore(key).load()
    compiled.clear()
    with django_assert_num_queries(1):
        assert SessionStore(key)["hat"] == "red"
    assert Session not in compiled
    assert DjangosStore(key)["hat"] == "red"
    assert Session in compiled


@pytest.mark.parametrize("lost", ["expired", "deleted", "unreadable", "never there", "short", "none"])
def test_a_session_that_is_lost_is_to_it_what_it_is_to_django(key, lost, django_assert_max_num_queries):
    if lost == "expired":
        expire(key)
    elif lost == "deleted":
        Session.objects.filter(pk=key).delete()
    elif lost == "unreadable":
        Session.objects.filter(pk=key).update(session_data="no data that Django signed")
    else:
        key = {"never there": "a" * 32, "short": "a", "none": None}[lost]
    ours, djangos = SessionStore(key), DjangosStore(key)
    with django_assert_max_num_queries(1):
        assert dict(ours.items()) == {}
    assert dict(djangos.items()) == {}
    assert ours.session_key == djangos.session_key


@pytest.mark.parametrize("use_tz", [True, False])
def test_what_a_subclass_is_given_of_the_row_is_what_django_gives_it(key, settings, use_tz):
    settings.USE_TZ = use_tz
    ours, djangos = (store(key)._get_session_from_db() for store in (SessionStore, DjangosStore))
    fields = [field.attname for field in Session._meta.concrete_fields]
    assert [getattr(ours, name) for name in fields] == [getattr(djangos, name) for name in fields]
    assert (ours, ours._state.db, ours._state.adding) == (djangos, djangos._state.db, djangos._state.adding)


def test_a_process_may_change_from_djangos_engine_and_back(key):
    ours = SessionStore(key)
    ours["coat"] = "blue"
    ours.save()
    assert dict(DjangosStore(key).items()) == dict(SessionStore(key).items()) == {"hat": "red", "coat": "blue"}


class Spaced(JSONSerializer):
    """A project's own."""

    def dumps(self, value):
        return b"  " + super().dumps(value)


def test_data_is_read_as_the_settings_say_it_is_written(settings):
    settings.SESSION_SERIALIZER = f"{__name__}.Spaced"
    session = SessionStore()
    session["hat"] = "red"
    session.save()
    assert isinstance(session.serializer(), Spaced)
    assert SessionStore(session.session_key)["hat"] == "red"


class Router:
    """Has sessions in one database, and reads them from another."""

    def db_for_read(self, model, **hints):
        return "other" if model is Session else None

    def db_for_write(self, model, **hints):
        return "default" if model is Session else None


@pytest.mark.django_db(databases=["default", "other"])
def test_the_router_says_which_database_sessions_are_read_from_and_which_they_are_written_to(key, settings):
    session = SessionStore(key)
    assert session["hat"] == "red"
    settings.DATABASE_ROUTERS = [Router()]
    assert SessionStore(key).get("hat") is None
    session["hat"] = "green"
    session.save()
    assert Session.objects.using("default").get(pk=key).get_decoded() == {"hat": "green"}
    Session.objects.using("default").get(pk=key).save(using="other", force_insert=True)
    Session.objects.using("default").all().delete()
    assert SessionStore(key)["hat"] == "green"


# It is written, and ended


def test_a_session_is_begun_changed_given_another_key_and_ended_as_djangos_is():
    session = SessionStore()
    session["hat"] = "red"
    session.save()
    first = session.session_key
    session.cycle_key()
    assert not session.exists(first)
    assert SessionStore(session.session_key)["hat"] == "red"
    second = session.session_key
    session.flush()
    assert (session.session_key, Session.objects.filter(pk=second).exists()) == (None, False)


def test_a_session_that_another_request_ended_is_not_brought_back(key):
    session = SessionStore(key)
    session["coat"] = "blue"
    DjangosStore(key).flush()
    with pytest.raises(UpdateError):
        session.save()
    assert not Session.objects.exists()


def test_who_listens_to_djangos_signals_hears_of_a_session_that_is_saved(key):
    heard = []

    def hear(instance, **options):
        heard.append(instance.pk)

    post_save.connect(hear, sender=Session)
    try:
        session = SessionStore(key)
        session["coat"] = "blue"
        session.save()
    finally:
        post_save.disconnect(hear, sender=Session)
    assert heard == [key]


def test_what_has_expired_is_removed_by_djangos_command(key, settings):
    settings.SESSION_ENGINE = ENGINE
    kept = SessionStore()
    kept.create()
    expire(key)
    call_command("clearsessions", stdout=StringIO())
    assert [session.pk for session in Session.objects.all()] == [kept.session_key]


def test_a_session_can_be_read_and_written_in_asynchronous_code(key):
    async def wear():
        session = SessionStore(key)
        await session.aset("coat", await session.aget("hat"))
        await session.asave()
        await session.acycle_key()
        return session.session_key

    assert dict(SessionStore(async_to_sync(wear)()).items()) == {"hat": "red", "coat": "red"}
    assert SessionStore(key).get("hat") is None


# Subclasses


class InFront(CachedStore, SessionStore):
    """Looks into a cache first."""

    cache_key_prefix = "tests.in_front."


InFront.__qualname__ = "SessionStore"  # with which data is signed


def test_a_subclass_may_look_into_a_cache_first(key, compiled, django_assert_num_queries):
    SessionStore(key).load()
    compiled.clear()
    with django_assert_num_queries(1):
        assert InFront(key)["hat"] == "red"
    assert Session not in compiled
    with django_assert_num_queries(0):
        assert InFront(key)["hat"] == "red"
    InFront(key).delete()
    assert InFront(key).get("hat") is None
    caches["default"].clear()


class OwnStore(SessionStore):
    @classmethod
    def get_model_class(cls):
        return OwnSession


def test_a_subclass_may_have_a_model_of_its_own_whose_manager_chooses(key, settings):
    SessionStore(key).load()
    session = OwnStore()
    session["hat"] = "blue"
    session.save()
    assert OwnStore(session.session_key)["hat"] == "blue"
    OwnSession.objects.update(hidden=True)
    hidden = OwnStore(session.session_key)
    assert (hidden.get("hat"), hidden.session_key) == (None, None)
    assert OwnStore(key).get("hat") is None
    assert SessionStore(session.session_key).get("hat") is None


# A site that has it, and one that has not


def test_a_flow_runs_with_it_and_is_warned_of_nothing(settings):
    settings.SESSION_ENGINE = ENGINE
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    for name in ("one", "two", "three"):
        visitor.submit(name=name)
    assert "Done" in visitor.text
    output = StringIO()
    call_command("check", stdout=output, stderr=output)
    assert "no issues" in output.getvalue()


def watching(get_response):
    """Tell the tests which session a request has, before the view and after it."""

    def middleware(request):
        before = request.session
        response = get_response(request)
        response.sessions = [before, request.session]
        return response

    return middleware


@pytest.mark.parametrize("engine", [f"{DJANGOS}.db", f"{DJANGOS}.cached_db", ENGINE])
def test_the_session_of_a_request_stays_the_object_and_the_class_that_the_site_made_it(engine, settings):
    settings.SESSION_ENGINE = engine
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.watching"]
    client, url, form = Client(), reverse("flows:journey"), {"name": "one"}
    for response in (client.get(url), client.post(url, form), client.get(url), client.post(url, form)):
        before, after = response.sessions
        assert before is after
        assert type(after) is import_module(engine).SessionStore


def test_it_is_imported_without_a_model_and_before_apps_are_ready():
    code = (
        "import sys; from django.apps import apps; from django.conf import settings; settings.configure()\n"
        "from flows.sessions.db import SessionStore; SessionStore()\n"
        "models = 'django.contrib.sessions.models', 'flows.models'\n"
        "print(apps.ready, [name for name in models if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False []"
