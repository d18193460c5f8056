"""Mistakes in the declaration of a flow, found before any traffic, and what is probably one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from inspect import getattr_static, isasyncgenfunction, iscoroutinefunction, ismethod
from itertools import chain
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.views.generic import View
from django.views.generic.edit import ModelFormMixin

from ..components import Action, Scaffold
from ..exceptions import DefinitionError
from ..transitions import Transition
from ..tree.component import Component
from ..tree.positions import Position, describe
from .routing import Routes, check_url

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
HOOKS = ("prepare", "should_skip", "handle_response")
#: What an action cannot use, each with its remedy.
OF_SCAFFOLDS = {
    "action_set": "an action_set. Make it a Scaffold, or move the children to its scaffold.",
    "transition": "a transition. Move it to its scaffold.",
    "complete": "a complete(). Move it to its scaffold, or into form_valid().",
}
#: What a scaffold cannot use: the parts of a page.
OF_REQUESTS = ("dispatch", "setup", "as_view", *View.http_method_names)
OF_ACTIONS = (*OF_REQUESTS, *(name for name in dir(Action) if not (name.startswith("_") or hasattr(Scaffold, name))))
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
OF_MODELS = "Make form_class a ModelForm, such as modelform_factory(Model, fields=[…])."


def check_flow(root: Any, routes: Routes | None = None) -> Position:
    """Check the tree of a flow, add it to the routes of others, and return its root. Raises `DefinitionError`."""
    if not isinstance(root, type) or not issubclass(root, (Action, Scaffold)):
        raise DefinitionError(
            f"{describe(root)} cannot be an entry point: it is not a component. "
            f"Register a subclass of Scaffold or Action."
        )
    position = Position(root)
    _check_tree(position)
    (routes or Routes()).add(position)
    return position


def _check_tree(position: Position) -> None:
    component, name = position.component, position.component.__name__
    if fault := next(_find_faults(component), None):
        raise DefinitionError(f"{name}{fault}")
    check_url(component)
    ancestors = [place.component for place in position.path[:-1]]
    if component in ancestors:
        circle = " > ".join(place.component.__name__ for place in position.path)
        raise DefinitionError(f"{name} contains itself: {circle}. Take it out of {ancestors[-1].__name__}.action_set.")
    by_name: dict[Any, type[Component]] = {}
    for child in position.children:
        _check_tree(child)
        other = by_name.setdefault(child.component.name, child.component)
        if other is not child.component:
            raise DefinitionError(
                f"{name}.action_set holds {other.__name__} and {child.component.__name__}, which are both named "
                f"'{other.name}'. Give one of them another name."
            )
        if position.components.count(other) > 1:
            raise DefinitionError(
                f"{name}.action_set holds {other.__name__} twice. Take one out, or put a subclass of it in its place."
            )


# Rules: each yields what to say behind the name of a class that breaks it


def _find_faults(component: Any) -> Iterator[str]:
    if not issubclass(component, (Action, Scaffold)):
        yield " is neither an Action nor a Scaffold. Make it a subclass of one of them."
    kind = _get_kind(component)
    rules = _misplaced(component, kind), _order(component, kind), _values(component), _preconditions(component)
    yield from chain(*rules, _methods(component, kind), _form_class(component))


def _misplaced(component: Any, kind: Any) -> Iterator[str]:
    """Yield what the other kind has a use for."""
    for name, fault in OF_SCAFFOLDS.items() if kind is Action else ():
        if getattr(component, name, None) is not None:
            yield f" is an Action and has {fault}"
    for base in component.__mro__ if kind is Scaffold else ():
        for name in OF_ACTIONS:
            if name in vars(base):
                source = "" if base is component else f" from {base.__name__}"
                remedy = "Use preconditions = [LoginRequired()] or the like, or put" if name in OF_REQUESTS else "Put"
                yield f" has {name}{source}, without effect, as a Scaffold is no view. {remedy} it on its actions."


def _order(component: Any, kind: Any) -> Iterator[str]:
    """Yield what stands behind the kind, which has its own."""
    mro = component.__mro__[:-1]
    views = [base for base in mro[: mro.index(kind)] if not issubclass(base, kind)]
    own: set[str] = set()
    for base in mro:
        if base in kind.__mro__:
            own |= {name for name, value in vars(base).items() if not (name.startswith("_") or _calls_super(value))}
        # Python puts what a view that stands before it is made of, such as a CreateView, behind it too.
        elif not any(issubclass(view, base) for view in views):
            for name in filter(own.__contains__, vars(base)):
                yield (
                    f" has {name} from {base.__name__}, without effect, as {kind.__name__} stands before it and has "
                    f"its own. Put {base.__name__} before {kind.__name__}."
                )


def _calls_super(method: Any) -> bool:
    """Return whether the method of a class calls what stands behind that class."""
    return "__class__" in getattr(getattr(method, "__code__", None), "co_freevars", ())


def _values(component: Any) -> Iterator[str]:
    for name, remedy in READ_FROM_CLASS.items():
        if _is_descriptor(value := getattr(component, name, None)):
            yield f".{name} is {_say(value)}, and it is read from the class. {remedy}"
    transition = getattr(component, "transition", None)
    # Dots alone would be a step up or none to a browser.
    if not isinstance(component.name, str) or not re.fullmatch(r"(?!\.+$)[\w.-]+", component.name):
        yield (
            f".name is {component.name!r}. "
            f"Use letters, digits, hyphens, underscores and dots, not dots alone, as it stands in URLs and their names."
        )
    if not isinstance(component.title, (str, Promise)):
        yield f".title is {component.title!r}. {READ_FROM_CLASS['title']}"
    if component.guarantee not in (None, "transaction", "claim", "retry"):
        yield f".guarantee is {component.guarantee!r}. {READ_FROM_CLASS['guarantee']}"
    if transition is not None and not isinstance(transition, Transition):
        said = describe(transition)
        yield f".transition is {said}, which is not a Transition. Use an instance of one, such as Linear()."


def _preconditions(component: Any) -> Iterator[str]:
    # A generator would be empty after the check.
    if not isinstance(component.preconditions, Collection):
        yield f".preconditions is {describe(component.preconditions)}. Make it a list of callables."
    for precondition in component.preconditions:
        holds = f".preconditions holds {describe(precondition)}, which"
        if isinstance(precondition, type) or not callable(precondition):
            yield f"{holds} cannot be called with a component. Use a callable, such as LoginRequired()."
        if _is_async(precondition) or _is_async(type(precondition).__call__):
            yield f"{holds} is async. Make it a plain function, and call what is async by async_to_sync()."


def _methods(component: Any, kind: Any) -> Iterator[str]:
    for name in _get_hooks(kind):
        if not callable(value := getattr(component, name)):
            yield f".{name} is {_say(value)}, which cannot be called. Make it a method."
    transition = getattr(component, "transition", None)
    names, own = {*dir(kind), *View.http_method_names}, [base for base in component.__mro__ if base not in kind.__mro__]
    methods = {name: method for base in reversed(own) for name, method in vars(base).items() if name in names}
    methods |= {f"transition.{name}": getattr(transition, name, None) for name in vars(Transition)}
    for name, method in methods.items():
        if _is_async(method):
            yield (
                f".{name}() is async, and it is called without await. "
                f"Make it a plain method, and call what is async by async_to_sync()."
            )


def _form_class(component: Any) -> Iterator[str]:
    if issubclass(component, ModelFormMixin) and component.form_class is forms.Form:
        yield (
            " makes a form of its model, and its form_class is the default one of an Action. "
            "Make form_class a ModelForm, or None for one of its fields."
        )
    value = getattr_static(component, "form_class", None)
    is_class = hasattr(value, "is_valid") if isinstance(value, type) else callable(value)
    is_unused = not _uses_form_class(component) or (value is None and component.get_form is not Action.get_form)
    if not (is_class or is_unused or _is_descriptor(value)):
        yield (
            f".form_class is {_say(value)}, which is not the class of a form or formset. "
            f"Make it the class; what that is called with comes from get_form_kwargs()."
        )


# What works, but is probably a mistake


def find_doubts(component: Any) -> Iterator[tuple[str, str]]:
    """Yield a sentence and a remedy for each name that the project declares but nothing reads."""
    kind, remedies = _get_kind(component), dict(ELSEWHERE)
    if kind is Action:
        del remedies["done"]
    # A form_class of its own, or a method of a mixin, may use these.
    if _uses_form_class(component) and component.form_class is forms.Form:
        shows_object = hasattr(component, "get_queryset")
        remedies |= dict.fromkeys(("fields",) if shows_object else ("fields", "model", "queryset"), OF_MODELS)
    known = [*_get_hooks(kind), *(READ_FROM_CLASS.keys() & {*dir(kind)} - {"name", "url", "title"})]
    for name in sorted(_get_own_names(component, kind)):
        meant = get_close_matches(name, known, 1, 0.85)
        if remedy := remedies.get(name) or (meant and f"Call it {meant[0]}, if that is meant."):
            yield f"django-flows does not read {component.__name__}.{name}.", remedy


def is_order_stated(component: Any) -> bool:
    """Return whether a group of several says how they follow each other. ``transition = None`` says it too."""
    if not issubclass(component, Scaffold) or len(component.get_children()) < 2:
        return True
    own = component.__mro__[: component.__mro__.index(Scaffold)]
    return any("transition" in vars(base) for base in own)


def _get_own_names(component: Any, kind: Any) -> set[str]:
    """Return the public names that the project gave a class, without those of our classes."""
    packages = ("builtins", "django", "flows")
    bases = [base for base in component.__mro__ if base.__module__.partition(".")[0] not in packages]
    inherited = {*dir(kind)} - {"success_url", "get_success_url", "done"}
    return {name for base in bases for name in vars(base) if not name.startswith("_")} - inherited


def _get_kind(component: Any) -> type[Component]:
    return Action if issubclass(component, Action) else Scaffold


def _get_hooks(kind: Any) -> tuple[str, ...]:
    return (*HOOKS, "form_valid", "form_invalid") if kind is Action else (*HOOKS, "complete")


def _uses_form_class(component: Any) -> bool:
    return issubclass(component, Action) and component.get_form_class is Action.get_form_class


def _is_async(method: Any) -> bool:
    function = getattr(method, "__func__", method)  # of a classmethod or staticmethod
    return iscoroutinefunction(function) or isasyncgenfunction(function)


def _is_descriptor(value: Any) -> bool:
    """Return whether an instance would have another value than the one that was read from its class."""
    return ismethod(value) or hasattr(type(value), "__get__")


def _say(value: Any) -> str:
    if _is_descriptor(value):
        return f"a {type(value).__name__}"
    # Not the repr of an object, since that of a formset may query the database.
    is_plain = value is None or isinstance(value, (type, str, int, float))
    return describe(value) if is_plain else f"an instance of {type(value).__name__}"
