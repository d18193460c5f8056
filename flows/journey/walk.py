"""The walk that makes a route: from the root, or on from a page that was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Protocol

from ..tree.outcomes import COMPLETE
from ..tree.positions import Position
from .route import ANY, CHOSEN, COMPLETED, Route, get_chosen, has_open_page, is_at


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

    def __init__(
        self,
        visitor: Visitor,
        earlier: Route | None = None,
        place: Position | None = None,
        until: Position | None = None,
    ) -> None:
        self._visitor = visitor
        #: Behind which nothing is asked: something is to be done there first.
        self._until = until
        self._is_over = False
        self._earlier = earlier or Route()
        self._path = place.path if place else ()
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
        return place.entry in self.index and place.entry not in self.open

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
        is_done = self._walk_inside(place, before, is_on_path) and not self._is_over
        self._is_over = self._is_over or place is self._until
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
        is_done = is_done and not self._is_over
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
            if children and not self._is_over and not self._visitor.counts(place):
                return True
        return all(not self._is_over and self._walk(child) for child in children)

    def _follow_choices(self, place: Position) -> bool:
        """Walk the way of choices. Until one of them is of a sibling, the others may be entered."""
        children = {child.key: child for child in place.children}
        first = self._visitor.choices.get(place.closing_key, "")
        way, is_done, chosen = self._go_the_way(children, first.removeprefix(CHOSEN))
        if chosen != ANY and len(way) > (first[:1] != CHOSEN):  # one of them chose another, or was chosen from outside
            return is_done and chosen == COMPLETED
        others = [child for key, child in children.items() if key not in way and self._try(child)]
        if not way:
            return not others
        if chosen == ANY and others:
            self._may_return(way[-1])
            return False
        return is_done and chosen in (COMPLETED, ANY)

    def _may_return(self, key: str) -> None:
        """Let a child be entered again from which the visitor may come back without having done what they left for."""
        self.aside += [page for page in self.index if is_at(page, f"{key}/") and page[-1] != "/"]

    def _go_the_way(self, children: Mapping[str, Position], key: Any) -> tuple[list[str], bool, str | None]:
        """Walk from child to child as they chose. Return them, whether the last is done, and what it chose."""
        way, is_done, chosen = list[str](), False, key
        while key in children and key not in way and not self._is_over and self._counts(children[key]):
            way.append(key)
            is_done, chosen = self._walk_child(children[key]), get_chosen(self._visitor.choices, key)
            if has_open_page(self.open, self.index, f"{key}/"):
                return way, False, None
            if chosen in children and chosen not in way and f"{key}/" not in self.due:
                self.open.discard(f"{key}/")  # it was left for the next
            key = chosen
        return way, is_done, chosen

    def _try(self, child: Position) -> bool:
        """Walk through an alternative, if it counts. Return whether it does."""
        if self._is_over or not self._counts(child):
            return False
        self._step_aside(child)
        return True

    def _counts(self, child: Position) -> bool:
        return child in self._path or self._visitor.has_page(child)

    def _follow_transition(self, place: Position, transition: Any) -> bool:
        """Ask a transition from the first child on what follows; what it lets in besides counts once it is answered."""
        scaffold = self._visitor.scaffold(place)
        passed, is_done = self._follow_its_choice(place, scaffold, transition)
        for other in place.children:
            if other in passed:
                continue
            if self._is_over:
                self._keep(*self._find(other))  # what was said in another section is seen all the same
            elif self._counts(other) and transition.can_enter(scaffold, other.component):
                self._step_aside(other, if_answered=True)
        return is_done

    def _follow_its_choice(self, place: Position, scaffold: Any, transition: Any) -> tuple[list[Position], bool]:
        """Walk from child to child as a transition says. Return them, and whether it said that the scaffold is done."""
        child, passed = place.children[0], list[Position]()
        while not self._is_over:
            if child in passed:
                return passed, not self._open_again(child)
            passed.append(child)
            is_open = not self._counts(child) or transition.can_enter(scaffold, child.component)
            if not is_open or (self._counts(child) and not self._walk_child(child)):
                return passed, False
            outcome = transition.choose_next(scaffold, child.component)
            if outcome is COMPLETE:
                return passed, True
            child = place.child(outcome)
        return passed, False

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
        end = index.get(place.entry, -1) + 1
        start = max(end - 1, 0)
        while start and not place.is_action and entries[start - 1].startswith(place.closing_key):
            start -= 1
        return start, end

    def _keep(self, start: int, end: int) -> None:
        keys = self._earlier.entries[start:end]
        self.index.update(zip(keys, count(len(self.index)), strict=False))
        self.open |= self._earlier.open.intersection(keys)
        self.due |= self._earlier.due.intersection(keys)
        if self._earlier.aside:
            closed = tuple(key for key in keys if key.endswith("/"))
            aside = [key for key in self._earlier.aside if key.startswith(closed)]
            self.aside += aside
            self.open |= self._earlier.open.intersection(aside)
            self.due |= self._earlier.due.intersection(aside)
