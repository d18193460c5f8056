"""A store with a million tasks, beside one with a thousand: what it takes to get, to put, and to remove what expired.

Both have a database of their own on one server, and a process that asks it. They take turns, so that a machine that is
slower for a while is slower for both. In each there are as many tasks that expired as tasks that live.
"""

import hashlib
import os
import random
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context

from . import sites
from tests import servers

FEW = 1000
#: Tasks of each turn.
EACH = 200
#: Expired tasks that are removed at once.
BATCH = 1000
#: Tasks that are written to the store at once while it is filled.
FILLED = 5000
#: Seconds over which the visitors of the tasks came.
SPAN = 6 * 3600


@dataclass(frozen=True)
class Figures:
    """Milliseconds with few tasks and with many, and how they relate within each turn."""

    few: float
    many: float
    ratio: float


# In the processes, one for each database


def enter(environ):
    """Begin a process, with what the environment says of its database."""
    os.environ.update(environ, DJANGO_SETTINGS_MODULE="benchmarks.scale.settings")


def prepare(live):
    """Make the tables and fill them."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    fill("live", live)
    fill("expired", live)
    _settle()


def fill(what, number):
    """Add as many tasks that are live, or that expired."""
    from flows.config import config
    from flows.serializing import codec

    data = codec.dumps({f"page-{page}": {"name": "Anna Lindqvist", "number": page} for page in range(1, 11)})
    # Not all at once: what expired was used last in the hours before that, what lives in the last hours.
    since = config.TASK_IDLE_TIMEOUT + 60 if what == "expired" else 0
    write = _write_to_redis if "BENCHMARKS_REDIS" in os.environ else _write_rows
    for first in range(0, number, FILLED):
        # Who came first was there last the longest ago.
        batch = range(first, min(first + FILLED, number))
        write({_task_id(what, each): since + SPAN * (1 - each / number) for each in batch}, data)


def _task_id(what, number):
    return hashlib.md5(f"{what} {number}".encode(), usedforsecurity=False).hexdigest()


def _write_rows(idle, data):
    from django.utils import timezone

    from flows.models import StoredTask

    now = timezone.now()
    StoredTask.objects.bulk_create(
        StoredTask(id=task_id, owner=task_id, version=1, data=data, touched=now - timedelta(seconds=seconds))
        for task_id, seconds in idle.items()
    )


def _write_to_redis(idle, data):
    from flows.config import config
    from flows.statestore import redis_store
    from flows.statestore.redis_client import get_client

    with get_client().pipeline(transaction=False) as pipeline:
        # The server is to keep what expired until it is asked to remove it.
        pipeline.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        for task_id, seconds in idle.items():
            key, life = redis_store._keys(task_id)[0], max(0.001, config.TASK_IDLE_TIMEOUT - seconds)
            fields = {"owner": task_id, "data": data, "version": 1, "status": "open", "writer": ""}
            pipeline.hset(key, mapping=fields)
            pipeline.pexpire(key, int(life * 1000))
        pipeline.execute()


def _settle():
    """Let the database know what it holds, as it finds out by itself in time."""
    from django.db import connection

    statement = {"mysql": "ANALYZE TABLE flows_storedtask", "postgresql": "VACUUM ANALYZE flows_storedtask"}
    with connection.cursor() as cursor:
        cursor.execute(statement.get(connection.vendor, "ANALYZE flows_storedtask"))


def get(numbers):
    """Return the seconds that it takes to get these live tasks."""
    from flows.statestore.base import get_store

    store = get_store()
    began = time.perf_counter()
    for number in numbers:
        store.get_state(_task_id("live", number))
    return time.perf_counter() - began


def put(numbers):
    """Return the seconds that it takes to put other states in the place of these tasks'."""
    from flows.statestore.base import get_store

    store = get_store()
    began = time.perf_counter()
    for number in numbers:
        store.put_state(_task_id("live", number), {"page-1": {"name": "Anna Lindqvist", "number": number}})
    return time.perf_counter() - began


def clean():
    """Return the seconds that it takes to remove a batch of what expired, from among all there is."""
    from flows.statestore.base import get_store

    store = get_store()
    began = time.perf_counter()
    if store.delete_expired(BATCH) != BATCH:
        raise AssertionError("There was too little to remove.")
    return time.perf_counter() - began


def expire(live):
    """Let Redis remove what expired, all of it; return the seconds that it takes."""
    from flows.statestore.redis_client import get_client

    client = get_client()
    client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", 1)
    began = time.perf_counter()
    while client.dbsize() > live:
        time.sleep(0.001)
    return time.perf_counter() - began


# In the process that asks them


def measure(stores, many, turns):
    """Return the `Figures` of each store, by its name and what was done."""
    found = {}
    for store in stores:
        with _processes(store, many) as (small, large):
            found[store] = {
                "get": _alternate(_asker(small, get, FEW), _asker(large, get, many), turns),
                "put": _alternate(_asker(small, put, FEW), _asker(large, put, many), turns),
                "clean": _compare_cleaning(store, small, large, many, turns),
            }
    return found


def _asker(process, what, live):
    """Return what asks a process for one turn, and gives the seconds for one task."""
    return lambda: process.submit(what, random.choices(range(live), k=EACH)).result() / EACH


def _compare_cleaning(store, small, large, many, turns):
    if store == "Redis":
        return _alternate(
            lambda: small.submit(expire, FEW).result() / FEW, lambda: large.submit(expire, many).result() / many, 1
        )

    def clean_few():
        seconds = small.submit(clean).result()
        small.submit(fill, "expired", FEW).result()
        return seconds / BATCH

    return _alternate(clean_few, lambda: large.submit(clean).result() / BATCH, min(turns, many // BATCH))


def _alternate(ask_small, ask_large, turns):
    pairs = [(ask_small(), ask_large()) for _ in range(turns)]
    few, many = zip(*pairs, strict=True)
    ratio = statistics.median(large / small for small, large in pairs)
    return Figures(statistics.median(few) * 1000, statistics.median(many) * 1000, ratio)


@contextmanager
def _processes(store, many):
    """Give two processes, each with a database of its own that is filled."""
    with ExitStack() as stack:
        pools, filling = [], []
        for live, environ in zip((FEW, many), _environments(store, stack), strict=True):
            pools.append(stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"), enter, [environ])))
            filling.append(pools[-1].submit(prepare, live))
        for each in filling:
            each.result()
        yield pools


def _environments(store, stack):
    """Return what the environment says of two databases of a store, which run until the stack is left."""
    folder = stack.enter_context(servers.temporary_folder("crowd"))
    if store == "Redis":
        found = []
        for name in ("few", "many"):
            (folder / name).mkdir()
            url = stack.enter_context(servers.private_redis(folder / name, "--enable-debug-command", "yes"))
            found.append({"BENCHMARKS_REDIS": url, "BENCHMARKS_FOLDER": str(folder / name)})
        return found
    if store == "SQLite":
        return [{"BENCHMARKS_DATABASE": sites.sqlite(folder / f"{name}.sqlite3")} for name in ("few", "many")]
    engine, start = {"PostgreSQL": ("postgresql", servers.postgres), "MariaDB": ("mysql", servers.mariadb)}[store]
    url = stack.enter_context(start())
    return [{"BENCHMARKS_DATABASE": sites.create_database(url, engine, f"benchmarks_{n}")} for n in ("few", "many")]


def tables(found, many):
    """Yield the table of what it takes."""
    header = ["Store", "Get", "Put", "Remove an expired one"]
    rows = [[store, *map(_say, figures.values())] for store, figures in found.items()]
    yield f"One task among a thousand / among {many:,} (the second as a multiple of the first)", header, rows


def _say(figures):
    return f"{figures.few:.3f} / {figures.many:.3f} ms ({figures.ratio:.2f} ×)"
