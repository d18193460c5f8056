"""What a component class must not declare: rules that raise an error, and what is probably a mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from inspect import getattr_static, isasyncgenfunction, iscoroutinefunction, ismethod
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.views.generic import View
from django.views.generic.edit import ModelFormMixin

from ..components import Action, FlowComponent, Scaffold
from ..exceptions import DefinitionError
from ..transitions import Transition
from ..tree.positions import describe

GUARANTEES = ("transaction", "claim", "retry")

#: Attributes that are read from the class, before there is a visitor, each with its remedy.
READ_FROM_CLASS = {
    "name": "Make it a text.",
    "url": "Make it a path() route, with an argument for what differs.",
    "title": "Make it a text, and put what depends on the visitor into get_context_data() and the template.",
    "preconditions": "Make it a list of callables, which are given the component.",
    "skip_on_back": "Make it True or False.",
    "guarantee": "Make it 'transaction', 'claim' or 'retry', or None for the default of the state store.",
    "action_set": "Make it a list of components, and leave out by their should_skip() what is not for a visitor.",
    "transition": "Make it an instance of a Transition, whose methods are given the scaffold.",
}
#: What an action cannot use, each with its remedy.
OF_SCAFFOLDS = {
    "action_set": ("an action_set", "Make it a Scaffold, or move the children to its scaffold."),
    "transition": ("a transition", "Move it to its scaffold."),
    "complete": ("a complete()", "Move it to its scaffold, or into form_valid()."),
}
#: What a scaffold cannot use: the parts of a page.
OF_REQUESTS = ("dispatch", "setup", "as_view", *View.http_method_names)
OF_ACTIONS = (*OF_REQUESTS, *(name for name in dir(Action) if not (name.startswith("_") or hasattr(Scaffold, name))))
HOOKS = ("prepare", "should_skip", "handle_response")
#: What FormView, class decorators and django-formtools read, and what to use instead.
ELSEWHERE = {
    "success_url": "Return a redirect from form_valid(), or from complete() of the flow.",
    "get_success_url": "Return a redirect from form_valid(), or from complete() of the flow.",
    "login_required": "Put method_decorator(login_not_required, name='dispatch') on the actions.",
    "form_list": "Name the actions in action_set.",
    "condition_dict": "Give the actions a should_skip().",
    "initial_dict": "Give the actions an initial or a get_initial().",
    "instance_dict": "Give the actions a get_form_kwargs().",
    "done": "Call it complete().",
}
OF_MODELS = dict.fromkeys(
    ("fields", "model", "queryset"), "Make form_class a ModelForm, such as modelform_factory(Model, fields=[…])."
)


def check_component(component: Any) -> None:
    """Raise `DefinitionError` for the first rule that a class breaks."""
    for rule in RULES:
        if fault := rule(component):
            raise DefinitionError(fault)


# Rules: each returns a fault with its remedy, or None


def _kind(component: Any) -> str | None:
    if issubclass(component, (Action, Scaffold)):
        return None
    return f"{component.__name__} is neither an Action nor a Scaffold. Make it a subclass of one of them."


def _scaffolds_own(component: Any) -> str | None:
    for name, (what, remedy) in OF_SCAFFOLDS.items():
        if issubclass(component, Action) and getattr(component, name, None) is not None:
            return f"{component.__name__} is an Action and has {what}. {remedy}"
    return None


def _actions_own(component: Any) -> str | None:
    for base in component.__mro__ if issubclass(component, Scaffold) else ():
        if name := next((name for name in OF_ACTIONS if name in vars(base)), None):
            source = "" if base is component else f" from {base.__name__}"
            remedy = "Use preconditions = [LoginRequired()] or the like, or put" if name in OF_REQUESTS else "Put"
            return (
                f"{component.__name__} has {name}{source}, without effect, as a Scaffold is no view. "
                f"{remedy} it on its actions."
            )
    return None


def _order(component: Any) -> str | None:
    kind, _ = _kind_and_hooks(component)
    mro = component.__mro__[:-1]
    for base in _get_bases_behind(kind, mro):
        before = [vars(other) for other in mro[: mro.index(base)] if other in kind.__mro__]
        for name in vars(base):
            if not name.startswith("_") and any(name in own and not _calls_super(own[name]) for own in before):
                return (
                    f"{component.__name__} has {name} from {base.__name__}, without effect, as {kind.__name__} stands "
                    f"before it and has its own. Put {base.__name__} before {kind.__name__}."
                )
    return None


def _get_bases_behind(kind: type[FlowComponent], mro: tuple[type, ...]) -> Iterator[type]:
    """Yield the classes of a component that stand behind its kind and are no part of it."""
    first = [base for base in mro[: mro.index(kind)] if not issubclass(base, kind)]
    for base in mro[mro.index(kind) :]:
        # Python puts what a view that stands before it is made of, such as a CreateView, behind it too.
        if base not in kind.__mro__ and not any(issubclass(other, base) for other in first):
            yield base


def _calls_super(method: Any) -> bool:
    """Return whether the method of a class calls what stands behind that class."""
    return "__class__" in getattr(getattr(method, "__code__", None), "co_freevars", ())


def _read_from_class(component: Any) -> str | None:
    for name, remedy in READ_FROM_CLASS.items():
        value = getattr(component, name, None)
        if _is_descriptor(value):
            return f"{component.__name__}.{name} is {_say(value)}, and it is read from the class. {remedy}"
    return None


def _hooks(component: Any) -> str | None:
    for name in _kind_and_hooks(component)[1]:
        if not callable(value := getattr(component, name)):
            return f"{component.__name__}.{name} is {_say(value)}, which cannot be called. Make it a method."
    return None


def _async(component: Any) -> str | None:
    kind, _ = _kind_and_hooks(component)
    names = {*dir(kind), *View.http_method_names}
    own = [vars(base) for base in component.__mro__ if base not in kind.__mro__]
    methods = {name: method for base in own for name, method in base.items() if name in names}
    transition = getattr(component, "transition", None)
    methods |= {f"transition.{name}": getattr(transition, name, None) for name in vars(Transition)}
    for name, method in methods.items():
        function = getattr(method, "__func__", method)  # of a classmethod or staticmethod
        if iscoroutinefunction(function) or isasyncgenfunction(function):
            return (
                f"{component.__name__}.{name}() is async, and it is called without await. "
                f"Make it a plain method, and call what is async by async_to_sync()."
            )
    return None


def _name(component: Any) -> str | None:
    # Dots alone would be a step up or none to a browser.
    if isinstance(component.name, str) and re.fullmatch(r"(?!\.+$)[\w.-]+", component.name):
        return None
    return (
        f"{component.__name__}.name is {component.name!r}. "
        f"Use letters, digits, hyphens, underscores and dots, not dots alone, as it stands in URLs and their names."
    )


def _title(component: Any) -> str | None:
    if isinstance(component.title, (str, Promise)):
        return None
    return f"{component.__name__}.title is {component.title!r}. {READ_FROM_CLASS['title']}"


def _guarantee(component: Any) -> str | None:
    if component.guarantee is None or component.guarantee in GUARANTEES:
        return None
    return f"{component.__name__}.guarantee is {component.guarantee!r}. {READ_FROM_CLASS['guarantee']}"


def _transition(component: Any) -> str | None:
    transition = getattr(component, "transition", None)
    if transition is None or isinstance(transition, Transition):
        return None
    return (
        f"{component.__name__}.transition is {describe(transition)}, which is not a Transition. "
        f"Use an instance of one, such as Linear()."
    )


def _preconditions(component: Any) -> str | None:
    # A generator would be empty after the check.
    if not isinstance(component.preconditions, Collection):
        return (
            f"{component.__name__}.preconditions is {describe(component.preconditions)}. Make it a list of callables."
        )
    for precondition in component.preconditions:
        if isinstance(precondition, type) or not callable(precondition):
            return (
                f"{component.__name__}.preconditions holds {describe(precondition)}, which cannot be called with a "
                f"component. Use a callable, such as LoginRequired()."
            )
        if iscoroutinefunction(precondition) or iscoroutinefunction(type(precondition).__call__):
            return (
                f"{component.__name__}.preconditions holds {describe(precondition)}, which is async. "
                f"Make it a plain function, and call what is async by async_to_sync()."
            )
    return None


def _form_class(component: Any) -> str | None:
    if issubclass(component, ModelFormMixin) and component.form_class is forms.Form:
        return (
            f"{component.__name__} makes a form of its model, and its form_class is the default one of an Action. "
            f"Make form_class a ModelForm, or None for one of its fields."
        )
    value = getattr_static(component, "form_class", None)
    if not _uses_form_class(component) or _is_descriptor(value):
        return None
    if hasattr(value, "is_valid") if isinstance(value, type) else callable(value):
        return None
    if value is None and component.get_form is not Action.get_form:
        return None
    return (
        f"{component.__name__}.form_class is {_say(value)}, which is not the class of a form or formset. "
        f"Make it the class; what that is called with comes from get_form_kwargs()."
    )


RULES: tuple[Callable[[Any], str | None], ...] = (
    _kind,
    _scaffolds_own,
    _actions_own,
    _order,
    _read_from_class,
    _hooks,
    _async,
    _name,
    _title,
    _guarantee,
    _transition,
    _preconditions,
    _form_class,
)


# What works, but is probably a mistake


def find_doubts(component: Any) -> Iterator[tuple[str, str]]:
    """Yield a sentence and a remedy for each name that the project declares but nothing reads."""
    kind, hooks = _kind_and_hooks(component)
    known = [
        name for name in (*hooks, *READ_FROM_CLASS) if hasattr(kind, name) and name not in ("name", "url", "title")
    ]
    for name in sorted(_own_names(component)):
        remedy = _elsewhere(component, name)
        if not remedy and (meant := get_close_matches(name, known, 1, 0.85)):
            remedy = f"Call it {meant[0]}, if that is meant."
        if remedy:
            yield f"django-flows does not read {component.__name__}.{name}.", remedy


def is_order_stated(component: Any) -> bool:
    """Return whether a group of several says how they follow each other. ``transition = None`` says it too."""
    if not issubclass(component, Scaffold) or len(component.get_children()) < 2:
        return True
    own = component.__mro__[: component.__mro__.index(Scaffold)]
    return any("transition" in vars(base) for base in own)


def _elsewhere(component: Any, name: str) -> str | None:
    if name == "done" and issubclass(component, Action):
        return None
    if name in OF_MODELS:
        # A form_class of its own, or a method of a mixin, may use them.
        has_default = issubclass(component, Action) and component.form_class is forms.Form
        is_read = not _uses_form_class(component) or (name != "fields" and hasattr(component, "get_queryset"))
        return OF_MODELS[name] if has_default and not is_read else None
    return ELSEWHERE.get(name)


def _kind_and_hooks(component: Any) -> tuple[type[FlowComponent], tuple[str, ...]]:
    if issubclass(component, Action):
        return Action, (*HOOKS, "form_valid", "form_invalid")
    return Scaffold, (*HOOKS, "complete")


def _own_names(component: Any) -> set[str]:
    """Return the public names that the project gave a class, without those of our classes."""
    bases = (base for base in component.__mro__ if base.__module__.partition(".")[0] not in ("builtins", "django"))
    names = {name for base in bases if not base.__module__.startswith("flows.") for name in vars(base)}
    inherited = {*dir(_kind_and_hooks(component)[0])} - {"success_url", "get_success_url", "done"}
    return {name for name in names if not name.startswith("_")} - inherited


def _uses_form_class(component: Any) -> bool:
    return component.get_form_class is Action.get_form_class if issubclass(component, Action) else False


def _is_descriptor(value: Any) -> bool:
    """Return whether an instance would have another value than the one that was read from its class."""
    return ismethod(value) or hasattr(type(value), "__get__")


def _say(value: Any) -> str:
    if _is_descriptor(value):
        return f"a {type(value).__name__}"
    # Not the repr of an object, since that of a formset may query the database.
    is_plain = value is None or isinstance(value, (type, str, int, float))
    return describe(value) if is_plain else f"an instance of {type(value).__name__}"
