"""The benchmarks run: with whatever peers are installed, on journeys that are too short to say anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.acceptance.server import UNSET

CHECKOUT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def run(command):
    """Run a benchmark's command, and return what it printed."""
    # What it starts is not to fail by a warning: that is for the library's own tests.
    environ = {name: value for name, value in os.environ.items() if name not in UNSET}
    command = [sys.executable, "-m", *command.split()]
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_the_benchmark_walks_and_prints_its_tables():
    printed = run("benchmarks --rounds 1 --pages 3 4 --least 0")
    titles = re.findall(r"\.\. list-table:: (.+)", printed)
    assert len(titles) == 6
    rows = re.findall(r"\* - django-flows\n", printed)
    assert len(rows) == len(titles) - 1, "one has the contenders side by side"
    fast = re.findall(r"\* - (.+); flows\.sessions\.db\n", printed)
    assert fast == ["by hand, the owner checked", "django-flows"] * 4, "in the tables of journeys, and of one page"
    assert re.search(r"\* - together\n     - 100%\n     - \d+%\n     - 100%\n     - \d+%\n", printed)
    # One read in a GET; one read and one write in a POST, beside Django's session, and what locks SQLite.
    counted = ("2 SELECT", "1 BEGIN, 2 SELECT, 2 UPDATE", r"\d+", "0 / 1", r"\d+ / \d+ kB")
    assert re.search(r"\* - django-flows" + "".join(rf"\n     - {count}" for count in counted), printed)
    verdicts = re.findall(r"^run \d: +\d+\.\d\d  \(at most", printed, re.MULTILINE)
    assert len(verdicts) >= 2 * 6
    assert printed.count("pages, of by hand, the owner checked; flows.sessions.db") == 2 * 2


def test_flows_of_one_process_are_measured():
    printed = run("benchmarks.scale flows --flows 20 --rounds 1")
    for name in ("django-flows", "by hand, the owner checked"):
        for flows in (10, 20):
            assert re.search(rf"\* - {name}\n     - {flows} of 10 pages\n(     - \d+ ms\n){{2}}", printed)


@pytest.mark.parametrize("store", ["SQLite", "Redis"])
def test_a_store_with_few_tasks_is_measured_beside_one_with_many(store):
    printed = run(f"benchmarks.scale crowd --tasks 2000 --turns 2 --stores {store}")
    figures = r"     - [\d.]+ / [\d.]+ ms \([\d.]+ ×\)\n"
    assert re.search(rf"\* - {store}\n({figures}){{3}}", printed)


@pytest.mark.django_db  # the test has a database of its own; so tox selects what PostgreSQL is needed for
@pytest.mark.skipif(connection.vendor != "postgresql", reason="what is measured on PostgreSQL")
def test_visitors_over_http_are_measured():
    printed = run("benchmarks.scale serving --rounds 1 --seconds 1")
    for store in ("PostgreSQL", "Redis"):
        assert re.search(
            rf"\* - django-flows\n     - {store}\n     - [\d.]+\n     - –\n(     - \d+ ms\n){{6}}", printed
        )
