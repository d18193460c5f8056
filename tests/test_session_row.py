"""Sessions in Django's table: loaded with one query that is compiled once, and otherwise as Django does it."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from flows.session_row import hasten

pytestmark = pytest.mark.django_db


@pytest.fixture
def key():
    """Of a session that is kept."""
    session = DjangosStore()
    session["hat"] = "red"
    session.create()
    return session.session_key


def hastened(key):
    session = DjangosStore(key)
    hasten(session)
    return session


def test_a_session_is_loaded_with_one_query_that_is_compiled_once(key, compiled, django_assert_num_queries):
    hastened(key).load()
    compiled.clear()
    with django_assert_num_queries(1):
        assert hastened(key)["hat"] == "red"
    assert Session not in compiled
    assert DjangosStore(key)["hat"] == "red"
    assert Session in compiled


@pytest.mark.parametrize("lost", ["expired", "deleted", "unreadable", "never there", "none"])
def test_a_session_that_is_lost_is_to_it_what_it_is_to_django(key, lost):
    rows = Session.objects.filter(pk=key)
    if lost == "expired":
        rows.update(expire_date=timezone.now() - timedelta(seconds=1))
    elif lost == "deleted":
        rows.delete()
    elif lost == "unreadable":
        rows.update(session_data="no data that Django signed")
    else:
        key = "a" * 32 if lost == "never there" else None
    ours, djangos = hastened(key), DjangosStore(key)
    assert dict(ours.items()) == dict(djangos.items()) == {}
    assert ours.session_key == djangos.session_key


def test_the_router_says_which_database_sessions_are_read_from(key, settings):
    asked = []

    class Router:
        def db_for_read(self, model, **hints):
            asked.append(model)

    settings.DATABASE_ROUTERS = [Router()]
    hastened(key).load()
    assert asked == [Session]


def test_it_is_the_same_object_that_others_have(key):
    session = held = DjangosStore(key)
    hasten(session)
    held["coat"] = "blue"
    session.save()
    assert isinstance(session, DjangosStore)
    assert dict(DjangosStore(key).items()) == {"hat": "red", "coat": "blue"}


def test_what_was_changed_before_is_kept(key):
    session = DjangosStore(key)
    session["coat"] = "blue"
    hasten(session)
    session.save()
    assert dict(DjangosStore(key).items()) == {"hat": "red", "coat": "blue"}


class ProjectsStore(DjangosStore):
    """A project's own, which may load a session in another way."""


@pytest.mark.parametrize("session", [CachedStore(), ProjectsStore(), {}, None])
def test_sessions_of_another_class_are_left_alone(session):
    before = type(session)
    hasten(session)
    assert type(session) is before
