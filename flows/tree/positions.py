"""Places in a flow: a tree of values without request or storage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls.resolvers import RoutePattern
from django.utils.functional import Promise
from django.utils.text import format_lazy

from ..exceptions import InvalidTarget
from .component import Component


@dataclass(frozen=True, eq=False)
class Position:
    """One place in one flow, known by the path of components that leads to it.

    The root and the scaffolds below it have places too; only an action's can be visited.
    """

    component: type[Component]
    parent: Position | None = None
    #: The id of the item, where the component repeats.
    item: str | None = None

    @cached_property
    def key(self) -> str:
        """What all that is kept for this place is kept under: the name, with the ids of items in it."""
        own = self.component.name + (f"[{self.item}]" if self.item else "")
        return f"{self.parent.key}/{own}" if self.parent else str(own)

    @cached_property
    def closing_key(self) -> str:
        """What stands in a route for the end of a scaffold."""
        return f"{self.key}/"

    @cached_property
    def entry(self) -> str:
        """What stands in a route for this place."""
        return self.key if self.is_action else self.closing_key

    @cached_property
    def page_count(self) -> int:
        """The number of pages at or below this place, as long as nothing is known of them; of alternatives one."""
        counts = [child.page_count for child in self.children]
        return 1 if self.is_action else sum(counts) if self.transition else counts[0]

    def repeat(self, item: str) -> Position:
        """Return the place of one item of a component that repeats, with places of its own below it."""
        return Position(self.component, self.parent, item)

    @cached_property
    def name(self) -> str:
        """The component names from the root, as in ``checkout/identify/login``: also the URL's name."""
        return f"{self.parent.name}/{self.component.name}" if self.parent else self.component.name

    @cached_property
    def route(self) -> Any:
        """The ``path()`` route below the handler's prefix. Lazy where the url of a component on the path is."""
        return join_routes(*(place.component.url for place in self.path))

    @cached_property
    def pattern(self) -> RoutePattern:
        """What matches the route."""
        return RoutePattern(self.route, is_endpoint=True)

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of the converters in the route."""
        return frozenset(self.pattern.converters)

    @cached_property
    def all_parameters(self) -> frozenset[str]:
        """The names of the converters in the routes of the actions at or below this place."""
        return frozenset().union(*(action.parameters for action in self.actions()))

    @cached_property
    def path(self) -> tuple[Position, ...]:
        """The places from the root to this one."""
        return (*self.parent.path, self) if self.parent else (self,)

    @cached_property
    def root(self) -> Position:
        return self.path[0]

    @cached_property
    def children(self) -> tuple[Position, ...]:
        return tuple(Position(child, self) for child in self.component.get_children())

    @cached_property
    def components(self) -> tuple[type[Component], ...]:
        """The classes of the children."""
        return tuple(child.component for child in self.children)

    @cached_property
    def _children_by_component(self) -> dict[type[Component], Position]:
        return {child.component: child for child in self.children}

    @cached_property
    def transition(self) -> Any:
        """What decides the order of a scaffold's children; None where the actions do."""
        return getattr(self.component, "transition", None)

    @cached_property
    def is_action(self) -> bool:
        return not self.component.is_scaffold

    def child(self, component: type[Component]) -> Position:
        """Return the place of a child. Raises `InvalidTarget` for a component that is none."""
        try:
            return self._children_by_component[component]
        except (KeyError, TypeError):
            names = ", ".join(child.component.__name__ for child in self.children)
            raise InvalidTarget(
                f"{describe(component)} is not a child of {self.component.__name__} at '{self.name}'. "
                f"Its children are: {names}."
            ) from None

    def actions(self) -> Iterator[Position]:
        """Yield the places of the actions at or below this one, in order."""
        if self.is_action:
            yield self
        for child in self.children:
            yield from child.actions()

    @cached_property
    def actions_by_name(self) -> dict[str, Position]:
        return {action.name: action for action in self.actions()}

    @cached_property
    def places_by_key(self) -> dict[str, Position]:
        """All places at or below this one, in the order of the tree."""
        below = {key: place for child in self.children for key, place in child.places_by_key.items()}
        return {self.key: self, **below}

    @cached_property
    def entries(self) -> frozenset[str]:
        """All that may stand in a route through this place: pages, and the ends of scaffolds."""
        return frozenset({self.closing_key, *(place.entry for place in self.places_by_key.values())})

    def is_in(self, place: Position) -> bool:
        """Return whether this is a place, or one below it."""
        return self.key == place.key or self.key.startswith(place.closing_key)

    def common(self, other: Position) -> Position:
        """Return the scaffold that holds both places, or the one that holds the other."""
        return next(level for level in reversed(self.path) if level in other.path)

    def child_towards(self, place: Position) -> Position:
        """Return the child of this scaffold at which a place below it is, or in which it is."""
        return place.path[len(self.path)]

    def reachable(self) -> Iterator[Position]:
        """Yield where one may go from here: own children, siblings, siblings of each ancestor, nearest first.

        Then what stands below those.
        """
        yield from self.siblings()
        for place in self.siblings():
            if place not in self.path:
                yield from (below for below in place.places_by_key.values() if below is not place)

    def siblings(self) -> Iterator[Position]:
        """Yield own children, siblings, siblings of each ancestor, nearest first."""
        yield from self.children
        for place in reversed(self.path):
            if place.parent:
                yield from place.parent.children

    def find(self, component: type[Component] | str) -> Position:
        """Return the nearest place of ``component``, or of what has that name, that may be gone to from here.

        Raises `InvalidTarget`, listing what can be reached, where there is none.
        """
        for place in self.reachable():
            if place.component is component or component in (place.name, place.component.name):
                return place
        names = ", ".join(dict.fromkeys(place.component.__name__ for place in self.reachable()))
        raise InvalidTarget(
            f"{describe(component)} cannot be reached from '{self.name}'. "
            f"From there one may go to: {names or 'nothing'}."
        )

    def nearest(self, component: type[Component]) -> Position:
        """Return the place of ``component`` that is meant from here: the nearest, else the only one in the flow.

        Raises `InvalidTarget` where there is none, or where several are equally far.
        """
        for place in self.siblings():
            if place.component is component:
                return place
        found = [place for place in self.root.actions() if place.component is component]
        if len(found) == 1:
            return found[0]
        where = " and ".join(f"'{place.name}'" for place in found) or "nowhere"
        raise InvalidTarget(
            f"{describe(component)} stands {where} in the flow '{self.root.name}': "
            f"name the position that is meant, one of {', '.join(self.root.actions_by_name)}."
        )

    def __str__(self) -> str:
        return self.name


def join_routes(*routes: Any) -> Any:
    """Return routes in a row: text, or lazy text where one of them is lazy."""
    if any(isinstance(route, Promise) for route in routes):
        return format_lazy("{}" * len(routes), *routes)
    return "".join(routes)


def get_first_segment(route: str) -> str | None:
    """Return what all URLs of a ``path()`` route have before their first slash; None where that is not one text."""
    segment, slash, _ = route.partition("<")[0].partition("/")
    return segment if slash else None


def describe(component: object) -> str:
    """Return what to call a thing that should have been a component class."""
    return component.__name__ if isinstance(component, type) else repr(component)
