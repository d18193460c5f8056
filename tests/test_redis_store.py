"""What is true of the store in Redis only."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from django.urls import reverse
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.retry import Retry

from flows.exceptions import NotStorable, StateDamaged, StateNotFound, StoreConflict, StoreUnavailable
from flows.statestore import redis_client
from flows.statestore import redis_store as module
from flows.statestore.base import Record

from tests import conftest, servers
from tests.testapp.models import Effect
from tests.visitor import Visitor


@pytest.fixture
def store():
    return module.StateStore()


@pytest.fixture
def server(redis_store):
    """A client of the real server, for what the store itself does not show."""
    return module.get_client()


def task_key(task_id="id", what="task"):
    return f"{django_settings.FLOWS_REDIS_STATE_STORE_PREFIX}{{{task_id}}}:{what}"


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


@pytest.mark.slow
def test_a_process_may_have_many_requests_at_the_server_at_once(server):
    with ThreadPoolExecutor(max_workers=120) as pool:
        waiting = [pool.submit(server.blpop, task_key("nothing"), timeout=1) for _ in range(120)]
        assert [future.result() for future in waiting] == [None] * 120


# Keys and expiry


def test_both_keys_of_a_task_are_below_the_prefix_and_in_one_slot(store, server):
    with store.lock_new("id") as hold:
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


@pytest.mark.parametrize("kind", ["lock", "lock_new"])
def test_a_holder_that_comes_back_after_its_lease_was_lost_overwrites_nothing(store, server, kind):
    if kind == "lock":
        store.create("id", "owner", "{}")

    def holding():
        return store.lock("id") if kind == "lock" else store.lock_new("id")

    def be_late():
        with holding() as late:
            server.delete(task_key(what="lease"))
            with holding() as next_one:
                next_one.save("owner", '"in time"')
            late.save("owner", '"late"')

    with pytest.raises(StoreConflict):
        be_late()
    assert store.read("id").data == '"in time"'


def test_a_holder_that_comes_back_late_leaves_the_lease_to_the_next_one(store, server):
    store.create("id", "owner", "{}")
    late = store.lock("id")
    late.__enter__()
    server.delete(task_key(what="lease"))
    with store.lock("id"):
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


# Claims


def claim(store, task_id):
    with contextlib.suppress(ZeroDivisionError), store.lock_new(task_id) as hold:
        hold.claim("owner", "{}")
        raise ZeroDivisionError


ODD_IDS = ["id", "", "a{b", "a}b", "}:claim", "{x}:claim", "*", "[a]", "\\", "é", "\x00", "\ud800"]


@pytest.mark.parametrize("prefix", ["", "f*?:", "[a-z]^:", "back\\slash:", "{tag}:", "é:"], ids=ascii)
def test_claimed_tasks_are_listed_whatever_their_ids_and_prefix(store, server, settings, prefix):
    settings.FLOWS_REDIS_STATE_STORE_PREFIX += "another:"
    claim(store, "another site's")
    settings.FLOWS_REDIS_STATE_STORE_PREFIX = settings.FLOWS_REDIS_STATE_STORE_PREFIX.replace("another:", prefix)
    for task_id in ODD_IDS:
        claim(store, task_id)
    assert sorted(task_id for task_id, _ in store.claimed()) == sorted(ODD_IDS)


def test_a_task_that_is_claimed_while_it_is_touched_is_not_forgotten_earlier(store, server):
    store.create("id", "owner", "{}")
    seen = store.read("id")
    with store.lock("id") as hold:
        hold.claim("owner", "{}")
        store.touch("id", seen)
        assert server.pttl(task_key()) > module.CLAIM_LIFE * 1000
        assert store.read("id").idle < 60


def test_who_goes_through_the_claimed_tasks_may_release_them_on_the_way(store, server):
    for number in range(20):
        claim(store, f"id {number}")
    released = []
    for task_id, _ in store.claimed():
        for other in {f"id {number}" for number in range(20)} - {task_id, *released}:
            with store.lock(other) as hold:
                hold.save("owner", "[]")
            released.append(other)
    assert len(released) == 19


def test_an_error_of_who_goes_through_the_claimed_tasks_is_his_own(store, server):
    claim(store, "id")

    def look():
        for _ in store.claimed():
            server.execute_command("NO SUCH COMMAND")

    with pytest.raises(ResponseError):
        look()
    claimed = store.claimed()
    next(claimed)
    with pytest.raises(ResponseError):
        claimed.throw(ResponseError())


def test_a_claimed_task_that_cannot_be_read_is_told_and_does_not_hide_the_others(store, server, caplog):
    claim(store, "damaged")
    claim(store, "id")
    server.hdel(task_key("damaged"), "version")
    server.set(task_key("gone", "claim"), "")
    store.create("open", "owner", "{}")
    server.set(task_key("open", "claim"), "")
    assert [task_id for task_id, _ in store.claimed()] == ["id"]
    assert "The hash of the task damage… cannot be read" in caplog.text


# Round trips


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
    address = (settings.FLOWS_REDIS_STATE_STORE_HOST, settings.FLOWS_REDIS_STATE_STORE_PORT)
    with contextlib.closing(Proxy(address)) as proxy:
        settings.FLOWS_REDIS_STATE_STORE_HOST = "127.0.0.1"
        settings.FLOWS_REDIS_STATE_STORE_PORT = proxy.port
        yield proxy
        module.get_client().close()


class Proxy:
    """Hands requests on; ``lose(word)`` drops the connection in place of the reply to one that holds the word."""

    def __init__(self, server):
        self.server = server
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
        with contextlib.suppress(OSError), client, socket.create_connection(self.server) as server:
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


def test_a_new_task_whose_reply_was_lost_is_no_conflict(store, proxy):
    with store.lock_new("id") as hold:
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


@pytest.mark.parametrize("method", ["read", "get_state", "lock", "lock_new", "create", "update", "put_state", "touch"])
def test_a_server_that_is_down_is_unavailable_at_once(store, method):
    record = Record("owner", "{}", 1)
    calls = {
        "lock": lambda: store.lock("id").__enter__(),
        "lock_new": lambda: store.lock_new("id").__enter__(),
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


def test_neither_the_log_nor_an_error_holds_a_whole_id_where_redis_quotes_the_key(store, server, settings, caplog):
    settings.FLOWS_MAX_TASKS_PER_OWNER = 1
    task_id, owner = "0123456789abcdef" * 2, "fedcba9876543210" * 4
    server.set(task_key(task_id), "of another type")
    with pytest.raises(StoreUnavailable, match=r"HMGET .*\{012345…\}:task .*WRONGTYPE") as caught:
        store.read(task_id)
    server.set(task_key(owner, "tasks"), "of another type")
    store.create("id", owner, "{}")
    assert caplog.text.count("WRONGTYPE") > 1
    told = caplog.text + "".join(traceback.format_exception(caught.value))
    assert task_id not in told
    assert owner not in told


def test_an_error_during_a_hold_is_not_hidden_by_a_server_that_went_down(store, proxy):
    store.create("id", "owner", "{}")

    def run():
        with store.lock("id"):
            proxy.lose(b"{id}:lease")
            proxy.server = ("127.0.0.1", 1)
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
            with store.lock_new("id") as hold:
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
    settings.FLOWS_REDIS_STATE_STORE_DB = 0 if settings.FLOWS_REDIS_STATE_STORE_DB else 1
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


# What befalls a server


class Server:
    """A server of the test's own, which keeps what it was told over a restart."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = {}
        self._running = contextlib.ExitStack()

    @property
    def port(self):
        return self.settings.get("FLOWS_REDIS_STATE_STORE_PORT")

    def start(self, *options, answer=b"+PONG"):
        url = self._running.enter_context(servers.private_redis(self.folder, *options, port=self.port, answer=answer))
        self.settings = servers.redis_settings(url)

    def stop(self, *, save=True):
        with contextlib.suppress(RedisConnectionError):  # which is how it answers
            self.tell("SHUTDOWN", "SAVE" if save else "NOSAVE")
        self._running.close()

    def close(self):
        module.get_client().close()
        self._running.close()

    def tell(self, *words):
        with Redis(port=self.port, retry=Retry(NoBackoff(), 0)) as client:
            return client.execute_command(*words)


@pytest.fixture
def own_server(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(redis_client, "TIMEOUT", 0.3)
    settings.FLOWS_STATE_STORE = "flows.statestore.redis_store"
    settings.FLOWS_REDIS_STATE_STORE_LEASE = 1.5
    settings.FLOWS_LOCK_WAIT = 5
    with conftest.available(), contextlib.closing(Server(tmp_path)) as server:
        server.start()
        for name, value in server.settings.items():
            setattr(settings, name, value)
        yield server


@contextlib.contextmanager
def stopped(server):
    server.stop()
    yield
    server.start()


@contextlib.contextmanager
def loading(server):
    """It was started again, and reads what it had written: a little of it each time that it looks up."""
    with Redis(port=server.port) as client:
        client.mset({f"filling {number}": secrets.token_bytes(1100) for number in range(2000)})
    server.stop()
    server.start("--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024", answer=b"-LOADING")
    yield
    server.tell("CONFIG", "SET", "key-load-delay", "0")
    while not servers.says(server.port, b"+PONG", ask=b"PING\r\n"):
        time.sleep(0.05)


@contextlib.contextmanager
def read_only(server):
    """Another server has taken its place, and it has become that one's replica."""
    server.tell("REPLICAOF", "127.0.0.1", "1")
    yield
    server.tell("REPLICAOF", "NO", "ONE")


@contextlib.contextmanager
def cut_off(server):
    """It is a replica that is to say nothing while it cannot reach the other server."""
    server.tell("CONFIG", "SET", "replica-serve-stale-data", "no")
    with read_only(server):
        yield


@contextlib.contextmanager
def full(server):
    server.tell("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")
    yield
    server.tell("CONFIG", "SET", "maxmemory", "0")


@contextlib.contextmanager
def paused(server):
    """It answers late, and finds that nobody waits for the answer any more."""
    began = time.monotonic()
    server.tell("CLIENT", "PAUSE", "6000", "ALL")
    yield
    time.sleep(max(0, began + 6.1 - time.monotonic()))


@contextlib.contextmanager
def standing_still(server):
    """It does later what it was asked meanwhile."""
    pid = int(server.tell("INFO", "server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def asking_for_a_password(server):
    server.tell("CONFIG", "SET", "requirepass", "secret")
    module.get_client().close()
    yield
    with Redis(port=server.port, password="secret") as client:
        client.config_set("requirepass", "")


TROUBLES = [stopped, loading, read_only, cut_off, full, paused, standing_still, asking_for_a_password]
#: What works all the same.
READING = {"read", "get_state", "claimed"}
POSSIBLE = {read_only: READING, full: {*READING, "touch"}}


@pytest.mark.slow
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_server_in_trouble_is_unavailable_and_forgets_nothing(store, own_server, trouble):
    store.create("id", "owner", '"before"')
    record = store.read("id")
    calls = {
        "read": lambda: store.read("id"),
        "get_state": lambda: store.get_state("id"),
        "claimed": lambda: list(store.claimed()),
        "lock": lambda: store.lock("id").__enter__(),
        "lock_new": lambda: store.lock_new("new").__enter__(),
        "create": lambda: store.create("created", "owner", "{}"),
        "update": lambda: store.update("id", record),
        "touch": lambda: store.touch("id", record),
        "put_state": lambda: store.put_state("put", {}),
    }
    if trouble in (paused, standing_still):  # where each takes its time
        calls = {name: calls[name] for name in ("read", "lock", "touch")}
    with trouble(own_server):
        for name, call in calls.items():
            if name in POSSIBLE.get(trouble, ()):
                call()
                continue
            with pytest.raises(StoreUnavailable, match=r"^Redis cannot be reached or refuses to work: "):
                call()
    assert store.read("id").data == '"before"'
    for holding in (store.lock("id"), store.lock_new("new")):
        with holding as hold:
            hold.save("owner", '"after"')
    assert [store.read(task_id).data for task_id in ("id", "new")] == ['"after"'] * 2


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("trouble", TROUBLES)
def test_visitors_of_a_server_in_trouble_are_asked_to_try_again_and_can(own_server, trouble):
    visitor, newcomer = Visitor(), Visitor()
    newcomer.open(reverse("flows:journey"))
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="first")
    sent = [(visitor, visitor.url, visitor.form(name="second")), (newcomer, newcomer.url, newcomer.form(name="new"))]
    with trouble(own_server):
        page = visitor.client.get(visitor.url)
        assert page.status_code == (200 if trouble in POSSIBLE else 503)
        for who, url, form in sent:
            answer = who.client.post(url, form)
            assert (answer.status_code, answer["Retry-After"]) == (503, "2")
        assert list(Effect.objects.values_list("detail", flat=True)) == ["first"]
    for who, url, form in sent:
        who.send(url, form)
        assert who.response.status_code == 200
    assert [visitor.page, newcomer.page] == ["/journey/third/", "/journey/second/"]
    assert list(Effect.objects.values_list("detail", flat=True)) == ["first", "second", "new"]


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [stopped, read_only, standing_still])
def test_a_hold_that_a_server_in_trouble_cannot_keep_is_told_and_changes_nothing(store, own_server, trouble):
    store.create("id", "owner", '"before"')

    def run():
        with store.lock("id") as hold:
            hold.save("owner", '"after"')
            troubles.enter_context(trouble(own_server))

    with (
        contextlib.ExitStack() as troubles,
        pytest.raises(StoreUnavailable, match=r"^Redis cannot be reached or refuses to work: "),
    ):
        run()
    # One that stood still has done it after all. The executor knows the submission again, and leads on.
    assert store.read("id").data == ('"after"' if trouble is standing_still else '"before"')
    with store.lock("id") as hold:
        hold.save("owner", '"at last"')
    assert store.read("id").data == '"at last"'


@pytest.mark.slow
def test_a_server_that_is_full_keeps_what_was_begun(store, own_server):
    """The script that saves frees the lease first, and then may write."""
    store.create("id", "owner", "{}")
    with store.lock("id") as hold, store.lock_new("new") as new:
        own_server.tell("CONFIG", "SET", "maxmemory", "1")
        time.sleep(2)  # to renew them takes no memory either
        new.save("owner", '"new"')
        hold.save("owner", '"kept"')
    assert (store.read("id").data, store.read("new").data) == ('"kept"', '"new"')


def test_a_server_that_is_full_claims_nothing(store, own_server):
    store.create("id", "owner", '"before"')

    def run():
        with store.lock("id") as hold:
            own_server.tell("CONFIG", "SET", "maxmemory", "1")
            hold.claim("owner", '"claimed"')

    with pytest.raises(StoreUnavailable):
        run()
    assert (store.read("id").data, store.read("id").status) == ('"before"', "open")
    assert not list(store.claimed())


def test_what_a_server_lost_is_gone_and_not_brought_back_by_who_held_it(store, own_server):
    store.create("id", "owner", "{}")

    def run():
        with store.lock("id") as hold:
            own_server.stop(save=False)
            own_server.start()
            hold.save("owner", "[]")

    with pytest.raises(StoreConflict):
        run()
    for find in (lambda: store.read("id"), lambda: store.lock("id").__enter__()):
        with pytest.raises(StateNotFound):
            find()
    with store.lock_new("id") as hold:
        hold.save("owner", '"anew"')
    assert store.read("id").data == '"anew"'


@pytest.mark.slow
def test_a_server_that_forgot_its_scripts_goes_on(store, own_server):
    store.create("id", "owner", "{}")
    with store.lock("id") as hold:
        own_server.tell("SCRIPT", "FLUSH")
        time.sleep(2)  # it is renewed meanwhile
        hold.save("owner", '"kept"')
    own_server.tell("SCRIPT", "FLUSH")
    assert store.read("id").data == '"kept"'
    with store.lock("id"):
        pass
