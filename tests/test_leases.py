"""A task in Redis is held for as long as its holder is at work, and not for long after that is gone."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest
from django.conf import settings as django_settings
from django.test import Client, override_settings
from django.urls import include, path, reverse

from flows.components import Action, Scaffold
from flows.exceptions import StoreUnavailable
from flows.handler import FlowHandler
from flows.statestore import leases, redis_store
from flows.statestore.leases import Renewals
from flows.transitions import Linear

from tests import servers
from tests.testapp.flows import NameForm
from tests.visitor import Visitor, at_once

#: Seconds, in which a thread gets its turn also on a machine that is busy.
PATIENCE = 20
#: Seconds that a lease lives. It is renewed each third of that; the rest is for a machine that is busy.
LIFE = 1.2


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "It has not come to that."
        time.sleep(0.01)


# The thread


@pytest.fixture
def renewals():
    renewals = Renewals()
    yield renewals
    for token in list(renewals._leases):
        renewals.drop(token)


@pytest.fixture
def threads():
    """Return the threads that were started since."""
    before = set(threading.enumerate())
    return lambda: set(threading.enumerate()) - before


class Calls:
    """Stands for what renews a lease: notes when it was called, and returns or raises what it was given."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.times = []

    def __call__(self):
        self.times.append(time.monotonic())
        outcome = self.outcomes.pop(0) if self.outcomes else True
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.mark.slow
def test_a_lease_is_renewed_each_third_of_its_life_until_it_is_dropped(renewals):
    calls, began = Calls(), time.monotonic()
    renewals.add("token", "name", 0.6, calls)
    wait_until(lambda: len(calls.times) >= 3)
    renewals.drop("token")
    assert calls.times[0] - began >= 0.2
    assert calls.times[2] - calls.times[0] >= 0.4
    number = len(calls.times)
    time.sleep(0.5)
    assert len(calls.times) <= number + 1  # one may have been under way


def test_all_leases_have_one_thread_which_ends_when_there_are_none(renewals, threads):
    assert not threads()
    calls = [Calls() for _ in range(5)]
    for number, renew in enumerate(calls):
        renewals.add(f"token {number}", "name", 0.3, renew)
    wait_until(lambda: all(renew.times for renew in calls))
    (thread,) = threads()
    assert (thread.name, thread.daemon) == ("flows-leases", True)
    for number in range(5):
        renewals.drop(f"token {number}")
    thread.join(PATIENCE)
    assert not threads()
    renewals.add("another", "name", 0.3, calls[0])
    assert len(threads()) == 1


def test_a_short_hold_after_the_other_starts_no_thread_each(renewals, threads, monkeypatch):
    started, start = [], threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: (started.append(self), start(self)))
    for number in range(100):
        renewals.add(f"token {number}", "name", 60, Calls())
        renewals.drop(f"token {number}")
    assert len(started) == 1


def test_a_shorter_lease_is_renewed_in_time_beside_a_longer_one(renewals):
    long, short = Calls(), Calls()
    renewals.add("long", "name", 600, long)
    renewals.add("short", "name", 0.3, short)
    wait_until(lambda: len(short.times) >= 2)
    assert long.times == []


@pytest.mark.slow
def test_what_goes_wrong_is_told_and_tried_again_sooner(renewals, caplog):
    calls, others = Calls(ConnectionError("It is away."), ValueError("It is odd.")), Calls()
    renewals.add("token", "abc…", 1.5, calls)
    renewals.add("other", "def…", 1.5, others)
    wait_until(lambda: len(calls.times) >= 4)
    assert calls.times[2] - calls.times[0] < 0.4
    assert calls.times[3] - calls.times[2] >= 0.5
    assert len(others.times) >= 2
    assert [record.getMessage() for record in caplog.records] == [
        f"The lease of the task abc… could not be renewed, and is tried again: {words}"
        for words in ("It is away.", "It is odd.")
    ]


def test_a_lease_that_is_lost_is_told_once_and_left_alone(renewals, caplog):
    lost, held = Calls(True, False), Calls()
    renewals.add("lost", "abc…", 0.3, lost)
    renewals.add("held", "def…", 0.3, held)
    wait_until(lambda: len(held.times) >= 5)
    assert len(lost.times) == 2
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            "The lease of the task abc… was lost while its holder is at work; another one may have been let in.",
        )
    ]


def test_a_lease_that_is_let_go_while_it_is_renewed_is_not_taken_for_lost(renewals, caplog):
    called = threading.Event()

    def renew():
        renewals.drop("token")
        called.set()
        return False

    renewals.add("token", "name", 0.1, renew)
    assert called.wait(PATIENCE)
    wait_until(lambda: renewals._alarm is None)
    assert not caplog.records


def test_where_no_thread_can_be_started_the_hold_goes_on_and_the_next_one_tries_again(renewals, monkeypatch, caplog):
    def fail(self):
        raise RuntimeError("can't start new thread")

    calls = Calls()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        renewals.add("first", "name", 0.3, calls)
    assert caplog.messages == ["The leases of this process are not renewed: can't start new thread"]
    renewals.add("second", "name", 0.3, Calls())
    wait_until(lambda: calls.times)


# Holding


@pytest.fixture
def store():
    return redis_store.StateStore()


@pytest.fixture
def server(redis_store, settings):
    """A client of the real server, for what the store itself does not show."""
    settings.FLOWS_REDIS_STATE_STORE_LEASE = LIFE
    settings.FLOWS_LOCK_WAIT = 0.1
    return client()


def client():
    return redis_store.get_client()


def lease_key(task_id="id"):
    return f"{django_settings.FLOWS_REDIS_STATE_STORE_PREFIX}{{{task_id}}}:lease"


def assert_held(store, task_id="id"):
    with pytest.raises(StoreUnavailable, match="busy with another request"), store.lock(task_id):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lock", "lock_new"])
def test_a_task_is_held_for_as_long_as_its_holder_is_at_work(store, server, kind, caplog):
    if kind == "lock":
        store.create("id", "owner", "{}")
    with store.lock("id") if kind == "lock" else store.lock_new("id") as hold:
        for _ in range(5):
            time.sleep(LIFE * 0.4)
            assert 0 < server.pttl(lease_key()) <= LIFE * 1000
        assert_held(store)
        hold.save("owner", '"kept"')
    assert store.read("id").data == '"kept"'
    assert not server.exists(lease_key())
    assert not caplog.records


@pytest.mark.parametrize("ending", ["save", "leave", "raise"])
def test_a_lease_that_was_let_go_is_renewed_no_more(store, server, ending):
    store.create("id", "owner", "{}")
    try:
        with store.lock("id") as hold:
            if ending == "save":
                hold.save("owner", "[]")
            if ending == "raise":
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert leases.renewals._leases == {}


def test_a_hold_that_was_refused_is_not_renewed(store, server):
    store.create("id", "owner", "{}")
    with store.lock("id"):
        assert_held(store)
        assert len(leases.renewals._leases) == 1
    with store.lock("id"), pytest.raises(StoreUnavailable):
        store.lock_new("id").__enter__()
    assert leases.renewals._leases == {}


@pytest.mark.slow
@pytest.mark.parametrize("other", [b"another holder", None])
def test_a_lease_that_was_lost_is_not_taken_back(store, server, other, caplog):
    store.create("abcdefghij", "owner", "{}")
    key = lease_key("abcdefghij")
    with store.lock("abcdefghij"):
        server.delete(key)
        if other:
            server.set(key, other, px=60_000)
        wait_until(lambda: caplog.messages)
        assert server.get(key) == other
        if other:
            assert server.pttl(key) > 30_000
    assert server.get(key) == other
    assert caplog.messages == [
        "The lease of the task abcdef… was lost while its holder is at work; another one may have been let in."
    ]


@pytest.mark.slow
def test_a_lease_is_renewed_where_and_for_how_long_it_was_taken(store, server):
    store.create("id", "owner", "{}")
    with store.lock("id"):
        other = {"PORT": 1, "PREFIX": "another:", "LEASE": 60}
        with override_settings(**{f"FLOWS_REDIS_STATE_STORE_{name}": value for name, value in other.items()}):
            time.sleep(LIFE * 1.5)
        assert 0 < server.pttl(lease_key()) <= LIFE * 1000


# Processes

PROGRAM = """
import json, os, signal, sys, threading, time
from django.conf import settings
settings.configure(**json.loads(sys.argv[1]))
from flows.exceptions import StoreConflict, StoreUnavailable
from flows.statestore.leases import renewals
from flows.statestore.redis_store import StateStore
store = StateStore()
"""

HOLD = """
try:
    with store.lock("id") as hold:
        hold.save("owner", '"of the other process"')
        print("held", flush=True)
        sys.stdin.readline()
    print("kept", flush=True)
except StoreConflict:
    print("conflict", flush=True)
"""


@contextmanager
def process(program):
    """Run a program that has the present settings."""
    names = [name for name in dir(django_settings) if name.startswith("FLOWS_")]
    values = {name: getattr(django_settings, name) for name in names}
    command = [sys.executable, "-c", PROGRAM + program, json.dumps(values, default=str)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # Python warns of each fork of a process that has threads, which is what some of these are for.
    environment.update(PYTHONDEVMODE="", PYTHONWARNINGS="")
    pipes = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.PIPE)
    with subprocess.Popen(command, text=True, env=environment, **pipes) as running:
        try:
            yield running
        finally:
            running.kill()


def run(program):
    with process(program) as running:
        output, errors = running.communicate(timeout=60)
    return running.returncode, output, errors


@pytest.mark.slow
def test_a_process_that_lives_keeps_what_it_holds(store, server):
    store.create("id", "owner", "{}")
    with process(HOLD) as holder:
        assert holder.stdout.readline() == "held\n"
        for _ in range(15):
            assert_held(store)
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "kept\n"
    assert store.read("id").data == '"of the other process"'


@pytest.mark.slow
def test_what_a_killed_process_held_is_free_after_the_life_of_its_lease(store, server, settings):
    store.create("id", "owner", "{}")
    with process(HOLD) as holder:
        assert holder.stdout.readline() == "held\n"
        time.sleep(LIFE * 1.2)
        holder.kill()
        holder.wait()
    settings.FLOWS_LOCK_WAIT = LIFE * 2
    with store.lock("id") as hold:
        assert hold.record.data == "{}"
        hold.save("owner", '"in its place"')
    assert store.read("id").data == '"in its place"'


@pytest.mark.slow
def test_a_process_that_stood_still_for_too_long_overwrites_nothing(store, server, settings):
    store.create("id", "owner", "{}")
    with process(HOLD) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        settings.FLOWS_LOCK_WAIT = LIFE * 2
        with store.lock("id") as hold:
            holder.send_signal(signal.SIGCONT)
            time.sleep(LIFE)  # in which we renew it, and the other one sees that it is not his
            hold.save("owner", '"in its place"')
        output, errors = holder.communicate(timeout=60)
        assert (output, "was lost while its holder is at work" in errors) == ("conflict\n", True), errors
    assert store.read("id").data == '"in its place"'


@pytest.mark.slow
def test_a_forked_process_renews_what_it_holds_itself_and_its_parent_the_rest(store, server):
    program = """
for task_id in ("parent's", "child's"):
    store.create(task_id, "owner", "{}")
with store.lock("parent's"):
    child = os.fork()
    if not child:
        inherited = list(renewals._leases)
        with store.lock("child's"):
            time.sleep(2)
            try:
                store.lock("child's").__enter__()
            except StoreUnavailable:
                os._exit(0 if inherited == [] and len(renewals._leases) == 1 else 3)
        os._exit(4)
    time.sleep(2)
    try:
        store.lock("parent's").__enter__()
    except StoreUnavailable:
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status))
"""
    returncode, output, _ = run(program)
    assert (returncode, output) == (0, "0\n")


@pytest.mark.slow
def test_a_process_can_be_forked_whatever_its_threads_are_at(store, server):
    """The child would wait for ever for a lock that another thread had when it was forked."""
    program = """
store.create("id", "owner", "{}")
renewals._guard.acquire()
child = os.fork()
if not child:
    with store.lock("id"):
        os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(program)[:2] == (0, "0\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "ending",
    [
        "",
        "time.sleep(0.5)",
        "import atexit; atexit.register(time.sleep, 0.5)",
    ],
)
def test_a_process_ends_quietly_in_the_midst_of_a_hold(store, server, ending):
    for task_id in ("id", "in a thread"):
        store.create(task_id, "owner", "{}")
    program = f"""
def hold():
    with store.lock("in a thread"):
        held.set()
        time.sleep(60)
held = threading.Event()
threading.Thread(target=hold, daemon=True).start()
held.wait()
holding = store.lock("id")
holding.__enter__()
{ending}
"""
    assert run(program) == (0, "", "")


def test_a_hold_goes_on_where_a_process_that_ends_starts_no_threads_any_more(store, server):
    program = """
def hold():
    store.create("id", "owner", "{}")
    with store.lock("id") as held:
        held.save("owner", '"at the end"')
import atexit
atexit.register(hold)
"""
    returncode, _, errors = run(program)
    assert (returncode, store.read("id").data) == (0, '"at the end"')
    assert not errors.replace(
        "The leases of this process are not renewed: can't create new thread at interpreter shutdown\n", ""
    )


GEVENT = """
from flows.statestore import leases, redis_store  # before anything is patched, as with gunicorn's --preload
from gevent import monkey
monkey.patch_all()
import gevent
store.create("id", "owner", "{}")
def hold(number):
    store.create(f"id {number}", "owner", "{}")
    with store.lock(f"id {number}") as held:
        time.sleep(3)
        held.save("owner", str(number))
def look():
    time.sleep(2.4)
    for number in range(20):
        try:
            store.lock(f"id {number}").__enter__()
        except StoreUnavailable:
            continue
        print("not held", number)
began = time.monotonic()
settings.FLOWS_LOCK_WAIT = 0
gevent.joinall([gevent.spawn(hold, number) for number in range(20)] + [gevent.spawn(look)], raise_error=True)
print(sorted(int(store.read(f"id {number}").data) for number in range(20)) == list(range(20)))
"""


@pytest.mark.slow
def test_greenlets_in_place_of_threads_keep_what_they_hold(store, server):
    pytest.importorskip("gevent", reason="Only where gevent is installed.")
    returncode, output, errors = run(GEVENT)
    assert (returncode, output) == (0, "True\n"), errors


# The server is away for a while


@pytest.mark.slow
def test_a_server_that_comes_back_in_time_finds_the_task_held(store, tmp_path, settings, caplog):
    settings.FLOWS_REDIS_STATE_STORE_LEASE = 3
    settings.FLOWS_LOCK_WAIT = 0.1
    with servers.private_redis(tmp_path) as url:
        configured = servers.redis_settings(url)
        for name, value in configured.items():
            setattr(settings, name, value)
        store.create("id", "owner", "{}")
        holding = store.lock("id")
        hold = holding.__enter__()
        client().shutdown(save=True)
        wait_until(lambda: "could not be renewed" in caplog.text)
    with servers.private_redis(tmp_path, port=configured["FLOWS_REDIS_STATE_STORE_PORT"]):
        time.sleep(3)
        assert client().pttl(lease_key()) > 1000
        assert_held(store)
        hold.save("owner", '"kept"')
        holding.__exit__(None, None, None)
        assert store.read("id").data == '"kept"'
    assert "was lost" not in caplog.text
    client().close()


# What is promised where a lease was lost

#: What was done to the world, and what is to happen while it is done.
done, during = [], []


class Pay(Action):
    form_class = NameForm

    def form_valid(self, form):
        done.append(self.position.name)
        if during:
            during.pop()(self)
        return super().form_valid(form)


class PayClaimed(Pay):
    guarantee = "claim"


class Receipt(Action):
    form_class = NameForm


class Start(Action):
    form_class = NameForm


class Retried(Scaffold):
    action_set = [Start, Pay, Receipt]
    transition = Linear()


class Claimed(Scaffold):
    action_set = [Start, PayClaimed, Receipt]
    transition = Linear()


handler = FlowHandler()
for flow in (Retried, Claimed):
    handler.register_entry_point(flow)
urlpatterns = [path("", include(handler.urls))]


def send_while_the_lease_is_lost(flow):
    """Send a form twice, the second time while the first is at work and has lost its lease; return the answers."""
    done.clear()
    visitor = Visitor(Client(enforce_csrf_checks=True))
    visitor.open(reverse(f"flows:{flow}"))
    visitor.submit(name="x")
    url, form, seconds = visitor.url, visitor.form(name="x"), []

    def lose(component):
        client().delete(lease_key(component.task.id))
        seconds.extend(at_once(partial(visitor.twin().client.post, url, form)))

    during.append(lose)
    first = visitor.client.post(url, form)
    again = visitor.client.post(url, form)
    assert again.status_code == 302
    assert again["Location"].startswith(f"/{flow}/receipt/")
    return first, seconds[0], again


@pytest.fixture
def site(server, settings, db):
    settings.ROOT_URLCONF = __name__
    settings.FLOWS_LOCK_WAIT = 0.5


@pytest.mark.django_db(transaction=True)
def test_under_retry_a_second_one_is_let_in_and_the_first_writes_nothing(site):
    first, second, again = send_while_the_lease_is_lost("retried")
    assert done == ["retried/pay"] * 2
    assert (first.status_code, first["Retry-After"]) == (503, "2")
    assert second["Location"] == again["Location"]


@pytest.mark.django_db(transaction=True)
def test_under_a_claim_a_second_one_is_turned_away_and_the_first_is_kept(site):
    first, second, again = send_while_the_lease_is_lost("claimed")
    assert done == ["claimed/pay-claimed"]
    assert (second.status_code, second["Retry-After"]) == (503, "2")
    assert "is being finished" in second.content.decode()
    assert first["Location"] == again["Location"]
