"""What the actions of a scaffold without a transition chose, and which of its children count by that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .positions import Position

if TYPE_CHECKING:
    from .task import Task

#: What a child chose that completed its scaffold, and one that led away by a redirect of its own.
COMPLETED, ANY = "", "*"


class Way:
    """The children of one scaffold from the one that was answered first to the last that was chosen."""

    def __init__(self, scaffold: str, choices: Mapping[str, str]) -> None:
        self.names: list[str] = []
        chosen = choices.get(f"{scaffold}/")
        while chosen and chosen != ANY and chosen not in self.names:
            self.names.append(chosen)
            chosen = choices.get(chosen)
        self.is_complete = chosen == COMPLETED
        self._may_lead_anywhere = chosen == ANY or len(self.names) < 2

    def lets_in(self, child: str) -> bool:
        """Return whether a child may be entered: each of them until one has chosen another."""
        return self._may_lead_anywhere or child in self.names

    def counts(self, child: str) -> bool:
        """Return whether what was said at a child counts: of all of them until one is chosen or completes the rest."""
        return child in self.names or (self._may_lead_anywhere and not self.is_complete)


def get_way(scaffold: Position, task: Task) -> Way | None:
    """Return the way through a scaffold; None where a transition says what counts, or where nothing was chosen."""
    way = Way(scaffold.name, task.choices) if getattr(scaffold.component, "transition", None) is None else None
    return way if way and way.names else None


def counts(place: Position, task: Task) -> bool:
    """Return whether what was said at a place counts by what was chosen on each level above it."""
    ways = ((level, get_way(level.parent, task)) for level in place.path if level.parent)
    return all(way is None or way.counts(level.name) for level, way in ways)
