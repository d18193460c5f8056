"""``manage.py cleanupflows`` while visitors are at work.

``FLOWS_TEST_ROWS`` says how many tasks have expired. With ``-s`` it tells what it measured.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection, connections
from django.urls import reverse

from flows.config import config
from flows.models import StoredTask
from flows.statestore import django_store

from tests.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

IDLE = config.TASK_IDLE_TIMEOUT
ROWS = int(os.environ.get("FLOWS_TEST_ROWS", "5000"))
WORKERS = 4 if ROWS <= 5000 else 8
#: Tasks of each worker that were begun before.
TASKS = 3
#: Seconds for which the workers are alone.
ALONE = 2 if ROWS <= 5000 else 10

DATA = "x" * 500

#: Fills the table with tasks that expired in the last day, in no order.
FILL = {
    "postgresql": """
        SELECT md5(n::text), md5((n % 1000)::text), 3, 'open', '{data}',
               now() - interval '1201 seconds' - n * interval '1 day' / {rows} FROM generate_series(1, {rows}) n
    """,
    "mysql": """
        SELECT md5(seq), md5(seq % 1000), 3, 'open', '{data}',
               utc_timestamp(6) - INTERVAL (1201 + seq * 86400 / {rows}) SECOND FROM seq_1_to_{rows}
    """,
    "sqlite": """
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
        SELECT lower(hex(randomblob(16))), n % 1000, 3, 'open', '{data}',
               strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (1201 + n * 86400.0 / {rows}) || ' seconds') FROM numbers
    """,
}

#: ``manage.py cleanupflows`` on the tests' database.
PROGRAM = """
import json, sys, django
django.setup()
from django.core.management import call_command
from django.db import connection
connection.settings_dict.update(json.loads(sys.argv[1]))
call_command("cleanupflows")
"""


def fill():
    rows = FILL[connection.vendor].format(rows=ROWS, data=DATA)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO flows_storedtask (id, owner, version, status, data, touched) {rows}")
        cursor.execute(f"ANALYZE {'TABLE ' if connection.vendor == 'mysql' else ''}flows_storedtask")


def clean_up():
    """Clean up in a process of its own, as cron does; return what it said."""
    names = ("NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    database = {name: connection.settings_dict[name] for name in names}
    command = [sys.executable, "-c", PROGRAM, json.dumps(database, default=str)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Worker:
    """A visitor with some tasks, who goes on with them and begins others until he is told to stop."""

    def __init__(self):
        self.begun = {}
        self.tasks = [self.begin() for _ in range(TASKS)]
        self.answers = [""] * TASKS
        self.posts = 0
        self.error = None

    def begin(self):
        visitor = Visitor()
        visitor.open(reverse("flows:journey"))
        visitor.submit(name="one")
        assert (visitor.response.status_code, visitor.page) == (200, "/journey/second/"), visitor.text
        self.begun[visitor.task_id] = time.monotonic()
        return visitor

    def work(self, stop):
        try:
            while not stop.is_set():
                self.answer(self.posts % TASKS)
                self.begin()
                self.posts += 2
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()

    def answer(self, number):
        visitor, answer = self.tasks[number], f"answer {self.posts}"
        visitor.open(visitor.url.replace("third", "second"))
        visitor.submit(name=answer)
        assert (visitor.response.status_code, visitor.page) == (200, "/journey/third/"), visitor.text
        self.answers[number] = answer

    def assert_nothing_is_lost(self):
        live = {task_id for task_id, when in self.begun.items() if time.monotonic() - when < IDLE - 60}
        assert live <= set(StoredTask.objects.values_list("pk", flat=True))
        for visitor, answer in zip(self.tasks, self.answers, strict=True):
            visitor.open(visitor.url.replace("third", "second"))
            assert visitor.response.status_code == 200
            assert f'value="{answer}"' in visitor.text


@contextmanager
def at_work(workers):
    """Let the workers work during a block; gives a list that holds their posts per second after it."""
    stop, rates, before, began = threading.Event(), [], sum(worker.posts for worker in workers), time.monotonic()
    threads = [threading.Thread(target=worker.work, args=[stop]) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield rates
    finally:
        rates.append((sum(worker.posts for worker in workers) - before) / (time.monotonic() - began))
        stop.set()
        for thread in threads:
            thread.join()
    assert [worker.error for worker in workers] == [None] * len(workers)


def plans():
    """Return how the database finds what has expired, and what is an owner's."""
    expired = StoredTask.objects.filter(django_store._expired("open")).order_by("touched").values_list("pk", flat=True)
    owners = StoredTask.objects.filter(owner="owner", status="open").order_by("-touched").values_list("pk")
    return expired[:1000].explain(), owners[4:1000].explain()


@pytest.mark.slow
def test_cleaning_up_takes_all_that_expired_and_disturbs_nobody(monkeypatch):
    if connection.vendor == "sqlite":
        # As the documentation says for more than a handful of visitors.
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"transaction_mode": "IMMEDIATE", "timeout": 20})
        connection.close()
    workers = [Worker() for _ in range(WORKERS)]
    with at_work(workers) as alone:
        time.sleep(ALONE)
    fill()
    expired, owners = plans()
    assert "flows_task_expiry" in expired
    assert "flows_task_owner" in owners
    with at_work(workers) as together:
        began = time.monotonic()
        said = clean_up()
        took = time.monotonic() - began
    print(
        f"\n{connection.vendor}: {ROWS} rows in {took:.1f} s, {ROWS / took:.0f} a second; {WORKERS} workers made "
        f"{alone[0]:.0f} posts a second before and {together[0]:.0f} meanwhile"
    )
    # More, where this took so long that tasks expired which the workers had begun and left.
    assert int(re.fullmatch(r"Removed (\d+) expired tasks\.\n", said)[1]) >= ROWS
    assert not StoredTask.objects.filter(data=DATA).exists()
    for worker in workers:
        worker.assert_nothing_is_lost()
    connection.close()
