"""Runs the components that a request is for: from the root to the page, its action, and back to the root.

``form_valid`` and each ``complete()`` that is due run one after the other. After each the route is walked on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ..exceptions import InvalidOutcome
from ..journey.route import ANY, COMPLETED, Route
from ..tree.outcomes import COMPLETE, Done, Leaving, OutcomeResponse, check_outcome, get_redirect, is_component
from ..tree.positions import Position
from .sensitive import show_fields
from .visit import Visit, has_complete

logger = logging.getLogger("flows")


@dataclass(frozen=True)
class Shown:
    """A response of the project's is the answer; the task goes on."""

    response: HttpResponseBase


@dataclass(frozen=True)
class LedOn:
    """The visitor is led to a page."""

    page: Position
    query: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Closed:
    """The page is not open to the visitor, who is led to where they are."""

    page: Position


@dataclass(frozen=True)
class Ended:
    """The task is at its end, with a response of the project's or without one."""

    response: HttpResponseBase | None = None


Result: TypeAlias = Shown | LedOn | Closed | Ended


class Run:
    """One run. Whether something was done in it is read from it afterwards."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.task = visit.task
        self.position = visit.position
        #: Whether the action itself was run, and not something before it.
        self.has_acted = False
        #: Whether a submission that had stopped half way was gone on with.
        self.has_resumed = False
        #: Whether a complete() was run that does something.
        self.has_completed = False
        self._carrier: OutcomeResponse | None = None
        self._has_ended = False
        self._has_forgotten = False
        # What is walked on from: the page, or an earlier one that was opened again; None for the whole route.
        self._from: Position | None = self.position
        self._is_walked, self._has_changed = True, False
        self._until: Position | None = None
        # Where a component that is an outcome is to be looked for, and the page if a walk came to one.
        self._origin = self.position
        self._next: Position | None = None
        self._query: Mapping[str, Any] | None = None

    def run(self) -> Result:
        visit, position = self.visit, self.position
        if not (position.is_action and visit.find_route()):
            return self._lead_back()
        self._earlier = visit.route
        self._was_open = position.key in visit.route.open or position.key in visit.route.aside
        for level in position.path:
            if (outcome := self._ask(level)) is not None:
                return self._conclude(self._leave(position.path[: len(level.path)], outcome, level))
        if (due := self._get_due()) is not None:
            self._was_open = True
            levels = [level for level in position.path if due.is_in(level)]
            return self._conclude(self._leave(levels, COMPLETE, position if due is position else None))
        return self._conclude(self._leave(position.path, self._act(), position))

    def copy_headers_to(self, response: HttpResponseBase) -> HttpResponseBase:
        """Give ``response`` what decorators of ``dispatch`` set on the outcome it was made for."""
        if self._carrier is not None:
            self._carrier.copy_headers_to(response)
        return response

    # From the root to the page

    def _ask(self, place: Position) -> Any:
        """Return what preconditions or ``prepare()`` give in place of the page, None to go on."""
        component = self.visit.component(place)
        hooks = (*component.preconditions, type(component).prepare)
        return next((outcome for hook in hooks if (outcome := hook(component)) is not None), None)

    def _get_due(self) -> Position | None:
        """Return the scaffold to complete in the place of the page: where nothing is left to be said.

        Or where the submission of this page stopped half way.
        """
        pending, places = self.task.pending, self.position.root.places_by_key
        is_done = bool(pending and pending.get("is_done"))
        if pending and pending["position"] == self.position.key and (is_done or not self.visit.is_safe):
            self.has_resumed = True
            return places.get(pending["place"])
        key = self.visit.route.get_due(self.position.root)
        is_last = self.visit.route.pages[-1:] == [self.position.key]
        # An old tab may still send the page itself.
        fields = set(self.visit.request.POST) - {"csrfmiddlewaretoken"}
        return places.get(key.rstrip("/")) if key and is_last and not fields else None

    def _act(self) -> Any:
        show_fields(self.visit.request)
        action = self.visit.component(self.position)
        outcome = self._unwrap(action.dispatch(self.visit.request, *self.visit.args, **self.visit.kwargs))
        self.has_acted = True
        if self.visit.has_answers:
            self._walk_anew()
        self._forget_asked()
        return outcome

    def _forget_asked(self) -> None:
        """Let what follows be asked once more, now that something was done."""
        if not (self.visit.is_safe or self._has_forgotten):
            self.visit.forget_asked()
            self._has_forgotten = True

    def _unwrap(self, outcome: Any) -> Any:
        if not isinstance(outcome, OutcomeResponse):
            return outcome
        self._carrier, self._query = outcome, outcome.query
        return outcome.outcome

    # Back to the root

    def _leave(self, levels: Iterable[Position], outcome: Any, place: Position | None = None) -> Any:
        """Return what comes out of the root. ``place`` is where ``outcome`` came from, if that is not a walk."""
        self._origin, self._next = place or self.position, None
        for level in reversed(list(levels)):
            if level is not place and not isinstance(outcome, HttpResponseBase):
                outcome = self._go_on(level, outcome)
            component = self.visit.component(level)
            handed_on = self._unwrap(component.handle_response(self._check(outcome, component)))
            if handed_on is not outcome:
                outcome = self._check(handed_on, component)
                self._origin, self._next = level, None
            self._note(level, outcome, level is place)
        return outcome

    def _check(self, outcome: Any, component: Any) -> Any:
        if isinstance(outcome, Done) and not self._has_ended:
            raise InvalidOutcome(
                f"{type(component).__name__} at '{component.position.name}' ended in done(), which shows the page "
                f"after the end of a flow. Return it from the complete() of the flow itself."
            )
        return check_outcome(outcome, component)

    def _note(self, level: Position, outcome: Any, is_first: bool) -> None:
        """Note in the task what came out of a place."""
        if self._leads_back(outcome):
            return
        is_said = self._is_said(outcome)
        if is_first and (outcome is COMPLETE or is_said):
            if level.is_action:
                self.task.mark_answered(level.key)
            elif outcome is COMPLETE:
                self.task.mark_passed(level.key)
            self._walk_anew()
        if not is_first and isinstance(outcome, HttpResponseBase) and not self._walk(level).is_complete(level):
            return  # something in there is still to be said
        if level.parent and (outcome is COMPLETE or is_said):
            self._note_choice(level, level.parent, outcome)

    @property
    def _has_done(self) -> bool:
        return self.task.is_answered(self.position.key) or self.has_completed

    def _is_said(self, outcome: Any) -> bool:
        """Return whether a valid form, or a complete(), ended in where to go on: a component, or a redirect."""
        if self.has_completed and isinstance(outcome, HttpResponseBase):
            return True
        if not self.visit.has_answers or self.visit.new_errors or self._next:
            return False
        return is_component(outcome) or (
            isinstance(outcome, HttpResponseBase) and not isinstance(outcome, Leaving) and bool(get_redirect(outcome))
        )

    def _note_choice(self, level: Position, scaffold: Position, outcome: Any) -> None:
        """Note what followed a child of a scaffold in which the actions decide."""
        if scaffold.transition is not None:
            if level is self.position:
                self.task.note_end(level.key, ANY if isinstance(outcome, HttpResponseBase) else COMPLETED)
            return
        chosen = COMPLETED if outcome is COMPLETE else ANY
        if is_component(outcome):
            target = self._origin.find(outcome)
            if target.is_in(level):
                return
            if target.is_in(scaffold):
                chosen = scaffold.child_towards(target).key
                self._choose_below(scaffold.child_towards(target), target)
        pages = self._walk(level).get_pages(level)
        # What a scaffold came to is what the last page in it said.
        if level is not self.position and not (self.has_acted and pages[-1:] == [self.position.key]):
            if level.key in self.task.choices:
                return
            chosen = ANY if pages and self.task.choices.get(pages[-1]) == ANY else chosen
        # Of the way of choices what was on the route: it ends where something on it is open again.
        way, may_follow = self._earlier.get_way(self.task.choices, scaffold.closing_key)
        if level.key not in way:
            self.task.put_on_way(scaffold.closing_key, level.key, after=way[-1] if may_follow else None)
        self.task.choose(level.key, chosen)
        self._walk_anew()

    def _choose_below(self, place: Position, target: Position) -> None:
        """Note the choices on the way from a scaffold down to what was chosen in it."""
        while place is not target:
            child = place.child_towards(target)
            if place.transition is None:
                self.task.begin_way(place.closing_key, child.key)
            place = child

    def _leads_back(self, outcome: Any) -> bool:
        """Return whether what was said leads to this page or one before it: both are open again then."""
        if not (is_component(outcome) and self._is_said(outcome)):
            return False
        page = self._find_before(self._origin.find(outcome))
        if page is None:
            return False
        common = next(level for level in reversed(page.path) if level in self.position.path)
        if common.transition is None and page is not self.position:
            way, may_follow = self._earlier.get_way(self.task.choices, common.closing_key)
            is_on = may_follow or common.child_towards(self.position).key in way
            if not is_on or common.child_towards(page).key not in way:
                return False  # it is an alternative, which is chosen
        self._reopen(page)
        return True

    def _find_before(self, target: Position) -> Position | None:
        """Return the first page at a place, if that was on the route before this page, or is this page."""
        keys = [target.key] if target.is_action else self._earlier.get_pages(target)
        page = self.position.root.places_by_key[keys[0]] if keys else None
        return page if page and self._earlier.stands_before(page, self.position) else None

    def _reopen(self, page: Position) -> None:
        self.task.reopen(page.key)
        self.task.reopen(self.position.key)
        if self._from is not None:
            self._from = page
        self._walk_anew()

    def _go_on(self, level: Position, outcome: Any) -> Any:
        """Return what comes out of a scaffold. Runs what is due in it, one after the other."""
        origin, named = self._origin, None if outcome is COMPLETE else outcome
        while True:
            route = self._walk(level)
            key = route.first_open(level)
            is_due = key in route.due
            is_left = is_due and key == level.closing_key and (level.parent or not self._is_open(origin, named))
            if key is None or (named and not is_left):
                self._origin = origin
                # What was named in a scaffold in order is not led to, where it is done already.
                is_inside = key is None and level.transition and named and origin.find(named).is_in(level)
                return COMPLETE if is_inside else outcome
            if not is_due:
                return self._lead_to(level, self._get_page_at(route, key))
            place = self.position.root.places_by_key[key.rstrip("/")]
            if self._from is not None and not self.visit.is_safe:
                if page := self._find_left_open(place):
                    return self._lead_to(level, page)
                continue  # on the whole route, on which something else may be due
            came_out = self._complete(place)
            if came_out is not COMPLETE or place.parent is None:
                return came_out

    def _is_open(self, origin: Position, named: Any) -> bool:
        """Return whether what an outcome names, seen from a place, is a page that is open."""
        if not is_component(named):
            return False
        page, route = self.visit.get_first_page(origin.find(named)), self.visit.route
        return page is not None and route.may_visit(page.key) and page.key in route.open

    def _get_page_at(self, route: Route, key: str) -> Position:
        places = self.position.root.places_by_key
        if not key.endswith("/"):
            return places[key]
        alternatives = route.get_alternatives(key)
        left = (other for other in alternatives if not self.task.is_answered(other))
        return places[next(left, alternatives[0])]

    def _lead_to(self, level: Position, page: Position) -> Any:
        self._next = page
        return level.child_towards(page).component if page is not level and page.is_in(level) else page.component

    def _find_left_open(self, place: Position) -> Position | None:
        """Return the page to show before a scaffold may be completed: the whole route is walked once."""
        self._from = None
        self._walk_anew()
        route, root = self._walk(place), self.position.root
        key = route.first_open(root)
        blocking = [key for key in route.open if key in route.index and self._blocks(route, key, place)]
        if blocking:
            page = self._get_page_at(route, min(blocking, key=route.index.__getitem__))
            if self.has_acted:
                self._reopen(self.position)
            return page
        if self.has_acted and not self._was_open and route.pages[-1:] != [self.position.key]:
            # An edit of an earlier page completes nothing.
            return self._get_page_after(route) if key == root.closing_key else None
        return None

    def _blocks(self, route: Route, key: str, scaffold: Position) -> bool:
        """Return whether what is open keeps a scaffold from being completed: it is in it, or before it in order."""
        if key in route.due or scaffold.closing_key.startswith(key):
            return False
        place = self.position.root.places_by_key[key.rstrip("/")]
        common = next(level for level in reversed(place.path) if level in scaffold.path)
        return common is scaffold or bool(common.transition and common.transition.is_linear)

    def _get_page_after(self, route: Route) -> Position:
        pages = route.pages
        number = pages.index(self.position.key) + 1 if self.position.key in pages else 0
        return self.position.root.places_by_key[pages[min(number, len(pages) - 1)]] if pages else self.position

    def _walk(self, until: Position | None = None) -> Route:
        """Return the route as it is now; behind a scaffold that something comes out of later nothing is asked yet."""
        until = until if until and until.parent else None
        if not self._is_walked or (self._until is not until and self._until is not None):
            self.visit.walk(self._earlier, self._from, until)
            self._is_walked, self._until = True, until
        return self.visit.route

    def _walk_anew(self) -> None:
        """Let the route be walked on when it is asked for next."""
        self._is_walked, self._has_changed = False, True

    def _complete(self, place: Position) -> Any:
        """Run the complete() of a scaffold, and return what comes out of it."""
        if self.visit.is_safe:
            return self._ask_to_finish()
        component, outcome = self.visit.component(place), None
        if has_complete(place):
            # A route that ends here is not to be gone on with, should this be interrupted.
            self.task.keep_route(None if self._until else self.visit.route)
            self.visit.begin_effects(place)
            self.has_completed = True
            outcome = component.complete()
            self._forget_asked()
        self._has_ended = place.parent is None and not is_component(outcome)
        outcome = self._check(self._unwrap(COMPLETE if outcome is None else outcome), component)
        self._origin, self._next = place, None
        if is_component(outcome) and (page := self._find_before(place.find(outcome))):
            self._reopen(page)
            return outcome
        self.task.mark_completed(place.key)
        self._walk_anew()
        return outcome

    # The result

    def _ask_to_finish(self) -> HttpResponseBase:
        """Return a page with nothing but a button: what completes a scaffold is never done on GET."""
        context = {"title": self.position.root.component.title, "flow": self.visit.get_progress(self.position)}
        return TemplateResponse(self.visit.request, "flows/finish.html", context)

    def _conclude(self, outcome: Any) -> Result:
        if self._has_ended and isinstance(outcome, HttpResponseBase):
            return Ended(outcome)
        if outcome is COMPLETE and not self.visit.is_safe:
            return Ended()
        if isinstance(outcome, HttpResponseBase) or outcome is COMPLETE:
            result: LedOn | Shown = Shown(self._ask_to_finish() if outcome is COMPLETE else outcome)
        else:
            result = LedOn(self._next or self._find_target(outcome), self._query)
        self._keep(result)
        return result

    def _keep(self, result: LedOn | Shown) -> None:
        """Keep the route as it is now, and where the visitor is."""
        pending = self.task.pending
        if self._has_changed:
            self.task.keep_route(self._walk())
        page = result.page if isinstance(result, LedOn) else self.position
        if settings.DEBUG and isinstance(result, Shown) and self.visit.has_answers and self.visit.route.due:
            self._warn_of_redirect(result.response)
        is_own = pending and pending["submission"] == self.visit.submission_key
        if pending and (is_own or self.has_resumed or self.task.is_completed(pending["place"])):
            self.task.drop_pending(page.key)
        if self._has_done and not self.visit.is_safe and self.visit.route.has_choice(page.key):
            self.task.mark_seen(page.key)

    def _warn_of_redirect(self, response: HttpResponseBase) -> None:
        if not self.has_completed and self.visit.route.get_due(self.position.root) and get_redirect(response):
            logger.warning(
                "%s at '%s' ended in a redirect of its own, after which nothing is open and nothing is complete. "
                "Return COMPLETE, and give the redirect in complete().",
                *(self.position.component.__name__, self.position),
            )

    def _find_target(self, outcome: Any) -> Position:
        """Return the page to which an outcome leads that names a component."""
        target = self._origin.find(outcome)
        page = self.visit.get_first_page(target)
        if not self.has_acted:
            if page is None or (not self.visit.route.may_visit(page.key) and self.visit.get_page() is self.position):
                raise _dead_end(target, self._origin)
            return page
        route = self._walk()
        if page is not None and route.may_visit(page.key):
            common = next(level for level in reversed(page.path) if level in self._origin.path)
            is_new = common.transition is None and page.key not in self._earlier.index
            if is_new or page.key in route.open:
                return page
        elif page is None and self.visit.is_safe:
            raise _dead_end(target, self._origin)
        elif settings.DEBUG and page is not None:
            logger.warning(
                "%s at '%s' led to %s at '%s', which is not open: %s.",
                *(self._origin.component.__name__, self._origin, page.component.__name__, page),
                route.explain_closed(page),
            )
        self._query = None
        return self._get_first_open(route)

    def _get_first_open(self, route: Route) -> Position:
        """Return the nearest page that is open; where none is, the one after this."""
        for level in reversed(self.position.path[:-1]):
            key = route.first_open(level)
            if key and key not in route.due:
                return self._get_page_at(route, key)
        return self._get_page_after(route)

    def _lead_back(self) -> Result:
        """Lead to where the visitor is; to the end, where no page counts."""
        visit, root = self.visit, self.position.root
        if not self.position.is_action:
            visit.find_route()
        if page := visit.get_page():
            if settings.DEBUG and self.position.is_action and not visit.has_other_kwargs():
                logger.warning("'%s' is not open: %s.", self.position, visit.route.explain_closed(self.position))
            return Closed(page)
        if page := visit.get_first_page(root):
            raise PermissionDenied(f"No page of '{root}' lets this visitor in, not even '{page}'.")
        if visit.has_other_kwargs():
            return Closed(self.position)
        self._earlier, self._was_open = visit.route, True
        outcome = self._ask(root)
        if is_component(outcome):
            raise _dead_end(root.find(outcome), root)
        return self._conclude(self._leave([root], COMPLETE if outcome is None else outcome, root if outcome else None))


def _dead_end(target: Position, origin: Position) -> PermissionDenied:
    names = f"{target.component.__name__}, to which {origin.component.__name__} leads,"
    return PermissionDenied(f"Every page of {names} is skipped for this visitor.")
