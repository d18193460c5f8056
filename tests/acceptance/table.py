"""The results as a table, for the documentation: a row for each setup, a column for each module of cases."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from .setups import ALL

COLUMNS = ("once", "isolation", "ownership", "navigation", "expiry", "crashes", "input")
#: The names under which a test's properties are reported.
SETUP, TRIALS = "setup", "trials"


class Cell(Counter):
    """What became of the cases of one module on one setup: passed, failed, skipped, and the number of trials."""

    def __str__(self) -> str:
        cases = self["passed"] + self["failed"]
        if self["failed"]:
            return f"{self['failed']} of {cases} FAILED"
        if not cases:
            return "not run"
        skipped = f", {self['skipped']} skipped" if self["skipped"] else ""
        trials = f", {self['trials']:,} trials" if self["trials"] else ""
        return f"{cases:,} {'case' if cases == 1 else 'cases'}{trials}{skipped}"


class Table:
    """A plugin of pytest that writes the table at the end of the run."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.cells: defaultdict[tuple[str, str], Cell] = defaultdict(Cell)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if SETUP not in properties or (report.when != "call" and report.passed):
            return
        if report.when == "teardown" and not report.failed:
            return
        cell = self.cells[properties[SETUP], _column(report.nodeid)]
        cell[report.outcome] += 1
        if report.when == "call":
            cell["trials"] += sum(value for name, value in report.user_properties if name == TRIALS)

    @pytest.hookimpl
    def pytest_sessionfinish(self) -> None:
        self.file.write_text(self.render())

    def render(self) -> str:
        """Return the table as reStructuredText."""
        found = {column for _, column in self.cells}
        columns = [*COLUMNS, *sorted(found - set(COLUMNS))]
        setups = [setup for setup in map(str, ALL) if any(row == setup for row, _ in self.cells)]
        rows = [[setup, *(str(self.cells.get((setup, column), Cell())) for column in columns)] for setup in setups]
        return _list_table([["setup", *columns], *rows])


def _column(nodeid: str) -> str:
    """Return the group of a case: ``once`` of those in ``test_once.py`` and in ``test_once_later.py``."""
    return Path(nodeid.partition("::")[0]).stem.split("_")[1]


def _list_table(rows: Iterable[Sequence[Any]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'* -' if number == 0 else '  -'} {cell}" for number, cell in enumerate(row)]
    return "\n".join(lines) + "\n"
