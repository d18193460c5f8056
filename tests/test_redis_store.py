"""What is true of the store in Redis only."""

import contextlib
import secrets
import socket
import subprocess
import sys
import threading
import time

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from flows.exceptions import NotStorable, StateDamaged, StateNotFound, StoreConflict, StoreUnavailable
from flows.statestore import redis_store as module
from flows.statestore.base import Record


@pytest.fixture
def store():
    return module.StateStore()


@pytest.fixture
def server(redis_store):
    """A client of the real server, for what the store itself does not show."""
    return module.get_client()


def task_key(task_id="id"):
    return f"{django_settings.FLOWS_REDIS_STATE_STORE_PREFIX}{{{task_id}}}:task"


# Before there is any traffic


def test_nothing_of_the_library_imports_redis_and_a_store_is_made_without_io(tmp_path):
    program = """
import pkgutil, sys
sys.modules["redis"] = None
import django
django.setup()
import flows
for found in pkgutil.walk_packages(flows.__path__, "flows."):
    __import__(found.name)
from flows.statestore.redis_store import StateStore
StateStore()
"""
    command = [sys.executable, "-W", "error", "-c", program]
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_process_has_one_client(redis_store):
    assert module.get_client() is module.get_client()


# Keys and expiry


def test_both_keys_of_a_task_are_below_the_prefix_and_in_one_slot(store, server):
    with store.birth("id", "owner") as hold:
        prefix = django_settings.FLOWS_REDIS_STATE_STORE_PREFIX
        hold.save("owner", "{}")
        assert server.keys(f"{prefix}*") == [f"{prefix}{{id}}:lease".encode()]
    assert server.keys(f"{prefix}*") == [f"{prefix}{{id}}:task".encode()]


@override_settings(FLOWS_TASK_IDLE_TIMEOUT=5)
@pytest.mark.parametrize("write", ["put_state", "create", "update", "lock", "touch"])
def test_redis_itself_forgets_a_task_that_is_idle(store, server, write):
    store.create("id", "owner", "{}")
    server.persist(task_key())
    if write == "lock":
        with store.lock("id") as hold:
            hold.save("owner", "[]")
    else:
        record = store.read("id")
        if write == "create":
            server.delete(task_key())
        arguments = {
            "put_state": [{}],
            "create": ["owner", "{}"],
            "update": [record],
            "touch": [record],
        }
        getattr(store, write)("id", *arguments[write])
    assert 4000 < server.pttl(task_key()) <= 5000


@override_settings(FLOWS_TASK_IDLE_TIMEOUT=0.2)
def test_an_expired_state_is_not_found(store, server):
    store.put_state("id", {"a": 1})
    time.sleep(0.3)
    with pytest.raises(StateNotFound):
        store.get_state("id")
    assert not server.exists(task_key())


def test_a_touch_does_not_bring_back_what_is_gone(store, server):
    store.touch("id", Record("owner", "{}", 1))
    with pytest.raises(StateNotFound):
        store.read("id")


def test_putting_the_state_of_a_live_record_leaves_its_owner_and_counts_as_a_write(store, server):
    store.create("id", "owner", '{"a":1}')
    before = store.read("id")
    store.put_state("id", {"b": 2})
    assert (store.read("id").owner, store.get_state("id")) == ("owner", {"b": 2})
    with pytest.raises(StoreConflict):
        store.update("id", before)


def test_what_cannot_be_stored_leaves_what_was_there(store, server):
    store.put_state("id", {"a": 1})
    with pytest.raises(NotStorable):
        store.put_state("id", {"a": object()})
    assert store.get_state("id") == {"a": 1}


# Leases


@override_settings(FLOWS_REDIS_STATE_STORE_LEASE=0.2)
@pytest.mark.parametrize("kind", ["lock", "birth"])
def test_a_holder_that_comes_back_after_its_lease_has_run_out_overwrites_nothing(store, server, kind):
    if kind == "lock":
        store.create("id", "owner", "{}")

    def holding():
        return store.lock("id") if kind == "lock" else store.birth("id", "owner")

    def be_late():
        with holding() as late:
            time.sleep(0.3)
            with holding() as next_one:
                next_one.save("owner", '"in time"')
            late.save("owner", '"late"')

    with pytest.raises(StoreConflict):
        be_late()
    assert store.read("id").data == '"in time"'


@override_settings(FLOWS_REDIS_STATE_STORE_LEASE=0.2)
def test_a_holder_that_comes_back_late_leaves_the_lease_to_the_next_one(store, server):
    store.create("id", "owner", "{}")
    late = store.lock("id")
    late.__enter__()
    time.sleep(0.3)
    with override_settings(FLOWS_REDIS_STATE_STORE_LEASE=60), store.lock("id"):
        late.__exit__(None, None, None)
        with override_settings(FLOWS_LOCK_WAIT=0.1), pytest.raises(StoreUnavailable), store.lock("id"):
            pass


def test_a_write_by_who_does_not_hold_the_task_leaves_the_lease_to_its_holder(store, server):
    store.create("id", "owner", "{}")
    with store.lock("id"):
        with pytest.raises(StoreConflict):
            store.update("id", store.read("id"))
        with override_settings(FLOWS_LOCK_WAIT=0.1), pytest.raises(StoreUnavailable), store.lock("id"):
            pass


def test_a_task_that_was_removed_during_a_hold_is_not_brought_back(store, server):
    store.create("id", "owner", "{}")

    def run():
        with store.lock("id") as hold:
            server.delete(task_key())
            hold.save("owner", "[]")

    with pytest.raises(StoreConflict):
        run()
    with pytest.raises(StateNotFound):
        store.read("id")


def test_each_step_is_one_round_trip(store, server, monkeypatch):
    store.create("id", "owner", "{}")
    sent = []
    connection = server.connection_pool.connection_class
    send = connection.send_packed_command

    def spy(self, *args, **kwargs):
        sent.append(args)
        return send(self, *args, **kwargs)

    store.read("id")  # connects
    monkeypatch.setattr(connection, "send_packed_command", spy)
    store.read("id")
    assert len(sent) == 1
    with store.lock("id") as hold:
        assert len(sent) == 2
        hold.save("owner", "[]")
    assert len(sent) == 3


# Replies that are lost


@pytest.fixture
def proxy(redis_store, settings):
    """What stands between the store and the server, and can lose a reply."""
    with contextlib.closing(Proxy(settings.FLOWS_REDIS_STATE_STORE_PORT)) as proxy:
        settings.FLOWS_REDIS_STATE_STORE_HOST = "127.0.0.1"
        settings.FLOWS_REDIS_STATE_STORE_PORT = proxy.port
        yield proxy
        module.get_client().close()


class Proxy:
    """Hands requests on; ``lose(word)`` drops the connection in place of the reply to one that holds the word."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.lost = 0
        self._word = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, word):
        self._word = word

    def close(self):
        # Ends accept() where close() alone would leave it waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client):
        address = ("127.0.0.1", self.server_port)
        with contextlib.suppress(OSError), client, socket.create_connection(address) as server:
            while request := client.recv(1 << 16):
                server.sendall(request)
                reply = server.recv(1 << 16)
                if self._word and self._word in request:
                    self._word, self.lost = None, self.lost + 1
                    return
                client.sendall(reply)


def test_a_save_whose_reply_was_lost_is_no_conflict_and_counts_once(store, proxy):
    store.create("id", "owner", "{}")
    with store.lock("id") as hold:
        proxy.lose(b"[1,2,3]")
        hold.save("owner", "[1,2,3]")
    assert proxy.lost == 1
    assert (store.read("id").data, store.read("id").version) == ("[1,2,3]", 2)


def test_a_birth_whose_reply_was_lost_is_no_conflict(store, proxy):
    with store.birth("id", "owner") as hold:
        proxy.lose(b"[1,2,3]")
        hold.save("owner", "[1,2,3]")
    assert proxy.lost == 1
    assert (store.read("id").data, store.read("id").version) == ("[1,2,3]", 1)


def test_a_lease_whose_reply_was_lost_is_held(store, proxy):
    store.create("id", "owner", "{}")
    proxy.lose(b"{id}:lease")
    began = time.monotonic()
    with store.lock("id") as hold:
        assert hold.record.version == 1
    assert proxy.lost == 1
    assert time.monotonic() - began < 2


# The server is away, or refuses


@pytest.mark.parametrize("method", ["read", "get_state", "lock", "birth", "create", "update", "put_state", "touch"])
def test_a_server_that_is_down_is_unavailable_at_once(store, method):
    record = Record("owner", "{}", 1)
    calls = {
        "lock": lambda: store.lock("id").__enter__(),
        "birth": lambda: store.birth("id", "owner").__enter__(),
        "create": lambda: store.create("id", "owner", "{}"),
        "update": lambda: store.update("id", record),
        "touch": lambda: store.touch("id", record),
        "put_state": lambda: store.put_state("id", {}),
    }
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    began = time.monotonic()
    with (
        override_settings(FLOWS_REDIS_STATE_STORE_HOST="127.0.0.1", FLOWS_REDIS_STATE_STORE_PORT=port),
        pytest.raises(StoreUnavailable, match=r"^Redis cannot be reached or refuses to work: "),
    ):
        calls.get(method, lambda: getattr(store, method)("id"))()
    assert time.monotonic() - began < 2


def test_an_error_during_a_hold_is_not_hidden_by_a_server_that_went_down(store, proxy):
    store.create("id", "owner", "{}")

    def run():
        with store.lock("id"):
            proxy.lose(b"{id}:lease")
            proxy.server_port = 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()


def test_user_and_password_are_those_of_the_settings(store, server, settings):
    user, password = f"flows-{secrets.token_hex(4)}", secrets.token_hex(8)
    prefix = settings.FLOWS_REDIS_STATE_STORE_PREFIX
    server.execute_command("ACL", "SETUSER", user, "on", f">{password}", f"~{prefix}*", "+@all", "-@admin")
    try:
        with override_settings(FLOWS_REDIS_STATE_STORE_USER=user, FLOWS_REDIS_STATE_STORE_PASSWORD=password):
            assert module.get_client().execute_command("ACL", "WHOAMI") == user.encode()
            with store.birth("id", "owner") as hold:
                hold.save("owner", "{}")
            assert store.read("id").data == "{}"
            with override_settings(FLOWS_REDIS_STATE_STORE_PREFIX="another:"), pytest.raises(StoreUnavailable):
                store.read("id")
        with (
            override_settings(FLOWS_REDIS_STATE_STORE_USER=user, FLOWS_REDIS_STATE_STORE_PASSWORD="wrong"),
            pytest.raises(StoreUnavailable),
        ):
            store.read("id")
    finally:
        server.execute_command("ACL", "DELUSER", user)


def test_the_database_is_that_of_the_settings(store, server, settings):
    settings.FLOWS_REDIS_STATE_STORE_DB = 1
    store.create("id", "owner", "{}")
    try:
        assert not server.exists(task_key())
        assert module.get_client().exists(task_key())
    finally:
        module.get_client().delete(task_key())


# What is kept is not what was written


@pytest.mark.parametrize(
    "fields",
    [
        {"version": "1"},
        {"version": "1", "owner": "owner"},
        {"version": "1", "data": "{}"},
        {"owner": "owner", "data": "{}"},
        {"version": "one", "owner": "owner", "data": "{}"},
        {"version": "1", "owner": "owner", "data": "\u00e9"},
        {"version": "1", "owner": b"\xff", "data": "{}"},
    ],
    ids="+".join,
)
@pytest.mark.parametrize("way", ["read", "lock"])
def test_a_hash_that_cannot_be_read_is_damaged_and_not_missing(store, server, fields, way):
    server.hset(task_key(), mapping=fields)
    with pytest.raises(StateDamaged):
        store.read("id") if way == "read" else store.lock("id").__enter__()


def test_a_hash_whose_data_is_not_json_is_damaged_and_not_missing(store, server):
    store.create("id", "owner", '{"a":')
    with pytest.raises(StateDamaged):
        store.get_state("id")


def test_a_key_of_another_kind_is_refused_and_left_as_it_is(store, server):
    server.set(task_key(), "something else")
    with pytest.raises(StoreUnavailable):
        store.put_state("id", {})
    assert server.get(task_key()) == b"something else"
