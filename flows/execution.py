"""A task at a position, for one request: from the root to the action, and back to the root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from .answers import Answers
from .choices import ANY, COMPLETED, get_way
from .components import FlowComponent, Scaffold
from .config import config
from .exceptions import InvalidOutcome, InvalidTarget, StateNotFound
from .forms import get_errors
from .navigation import Navigation
from .outcomes import COMPLETE, Complete, Leaving, OutcomeResponse, get_redirect
from .positions import Position
from .progress import Progress
from .sensitive import show_fields
from .task import Task

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


@dataclass
class Result:
    """What running a request came to: a response, or the page to go to, or neither where the task just ended."""

    response: HttpResponseBase | None = None
    target: Position | None = None
    #: The position is not open to the visitor; ``target`` is where he is.
    misled: bool = False
    #: The task is at its end.
    ended: bool = False
    #: The action itself was run, and not something before it.
    acted: bool = False


class Execution(Navigation):
    """Runs one request through the tree, and answers what its components ask."""

    def __init__(
        self,
        *place: Any,
        submission_key: str | None = None,
        on_effects: Callable[[Task, Position], None] | None = None,
    ) -> None:
        super().__init__(*place)
        self.submission_key = submission_key
        #: The errors to show again, where this submission was refused before.
        self.refusal: Mapping[str, list[str]] | None = None
        #: The errors that the action found in a valid form.
        self.refused: dict[str, list[str]] | None = None
        #: Whether the action got a valid form to work on.
        self.accepted = False
        #: Whether a scaffold was completed that does something then.
        self.completed = False
        self.is_safe = self.request.method in SAFE_METHODS
        #: Called before what stands at a place has effects, to see to its guarantee.
        self.on_effects = on_effects
        self._carrier: OutcomeResponse | None = None
        self._asked: dict[Position, Any] = {}
        self._finished = False

    # The run

    def run(self) -> Result:
        """Enter from the root, run the action, leave to the root."""
        place, outcome = self._enter()
        acted = place is not None and outcome is None
        if place is None:
            result = self._mislead()
        else:
            if outcome is None:
                place, outcome = self._resume() or (place, self._act())
            result = self._conclude(*self._leave(place, outcome))
        result.acted = acted
        if (acted or self.completed) and (result.target or not self.is_safe):
            self.task.do_rest(self.position.name, (result.target or self.position).name)
        return result

    def hand_on(self, response: HttpResponseBase) -> HttpResponseBase:
        """Give ``response`` what decorators of ``dispatch`` set on the outcome it was made for."""
        if self._carrier is not None:
            self._carrier.hand_on(response)
        return response

    def _enter(self) -> tuple[Position | None, Any]:
        """Return the place that ends the run before the action and its outcome; no place if it is not open."""
        if not self.position.is_action or self.is_elsewhere():
            return None, None
        for place in self.position.path:
            if place.parent and not self.may_enter(place):
                return None, None
            if (outcome := self._ask(place)) is not None:
                return place, outcome
        return self.position, None

    def _ask(self, place: Position) -> Any:
        """Return what preconditions or ``prepare()`` give in place of the page, None to go on. Asks them once."""
        if place not in self._asked:
            component = self.component(place)
            hooks = (*component.preconditions, _prepare)
            self._asked[place] = next((outcome for hook in hooks if (outcome := hook(component)) is not None), None)
        return self._asked[place]

    def _act(self) -> Any:
        action = cast(Any, self.component(self.position))
        show_fields(self.request)
        outcome = action.dispatch(self.request, *self.args, **self.kwargs)
        if isinstance(outcome, OutcomeResponse):
            self._carrier, outcome = outcome, outcome.outcome
        return outcome

    def _resume(self) -> tuple[Position, Any] | None:
        """Return where an earlier submission of this page stopped half way, and what comes out there now."""
        name, done = self.task.resume_at(self.position.name) or (None, False)
        place = next((level for level in self.position.path if level.name == name), None)
        if place is None:
            return None
        self.accepted = not self.is_safe
        return place, COMPLETE if done else self._complete(place)

    def _leave(self, place: Position, outcome: Any) -> tuple[Any, Position]:
        """Return what comes out of the root, and the place from which a component in it is to be looked for."""
        origin = below = place
        for level in reversed(place.path):
            component = self.component(level)
            if level is not place and outcome is COMPLETE:
                outcome, origin = self._advance(level, below)
            handed_on = component.handle_response(_check(outcome, component))
            if handed_on is not outcome:
                outcome, origin = _check(handed_on, component), level
            if outcome is COMPLETE or self._has_answered(level, outcome):
                self.task.mark_done(level.name)
            self._note_choice(level, outcome, origin)
            below = level
        if outcome is COMPLETE and self.is_safe:
            outcome = self._ask_to_finish()
        return outcome, origin

    def _has_answered(self, place: Position, outcome: Any) -> bool:
        """Return whether a valid form ended in where to go on: a sibling that the action chose, or a redirect."""
        if place is not self.position or not self.accepted or self.refused:
            return False
        if isinstance(outcome, type):
            return place.parent is not None and self.scaffold(place.path[-2]).transition is None
        return not isinstance(outcome, Leaving) and get_redirect(outcome) is not None

    def _note_choice(self, place: Position, outcome: Any, origin: Position) -> None:
        """Note what followed a child of a scaffold in which the actions decide."""
        scaffold = place.parent
        if scaffold is None or self.scaffold(scaffold).transition is not None:
            return
        chosen = COMPLETED
        if outcome is not COMPLETE:
            if not self.accepted or self.refused:
                return
            if isinstance(outcome, type):
                target = origin if origin.component is outcome else origin.find(outcome)
                if target.parent is not scaffold:
                    return
                chosen = target.name
            elif self._has_answered(place, outcome):
                chosen = ANY
            else:
                return
        way = get_way(scaffold, self.task)
        self.task.choose(scaffold.name, place.name, chosen, is_first=way is None or place.name not in way.names)

    def _advance(self, place: Position, child: Position) -> tuple[Any, Position]:
        """Return what follows in a scaffold when ``child`` is done."""
        scaffold = self.scaffold(place)
        passed: set[Position] = set()
        while scaffold.transition is not None and child not in passed:
            passed.add(child)
            outcome = scaffold.transition.choose_next(scaffold, child.component)
            if outcome is COMPLETE:
                break
            child = place.child(outcome)
            if self.first_page(child):
                return outcome, child
        return self._complete(place), place

    def _complete(self, place: Position) -> Any:
        scaffold = self.scaffold(place)
        if self.is_safe and (place.parent is None or type(scaffold).complete is not Scaffold.complete):
            return self._ask_to_finish()
        if type(scaffold).complete is not Scaffold.complete:
            self.begin_effects(place)
            self.completed = True
        outcome = scaffold.complete()
        self._finished = self._finished or place.parent is None
        if outcome is None:
            return COMPLETE
        if isinstance(outcome, HttpResponseBase):
            self.task.mark_done(place.name)
        return outcome

    def _ask_to_finish(self) -> HttpResponseBase:
        """Return a page with nothing but a button: what completes a scaffold is never done on GET."""
        action = {"title": self.position.root.component.title, "flow": self.progress(self.position)}
        return TemplateResponse(self.request, "flows/finish.html", action)

    def _conclude(self, outcome: Any, origin: Position) -> Result:
        if isinstance(outcome, HttpResponseBase):
            return Result(response=outcome, ended=self._finished)
        if outcome is COMPLETE:
            return Result(ended=True)
        place = origin if origin.component is outcome else origin.find(outcome)
        target = self.first_page(place)
        if target is None:
            target = self.where() or self.first_page(self.position.root)
            if target is self.position and self.is_safe:
                raise _dead_end(place.component, origin.component)
        return self._finish() if target is None else Result(target=target)

    def _mislead(self) -> Result:
        root = self.position.root
        if target := self.where():
            return Result(target=target, misled=True)
        if page := self.first_page(root):
            raise PermissionDenied(f"No page of '{root}' lets this visitor in, not even '{page}'.")
        if self.is_elsewhere():
            return Result(target=self.position, misled=True)
        outcome = self._ask(root)
        return self._finish() if outcome is None else self._conclude(*self._leave(root, outcome))

    def _finish(self) -> Result:
        """Come to the end of a flow of which every page is skipped."""
        root = self.position.root
        if isinstance(instead := self._asked.get(root), type):
            raise _dead_end(instead, root.component)
        if root.is_action or self.is_safe:
            return Result(response=self._ask_to_finish())
        if self._finished:
            return Result(ended=True)
        component = self.component(root)
        outcome = component.handle_response(_check(self._complete(root), component))
        return self._conclude(_check(outcome, component), root)

    def came_to(self, result: Result, url: str | None) -> dict[str, Any]:
        """Return what to lead a twin of this submission to; ``url`` is where a redirect led."""
        if self.refused:
            return {"errors": self.refused}
        if url and not result.target:
            return {"url": url}
        return {"position": (result.target or self.position).name}

    # What components ask

    def turn_back(self, place: Position) -> HttpResponseBase:
        """Return a redirect to the last page before this that the visitor saw, outside ``place``, and that is open.

        Raises `StateNotFound`, so that the visitor may begin again, where there is none: to lead him to a page that
        he has not seen could send him round in a circle.
        """
        for page in self.seen_before(self.position):
            if place not in page.path and self.is_open(page):
                return HttpResponseRedirect(self.url_of(page))
        raise StateNotFound(
            f"A precondition of {place.component.__name__} at '{place.name}' does not hold, and no page before it "
            f"is open. Give RequiredState an otherwise=, or give the entry link an initial_state."
        )

    def answers(self, position: Position) -> Answers:
        return Answers(self.task, position)

    def progress(self, position: Position) -> Progress:
        return Progress(self, position)

    def accept(self, position: Position, answers: Any) -> None:
        """Remember the answers of a valid form, before the action does anything with them."""
        self.accepted = True
        self.task.remember(position.name, answers)

    def begin_effects(self, place: Position) -> None:
        """Keep what has to be kept before the component at ``place`` does what it is for."""
        if self.on_effects and not self.is_safe:
            self.on_effects(self.task, place)

    def refuse(self, form: Any) -> None:
        """Note the errors that an action added to a valid form."""
        self.refused = get_errors(form)

    def link_to(self, position: Position, component: type[FlowComponent], query: Mapping[str, Any] | None) -> str:
        place = position.find(component)
        page = place if place.is_action else self.first_page(place)
        if page is None:
            raise InvalidTarget(f"Every action of {component.__name__} at '{place.name}' is skipped for this visitor.")
        return self.url_of(page, query)

    def url_of(self, page: Position, query: Mapping[str, Any] | None = None) -> str:
        """Return the URL of a page in this task."""
        kwargs = {**self.kwargs, **self.task.kwargs} if self.is_elsewhere() else {**self.task.kwargs, **self.kwargs}
        return self.links.url(page, kwargs, {**(query or {}), config.TASK_ID_PARAM: self.task.id})


def _prepare(component: FlowComponent) -> Any:
    return component.prepare()


def _dead_end(target: type[FlowComponent], origin: type[FlowComponent]) -> PermissionDenied:
    names = f"{target.__name__}, to which {origin.__name__} leads,"
    return PermissionDenied(f"Every page of {names} is skipped for this visitor.")


def _check(outcome: Any, component: FlowComponent) -> Any:
    if isinstance(outcome, (Complete, HttpResponseBase)):
        return outcome
    if isinstance(outcome, type) and issubclass(outcome, FlowComponent):
        return outcome
    raise InvalidOutcome(
        f"{type(component).__name__} at '{component.position.name}' ended in {outcome!r}, which is not an outcome. "
        f"Return COMPLETE, a component class or an HttpResponse."
    )
