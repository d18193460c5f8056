"""How Redis keeps count of an owner's tasks."""

import time

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from redis import Redis
from redis.exceptions import ConnectionError as Lost

from flows.statestore import redis_store as module
from flows.statestore.base import ENDED

pytestmark = pytest.mark.usefixtures("redis_store")


@pytest.fixture
def store():
    return module.StateStore()


@pytest.fixture
def server(redis_store):
    return module.get_client()


@pytest.fixture
def limited(settings):
    settings.FLOWS_MAX_TASKS_PER_OWNER = 2


def key(of="{owner}:tasks"):
    return f"{django_settings.FLOWS_REDIS_STATE_STORE_PREFIX}{of}"


def members(server):
    return {member.decode() for member in server.zrange(key(), 0, -1)}


def save(store, task_id, **options):
    with store.lock(task_id) as hold:
        hold.save("owner", "[]", **options)


def test_without_a_limit_there_is_no_set(store, server):
    store.create("id", "owner", "{}")
    save(store, "id")
    assert server.keys(key("*")) == [key("{id}:task").encode()]


def test_a_task_of_nobody_is_in_no_set(store, server, limited):
    store.create("id", "", "{}")
    assert server.keys(key("*")) == [key("{id}:task").encode()]


def test_a_set_lives_as_long_as_the_last_of_its_tasks(store, server, limited):
    store.create("id", "owner", "{}")
    for use in (lambda: save(store, "id"), lambda: store.touch("id", store.read("id"))):
        server.pexpire(key(), 1000)
        use()
        assert 1_190_000 < server.pttl(key()) <= 1_200_000


def test_tasks_from_before_there_was_a_limit_are_counted_once_they_are_used(store, server, settings):
    store.create("first", "owner", "{}")
    store.create("second", "owner", "{}")
    settings.FLOWS_MAX_TASKS_PER_OWNER = 2
    store.touch("first", store.read("first"))
    assert members(server) == {"first"}


def test_what_has_expired_or_ended_or_is_anothers_is_taken_out(store, server, limited):
    for task_id in ("ended", "gone"):
        store.create(task_id, "owner", "{}")
    save(store, "ended", status=ENDED)
    assert members(server) == {"gone"}
    server.delete(key("{gone}:task"))
    store.create("anothers", "another", "{}")
    expiry = server.zscore(key(), "gone") + 1
    server.zadd(key(), {"ended": expiry, "anothers": expiry})
    for task_id in ("one", "two", "three"):
        store.create(task_id, "owner", "{}")
        time.sleep(0.01)
    assert members(server) == {"two", "three"}
    assert store.read("anothers").owner == "another"


def test_a_task_that_is_used_at_the_last_moment_stays(store, server, limited, monkeypatch):
    for task_id in ("one", "two"):
        store.create(task_id, "owner", "{}")
        time.sleep(0.01)
    evaluate = Redis.eval

    def used_before(self, script, *args):
        if script is module.EVICT:
            time.sleep(0.01)
            save(store, "one")
        return evaluate(self, script, *args)

    monkeypatch.setattr(Redis, "eval", used_before)
    store.create("three", "owner", "{}")
    assert members(server) == {"one", "two", "three"}
    assert store.read("one").data == "[]"


def test_a_task_is_kept_where_it_could_not_be_counted(store, server, limited, monkeypatch, caplog):
    evaluate = Redis.eval

    def lose(self, script, *args):
        if script is module.NOTE:
            raise Lost("gone")
        return evaluate(self, script, *args)

    monkeypatch.setattr(Redis, "eval", lose)
    store.create("id", "owner", "{}")
    assert store.read("id").data == "{}"
    assert "Redis cannot be reached or refuses to work: gone" in caplog.text


@override_settings(FLOWS_MAX_TASKS_PER_OWNER=5)
def test_a_limit_costs_each_write_one_round_trip(store, server, monkeypatch):
    sent = []
    connection = server.connection_pool.connection_class
    send = connection.send_packed_command

    def spy(self, *args, **kwargs):
        sent.append(args)
        return send(self, *args, **kwargs)

    store.create("first", "owner", "{}")
    monkeypatch.setattr(connection, "send_packed_command", spy)
    store.create("id", "owner", "{}")
    assert len(sent) == 2
    save(store, "id")
    assert len(sent) == 5
