"""What a flow is made of: an `Action` is a page, a `Scaffold` a group of components."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.functional import classproperty
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView

from .exceptions import DefinitionError, NotStorableValue, TaskTooLarge
from .journey.answers import Answers
from .journey.forms import add_error, add_errors, get_answers, get_errors, make_form
from .journey.task import Task
from .transitions import Transition
from .tree.outcomes import COMPLETE, Done, Leaving, Outcome, OutcomeResponse, SentTo
from .tree.positions import Position, describe
from .tree.visit import Visit

__all__ = ["COMPLETE", "Action", "FlowComponent", "Scaffold"]

logger = logging.getLogger("flows")

_NO_VALUE = _("This cannot be kept: it is nested too deeply, or contains an invalid number.")
_TOO_LARGE = _("This is too long to be kept. Please shorten it.")

Precondition = Callable[["FlowComponent"], "Outcome | None"]


class FlowComponent:
    """What actions and scaffolds have in common. One instance serves one request."""

    #: Names the component in positions, URL names and routes; the class name in kebab case.
    name: str | classproperty = classproperty(lambda cls: _words(cls.__name__).lower().replace(" ", "-"))
    #: The ``path()`` route below the parent's; may hold converters, and may be lazy.
    url: Any = classproperty(lambda cls: f"{cls.name}/")
    #: What the visitor reads; the class name in words. May be lazy.
    title: Any = classproperty(lambda cls: _words(cls.__name__).capitalize())
    #: Callables that are given the component and return ``None``, or the outcome that takes its place.
    preconditions: Sequence[Precondition] = ()
    #: Whether ``flow.back_url`` passes over the pages of this component.
    skip_on_back: bool = False
    #: What is promised for the effects of ``form_valid()`` or ``complete()``: ``"transaction"``, ``"claim"`` or
    #: ``"retry"``. None for the default of the state store.
    guarantee: str | None = None
    is_scaffold: ClassVar[bool] = False

    request: HttpRequest
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    position: Position
    _visit: Visit | None = None

    def setup_flow(self, visit: Visit, position: Position) -> None:
        """Set what an instance has for one request: request, args, kwargs, position, task, state, answers."""
        self._visit = visit
        self.position = position
        self.request = visit.request
        self.args = visit.args
        self.kwargs = visit.kwargs

    @property
    def visit(self) -> Visit:
        if self._visit is None:
            raise AttributeError(
                f"{type(self).__name__} asks for its state, answers or task before the task is found, as in setup(). "
                f"Do it in prepare()."
            )
        return self._visit

    @property
    def task(self) -> Task:
        task: Task = self.visit.task
        return task

    @property
    def state(self) -> MutableMapping[str, Any]:
        """What the project's own code keeps in the task."""
        return self.task.state

    @property
    def answers(self) -> Answers:
        """What the visitor said, by action or by the name of a position."""
        answers: Answers = self.visit.get_answers(self.position)
        return answers

    @property
    def submission_key(self) -> str | None:
        """The key of the submission that is being handled, the same at every attempt. None on GET."""
        return self.visit.submission_key

    def prepare(self) -> Outcome | None:
        """Run before the action, from the root to the leaf; an outcome takes the place of the page."""
        return None

    def should_skip(self) -> bool:
        """Return True to skip this component, with all that is in it, for this visitor."""
        return False

    def handle_response(self, outcome: Outcome) -> Outcome:
        """Look at what came out of here, from the leaf to the root, and hand it on or another in its place."""
        return outcome

    def link_to(self, component: type[FlowComponent] | str, query: Mapping[str, Any] | None = None) -> str:
        """Return the URL of a component in this task: a sibling, or a sibling of an ancestor, nearest first.

        Or of what stands below those. A name means what has it, a scaffold its first action that is not skipped. Raises
        `InvalidTarget` for anything else.
        """
        return self.visit.get_url(self.position, component, query)

    def send_to(self, component: type[FlowComponent], query: Mapping[str, Any] | None = None) -> SentTo:
        """Return an outcome that means what returning ``component`` means, with a query in the URL."""
        return SentTo(component, query, self.link_to(component, query))

    def leave(self, url: str) -> HttpResponseRedirect:
        """Return a redirect that leaves this page open, such as to a bank, from which the visitor comes back to it.

        After any other redirect of its own a page is answered.
        """
        return Leaving(url)

    def done(self, template_name: str | None = None, **context: Any) -> Done:
        """Return the outcome of a flow's ``complete()`` that shows a page after the end.

        The page is shown to the same visitor until what is kept of the task expires. The values of its ``context`` are
        kept as those of the state are. Without ``template_name`` it is ``flows/done.html``.
        """
        return Done(template_name, context)

    def turn_back(self) -> HttpResponseBase:
        """Return a redirect to the last page on the route before this one that is open."""
        return HttpResponseRedirect(self.visit.get_open_page_before(self.position))

    @classmethod
    def get_children(cls) -> tuple[type[FlowComponent], ...]:
        """Return the classes of the children, none for an action."""
        return ()


class Action(FlowComponent, FormView):
    """One page: shows a form on GET, handles it on POST."""

    form_class: Any = forms.Form
    template_name = "flows/action.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._return("dispatch", super().dispatch(request, *args, **kwargs))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._return("post", self._handle_form())

    def _return(self, method: str, outcome: Any) -> Any:
        """Return the outcome of a method: as a response to what overrides or decorates it, which expects one."""
        is_overridden = getattr(type(self), method) is not getattr(Action, method)
        return OutcomeResponse(outcome) if is_overridden and not isinstance(outcome, HttpResponseBase) else outcome

    def _handle_form(self) -> Any:
        form = self.get_form()
        is_valid, errors = form.is_valid(), self.visit.earlier_errors
        if errors or (errors is not None and not is_valid):
            return self.form_refused(form, errors)
        if not is_valid:
            return self.form_invalid(form)
        try:
            self.visit.remember_answers(self.position, self.get_answers(form))
        except NotStorableValue as error:
            add_error(form, _TOO_LARGE if isinstance(error, TaskTooLarge) else _NO_VALUE)
            logger.info("%s", error)
            return self.form_invalid(form)
        outcome = self.form_valid(form)
        if not form.is_valid():
            self.visit.add_errors(get_errors(form))
        return outcome

    def form_valid(self, form: Any) -> Any:
        """Do what the page is for and return an outcome: once for each submission."""
        return COMPLETE

    def form_refused(self, form: Any, errors: Mapping[str, Sequence[str]]) -> Any:
        """Show the errors of a submission that was handled before, with those that `form_valid` found then."""
        add_errors(form, errors)
        return self.render_to_response(self.get_context_data(form=form))

    def get_answers(self, form: Any) -> Any:
        """Return what to remember of a valid form: its cleaned data without the values of password fields.

        Of a formset, those of its rows, without blank and deleted ones.
        """
        return get_answers(form)

    def get_form(self, form_class: Any = None) -> Any:
        """Return the form, with the answers that are remembered of it where it was not sent."""
        kwargs = self.get_form_kwargs()
        # Else what is remembered would decide what counts as changed.
        answers = None if "data" in kwargs else self.answers.get(self.position.key)
        return make_form(form_class or self.get_form_class(), kwargs, answers)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add ``state``, ``answers``, ``flow`` and the form's ``media`` to the context of a ``FormView``."""
        context = {"state": self.state, "answers": self.answers, "flow": self.visit.get_progress(self.position)}
        context = super().get_context_data(**{**context, **kwargs})
        # A template would take {{ form.media }} for a field of that name.
        return {"media": getattr(context["form"], "media", ""), **context}


class Scaffold(FlowComponent):
    """A group of components. The root one, which is registered with a handler, is a flow."""

    #: The children: classes, or names of classes of the same module or by dotted path.
    action_set: Sequence[type[FlowComponent] | str] = ()
    #: What decides the order of the children; without one the actions decide.
    transition: Transition | None = None
    is_scaffold = True

    @property
    def children(self) -> tuple[Any, ...]:
        """The classes of the children."""
        return self.position.components

    def is_done(self, child: type[FlowComponent]) -> bool:
        """Return whether ``child`` has completed in this task, and still is complete."""
        return self.visit.is_done(self.position.child(child))

    def is_skipped(self, child: type[FlowComponent]) -> bool:
        """Return whether ``child`` is skipped for this visitor now, or every action in it is."""
        return not self.visit.has_page(self.position.child(child))

    def first_to_do(self, before: type[FlowComponent] | None = None) -> Any:
        """Return the first child, of those before ``before``, that is neither done nor skipped; None if all are."""
        place = self.visit.first_to_do(self.position, self.position.child(before) if before else None)
        return place.component if place else None

    def complete(self) -> Outcome | None:
        """Do what is to be done once when everything in here is done; an outcome says where to go then."""
        return None

    default_complete = complete

    @classmethod
    def get_children(cls) -> tuple[type[FlowComponent], ...]:
        """Return the classes that ``action_set`` holds or names. Raises `DefinitionError`."""
        if isinstance(cls.action_set, str) or not isinstance(cls.action_set, Sequence):
            raise DefinitionError(
                f"{cls.__name__}.action_set is {describe(cls.action_set)}. Make it a list of components."
            )
        children = tuple(cls._resolve(child) for child in cls.action_set)
        if not children:
            raise DefinitionError(f"{cls.__name__}.action_set is empty. Put at least one Action or Scaffold in it.")
        return children

    @classmethod
    def _resolve(cls, child: type[FlowComponent] | str) -> type[FlowComponent]:
        found: Any = child
        if isinstance(child, str):
            # The names are those of the module in which the list was written, not of a subclass's.
            owner = next(base for base in cls.__mro__ if "action_set" in vars(base))
            try:
                found = import_string(child) if "." in child else getattr(sys.modules[owner.__module__], child)
            except (ImportError, AttributeError, TypeError, ValueError) as error:
                raise DefinitionError(
                    f"{cls.__name__}.action_set names '{child}', which is not to be found. "
                    f"Define it in {owner.__module__}, or give the dotted path of a class."
                ) from error
        if not isinstance(found, type) or not issubclass(found, FlowComponent):
            raise DefinitionError(
                f"{cls.__name__}.action_set holds {describe(found)}, which is not a component. "
                f"Make it a subclass of Action or Scaffold."
            )
        return found


def _words(class_name: str) -> str:
    """Split a class name at its capitals: ``PayByPayPal2`` and ``HTMLPage`` become words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", class_name).replace("_", " ").strip()
