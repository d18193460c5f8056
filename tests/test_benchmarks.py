"""The benchmark runs: with whatever peers are installed, on journeys that are too short to say anything."""

import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]


def test_the_benchmark_walks_and_prints_its_tables():
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks", *"--rounds 1 --pages 3 4".split()]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr, run.stderr
    titles = re.findall(r"\.\. list-table:: (.+)", run.stdout)
    assert len(titles) == 5
    rows = re.findall(r"\* - django-flows\n", run.stdout)
    assert len(rows) == len(titles)
    # One read in a GET; one read and one write in a POST, beside Django's session, and what locks SQLite.
    counted = ("2 SELECT", "1 BEGIN, 2 SELECT, 2 UPDATE", r"\d+", "0 / 1")
    assert re.search(r"\* - django-flows" + "".join(rf"\n     - {count}" for count in counted), run.stdout)
    verdicts = re.findall(r"^run \d: +\d+\.\d\d  \(at most", run.stdout, re.MULTILINE)
    assert len(verdicts) >= 2 * 6
