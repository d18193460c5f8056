"""Runs the components that a request is for: from the root to the page, its action, and back to the root.

``form_valid`` and each ``complete()`` that is due run one after the other. After each the route is walked on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from ..exceptions import InvalidOutcome
from ..tree.outcomes import COMPLETE, Done, OutcomeResponse, check_outcome, get_redirect, is_component
from ..tree.positions import Position
from .course import Course
from .notes import Came, Notes
from .results import Closed, Ended, LedOn, Result, Shown
from .sensitive import show_fields
from .visit import Visit, has_complete

logger = logging.getLogger("flows")


class Run:
    """One run. Whether something was done in it is read from it afterwards."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.task = visit.task
        self.position = visit.position
        #: Whether a submission that had stopped half way was resumed.
        self.has_resumed = False
        self._has_ended = False
        self._has_forgotten = False
        self._carrier: OutcomeResponse | None = None
        self._asked: dict[Position, Any] = {}

    @property
    def has_acted(self) -> bool:
        """Whether the action itself was run, and not something before it."""
        return self._notes.has_acted

    @property
    def has_completed(self) -> bool:
        """Whether a complete() was run that does something."""
        return self._notes.has_completed

    def run(self) -> Result:
        visit, position = self.visit, self.position
        is_open = visit.find_route() or self._find_prepared()
        self._course = Course(visit)
        self._notes = Notes(self._course)
        if not is_open:
            return self._lead_back()
        for level in position.path:
            if (outcome := self._ask(level)) is not None:
                return self._conclude(self._leave(level.path, Came(outcome, level)))
        if (due := self._get_due()) is not None:
            self._course.was_open = True
            levels = position.path if due is position else [level for level in position.path if due.is_in(level)]
            return self._conclude(self._leave(levels, Came(COMPLETE, position), is_walked=due is not position))
        return self._conclude(self._leave(position.path, Came(self._act(), position)))

    def copy_headers_to(self, response: HttpResponseBase) -> HttpResponseBase:
        """Give ``response`` what decorators of ``dispatch`` set on the outcome it was made for."""
        if self._carrier is not None:
            self._carrier.copy_headers_to(response)
        return response

    # From the root to the page

    def _ask(self, place: Position) -> Any:
        """Return what preconditions or ``prepare()`` give in place of the page, None to go on. Asks them once."""
        if place not in self._asked:
            component = self.visit.component(place)
            hooks = (*component.preconditions, type(component).prepare)
            self._asked[place] = next((outcome for hook in hooks if (outcome := hook(component)) is not None), None)
        return self._asked[place]

    def _find_prepared(self) -> bool:
        """Return whether the page is on the route once ``prepare()`` has completed what stands before it.

        Where nothing is stored, it is not kept that it did, however often the visitor is led on from there.
        """
        visit = self.visit
        if not self.position.is_action or self.task.is_stored or visit.has_other_kwargs():
            return False
        while not visit.is_on_route() and (page := visit.get_page()):
            level, outcome = next(((level, self._ask(level)) for level in page.path if self._ask(level)), (page, None))
            if outcome is not COMPLETE or not level.parent:
                return False
            self.task.mark_done(level)
            visit.walk()
        return visit.is_on_route()

    def _get_due(self) -> Position | None:
        """Return the scaffold to complete in the place of the page: where nothing is left to be said.

        Or where the submission of this page stopped half way.
        """
        pending, places = self.task.pending, self.position.root.places_by_key
        if pending and pending["position"] == self.position.key:
            self.has_resumed = bool(pending.get("is_done")) or not self.visit.is_safe
            if self.has_resumed:
                return places.get(pending["place"])
        key = self.visit.route.get_due(self.position.root)
        is_last = self.visit.route.pages[-1:] == [self.position.key]
        # An old tab may still send the page itself; no other method is that of the button.
        fields = set(self.visit.request.POST) - {"csrfmiddlewaretoken"}
        is_button = self.visit.is_safe or (self.visit.request.method == "POST" and not fields)
        return places.get(key.rstrip("/")) if key and is_last and is_button else None

    def _act(self) -> Any:
        show_fields(self.visit.request)
        action = self.visit.component(self.position)
        outcome = self._unwrap(action.dispatch(self.visit.request, *self.visit.args, **self.visit.kwargs))
        self._notes.has_acted = True
        if self.visit.has_answers:
            self._course.change()
        if outcome is COMPLETE and self.visit.is_safe and not self.task.is_stored:
            raise InvalidOutcome(
                f"{type(action).__name__} at '{self.position}' ended in COMPLETE on GET, where nothing is stored yet. "
                f"It would be forgotten. Return COMPLETE from prepare(), which is asked again, or skip the page."
            )
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
        self._carrier = outcome
        return outcome.outcome

    # Back to the root

    def _leave(self, levels: Sequence[Position], came: Came, *, is_walked: bool = False) -> Came:
        """Return what comes out of the root. ``is_walked`` says that nothing came out of the last of the levels yet."""
        for level in reversed(levels):
            is_first = level is levels[-1] and not is_walked
            if not (is_first or came.is_response):
                came = self._go_on(level, came)
            component = self.visit.component(level)
            handed_on = self._unwrap(component.handle_response(self._check(came.outcome, component)))
            if handed_on is not came.outcome:
                came = Came(self._check(handed_on, component), level)
                if came.outcome is COMPLETE and level.parent is None and not self._has_ended:
                    came = self._go_on(level, came)  # a flow is not complete while a page of it is open
            self._notes.note(level, came, is_first=is_first)
        return came

    def _check(self, outcome: Any, component: Any) -> Any:
        if isinstance(outcome, Done) and not self._has_ended:
            raise InvalidOutcome(
                f"{type(component).__name__} at '{component.position.name}' ended in done(), which shows the page "
                f"after the end of a flow. Return it from the complete() of the flow itself."
            )
        return check_outcome(outcome, component)

    def _go_on(self, level: Position, came: Came) -> Came:
        """Return what comes out of a scaffold. Runs what is due in it, one after the other."""
        course = self._course
        while True:
            route = course.walk(level)
            key = route.first_open(level)
            if key is None:
                return self._end(level, came)
            if came.outcome is not COMPLETE and not self._is_left(level, key, came):
                return came
            if key not in route.due:
                return self._lead_to(level, course.get_page_at(key))
            place = course.place(key)
            if course.is_whole or self.visit.is_safe:
                came_out = self._complete(place)
                if came_out.outcome is not COMPLETE or place.parent is None:
                    return came_out
            elif page := course.find_left_open(place, has_acted=self.has_acted):
                return self._lead_to(level, page)

    def _end(self, level: Position, came: Came) -> Came:
        """Return what comes out of a scaffold that is complete."""
        # What was named in a scaffold in order is not led to, where it is done already.
        is_inside = came.is_named and level.transition and came.target.is_in(level)
        return Came(COMPLETE, level) if is_inside else came

    def _is_left(self, level: Position, key: str, came: Came) -> bool:
        """Return whether a scaffold is to be completed, though what was named in it leads elsewhere."""
        is_due = key == level.closing_key and key in self.visit.route.due
        return is_due and (level.parent is not None or not (came.is_named and self._course.find_open(came.target)))

    def _lead_to(self, level: Position, page: Position) -> Came:
        child = level.child_towards(page) if page is not level and page.is_in(level) else page
        return Came(child.component, level, page)

    def _complete(self, place: Position) -> Came:
        """Run the complete() of a scaffold, and return what comes out of it."""
        if self.visit.is_safe:
            return Came(self._ask_to_finish(), place)
        component, outcome, route = self.visit.component(place), None, self.visit.route
        if has_complete(place):
            self.task.keep_route(self._course.get_lasting())
            self.visit.begin_effects(place)
            self._notes.has_completed = True
            outcome = component.complete()
            self._forget_asked()
        self._has_ended = place.parent is None and not is_component(outcome)
        came = Came(self._check(self._unwrap(COMPLETE if outcome is None else outcome), component), place)
        if came.is_named and (page := self._course.find_before(came.target)):
            self._course.reopen(page)
        elif came.is_named and (page := self._course.find_on(route, came.target, place)):
            self.task.reopen(page.key)  # alone: the page that was sent stands before it
        else:
            self.task.mark_completed(place.key)
        self._course.change()
        return came

    # The result

    def _ask_to_finish(self) -> HttpResponseBase:
        """Return a page with nothing but a button: what completes a scaffold is never done on GET."""
        context = {"title": self.position.root.component.title, "flow": self.visit.get_progress(self.position)}
        return TemplateResponse(self.visit.request, "flows/finish.html", context)

    def _conclude(self, came: Came) -> Result:
        if self._has_ended and came.is_response:
            return Ended(came.outcome)
        if came.outcome is COMPLETE and not self.visit.is_safe:
            return Ended()
        if came.is_response or came.outcome is COMPLETE:
            result: LedOn | Shown = Shown(self._ask_to_finish() if came.outcome is COMPLETE else came.outcome)
        else:
            result = self._lead_on(came)
        self._keep(result)
        return result

    def _keep(self, result: LedOn | Shown) -> None:
        """Keep the route as it is now, and where the visitor is."""
        if self._course.has_changed:
            self.task.keep_route(self._course.walk())
        page = result.page if isinstance(result, LedOn) else self.position
        if settings.DEBUG and isinstance(result, Shown) and self.visit.has_answers:
            self._warn_of_redirect(result.response)
        if (pending := self.task.pending) and self._is_over(pending):
            self.task.drop_pending(page.key)
        has_done = self.has_completed or self.task.is_answered(self.position.key)
        if has_done and not self.visit.is_safe and self.visit.route.has_choice(page.key):
            self.task.mark_seen(page.key)

    def _is_over(self, pending: Mapping[str, Any]) -> bool:
        """Return whether nothing is left to do of what is pending."""
        is_own = pending["submission"] == self.visit.submission_key
        return is_own or self.has_resumed or self.task.is_completed(pending["place"])

    def _warn_of_redirect(self, response: HttpResponseBase) -> None:
        if not self.has_completed and self.visit.route.get_due(self.position.root) and get_redirect(response):
            logger.warning(
                "%s at '%s' ended in a redirect of its own, after which nothing is open and nothing is complete. "
                "Return COMPLETE, and give the redirect in complete().",
                *(self.position.component.__name__, self.position),
            )

    def _lead_on(self, came: Came) -> LedOn:
        """Return where an outcome leads: to what it names, where that is open or newly chosen, else to what is open."""
        if came.page is not None:
            return LedOn(came.page)
        page, query = self.visit.get_first_page(came.target), getattr(self._carrier, "query", None)
        if not self.has_acted or self.visit.is_safe:
            return LedOn(self._check_open(page, came), query)
        route = self._course.walk()
        if page and route.may_visit(page.key):
            is_new = page.common(came.origin).transition is None and page.key not in self._course.earlier.index
            if is_new or page.key in route.open:
                return LedOn(page, query)
        elif page and settings.DEBUG:
            logger.warning(
                "%s at '%s' led to %s at '%s', which is not open: %s.",
                *(came.origin.component.__name__, came.origin, page.component.__name__, page),
                route.explain_closed(page),
            )
        return LedOn(self._course.get_next())

    def _check_open(self, page: Position | None, came: Came) -> Position:
        """Return the page to which one leads that was not sent. Raises `PermissionDenied` where that would go round."""
        names = f"{came.target.component.__name__}, to which {came.origin.component.__name__} leads,"
        if page is None:
            raise PermissionDenied(f"Every page of {names} is skipped for this visitor.")
        if not self.visit.route.may_visit(page.key) and self.visit.get_page() is self.position:
            why = self.visit.route.explain_closed(page)
            raise PermissionDenied(f"{names} is not open to this visitor: {why}.")
        return page

    def _lead_back(self) -> Result:
        """Lead to where the visitor is; to the end, where no page counts."""
        visit, root = self.visit, self.position.root
        if page := visit.get_page():
            if settings.DEBUG and self.position.is_action and not visit.has_other_kwargs():
                logger.warning("'%s' is not open: %s.", self.position, visit.route.explain_closed(self.position))
            return Closed(page)
        if page := visit.get_first_page(root):
            raise PermissionDenied(f"No page of '{root}' lets this visitor in, not even '{page}'.")
        if visit.has_other_kwargs():
            return Closed(self.position)
        self._course.was_open = True
        outcome = self._ask(root)
        if is_component(outcome):
            self._check_open(None, Came(outcome, root))
        came = Came(COMPLETE if outcome is None else outcome, root)
        return self._conclude(self._leave([root], came, is_walked=outcome is None))
