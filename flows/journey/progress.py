"""What a page may show of the journey: ``flow`` in a template."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..exceptions import InvalidTarget
from ..tree.positions import Position
from .route import Route

DONE, CURRENT, UPCOMING = "done", "current", "upcoming"
#: How many steps are a list that can be read.
MOST_STEPS = 12


@dataclass(frozen=True)
class Step:
    """One entry of a progress bar. ``url`` is None where the visitor cannot go now."""

    title: Any
    status: str
    url: str | None
    position: Position
    children: list[Step] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return self.status == DONE

    @property
    def is_current(self) -> bool:
        return self.status == CURRENT


class Progress:
    """The journey, seen from the position of the page that is shown. Each attribute is worked out when asked for.

    Nothing is asked of the components: what stands behind the route counts unless it is known to be off.
    """

    def __init__(self, route: Route, position: Position, url_of: Callable[[Position], str]) -> None:
        self._route = route
        self._url_of = url_of
        self.position = position

    @property
    def title(self) -> Any:
        return self.position.root.component.title

    @cached_property
    def back_url(self) -> str | None:
        """The page before this one on the route, with the query that it was sent with; None on the first."""
        places = self.position.root.places_by_key
        for key in self._route.pages_before(self.position):
            place = places.get(key)
            if place and not any(level.component.skip_on_back for level in place.path):
                return self._get_url(place)
        return None

    @cached_property
    def steps(self) -> list[Step]:
        """The children of the flow that are not known to be off, each with its own, where these are in order."""
        root = self.position.root
        if root.is_action:
            return [Step(root.component.title, CURRENT, self._get_url(root), root)]
        return self._get_steps(root)

    @property
    def has_many_steps(self) -> bool:
        """Whether a list of the steps would be too long to be read. None of their URLs is made for that."""
        return len(self._get_children(self.position.root)) > MOST_STEPS

    @property
    def step_count(self) -> int:
        """The number of pages of the journey, as far as it is known."""
        return self._count(self.position.root)

    @property
    def step_number(self) -> int:
        """The number of this page among them, from 1 on."""
        return self._route.count_before(self.position) + 1

    def _count(self, place: Position) -> int:
        if place.is_action or not (place in self.position.path or self._route.may_visit(place.entry)):
            return place.page_count
        return sum([1 if child.is_action else self._count(child) for child in self._get_children(place)])

    def _get_children(self, place: Position) -> list[Position]:
        """Return the children of a scaffold that are not known to be off; of alternatives what was taken, or one."""
        if place.transition is None:
            return self._get_known(place, self._route.index) or list(place.children[:1])
        known = self._get_known(place, self._route.visitable)
        if self._route.is_complete(place) or place.closing_key in self._route.due:
            return known
        behind = place.children.index(known[-1]) + 1 if known else 0
        return [*known, *place.children[behind:]]

    def _get_known(self, place: Position, entries: Container[str]) -> list[Position]:
        here = self.position.path
        return [child for child in place.children if child.entry in entries or child in here]

    def _get_steps(self, place: Position) -> list[Step]:
        is_chosen = place.transition is None
        steps = []
        for child in place.children if is_chosen else self._get_children(place):
            if is_chosen and not (child in self.position.path or self._route.is_done(child)):
                continue  # the children of a scaffold without transition are choices: those not taken are no steps
            children = [] if child.is_action else self._get_steps(child)
            if not child.is_action and child.transition is None:
                # A choice is no step, but what it leads through is.
                children = [inner for step in children for inner in step.children]
            page = self._get_first_page(child)
            url = self._get_url(page) if page else None
            steps.append(Step(child.component.title, self._get_status(child), url, child, children))
        return steps

    def _get_status(self, place: Position) -> str:
        if place in self.position.path:
            return CURRENT
        return DONE if self._route.is_done(place) else UPCOMING

    def _get_first_page(self, place: Position) -> Position | None:
        """Return the first page in a place that may be visited."""
        if place.is_action:
            return place if self._route.may_visit(place.key) else None
        keys = self._route.get_pages(place) or self._route.get_alternatives(place.closing_key)
        return self.position.root.places_by_key[keys[0]] if keys else None

    def _get_url(self, page: Position) -> str | None:
        """Return where a page is; None if its route has an argument that is not known yet."""
        try:
            return self._url_of(page)
        except InvalidTarget:
            return None
