"""One visitor at one page of a task, for one request: its components, its route, and what components ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, QueryDict

from ..config import config
from ..exceptions import InvalidTarget, StateNotFound
from ..journey.answers import Answers
from ..journey.links import Links
from ..journey.progress import Progress
from ..journey.route import Route
from ..journey.task import Task
from ..journey.walk import Walk
from ..tree.component import Component
from ..tree.positions import Position

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


class Visit:
    """Asks each component at most once what is asked of it, until `forget_asked`."""

    def __init__(
        self,
        request: HttpRequest,
        position: Position,
        task: Task,
        links: Links | None,
        action: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        submission_key: str | None = None,
        earlier_errors: Mapping[str, list[str]] | None = None,
        begin_effects: Callable[[Task, Position], None] | None = None,
    ) -> None:
        self.request = request
        self.position = position
        self.task = task
        self.links: Any = links  # None where a task is begun by a link, from elsewhere
        self.args = args
        self.kwargs = kwargs
        self.submission_key = submission_key
        #: The errors to show again, where this submission was refused before.
        self.earlier_errors = earlier_errors
        #: The errors that the action found in a valid form.
        self.new_errors: dict[str, list[str]] | None = None
        #: Whether the action got a valid form to work on.
        self.has_answers = False
        self.is_safe = request.method in SAFE_METHODS
        self._begin_effects = begin_effects
        self._components: dict[Position, Any] = {}
        self._counts: dict[Position, bool] = {}
        self.route: Route = task.route or Route()
        self._seen: Route | Walk = self.route
        if action is not None:
            self._add(position, action)

    # The components

    def component(self, place: Position) -> Any:
        """Return the one instance of this request for a place."""
        return self._components.get(place) or self._add(place, place.component())

    scaffold = component

    def _add(self, place: Position, instance: Any) -> Any:
        # Not by the setup() of a view, which is for the page that is asked for.
        instance.setup_flow(self, place)
        self._components[place] = instance
        return instance

    # What a walk asks

    @property
    def choices(self) -> Mapping[str, str]:
        return self.task.choices

    def counts(self, place: Position) -> bool:
        if (counts := self._counts.get(place)) is None:
            counts = self._counts[place] = not self.component(place).should_skip()
        return counts

    def has_page(self, place: Position) -> bool:
        return self.get_first_page(place) is not None

    def is_answered(self, place: Position) -> bool:
        return self.task.is_answered(place.key)

    def is_completed(self, place: Position) -> bool:
        return bool(place.parent) and (not has_complete(place) or self.task.is_completed(place.key))

    def is_passed(self, place: Position) -> bool:
        return self.task.is_passed(place.key)

    def forget_asked(self) -> None:
        """Ask again from now on, since something was done."""
        self._counts.clear()

    # The route

    def walk(self, earlier: Route | None = None, place: Position | None = None, until: Position | None = None) -> Route:
        """Walk the route, from its root or from a place on an earlier one; ``until`` is where it ends."""
        walk = Walk(self, earlier, place, until)
        self._seen = walk
        self.route = self._seen = walk.run(self.position.root)
        return self.route

    def find_route(self) -> bool:
        """Return whether the page is on the route; that is walked again where the one that is kept does not say so."""
        if self.task.route is None or not self._still_counts(self.task.route):
            self.walk()
            if not self.is_safe and self.task.is_stored:
                self.task.keep_route(self.route)
        return self.is_on_route()

    def is_on_route(self) -> bool:
        """Return whether the page may be visited, with the route arguments of this request."""
        return self.route.may_visit(self.position.key) and not self.has_other_kwargs()

    def _still_counts(self, route: Route) -> bool:
        """Return whether the page is on a kept route, and not skipped by now; for a POST also what is open there."""
        root = self.position.root
        if not root.entries.issuperset((*route.entries, *route.aside, *route.open)):
            return False  # a deploy removed some
        if self.position.is_action and not route.may_visit(self.position.key):
            return False
        opened = [root.places_by_key[key.rstrip("/")] for key in route.open]
        asked = [self.position] if self.is_safe and self.position.is_action else [self.position, *opened]
        return self.is_open_to_visitor(*asked)

    def is_open_to_visitor(self, *places: Position) -> bool:
        """Return whether places and what holds them are not skipped, and a transition of the project's lets them in."""
        for level in dict.fromkeys(level for place in places for level in place.path):
            parent = level.parent
            if not self.counts(level):
                return False
            if parent is None or parent.transition is None or parent.transition.is_linear:
                continue
            if not parent.transition.can_enter(self.component(parent), level.component):
                return False
        return True

    def get_first_page(self, place: Position) -> Position | None:
        """Return the first action at or below a place that is not skipped."""
        if not self.counts(place):
            return None
        if place.is_action:
            return place
        return next((page for child in place.children if (page := self.get_first_page(child))), None)

    def get_page(self) -> Position | None:
        """Return the page where the visitor is; None where no page counts."""
        key = self.route.find(self.task.last_seen, self.task.is_answered)
        return self.position.root.places_by_key.get(key) if key else None

    def has_other_kwargs(self) -> bool:
        """Return whether the route arguments are not those of the task."""
        known, captured = self.task.kwargs, self.links.captured
        others = {name: known[name] for name, value in captured.items() if name in known and known[name] != value}
        # What the project set may be of another type than what a URL gives, and lead to the same one.
        return bool(others) and not self.links.lead_here(others)

    def mark_shown(self) -> None:
        """Note that the visitor is shown the page: what is sent from now on is another submission."""
        if self.route.has_choice(self.position.key):
            self.task.mark_seen(self.position.key)
        self.task.mark_rendered(self.position.key)

    # What components ask

    def is_done(self, place: Position) -> bool:
        return self._seen.is_done(place)

    def first_to_do(self, place: Position, before: Position | None = None) -> Position | None:
        """Return the first child of a place, of those before ``before``, that is neither done nor skipped."""
        for child in place.children:
            if child is before:
                break
            if not self.is_done(child) and self.has_page(child):
                return child
        return None

    def get_answers(self, place: Position) -> Answers:
        return Answers(self.task, place, self._seen)

    def get_progress(self, place: Position) -> Progress:
        return Progress(self.route, place, self._url_as_sent)

    def remember_answers(self, place: Position, answers: Any) -> None:
        self.task.remember(place.key, answers)
        self.has_answers = True
        self.begin_effects(place)

    def begin_effects(self, place: Position) -> None:
        """Keep what has to be kept before the component at a place does what it is for."""
        if self._begin_effects and not self.is_safe:
            self._begin_effects(self.task, place)

    def add_errors(self, errors: dict[str, list[str]]) -> None:
        self.new_errors = errors

    # URLs

    def get_url(self, place: Position, component: type[Component] | str, query: Mapping[str, Any] | None) -> str:
        """Return the URL of the nearest place of a component. Raises `InvalidTarget`."""
        target = place.find(component)
        page = target if target.is_action else self.get_first_page(target)
        if page is None:
            name = target.component.__name__
            raise InvalidTarget(f"Every action of {name} at '{target.name}' is skipped for this visitor.")
        return self.url_of(page, query)

    def get_open_page_before(self, place: Position) -> str:
        """Return the URL of the last page on the route before this one, outside ``place``; else of where they are.

        Raises `StateNotFound`, so that the visitor may begin again, where there is none.
        """
        places = self.position.root.places_by_key
        before = [places.get(key) for key in self.route.pages_before(self.position)]
        for page in (*before, self.get_page()):
            if page and not page.is_in(place) and self.is_open_to_visitor(page):
                return self._url_as_sent(page)
        raise StateNotFound(
            f"A precondition of {place.component.__name__} at '{place.name}' does not hold, and no page before it "
            f"is open. Give RequiredState an otherwise=, or give the entry link an initial_state."
        )

    def url_of(self, page: Position, query: Mapping[str, Any] | None = None) -> str:
        """Return the URL of a page in this task."""
        own, other = self.task.kwargs, self.kwargs
        kwargs = {**other, **own} if self.has_other_kwargs() else {**own, **other}
        return str(self.links.url(page, kwargs, {**(query or {}), config.TASK_ID_PARAM: self.task.id}))

    def _url_as_sent(self, page: Position) -> str:
        """Return the URL of a page with the query that it was sent with."""
        query = self.task.get_query(page.key) if page is not self.position else ""
        return self.url_of(page, dict(QueryDict(query).lists()) if query else None)


def has_complete(place: Position) -> bool:
    """Return whether a scaffold does something when it is complete."""
    component: Any = place.component
    return not place.is_action and component.complete is not component.default_complete
