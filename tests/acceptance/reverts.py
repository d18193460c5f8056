"""See that the cases would notice: ``python -m tests.acceptance.reverts``.

Runs them once as they are, which must be green, and once for each thing that the library keeps its promises with, on a
site that does without it, and says which cases fell. Fails if there is one that nothing noticed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from .site.reverts import REVERTS, VARIABLE

HERE = Path(__file__).parent
SETUPS = "postgres+db,redis+redis"


def fallen(revert: str, arguments: list[str]) -> list[str]:
    """Return the cases that fail without something."""
    environ = {"FLOWS_ACCEPTANCE": SETUPS, "FLOWS_ACCEPTANCE_REPEAT": "5", **os.environ, VARIABLE: revert}
    command = [sys.executable, *"-m pytest -q --tb=no -rfE -p no:randomly --numprocesses 2 --dist loadgroup".split()]
    command += arguments or [str(HERE)]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return re.findall(r"^(?:FAILED|ERROR) \S*?(test_\w+\.py::\S+)", run.stdout, re.MULTILINE)


def main() -> None:
    by_chance = fallen("", sys.argv[1:])
    print(f"With everything: {len(by_chance)} cases fell.", *by_chance, sep="\n  ", flush=True)
    unnoticed = []
    for revert in REVERTS:
        cases = [case for case in fallen(revert, sys.argv[1:]) if case not in by_chance]
        print(f"Without {revert}: {len(cases)} cases fell.", *cases, sep="\n  ", flush=True)
        unnoticed += [] if cases else [revert]
    if by_chance or unnoticed:
        sys.exit(f"Nothing noticed: {', '.join(unnoticed)}." if unnoticed else "Cases fall with everything in place.")


if __name__ == "__main__":
    main()
