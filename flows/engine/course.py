"""The route while something is done: walked on after each step, and once as a whole before something is completed."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied

from ..journey.route import Route
from ..tree.positions import Position
from .visit import Visit


class Course:
    """The route of one visit, from what it was before on."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.task = visit.task
        self.position = visit.position
        self.earlier = visit.route
        #: Whether the page was still to be answered, and not edited.
        self.was_open = self.position.key in visit.route.open or self.position.key in visit.route.aside
        #: Whether something was done of which the route is to be kept.
        self.has_changed = False
        # What is walked on from: the page, or an earlier one that was opened again; None for the whole route.
        self._from: Position | None = self.position
        self._until: Position | None = None
        self._is_walked = True

    def walk(self, until: Position | None = None) -> Route:
        """Return the route as it is now. Behind a scaffold that something comes out of later nothing is asked yet."""
        until = until if until and until.parent else None
        if not self._is_walked or (self._until is not until and self._until is not None):
            self.visit.walk(self.earlier, self._from, until)
            self._is_walked, self._until = True, until
        return self.visit.route

    def change(self) -> None:
        """Let the route be walked on when it is asked for next."""
        self._is_walked, self.has_changed = False, True

    def get_lasting(self) -> Route | None:
        """Return the route to be resumed from, should the request be interrupted; None where it ends too early."""
        return None if self._until else self.visit.route

    def reopen(self, page: Position) -> None:
        """Open a page again, and the one that was sent."""
        self.task.reopen(page.key)
        self.task.reopen(self.position.key)
        if self._from is not None:
            self._from = page
        self.change()

    def place(self, key: str) -> Position:
        return self.position.root.places_by_key[key.rstrip("/")]

    # Which page

    def find_before(self, target: Position) -> Position | None:
        """Return the first page at a place, if that was on the route before this page, or is this page."""
        keys = [target.key] if target.is_action else self.earlier.get_pages(target)
        page = self.place(keys[0]) if keys else None
        return page if page and self.earlier.stands_before(page, self.position) else None

    def find_on(self, route: Route, target: Position, scaffold: Position) -> Position | None:
        """Return the first page at a place that stands on a route before the end of a scaffold."""
        keys = [target.key] if target.is_action else route.get_pages(target)
        end = route.index.get(scaffold.closing_key, 0)
        return next((self.place(key) for key in keys if route.index.get(key, end) < end), None)

    def get_page_at(self, key: str) -> Position:
        """Return the page to show for what is open: a page, or a scaffold in which one is to be chosen."""
        if not key.endswith("/"):
            return self.place(key)
        alternatives = self.visit.route.get_alternatives(key)
        if not alternatives:  # as where a transition chooses what it does not let in
            raise PermissionDenied(f"'{key.rstrip('/')}' is not complete, and no page of it lets this visitor in.")
        left = (other for other in alternatives if not self.task.is_answered(other))
        return self.place(next(left, alternatives[0]))

    def get_next(self) -> Position:
        """Return the nearest page that is open; where none is, the one after this."""
        route = self.walk()
        for level in reversed(self.position.path[:-1]):
            key = route.first_open(level)
            if key and key not in route.due:
                return self.get_page_at(key)
        return self._get_page_after(route)

    def _get_page_after(self, route: Route) -> Position:
        number = route.pages.index(self.position.key) + 1 if self.position.key in route.pages else 0
        return self.place([*route.pages, *route.pages[-1:], self.position.key][number])

    def find_open(self, target: Position) -> Position | None:
        """Return the first page at a place, if it is open."""
        page, route = self.visit.get_first_page(target), self.visit.route
        return page if page and route.may_visit(page.key) and page.key in route.open else None

    # Before something is completed

    @property
    def is_whole(self) -> bool:
        """Whether the whole route was walked."""
        return self._from is None

    def find_left_open(self, scaffold: Position, *, has_acted: bool) -> Position | None:
        """Return the page to show before a scaffold may be completed: the whole route is walked once.

        The page that was sent is open again then. An edit of a page that is not the last completes no flow either.
        """
        self._from = None
        self.change()
        route = self.walk(scaffold)
        blocking = [key for key in route.open if key in route.index and self._blocks(key, scaffold)]
        if blocking:
            page = self.get_page_at(min(blocking, key=route.index.__getitem__))
            if has_acted:
                self.reopen(self.position)
            return page
        is_edit = has_acted and not self.was_open and route.pages[-1:] != [self.position.key]
        return self._get_page_after(route) if is_edit and scaffold.parent is None else None

    def _blocks(self, key: str, scaffold: Position) -> bool:
        """Return whether what is open keeps a scaffold from being completed: it is in it, or before it in order."""
        if key in self.visit.route.due or scaffold.closing_key.startswith(key):
            return False
        common = self.place(key).common(scaffold)
        return common is scaffold or bool(common.transition and common.transition.is_linear)
