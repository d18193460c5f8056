"""What is noted in a task of what came out of its components: pages that are answered, and what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http.response import HttpResponseBase

from ..journey.route import ANY, COMPLETED
from ..tree.outcomes import COMPLETE, Leaving, get_redirect, is_component
from ..tree.positions import Position
from .course import Course


@dataclass(frozen=True)
class Came:
    """An outcome, the place that it came from, and the page to which a walk came, if it is not what was named."""

    outcome: Any
    origin: Position
    page: Position | None = None

    @property
    def is_named(self) -> bool:
        """Whether a component was named by the project's code."""
        return self.page is None and is_component(self.outcome)

    @property
    def is_response(self) -> bool:
        return isinstance(self.outcome, HttpResponseBase)

    @property
    def target(self) -> Position:
        return self.origin.find(self.outcome)


class Notes:
    """Notes what came out of each level, from the page to the root."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.task = course.task
        self.position = course.position
        #: Whether the action itself was run, and not something before it.
        self.has_acted = False
        #: Whether a complete() was run that does something.
        self.has_completed = False

    def note(self, level: Position, came: Came, *, is_first: bool) -> None:
        if self._leads_back(came):
            return
        is_said = self.is_said(came)
        if is_first and (came.outcome is COMPLETE or is_said):
            self._note_done(level, came)
        if not is_first and came.is_response and not self.course.walk(level).is_complete(level):
            return  # something in there is still to be said
        if level.parent and (came.outcome is COMPLETE or is_said):
            self._note_choice(level, level.parent, came)

    def is_said(self, came: Came) -> bool:
        """Return whether a valid form, or a complete(), ended in where to go on: a component, or a redirect."""
        if self.has_completed and came.is_response:
            return True
        visit = self.course.visit
        if not visit.has_answers or visit.new_errors:
            return False
        leads_away = came.is_response and not isinstance(came.outcome, Leaving) and bool(get_redirect(came.outcome))
        return came.is_named or leads_away

    def _note_done(self, level: Position, came: Came) -> None:
        if level.is_action or (came.outcome is COMPLETE and level.parent):
            self.task.mark_done(level)
        self.course.change()

    def _leads_back(self, came: Came) -> bool:
        """Return whether what was said leads to this page or one before it: both are open again then."""
        page = self.course.find_before(came.target) if came.is_named and self.is_said(came) else None
        if page is None or not self._is_behind(page):
            return False
        self.course.reopen(page)
        return True

    def _is_behind(self, page: Position) -> bool:
        """Return whether a page is not an alternative to this one, which would be chosen."""
        common = page.common(self.position)
        if common.transition is not None or page is self.position:
            return True
        way, may_follow = self.course.earlier.get_way(self.task.choices, common.closing_key)
        is_on = may_follow or common.child_towards(self.position).key in way
        return is_on and common.child_towards(page).key in way

    # Choices

    def _note_choice(self, level: Position, scaffold: Position, came: Came) -> None:
        """Note what followed a child of a scaffold in which the actions decide."""
        if scaffold.transition is not None:
            if level is self.position:
                self.task.note_end(level.key, ANY if came.is_response else COMPLETED)
            return
        chosen = self._get_chosen(level, scaffold, came)
        if chosen is None:
            return
        # Of the way of choices what was on the route: it ends where something on it is open again.
        way, may_follow = self.course.earlier.get_way(self.task.choices, scaffold.closing_key)
        if level.key not in way:
            self.task.put_on_way(scaffold.closing_key, level.key, after=way[-1] if may_follow else None)
        self.task.choose(level.key, chosen)
        self.course.change()

    def _get_chosen(self, level: Position, scaffold: Position, came: Came) -> str | None:
        """Return what follows a child of a scaffold; None where that was not said now."""
        chosen = COMPLETED if came.outcome is COMPLETE else ANY
        if came.is_named:
            if came.target.is_in(level):
                return None
            if came.target.is_in(scaffold):
                child = scaffold.child_towards(came.target)
                self._choose_below(child, came.target)
                chosen = child.key
        # What a scaffold came to is what the last page in it said.
        pages = [] if level is self.position else self.course.walk(level).get_pages(level)
        if level is self.position or (self.has_acted and pages[-1:] == [self.position.key]):
            return chosen
        if level.key in self.task.choices:
            return None
        return ANY if pages and self.task.choices.get(pages[-1]) == ANY else chosen

    def _choose_below(self, place: Position, target: Position) -> None:
        """Note the choices on the way from a scaffold down to what was chosen in it."""
        while place is not target:
            child = place.child_towards(target)
            if place.transition is None:
                self.task.begin_way(place.closing_key, child.key)
            place = child
