"""Mistakes in the declaration of a flow, found before any traffic."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls.resolvers import RoutePattern
from django.utils.functional import Promise
from django.utils.translation import get_language, override

from ..components import Action, FlowComponent, Scaffold
from ..exceptions import DefinitionError
from ..tree.positions import Position, describe, get_first_segment
from .declarations import check_component

#: An argument of a path() route: its converter, which may be left out, and its name.
ARGUMENT = re.compile(r"<(?:([^>:]+):)?([^>]+)>")
#: For each of Django's converters: a value that no stricter converter matches.
SAMPLES = {
    "int": "9021041758",
    "slug": "Q-w_7",
    "uuid": "8c3e51f0-5a1b-4d7c-9f2e-0b6d4a7e9c13",
    "str": "q w.é",
    "path": "/".join(["q w.é"] * 50),
}


def check_flow(root: Any) -> Position:
    """Check the tree of a flow and return its root position. Raises `DefinitionError`."""
    if not isinstance(root, type) or not issubclass(root, (Action, Scaffold)):
        raise DefinitionError(
            f"{describe(root)} cannot be an entry point: it is not a component. "
            f"Register a subclass of Scaffold or Action."
        )
    position = Position(root)
    _check_tree(position)
    Routes().add(position)
    return position


class Routes:
    """The routes of several flows, in the order in which they are tried, for each language."""

    def __init__(self) -> None:
        self._roots: list[Position] = []
        self._is_translated = False
        self._by_language: dict[str | None, _LanguageRoutes] = {}

    def add(self, root: Position) -> None:
        """Add the routes of a flow.

        Raises `DefinitionError`, and adds nothing, if a route has an argument twice or two routes match the same URL.
        """
        self._is_translated |= any(isinstance(action.route, Promise) for action in root.actions())
        self._roots.append(root)
        try:
            for language in self._get_languages():
                with override(language):
                    self._by_language.setdefault(language, _LanguageRoutes()).catch_up(self._roots)
        except ImproperlyConfigured:
            self._roots.pop()
            self._by_language.clear()  # built again, without this flow, when it is next needed
            raise

    def _get_languages(self) -> Iterable[str | None]:
        if not self._is_translated:
            return [None]
        return [code for code, _ in settings.LANGUAGES] if settings.USE_I18N else [settings.LANGUAGE_CODE]


class _LanguageRoutes:
    """The routes in one language, which is active when they are added."""

    def __init__(self) -> None:
        self._roots = 0
        self._by_shape: dict[str, Position] = {}
        self._with_arguments: defaultdict[str | None, list[Position]] = defaultdict(list)

    def catch_up(self, roots: Sequence[Position]) -> None:
        for root in roots[self._roots :]:
            self._add(root)
        self._roots = len(roots)

    def _add(self, root: Position) -> None:
        with_arguments: list[Position] = []
        for action in root.actions():
            _check_arguments(action)
            # Arguments of one type match the same URLs, whatever their names are.
            shape = ARGUMENT.sub(lambda argument: f"<{argument[1] or 'str'}>", str(action.route))
            if other := self._by_shape.get(shape):
                raise DefinitionError(
                    f"{other.component.__name__} at '{other.name}' and {action.component.__name__} at '{action.name}' "
                    f"have the same route '{action.route}'. Give one of them another url."
                )
            _check_reached(action, chain(self._find_rivals(action), with_arguments))
            self._by_shape[shape] = action
            if action.parameters:
                with_arguments.append(action)
        for action in with_arguments:
            self._with_arguments[get_first_segment(str(action.route))].append(action)

    def _find_rivals(self, action: Position) -> Iterator[Position]:
        """Yield the routes with arguments that may match URLs of an action: those that may begin as it does."""
        for segment in dict.fromkeys((None, get_first_segment(str(action.route)))):
            yield from self._with_arguments.get(segment, ())


def _check_arguments(action: Position) -> None:
    route = str(action.route)
    names = [argument[2] for argument in ARGUMENT.finditer(route)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DefinitionError(
            f"{action.component.__name__} at '{action.name}' has the route '{route}', "
            f"in which '{twice}' stands twice. Rename one of them."
        )
    if not isinstance(action.route, Promise):
        return
    for place in action.path:
        _check_url(place.component)
    if RoutePattern(route).converters != action.pattern.converters:
        raise DefinitionError(
            f"{action.component.__name__} at '{action.name}' has the route '{route}' in '{get_language()}', "
            f"which has other arguments than in other languages. Translate what is outside the angle brackets only."
        )


def _check_reached(action: Position, earlier: Iterable[Position]) -> None:
    """Raise `DefinitionError` if an earlier route with arguments matches the URLs of an action too."""
    route = str(action.route)
    if {argument[1] or "str" for argument in ARGUMENT.finditer(route)} - SAMPLES.keys():
        return  # what a project's own converter matches is unknown
    url = ARGUMENT.sub(lambda argument: SAMPLES[argument[1] or "str"], route)
    for other in earlier:
        if other.pattern.match(url):
            raise DefinitionError(
                f"{action.component.__name__} at '{action.name}' is never reached: its URL '{route}' is taken "
                f"by the route '{other.route}' of {other.component.__name__} at '{other.name}'. "
                f"Give one of them another url, or put {action.component.__name__} first."
            )


def _check_tree(position: Position) -> None:
    component = position.component
    _check_component(component)
    ancestors = [place.component for place in position.path[:-1]]
    if component in ancestors:
        circle = " > ".join(place.component.__name__ for place in position.path)
        raise DefinitionError(
            f"{component.__name__} contains itself: {circle}. Take it out of {ancestors[-1].__name__}.action_set."
        )
    names: dict[str, type[FlowComponent]] = {}
    numbers = Counter(position.components)
    for child in position.children:
        other = names.setdefault(child.component.name, child.component)
        if other is not child.component:
            raise DefinitionError(
                f"{component.__name__}.action_set holds {other.__name__} and {child.component.__name__}, "
                f"which are both named '{other.name}'. Give one of them another name."
            )
        if numbers[child.component] > 1:
            raise DefinitionError(
                f"{component.__name__}.action_set holds {child.component.__name__} twice. "
                f"Take one out, or put a subclass of it in its place."
            )
        _check_tree(child)


def _check_component(component: type[FlowComponent]) -> None:
    check_component(component)
    _check_url(component)


def _check_url(component: type[FlowComponent]) -> None:
    url: Any = component.url
    if not isinstance(url, (str, Promise)) or str(url).startswith("/"):
        raise DefinitionError(
            f"{component.__name__}.url is {url!r}. "
            f"Use a path() route without a leading slash, as it is put behind the route of the parent."
        )
    RoutePattern(str(url))  # raises ImproperlyConfigured, naming the route and what is wrong with it
