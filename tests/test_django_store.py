"""What is true of the store in the project's database only."""

import re
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

import pytest
from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection, connections, transaction
from django.db.models import F
from django.db.utils import ConnectionDoesNotExist
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from flows.exceptions import NotStorable, StateDamaged, StateExists, StateNotFound, StoreConflict, StoreUnavailable
from flows.models import StoredTask
from flows.statestore import django_store
from flows.statestore.base import CLAIMED, ENDED, Record

from tests.conftest import isolation_level
from tests.testapp.models import Effect
from tests.visitor import Visitor, at_once

pytestmark = pytest.mark.django_db(transaction=True)

only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="what only PostgreSQL does")
several_writers = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")
only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="what only SQLite does")


@pytest.fixture
def store():
    return django_store.StateStore()


def expire(task_id):
    StoredTask.objects.filter(pk=task_id).update(touched=django_store.Now() - django_store.timedelta(seconds=1201))


@contextmanager
def held_elsewhere(holding):
    """Hold a task in another thread, as another request would."""
    held, leave = threading.Event(), threading.Event()

    def run():
        try:
            with holding():
                held.set()
                leave.wait(30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    assert held.wait(30)
    try:
        yield
    finally:
        leave.set()
        thread.join()


# Records and states


def test_the_state_of_a_live_record_can_be_got(store):
    store.create("id", "owner", '{"a":1}')
    assert store.get_state("id") == {"a": 1}


def test_putting_the_state_of_a_live_record_leaves_its_owner_and_counts_as_a_write(store):
    store.create("id", "owner", '{"a":1}')
    before = store.read("id")
    store.put_state("id", {"b": 2})
    assert (store.read("id").owner, store.read("id").data) == ("owner", '{"b":2}')
    with pytest.raises(StoreConflict):
        store.update("id", before)


def test_the_state_of_an_expired_record_is_not_found(store):
    store.create("id", "owner", "{}")
    expire("id")
    with pytest.raises(StateNotFound):
        store.get_state("id")


def test_a_row_that_is_not_json_is_damaged_and_not_missing(store):
    store.create("id", "owner", "{}")
    StoredTask.objects.update(data='{"a":')
    with pytest.raises(StateDamaged):
        store.get_state("id")


def test_what_cannot_be_stored_leaves_what_was_there(store):
    store.put_state("id", {"a": 1})
    with pytest.raises(NotStorable):
        store.put_state("id", {"a": object()})
    assert store.get_state("id") == {"a": 1}


# The table


@pytest.mark.skipif(connection.vendor != "mysql", reason="what only MariaDB and MySQL do")
def test_the_time_zone_of_the_server_is_of_no_matter(store):
    store.create("id", "owner", "{}")
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+05:00'")
    try:
        assert store.read("id").idle < 60
        assert store.delete_expired(10) == 0
    finally:
        connection.close()


def test_cleaning_up_finds_expired_tasks_by_an_index():
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, StoredTask._meta.db_table)
    assert any(found["index"] and found["columns"] == ["status", "touched"] for found in constraints.values())


def test_cleaning_up_removes_the_oldest_first_and_no_more_than_asked(store):
    for number in range(5):
        store.create(f"id{number}", "owner", "{}")
        StoredTask.objects.filter(pk=f"id{number}").update(
            touched=django_store.Now() - django_store.timedelta(seconds=2000 + number)
        )
    store.create("live", "owner", "{}")
    assert store.delete_expired(2) == 2
    assert set(StoredTask.objects.values_list("pk", flat=True)) == {"id0", "id1", "id2", "live"}
    assert [store.delete_expired(2), store.delete_expired(2), store.delete_expired(2)] == [2, 1, 0]


def test_cleaning_up_leaves_a_task_that_is_touched_meanwhile(store, monkeypatch):
    for task_id in ("one", "two"):
        store.create(task_id, "owner", "{}")
        expire(task_id)
    remove = store._remove

    def slow(*args):
        StoredTask.objects.filter(pk="one").update(touched=django_store.Now())
        return remove(*args)

    monkeypatch.setattr(store, "_remove", slow)
    assert store.delete_expired(10) == 1
    assert StoredTask.objects.get().pk == "one"


def test_what_has_expired_is_counted_without_being_removed(store):
    for task_id in ("one", "two", "live", "claimed"):
        store.create(task_id, "owner", "{}")
    for task_id in ("one", "two", "claimed"):
        expire(task_id)
    StoredTask.objects.filter(pk="claimed").update(status=CLAIMED)
    assert store.count_expired() == 2
    assert StoredTask.objects.count() == 4


@several_writers
def test_cleaning_up_waits_for_nobody(store):
    """Neither for a task that is held while it expires, nor for one that lives, in however small a table."""
    for task_id in ("live", "held", "old1", "old2", "old3", "old4"):
        store.create(task_id, "owner", "{}")
        if task_id != "live":
            expire(task_id)
    with held_elsewhere(lambda: row_lock("held")), held_elsewhere(lambda: store.lock("live")):
        began = time.monotonic()
        assert store.delete_expired(10) == 4
        assert time.monotonic() - began < 2
    assert store.delete_expired(10) == 1
    assert StoredTask.objects.get().pk == "live"


@several_writers
def test_nobody_waits_for_cleaning_up(store):
    for task_id in ("live", "old"):
        store.create(task_id, "owner", "{}")
    expire("old")
    with held_elsewhere(lambda: removal(store)):
        began = time.monotonic()
        with store.lock("live") as hold:
            hold.save("owner", "[]")
        store.create("new", "owner", "{}")
        assert time.monotonic() - began < 2
    assert set(StoredTask.objects.values_list("pk", flat=True)) == {"live", "new"}


@contextmanager
def row_lock(task_id):
    with transaction.atomic():
        StoredTask.objects.select_for_update().get(pk=task_id)
        yield


@contextmanager
def removal(store):
    """Remove what has expired, and take time for it."""
    with transaction.atomic():
        assert store.delete_expired(10) == 1
        yield


# A limit for each owner


def test_a_limit_costs_a_new_task_one_query_and_a_task_that_has_to_go_two_more(store, settings):
    settings.FLOWS_MAX_TASKS_PER_OWNER = 1

    def create(task_id):
        with CaptureQueriesContext(connection) as captured:
            store.create(task_id, "owner", "{}")
        ours = [query["sql"] for query in captured if "flows_storedtask" in query["sql"]]
        return [re.search("INSERT|DELETE|^SELECT", query)[0] for query in ours]

    assert create("first") == ["INSERT", "SELECT"]
    time.sleep(0.01)
    # SQLite, which has one writer, need not lock a row before it removes it.
    assert create("second") == ["INSERT", "SELECT", *(["SELECT"] if connection.vendor != "sqlite" else []), "DELETE"]
    settings.FLOWS_MAX_TASKS_PER_OWNER = None
    assert create("third") == ["INSERT"]
    assert set(StoredTask.objects.values_list("pk", flat=True)) == {"second", "third"}


def test_the_tasks_of_an_owner_are_found_by_an_index():
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, StoredTask._meta.db_table)
    assert any(found["index"] and found["columns"] == ["owner"] for found in constraints.values())


def test_reading_is_one_query_and_a_hold_that_saves_is_one_read_and_one_write(store, django_assert_num_queries):
    store.create("id", "owner", "{}")
    with django_assert_num_queries(1):
        store.read("id")
    transaction = 2  # BEGIN and COMMIT
    # SQLite is asked for its write lock by a write.
    lock, lock_new = (3 if connection.vendor == "sqlite" else 2), 2
    with django_assert_num_queries(lock + transaction), store.lock("id") as hold:
        hold.save("owner", "[]")
    with django_assert_num_queries(lock_new + transaction), store.lock_new("new") as hold:
        hold.save("owner", "[]")


def test_the_router_says_in_which_database_the_tasks_are(store):
    class Router:
        def db_for_write(self, model, **hints):
            return "tasks" if model is StoredTask else None

    calls = [
        lambda: store.read("id"),
        lambda: store.lock("id").__enter__(),
        lambda: store.lock_new("id").__enter__(),
        lambda: store.create("id", "owner", "{}"),
        lambda: store.put_state("id", {}),
        lambda: store.touch("id", Record("owner", "{}", 1)),
        lambda: store.update("id", Record("owner", "{}", 1)),
        lambda: store.delete_expired(1),
        store.count_expired,
    ]
    with override_settings(DATABASE_ROUTERS=[Router()]):
        for call in calls:
            with pytest.raises(ConnectionDoesNotExist, match=r"^The connection 'tasks' doesn't exist[.]$"):
                call()


# A task that has expired


def test_a_first_page_that_is_sent_again_after_its_task_has_expired_begins_another_under_its_id(store):
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    url, form = visitor.url, visitor.form(name="x")
    visitor.send(url, form)
    expire(visitor.task_id)
    for _ in range(2):
        visitor.send(url, form)
        assert visitor.url == url.replace("first", "second")
    assert Effect.objects.count() == 2


def test_an_expired_task_that_is_still_there_is_not_held_and_makes_room(store):
    store.create("id", "owner", '"before"')
    expire("id")
    with pytest.raises(StateNotFound), store.lock("id"):
        pass
    with store.lock_new("id") as hold:
        hold.save("other", '"after"')
    assert (StoredTask.objects.get().data, StoredTask.objects.get().owner) == ('"after"', "other")


def test_a_task_that_ended_is_remembered_for_a_day(store):
    with store.lock_new("id") as hold:
        hold.save("owner", '"end"', ENDED)
    expire("id")
    assert store.read("id").status == ENDED
    assert store.delete_expired(10) == 0
    StoredTask.objects.update(touched=django_store.Now() - django_store.timedelta(days=1))
    with pytest.raises(StateNotFound):
        store.read("id")
    assert store.delete_expired(10) == 1


# Claims


def claim(store, task_id):
    with suppress(ZeroDivisionError), store.lock_new(task_id) as hold:
        hold.claim("owner", "{}")
        raise ZeroDivisionError


def test_who_goes_through_the_claimed_tasks_may_release_them_on_the_way(store):
    for number in range(5):
        claim(store, f"id {number}")
    seen = []
    for task_id, record in store.claimed():
        seen.append((task_id, record.data))
        for other in ("id 2", task_id):
            with store.lock(other) as hold:
                hold.save("owner", "[]")
    assert seen == [(f"id {number}", "{}") for number in (0, 1, 3, 4)]
    assert not list(store.claimed())


def test_no_result_is_open_while_the_claimed_tasks_are_gone_through(store):
    """A server-side cursor would need a transaction of its own, and a pool in between that keeps to it."""
    for number in range(3):
        claim(store, f"id {number}")
    for _ in store.claimed():
        connection.close()


def test_an_error_of_who_goes_through_the_claimed_tasks_is_his_own(store):
    claim(store, "id")
    claimed = store.claimed()
    next(claimed)
    with pytest.raises(OperationalError, match="locked"):
        claimed.throw(OperationalError("database is locked"))


# State and effects


@pytest.mark.parametrize("kind", ["lock", "lock_new"])
def test_effects_and_state_are_kept_together(store, kind):
    holding = begin(store, kind)
    with holding() as hold:
        Effect.objects.create(what="done")
        hold.save("owner", '"after"')
    assert (Effect.objects.count(), store.read(kind).data) == (1, '"after"')


@pytest.mark.parametrize("kind", ["lock", "lock_new"])
def test_effects_and_state_are_undone_together(store, kind):
    holding = begin(store, kind)
    with suppress(ZeroDivisionError), holding() as hold:
        Effect.objects.create(what="done")
        hold.save("owner", '"after"')
        raise ZeroDivisionError
    assert not Effect.objects.exists()
    assert list(StoredTask.objects.values_list("data", flat=True)) == (['"before"'] if kind == "lock" else [])


@pytest.mark.parametrize("kind", ["lock", "lock_new"])
def test_a_task_that_was_removed_during_a_hold_is_not_brought_back_and_the_effects_are_undone(store, kind):
    holding = begin(store, kind)

    def run():
        with holding() as hold:
            Effect.objects.create(what="done")
            StoredTask.objects.all().delete()
            hold.save("owner", '"after"')

    with pytest.raises(StoreConflict):
        run()
    assert not Effect.objects.exists()


def begin(store, kind):
    """Return what holds a task that is there already, or one that is new."""
    if kind == "lock_new":
        return lambda: store.lock_new("lock_new")
    store.create("lock", "owner", '"before"')
    return lambda: store.lock("lock")


def test_an_id_that_is_being_born_is_refused_within_another_transaction_without_breaking_it(store, db):
    store.create("id", "owner", "{}")
    with django_store.transaction.atomic():
        with pytest.raises(StateExists), store.lock_new("id"):
            pass
        assert store.read("id").data == "{}"


# The database is away, or busy


def test_a_mistake_in_the_project_is_not_taken_for_a_busy_database(store):
    def without_table(execute, sql, *args):
        return execute(sql.replace(StoredTask._meta.db_table, "no_such_table"), *args)

    with connection.execute_wrapper(without_table), pytest.raises(DatabaseError):
        store.read("id")


def test_a_mistake_in_an_effect_is_not_taken_for_a_busy_database(store):
    store.create("id", "owner", "{}")
    with pytest.raises(DatabaseError), store.lock("id"), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")


@only_sqlite
def test_an_effect_with_a_value_that_sqlite_cannot_take_is_not_taken_for_a_busy_database(store):
    store.create("id", "owner", "{}")
    with pytest.raises(Error), store.lock("id"), connection.cursor() as cursor:
        cursor.execute("SELECT %s", [object()])


@pytest.mark.slow
@only_sqlite
@pytest.mark.parametrize("method", ["lock", "lock_new", "create", "put_state", "touch", "delete_expired"])
def test_a_locked_file_is_busy_once_its_timeout_is_over(store, method, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    connection.close()
    store.create("id", "owner", "{}")
    store.create("old", "owner", "{}")
    expire("old")
    calls = {
        "lock": lambda: store.lock("id").__enter__(),
        "lock_new": lambda: store.lock_new("new").__enter__(),
        "create": lambda: store.create("new", "owner", "{}"),
        "put_state": lambda: store.put_state("id", {}),
        "touch": lambda: store.touch("id", store.read("id")),
        "delete_expired": lambda: store.delete_expired(10),
    }
    message = "^The database is busy or cannot be reached: database is locked$"
    with held_elsewhere(lambda: store.lock("id")), pytest.raises(StoreUnavailable, match=message):
        calls[method]()
    connection.close()


# For how long a task is waited for


def get_wait():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout')"
            if connection.vendor == "postgresql"
            else "SELECT @@innodb_lock_wait_timeout"
        )
        return cursor.fetchone()


@pytest.fixture(params=["the server's", "the project's"])
def wait(request):
    """For how long statements of the project wait for others, by a setting of theirs."""
    if request.param == "the project's":
        seconds = "lock_timeout = '7s'" if connection.vendor == "postgresql" else "innodb_lock_wait_timeout = 7"
        with connection.cursor() as cursor:
            cursor.execute(f"SET {seconds}")
    yield get_wait()
    connection.close()


@several_writers
@pytest.mark.parametrize("is_within", [False, True], ids=["alone", "within a transaction"])
@pytest.mark.parametrize("kind", ["lock", "lock_new"])
def test_statements_of_the_project_wait_as_before_while_a_task_is_held(store, wait, kind, is_within):
    holding = begin(store, kind)
    with transaction.atomic() if is_within else nullcontext():
        with holding():
            assert get_wait() == wait
        assert get_wait() == wait
    assert get_wait() == wait


@several_writers
@pytest.mark.parametrize("does_save", [True, False])
def test_statements_of_the_project_wait_as_before_when_the_task_was_waited_for(store, wait, does_save):
    store.create("id", "owner", "[]")
    held = threading.Event()

    def hold():
        with store.lock("id") as hold:
            if does_save:
                hold.save("owner", '"after"')
            held.set()
            time.sleep(0.3)
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        assert held.wait(30)
        with store.lock("id") as held_next:
            assert held_next.record.data == ('"after"' if does_save else "[]")
            assert get_wait() == wait
    assert get_wait() == wait


@several_writers
def test_statements_of_the_project_wait_as_before_after_a_commit(store, wait):
    store.create("id", "owner", "[]")
    with store.lock("id") as hold:
        hold.claim("owner", "[1]")
        assert get_wait() == wait
        hold.commit("owner", "[2]")
        assert get_wait() == wait


@several_writers
@pytest.mark.parametrize("kind", ["lock", "lock_new", "create"])
def test_statements_of_the_project_wait_as_before_after_a_task_was_waited_for_in_vain(store, wait, kind, settings):
    settings.FLOWS_LOCK_WAIT = 0.2
    holding = begin(store, "lock" if kind == "lock" else "lock_new")
    calls = {
        "lock": lambda: store.lock("lock").__enter__(),
        "lock_new": lambda: store.lock_new("lock_new").__enter__(),
        "create": lambda: store.create("lock_new", "owner", "{}"),
    }
    with transaction.atomic(), held_elsewhere(holding):
        with pytest.raises(StoreUnavailable):
            calls[kind]()
        assert get_wait() == wait


# Levels of isolation


@several_writers
@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
@pytest.mark.parametrize("pages", [1, 2])
def test_a_form_that_is_sent_twice_at_once_is_executed_once_at_each_level_of_isolation(level, pages):
    with isolation_level(level):
        for _ in range(3):
            visitor = Visitor()
            visitor.open(reverse("flows:journey"))
            if pages == 2:
                visitor.submit(name="first")
            Effect.objects.all().delete()
            url, form, twins = visitor.url, visitor.form(name="x"), [visitor.twin(), visitor.twin()]
            answers = at_once(*(partial(twin.client.post, url, form) for twin in twins))
            assert [answer.status_code for answer in answers] == [302, 302]
            assert answers[0]["Location"] == answers[1]["Location"]
            assert Effect.objects.count() == 1


@only_postgresql
def test_effects_that_cannot_be_committed_in_serializable_leave_nothing_and_are_busy(store):
    store.create("id", "owner", '"before"')

    def read_and_write():
        Effect.objects.create(what=f"after {Effect.objects.count()}")

    def run():
        with store.lock("id") as hold:
            with held_elsewhere(others_transaction):
                read_and_write()
            hold.save("owner", '"after"')

    @contextmanager
    def others_transaction():
        with transaction.atomic():
            read_and_write()
            yield

    with isolation_level("serializable"), pytest.raises(StoreUnavailable, match="could not serialize access"):
        run()
    assert [effect.what for effect in Effect.objects.all()] == ["after 0"]
    assert store.read("id").data == '"before"'


@only_postgresql
def test_within_a_transaction_that_sees_an_older_state_a_task_is_busy_at_once(store):
    store.create("id", "owner", "{}")
    with isolation_level("repeatable read"), transaction.atomic():
        Effect.objects.count()  # from here on it sees what there is now
        with held_elsewhere(lambda: written(store)):
            pass
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="could not serialize access"), store.lock("id"):
            pass
        assert time.monotonic() - began < 2
        assert Effect.objects.count() == 0


@contextmanager
def written(store):
    with store.lock("id") as hold:
        hold.save("owner", "[]")
        yield


# An id that two have


def test_a_task_that_is_created_under_an_id_that_there_is_is_refused_without_the_whole_id(store):
    task_id = "0123456789abcdef" * 2
    store.create(task_id, "owner", '"first"')
    with pytest.raises(StateExists, match=r"^There already is a task 012345…[.]$") as refused:
        store.create(task_id, "owner", '"second"')
    assert task_id not in "".join(traceback.format_exception(refused.value))
    assert store.read(task_id).data == '"first"'


@several_writers
def test_of_two_states_that_are_put_under_a_new_id_at_once_both_are_kept_one_after_the_other(store):
    def put():
        with transaction.atomic():
            store.put_state("id", {"first": 1})
            yield

    with ThreadPoolExecutor(1) as pool:
        with held_elsewhere(contextmanager(put)):
            second = pool.submit(lambda: (store.put_state("id", {"second": 2}), connections.close_all()))
            time.sleep(0.2)
        second.result(30)
    assert store.get_state("id") == {"second": 2}
    assert store.read("id").version == 2


# The database is away


@only_postgresql
def test_a_connection_that_is_lost_is_a_store_that_cannot_be_reached(store):
    store.create("id", "owner", "{}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with held_elsewhere(lambda: kill(pid)), pytest.raises(StoreUnavailable):
        store.read("id")
    connection.close()
    assert store.read("id").data == "{}"


@contextmanager
def kill(pid):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    yield


@only_postgresql
def test_a_deadlock_between_the_effects_of_two_tasks_is_busy_for_one_of_them(store):
    first, second = Effect.objects.create(what="first"), Effect.objects.create(what="second")
    barrier, outcomes = threading.Barrier(2), []

    def run(task_id, rows):
        try:
            with store.lock_new(task_id) as hold:
                Effect.objects.filter(pk=rows[0].pk).update(detail=F("detail"))
                barrier.wait(30)
                Effect.objects.filter(pk=rows[1].pk).update(detail=F("detail"))
                hold.save("owner", "{}")
            outcomes.append("done")
        except StoreUnavailable:
            outcomes.append("busy")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=a) for a in (("a", (first, second)), ("b", (second, first)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["busy", "done"]
    assert StoredTask.objects.count() == 1


class DriverError(Exception):
    """What a database's driver raises."""


@pytest.mark.parametrize(
    ("module", "attributes", "kind", "args", "passing"),
    [
        ("psycopg.errors", {"sqlstate": "55P03"}, OperationalError, ("lock not available",), True),
        ("psycopg.errors", {"sqlstate": "40P01"}, OperationalError, ("deadlock detected",), True),
        ("psycopg.errors", {"sqlstate": "57P01"}, OperationalError, ("terminating connection",), True),
        ("psycopg", {"sqlstate": None}, OperationalError, ("connection refused",), True),
        ("psycopg.errors", {"sqlstate": "42P01"}, OperationalError, ("no such table",), False),
        ("psycopg2.errors", {"pgcode": "55P03"}, OperationalError, ("lock not available",), True),
        ("psycopg2", {"pgcode": None}, InterfaceError, ("connection already closed",), True),
        ("psycopg2.errors", {"pgcode": "42P01"}, OperationalError, ("no such table",), False),
        ("pymysql.err", {"sqlstate": "HY000"}, OperationalError, (1205, "Lock wait timeout exceeded"), True),
        ("pymysql.err", {"sqlstate": "HY000"}, OperationalError, (3572, "NOWAIT is set"), True),
        ("MySQLdb", {}, OperationalError, (1213, "Deadlock found"), True),
        ("MySQLdb", {}, OperationalError, (2002, "Cannot connect"), True),
        ("pymysql.err", {}, InterfaceError, (0, ""), True),
        ("MySQLdb", {}, OperationalError, (1054, "Unknown column"), False),
        ("sqlite3", {}, OperationalError, ("database is locked",), True),
        ("sqlite3", {}, OperationalError, ("unable to open database file",), True),
        ("sqlite3", {}, OperationalError, ("no such table: flows_storedtask",), False),
        ("sqlite3", {}, InterfaceError, ("Error binding parameter 0",), False),
    ],
)
def test_what_is_over_in_a_moment_is_told_from_a_mistake(store, monkeypatch, module, attributes, kind, args, passing):
    cause = type("Error", (DriverError,), {"__module__": module, **attributes})(*args)

    def fail(*_, **__):
        raise kind(*args) from cause

    monkeypatch.setattr(django_store.READ, "run", fail)
    with pytest.raises(StoreUnavailable if passing else kind):
        store.read("id")
