"""The route: which places count for this visitor now, in order, and which of them are open.

It is walked when something is said, kept with the task, and walked on from the place that was answered. Whether a page
may be visited, where the visitor is, what comes next, the way back, the steps, what ``answers`` shows and when a
scaffold is complete: all that is read from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, Protocol

from ..tree.outcomes import COMPLETE
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

    def may_visit(self, key: str) -> bool:
        return key in self.index or key in self.aside

    def has(self, place: Position) -> bool:
        """Return whether a place, or something in it, counts."""
        return (place.key if place.is_action else place.closing_key) in self.index

    def is_done(self, place: Position) -> bool:
        """Return whether a page is answered and counts, or a scaffold is complete."""
        key = place.key if place.is_action else place.closing_key
        return key in self.index and key not in self.open

    def is_complete(self, scaffold: Position) -> bool:
        """Return whether a scaffold is complete, also where it may only be entered."""
        return self.may_visit(scaffold.closing_key) and scaffold.closing_key not in self.open

    def first_open(self, within: Position) -> str | None:
        """Return the key of the first place at or in a scaffold that is open; the scaffold's own comes last."""
        index = self.index
        if within.closing_key not in index:  # in an alternative that may be entered
            index = {key: number for number, key in enumerate(self.aside)}
        found = [key for key in self.open if key in index and _is_at(key, within.closing_key)]
        return min(found, key=index.__getitem__, default=None)

    def get_alternatives(self, closing_key: str) -> list[str]:
        """Return the pages in a scaffold that may be entered and do not count yet."""
        return [key for key in self.aside if key.startswith(closing_key) and not key.endswith("/")]

    def get_due(self, root: Position) -> str | None:
        """Return the closing key of the scaffold of which only ``complete()`` is left; None while a page is open."""
        key = self.first_open(root)
        return key if key in self.due else None

    def find(self, root: Position, last_seen: str | None, is_answered: Any) -> str | None:
        """Return the key of the page where the visitor is; None where no page counts and none may be entered.

        It is the open one; of several the one that they saw last; where none is open the last.
        """
        opened = [key for key in self.pages if key in self.open]
        alternatives = [key for key in self.aside if not key.endswith("/")]
        if last_seen in opened or last_seen in alternatives:
            return last_seen
        if opened:
            return opened[0]
        if alternatives:
            return next((key for key in alternatives if not is_answered(key)), alternatives[0])
        return self.pages[-1] if self.pages else None

    def has_choice(self, key: str) -> bool:
        """Return whether the visitor may be at a page or at others, so that it has to be noted which they saw."""
        if key not in self.aside and not (key in self.index and key in self.open):
            return False
        return len(self.aside) + len([other for other in self.open if not other.endswith("/")]) > 1

    def stands_before(self, place: Position, other: Position) -> bool:
        """Return whether a page on the route is, or stands before, another."""
        number, end = self.index.get(place.key), self.index.get(other.key)
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
        level = next((level for level in reversed(place.path[1:]) if level.path[-2].closing_key in self.index), place)
        return key.startswith(level.closing_key)

    def pages_before(self, place: Position) -> Iterator[str]:
        """Yield the keys of the pages before a place, the nearest first."""
        end = self.index.get(place.key)
        if end is None:
            end = self._get_place_of_alternative(place)
        return (key for key in reversed(self.entries[:end]) if not key.endswith("/"))

    def _get_place_of_alternative(self, place: Position) -> int:
        """Return before which entry a place that does not count would stand: after what its scaffold has."""
        for level in reversed(place.path):
            if level.parent and (number := self.index.get(level.parent.closing_key)) is not None:
                return number
        return 0


def get_way(choices: Mapping[str, str], closing_key: str) -> list[str]:
    """Return the keys of the children of a scaffold that follow each other by choice."""
    way: list[str] = []
    key = choices.get(closing_key, "").removeprefix(CHOSEN)
    while key and key != ANY and key not in way:
        way.append(key)
        key = choices.get(key)
    return way


def _is_at(key: str, closing_key: str) -> bool:
    """Return whether an entry is in a scaffold, or its end; or the page that is a flow of its own."""
    return key.startswith(closing_key) or f"{key}/" == closing_key


class Visitor(Protocol):
    """What a walk has to know of a task, and of the visitor."""

    @property
    def choices(self) -> Mapping[str, str]: ...

    def counts(self, place: Position) -> bool:
        """Return whether a place is not skipped; what holds it is not looked at."""

    def has_page(self, place: Position) -> bool:
        """Return whether a page at or below a place is not skipped."""

    def is_answered(self, place: Position) -> bool: ...

    def is_completed(self, place: Position) -> bool:
        """Return whether the ``complete()`` of a scaffold ran, or is none of its own."""

    def is_passed(self, place: Position) -> bool:
        """Return whether a scaffold was completed before anything in it was looked at."""

    def scaffold(self, place: Position) -> Any: ...


class Walk:
    """One walk through a tree: from its root, or from a place on an earlier route, before which all stays as it is.

    It decides and changes nothing. While it is under way, it is what the visitor's components see of the route.
    """

    def __init__(self, visitor: Visitor, earlier: Route | None = None, place: Position | None = None) -> None:
        self._visitor = visitor
        self._earlier = earlier or Route()
        self._path = place.path if place and earlier else ()
        self.index: dict[str, int] = {}
        self.open: set[str] = set()
        self.aside: list[str] = []
        self.due: set[str] = set()

    def run(self, root: Position) -> Route:
        self._walk(root)
        if root.closing_key not in self.index:
            # Where nothing counts, the flow is still to be completed.
            self._close(root, is_done=not self.open)
        return Route(tuple(self.index), frozenset(self.open), tuple(self.aside), frozenset(self.due))

    def is_done(self, place: Position) -> bool:
        key = place.key if place.is_action else place.closing_key
        return key in self.index and key not in self.open

    def shows(self, key: str, place: Position) -> bool:
        return key in self.index

    def _add(self, key: str, *, is_done: bool) -> bool:
        self.index[key] = len(self.index)
        if not is_done:
            self.open.add(key)
        return is_done

    def _walk(self, place: Position) -> bool:
        """Walk through what stands at a place. Return whether it is done, as what is skipped is too."""
        is_on_path = place in self._path
        if not (is_on_path or self._visitor.counts(place)) or self._visitor.is_passed(place):
            return True
        before = len(self.index), len(self.aside)
        is_done = self._walk_inside(place, before, is_on_path)
        if is_done and is_on_path and place.parent and not self._visitor.counts(place):
            for key in list(self.index)[before[0] :]:
                del self.index[key]  # what was done there is why it does not count any more, as with a login
            del self.aside[before[1] :]
        return is_done

    def _walk_inside(self, place: Position, before: tuple[int, int], is_on_path: bool) -> bool:
        if place.is_action:
            return self._add(place.key, is_done=self._visitor.is_answered(place))
        transition = place.transition
        if transition is None:
            is_done = self._follow_choices(place)
        elif transition.is_linear:
            is_done = self._follow_order(place, transition.get_places(place), is_on_path)
        else:
            is_done = self._follow_transition(place, transition)
        if is_done and before == (len(self.index), len(self.aside)) and place.parent:
            return True
        return self._close(place, is_done=is_done)

    def _close(self, place: Position, *, is_done: bool) -> bool:
        """Come to the end of a scaffold, in which all ``is_done`` but what its own complete() does."""
        is_completed = is_done and self._visitor.is_completed(place)
        if is_done and not is_completed:
            self.due.add(place.closing_key)
        return self._add(place.closing_key, is_done=is_completed)

    def _walk_child(self, child: Position) -> bool:
        """Walk through a child; what stands before the place from which to walk on stays as it was."""
        if not self._is_before(child):
            return self._walk(child)
        self._keep(*self._find(child))
        return self.is_done(child)

    def _follow_order(self, place: Position, children: Sequence[Position], is_on_path: bool) -> bool:
        start, end = self._find(self._path[len(place.path)]) if is_on_path else (0, 0)
        if start != end:
            towards = self._path[len(place.path)]
            # What stands before it in here is done, or the earlier route would have ended there.
            self._keep(self._find(place)[0], start)
            if not self._walk(towards):
                return False
            children = children[children.index(towards) + 1 :]
            if children and not self._visitor.counts(place):
                return True
        return all(map(self._walk, children))

    def _follow_choices(self, place: Position) -> bool:
        """Walk the way of choices. Until one of them is of a sibling, the others may be entered."""
        children = {child.key: child for child in place.children}
        choices, way, is_done = self._visitor.choices, list[str](), False
        first = choices.get(place.closing_key, "")
        key: str | None = first.removeprefix(CHOSEN)
        chosen = key
        while key in children and key not in way and self._counts(children[key]):
            way.append(key)
            is_done, chosen = self._walk_child(children[key]), choices.get(key)
            if any(opened in self.index and opened[-1] != "/" and _is_at(opened, f"{key}/") for opened in self.open):
                is_done, chosen = False, None
            elif chosen in children and chosen not in way:
                self.open.discard(f"{key}/")  # it was left for the next
                self.due.discard(f"{key}/")
            key = chosen
        is_free = chosen == ANY or not way or (len(way) == 1 and first[:1] != CHOSEN)
        others = [children[key] for key in children if key not in way] if is_free else []
        others = [child for child in others if self._visitor.has_page(child)]
        for child in others:
            self._step_aside(child)
        if chosen == ANY and others:
            # The visitor may come back without having done what they left for.
            self.aside += [page for page in self.index if page == way[-1] or page.startswith(f"{way[-1]}/")]
            return False
        return is_done and chosen in (COMPLETED, ANY) if way else not others

    def _counts(self, child: Position) -> bool:
        return child in self._path or self._visitor.has_page(child)

    def _follow_transition(self, place: Position, transition: Any) -> bool:
        """Ask a transition from the first child on what follows; what it lets in besides counts once it is answered."""
        scaffold = self._visitor.scaffold(place)
        child, passed, is_done = place.children[0], list[Position](), True
        while is_done:
            if child in passed:
                is_done = not self._open_again(child)
                break
            passed.append(child)
            if self._counts(child) and not (
                transition.can_enter(scaffold, child.component) and self._walk_child(child)
            ):
                is_done = False
            elif (outcome := transition.choose_next(scaffold, child.component)) is COMPLETE:
                break
            else:
                child = place.child(outcome)
        for other in place.children:
            if other not in passed and self._counts(other) and transition.can_enter(scaffold, other.component):
                self._step_aside(other, if_answered=True)
        return is_done

    def _open_again(self, child: Position) -> bool:
        """Open the first page of a child to which a transition led again. Return whether there is one."""
        if not self._visitor.has_page(child):
            return False
        key = next((key for key in self.index if key == child.key or key.startswith(child.closing_key)), None)
        if key is not None:
            self.open.add(key)
        return key is not None

    def _step_aside(self, child: Position, *, if_answered: bool = False) -> None:
        """Walk through a child that may be entered. ``if_answered`` says that it counts where a page in it is."""
        before, inner = len(self.index), len(self.aside)
        self._walk_child(child)
        added = list(self.index)[before:]
        if not (if_answered and any(key not in self.open for key in added if not key.endswith("/"))):
            for key in added:
                del self.index[key]
            self.aside[inner:inner] = added

    # What stays as it was

    def _is_before(self, child: Position) -> bool:
        """Return whether a child was on the earlier route before the place from which to walk on."""
        if not self._path or child in self._path or child.parent not in self._path:
            return False
        start, end = self._find(child)
        here, _ = place = self._find(self._path[-1])
        if here != place[1]:
            return start != end <= here
        siblings = child.parent.children
        return start != end and siblings.index(child) < siblings.index(self._path[len(child.path) - 1])

    def _find(self, place: Position) -> tuple[int, int]:
        """Return from where to where a place and what is in it stands on the earlier route."""
        index, entries = self._earlier.index, self._earlier.entries
        end = index.get(place.key if place.is_action else place.closing_key, -1) + 1
        start = max(end - 1, 0)
        while start and not place.is_action and entries[start - 1].startswith(place.closing_key):
            start -= 1
        return start, end

    def _keep(self, start: int, end: int) -> None:
        keys = self._earlier.entries[start:end]
        self.index.update(zip(keys, count(len(self.index)), strict=False))
        self.open |= self._earlier.open.intersection(keys)
        self.due |= self._earlier.due.intersection(keys)
