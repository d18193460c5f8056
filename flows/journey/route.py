"""The route: which places count for this visitor now, in order, and which of them are open.

It is walked when something is said, kept with the task, and walked on from the place that was answered. Whether a page
may be visited, where the visitor is, what comes next, the way back, the steps, what ``answers`` shows and when a
scaffold is complete: all that is read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from ..tree.positions import Position

#: What is kept in the place of a sibling for a choice that completed its scaffold, and for one that let any follow.
COMPLETED, ANY = "", "*"
#: What stands before the first of a way that was chosen from outside of its scaffold.
CHOSEN = ">"


@dataclass(frozen=True)
class Route:
    """Places by their keys, in order. A scaffold that was come to stands after what is in it, under its closing key.

    ``open`` are those that are not done: pages to answer, scaffolds that are not complete. Of these ``due`` are those
    of which nothing is left but to run ``complete()``. ``aside`` are places that may be entered and do not count yet:
    the alternatives, until one of them is chosen.
    """

    entries: tuple[str, ...] = ()
    open: frozenset[str] = frozenset()
    aside: tuple[str, ...] = ()
    due: frozenset[str] = frozenset()

    @classmethod
    def from_list(cls, kept: Iterable[Iterable[str]]) -> Route:
        entries, opened, aside, due = kept
        return cls(tuple(entries), frozenset(opened), tuple(aside), frozenset(due))

    def to_list(self) -> list[list[str]]:
        return [list(self.entries), sorted(self.open), list(self.aside), sorted(self.due)]

    @cached_property
    def index(self) -> dict[str, int]:
        return {key: number for number, key in enumerate(self.entries)}

    @cached_property
    def pages(self) -> list[str]:
        """The keys of the pages that count, in order."""
        return [key for key in self.entries if not key.endswith("/")]

    @cached_property
    def visitable(self) -> Collection[str]:
        """The keys of what counts, and of what may be entered."""
        return {*self.index, *self.aside} if self.aside else self.index

    def may_visit(self, key: str) -> bool:
        return key in self.visitable

    def is_done(self, place: Position) -> bool:
        """Return whether a page is answered and counts, or a scaffold is complete."""
        return place.entry in self.index and place.entry not in self.open

    def is_complete(self, scaffold: Position) -> bool:
        """Return whether a scaffold is complete, also where it may only be entered."""
        return self.may_visit(scaffold.closing_key) and scaffold.closing_key not in self.open

    def first_open(self, within: Position) -> str | None:
        """Return the key of the first place at or in a scaffold that is open; the scaffold's own comes last."""
        if self.is_complete(within):
            return None
        index = self.index
        if within.closing_key not in index:  # in an alternative that may be entered
            index = {key: number for number, key in enumerate(self.aside)}
        found = [key for key in self.open if key in index and is_at(key, within.closing_key)]
        return min(found, key=index.__getitem__, default=None)

    def get_way(self, choices: Mapping[str, str], closing_key: str) -> tuple[list[str], bool]:
        """Return the way of choices through a scaffold, as far as the route goes; and whether any may follow."""
        known = self.index if closing_key in self.index else self.aside
        way = list(takewhile(lambda key: key in known or f"{key}/" in known, get_way(choices, closing_key)))
        is_done = bool(way) and not has_open_page(self.open, known, f"{way[-1]}/")
        return way, is_done and get_chosen(choices, way[-1]) == ANY

    def get_pages(self, scaffold: Position) -> list[str]:
        """Return the keys of the pages in a scaffold, in order; where it does not count, of those to be entered."""
        if scaffold.closing_key not in self.index:
            return self.get_alternatives(scaffold.closing_key)
        return [key for key in self.pages if key.startswith(scaffold.closing_key)]

    def get_alternatives(self, closing_key: str) -> list[str]:
        """Return the pages in a scaffold that may be entered and do not count yet."""
        return [key for key in self.aside if key.startswith(closing_key) and not key.endswith("/")]

    def get_due(self, root: Position) -> str | None:
        """Return the closing key of the scaffold of which only ``complete()`` is left; None while a page is open."""
        key = self.first_open(root)
        return key if key in self.due else None

    @cached_property
    def alternatives(self) -> list[str]:
        """The pages that wait for a choice: those that may be entered, in scaffolds that are not complete."""
        waiting = [key for key in self.aside if not key.endswith("/")]
        if waiting:
            closings = sorted((key for key in self.entries if key.endswith("/")), key=len, reverse=True)
            groups = {key: next(closing for closing in closings if key.startswith(closing)) for key in waiting}
            waiting = [key for key in waiting if groups[key] in self.open and groups[key] not in self.due]
        return waiting

    def find(self, last_seen: str | None, is_answered: Callable[[str], bool]) -> str | None:
        """Return the key of the page where the visitor is; None where no page counts and none may be entered.

        It is the open one; of several the one that they saw last; where none is open the last.
        """
        opened = [key for key in self.pages if key in self.open]
        if last_seen in opened or last_seen in self.alternatives:
            return last_seen
        if opened:
            return opened[0]
        if self.alternatives:
            return next((key for key in self.alternatives if not is_answered(key)), self.alternatives[0])
        return self.pages[-1] if self.pages else None

    def has_choice(self, key: str) -> bool:
        """Return whether the visitor may be at a page or at others, so that it has to be noted which they saw."""
        places = {*self.alternatives, *(page for page in self.pages if page in self.open)}
        return key in places and len(places) > 1

    def stands_before(self, place: Position, other: Position) -> bool:
        """Return whether a page on the route is, or stands before, another."""
        number, end = self.index.get(place.key), self.index.get(other.key)
        if number is None and end is None and place.key in self.aside and other.key in self.aside:
            is_same = place.is_in(self._get_alternative(other))
            return is_same and self.aside.index(place.key) <= self.aside.index(other.key)
        end = self._get_place_of_alternative(other) if end is None else end
        return place is other or (number is not None and number < end)

    def explain_closed(self, place: Position) -> str:
        """Return why a page may not be visited."""
        level = next((level for level in place.path[1:] if not self.may_visit(level.closing_key)), place)
        parent = level.parent or place
        opened = self.first_open(parent)
        if opened and opened != parent.closing_key:
            return f"it stands behind '{opened.rstrip('/')}', which is not done"
        return f"'{level.key}' is skipped, or something else was chosen in its place"

    def shows(self, key: str, place: Position) -> bool:
        """Return whether the answers of a page are seen from a place: on the route, or in the same alternative."""
        is_on = place.key in self.index or place.closing_key in self.index
        if key in self.index or is_on or key not in self.aside:
            return key in self.index
        return key.startswith(self._get_alternative(place).closing_key)

    def _get_alternative(self, place: Position) -> Position:
        """Return the child of a scaffold on the route in which a place stands that may only be entered."""
        return next((level for level in reversed(place.path[1:]) if level.path[-2].closing_key in self.index), place)

    def pages_before(self, place: Position) -> Iterator[str]:
        """Yield the keys of the pages before a place, the nearest first."""
        return (key for key in reversed(self.entries[: self._get_number(place)]) if key[-1] != "/")

    def count_before(self, place: Position) -> int:
        return len([key for key in self.entries[: self._get_number(place)] if key[-1] != "/"])

    def _get_number(self, place: Position) -> int:
        number = self.index.get(place.key)
        return self._get_place_of_alternative(place) if number is None else number

    def _get_place_of_alternative(self, place: Position) -> int:
        """Return before which entry a place that does not count would stand: after what its scaffold has."""
        for level in reversed(place.path):
            if level.parent and (number := self.index.get(level.parent.closing_key)) is not None:
                return number
        return 0


def is_at(key: str, closing_key: str) -> bool:
    """Return whether an entry is in a scaffold, or its end; or the page that is a flow of its own."""
    return key.startswith(closing_key) or f"{key}/" == closing_key


def has_open_page(opened: Collection[str], known: Container[str], closing_key: str) -> bool:
    """Return whether a page that is known is open, in a scaffold or as a flow of its own."""
    return any(key in known and key[-1] != "/" and is_at(key, closing_key) for key in opened)


def get_way(choices: Mapping[str, str], closing_key: str) -> list[str]:
    """Return the keys of the children of a scaffold that follow each other by choice."""
    way = list[str]()
    key: str | None = choices.get(closing_key, "").removeprefix(CHOSEN)
    while key and key != ANY and key not in way:
        way.append(key)
        key = get_chosen(choices, key)
    return way


def get_chosen(choices: Mapping[str, str], key: str) -> str | None:
    """Return what a child of a scaffold chose; where it let any follow, the one that did."""
    chosen = choices.get(key)
    return choices.get(key + ANY, ANY) if chosen == ANY else chosen
