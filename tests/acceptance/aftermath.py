"""What is left when something went wrong: what was done, what stands, and what is claimed."""

import json
import re
from collections import Counter
from collections.abc import Collection
from typing import Any

from .server import Site

#: What is run in a flow of ``site/crashing.py`` from its begin to its end.
ALL = ("begin", "last", "complete")


class Traces:
    """What all that was done has left, in the ledger and in the database."""

    def __init__(self, site: Site) -> None:
        self._effects: dict[str, list[str]] = {}
        for run, what in site.browser().get("/crashing/effects/").json():
            self._effects.setdefault(run, []).append(what)
        self._entries: dict[str, list[dict[str, Any]]] = {}
        for entry in site.ledger.entries():
            self._entries.setdefault(entry["run"], []).append(entry)

    def entries(self, run: str, names: Collection[str] = ALL) -> list[dict[str, Any]]:
        return [entry for entry in self._entries.get(run, []) if entry["what"] in names]

    def attempts(self, run: str, names: Collection[str] = ALL) -> Counter:
        return Counter(entry["what"] for entry in self.entries(run, names))

    def committed(self, run: str, names: Collection[str] = ALL) -> Counter:
        found = self._effects.get(run, [])
        return Counter(what for what in found if what in names)


def claims(site: Site) -> dict[str, tuple[str, str]]:
    """Return the place and the submission of each task that is listed as claimed, by its id."""
    *lines, _ = flowtasks(site, ["--claimed"]).splitlines()
    found = [re.fullmatch(r"(\S+)  \d+:\d\d:\d\d  crashing:\S+ at (\S+), submission (\S+)", line) for line in lines]
    return {task_id: (place, key) for task_id, place, key in map(re.Match.groups, found)}


def flowtasks(site: Site, *runs: list[str]) -> str:
    """Return what ``manage.py flowtasks`` says, run for each of these lists of arguments.

    In a process of the site: to start one for each would take a second, and there are many.
    """
    response = site.browser().send("/crashing/flowtasks/", {"runs": json.dumps(runs)})
    assert response.status == 200, response.text
    return response.text
