"""What is open to a visitor, and where he is: the rules, asked of one task for one request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest

from .choices import get_way
from .components import FlowComponent, Scaffold
from .links import Links
from .positions import Position
from .task import Task

if TYPE_CHECKING:
    from .execution import Execution


class Navigation:
    """The flow as one visitor may go through it. Asking changes nothing."""

    def __init__(
        self,
        request: HttpRequest,
        position: Position,
        task: Task,
        links: Links,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        action: FlowComponent | None = None,
    ) -> None:
        self.request = request
        self.position = position
        self.task = task
        self.args = args
        self.kwargs = kwargs
        self.links = links
        self._components: dict[Position, FlowComponent] = {}
        if action is not None:
            self._add(position, action)

    def component(self, place: Position) -> FlowComponent:
        """Return the one instance of this request for a place."""
        instance = self._components.get(place)
        return instance or self._add(place, place.component())

    def _add(self, place: Position, instance: FlowComponent) -> FlowComponent:
        # Not by the setup() of a view, which is for the page that is asked for.
        instance.setup_flow(cast("Execution", self), place)
        self._components[place] = instance
        return instance

    def scaffold(self, place: Position) -> Scaffold:
        return cast(Scaffold, self.component(place))

    def is_open(self, place: Position) -> bool:
        """Return whether the visitor may go to an action's place now."""
        return all(self.may_enter(level) for level in place.path[1:])

    def may_enter(self, place: Position) -> bool:
        """Return whether what stands below the root at a place is not skipped, and its scaffold lets it be entered."""
        scaffold = self.scaffold(place.path[-2])
        if self.component(place).should_skip():
            return False
        if scaffold.transition is not None:
            return scaffold.transition.can_enter(scaffold, place.component)
        way = get_way(place.path[-2], self.task)
        return way is None or way.lets_in(place.name)

    def is_done(self, place: Position) -> bool:
        """Return whether what stands at a place has completed, and has not been opened again by an edit."""
        if place.name not in self.task.done:
            return False
        if place.is_action:
            return True
        scaffold = self.scaffold(place)
        if scaffold.transition is not None:
            return scaffold.transition.is_complete(scaffold)
        way = get_way(place, self.task)
        return way is None or way.is_complete

    def first_to_do(self, place: Position, before: Position | None = None) -> Position | None:
        """Return the first child of a place, of those before ``before``, that is neither done nor skipped."""
        done = self.task.done
        for child in place.children:
            if child is before:
                break
            # Of a long flow most are done, and this is asked on each request: so the short way first.
            if child.name in done and (child.is_action or self.is_done(child)):
                continue
            if self.first_page(child):
                return child
        return None

    def is_elsewhere(self) -> bool:
        """Return whether the route arguments are not those of the task."""
        known, captured = self.task.kwargs, self.links.captured
        others = {name: known[name] for name, value in captured.items() if name in known and known[name] != value}
        # What the project set may be of another type than what a URL gives, and lead to the same one.
        return bool(others) and not self.links.lead_here(others)

    def first_page(self, place: Position) -> Position | None:
        """Return the first action at or below a place that is not skipped."""
        if self.component(place).should_skip():
            return None
        if place.is_action:
            return place
        return next((page for child in place.children if (page := self.first_page(child))), None)

    def where(self) -> Position | None:
        """Return the page where the visitor is; None where every page of the flow is skipped."""
        pages = self.position.root.actions_by_name
        last = pages.get(self.task.trail[-1]) if self.task.trail else None
        return last if last and self.is_open(last) else self._next_page(self.position.root)

    def _next_page(self, place: Position) -> Position | None:
        """Return the page to go on with at or below a place: the first not done, else the last."""
        if place.is_action:
            return place
        children = list(place.children)
        if self.scaffold(place).transition is None:
            # Here the actions decide; the best that is known is what the visitor saw last.
            seen = [name for name in self.task.trail if name.startswith(f"{place.name}/")]
            children.sort(key=lambda child: -max((i for i, name in enumerate(seen) if _is_at(name, child)), default=-1))
            ahead, behind = children, []
        else:
            ahead = [child for child in children if not self.is_done(child)]
            behind = [child for child in reversed(children) if self.is_done(child)]
        for child in (*ahead, *behind):
            if self.may_enter(child) and (page := self._next_page(child)):
                return page
        return None

    def seen_before(self, position: Position) -> Iterator[Position]:
        """Yield the pages on the trail before a position, the latest first."""
        trail = list(self.task.trail)
        if position.name in trail:
            trail = trail[: trail.index(position.name)]
        pages = position.root.actions_by_name
        return (pages[name] for name in reversed(trail) if name in pages)


def _is_at(name: str, place: Position) -> bool:
    """Return whether a position with this name stands at a place or below it."""
    return f"{name}/".startswith(f"{place.name}/")
