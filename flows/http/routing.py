"""The routes of flows: which of them collide, and how a position is found by its URL without trying all of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import chain, count
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.urls import ResolverMatch, URLPattern, URLResolver, is_valid_path
from django.urls.resolvers import RoutePattern
from django.utils.functional import Promise
from django.utils.translation import get_language, override

from ..exceptions import DefinitionError
from ..tree.positions import Position, get_first_segment

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


class _Index:
    """Positions or URL patterns by their routes where those hold no arguments, the others by their first segments."""

    def __init__(self, entries: Iterable[Any] = ()) -> None:
        self._by_route: dict[str, Any] = {}
        self._by_segment: defaultdict[str | None, list[tuple[int, Any]]] = defaultdict(list)
        self._numbers = count()
        for entry in entries:
            self.add(entry)

    def add(self, entry: Any) -> None:
        route = str(entry.pattern)
        if entry.pattern.converters:
            self._by_segment[get_first_segment(route)].append((next(self._numbers), entry))
        else:
            # Of two that are the same the first counts, as with Django.
            self._by_route.setdefault(route, entry)

    def find(self, path: str) -> Iterator[Any]:
        """Yield what may match a path, in order."""
        if entry := self._by_route.get(path):
            yield entry
        numbered = (self._by_segment.get(segment, ()) for segment in (path.partition("/")[0], None))
        yield from (entry for _, entry in merge(*numbered))


# Which routes collide


class Routes:
    """The routes of several flows, in the order in which they are tried, for each language."""

    def __init__(self) -> None:
        self._roots: list[Position] = []
        self._is_translated = False
        self._by_language: dict[str | None, _Index] = {}

    def add(self, root: Position) -> None:
        """Add the routes of a flow.

        Raises `DefinitionError`, and adds nothing, if another flow has its name, a route has an argument twice, or two
        routes match the same URL.
        """
        if any(other.name == root.name for other in self._roots):
            raise DefinitionError(
                f"{root.component.__name__} cannot be registered: an entry point named '{root.name}' "
                f"is registered already. Give it another name."
            )
        self._is_translated |= any(isinstance(action.route, Promise) for action in root.actions())
        self._roots.append(root)
        try:
            for language in self._get_languages():
                added = [root] if language in self._by_language else self._roots
                index = self._by_language.setdefault(language, _Index())
                with override(language):
                    for action in chain.from_iterable(each.actions() for each in added):
                        _check_arguments(action)
                        _check_reached(action, index)
                        index.add(action)
        except ImproperlyConfigured:
            self._roots.pop()
            self._by_language.clear()  # built again, without this flow, when it is next needed
            raise

    def _get_languages(self) -> Iterable[str | None]:
        if not self._is_translated:
            return [None]
        return [code for code, _ in settings.LANGUAGES] if settings.USE_I18N else [settings.LANGUAGE_CODE]


def check_url(component: Any) -> None:
    """Check the url of a component in the present language. Raises `ImproperlyConfigured`."""
    if not isinstance(component.url, (str, Promise)) or str(component.url).startswith("/"):
        raise DefinitionError(
            f"{component.__name__}.url is {component.url!r}. "
            f"Use a path() route without a leading slash, as it is put behind the route of the parent."
        )
    RoutePattern(str(component.url))  # raises an error that names the route and what is wrong with it


def _check_arguments(action: Position) -> None:
    route, place = str(action.route), _say(action)
    names = [argument[2] for argument in ARGUMENT.finditer(route)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DefinitionError(f"{place} has the route '{route}', in which '{twice}' stands twice. Rename one of them.")
    if not isinstance(action.route, Promise):
        return
    for position in action.path:
        check_url(position.component)
    if RoutePattern(route).converters != action.pattern.converters:
        raise DefinitionError(
            f"{place} has the route '{route}' in '{get_language()}', which has other arguments than in other "
            f"languages. Translate what is outside the angle brackets only."
        )


def _check_reached(action: Position, earlier: _Index) -> None:
    """Raise `DefinitionError` if an earlier route is the same, or matches the URLs of an action too."""
    route, shape = str(action.route), _get_shape(action)
    # What a project's own converter matches is unknown.
    is_known = {argument[1] or "str" for argument in ARGUMENT.finditer(route)} <= SAMPLES.keys()
    url = ARGUMENT.sub(lambda argument: SAMPLES.get(argument[1] or "str", ""), route)
    for other in earlier.find(url):
        if _get_shape(other) == shape:
            raise DefinitionError(
                f"{_say(other)} and {_say(action)} have the same route '{route}'. Give one of them another url."
            )
        if is_known and other.pattern.match(url):
            raise DefinitionError(
                f"{_say(action)} is never reached: its URL '{route}' is taken by the route '{other.route}' of "
                f"{_say(other)}. Give one of them another url, or put {action.component.__name__} first."
            )


def _get_shape(action: Position) -> str:
    """Return a route without the names of its arguments. Those of one type match the same URLs."""
    return ARGUMENT.sub(lambda argument: f"<{argument[1] or 'str'}>", str(action.route))


def _say(action: Position) -> str:
    return f"{action.component.__name__} at '{action.name}'"


# How a position is found


class RouteIndex(URLPattern):
    """Stands before other patterns, and finds among them the one that Django would find by trying one after the other.

    So that a page costs as much wherever it stands. The patterns stay where they are: their names are found there, and
    what is not found here.
    """

    def __init__(self) -> None:
        super().__init__(RoutePattern("", is_endpoint=True), _nothing)
        #: Those of positions, and those that catch the rest, which come after those of all flows.
        self.positions: list[URLPattern] = []
        self.rests: list[URLPattern] = []
        #: By language, since routes may be translated: each made when the first URL is looked for in it.
        self._indexes: dict[str | None, tuple[_Index, _Index]] = {}

    def add(self, positions: Iterable[URLPattern], rests: Iterable[URLPattern]) -> None:
        """Add the patterns of a flow."""
        self.positions += positions
        self.rests += rests
        self._indexes.clear()

    def resolve(self, path: str) -> ResolverMatch | None:
        matches = (pattern.resolve(path) for index in self._get_indexes() for pattern in index.find(path))
        return next(filter(None, matches), None)

    def has_page(self, path: str) -> bool:
        """Return whether there is a page at a path, for which ``APPEND_SLASH`` may be meant."""
        matches = filter(None, (pattern.resolve(path) for pattern in self._get_indexes()[0].find(path)))
        return any(getattr(match.func, "should_append_slash", True) for match in matches)

    def _get_indexes(self) -> tuple[_Index, _Index]:
        language = get_language()
        if language not in self._indexes:
            self._indexes[language] = (_Index(self.positions), _Index(self.rests))
        return self._indexes[language]


class RestPattern(URLPattern):
    """Catches what is below a flow and no page of it, but for what `CommonMiddleware` leads to a page of it."""

    def __init__(self, route: Any, view: Callable[..., Any], index: RouteIndex) -> None:
        super().__init__(RoutePattern(route, is_endpoint=True), view)
        self._index = index

    def resolve(self, path: str) -> ResolverMatch | None:
        match = super().resolve(path)
        lacks_slash = match and settings.APPEND_SLASH and not path.endswith("/") and self._index.has_page(f"{path}/")
        return None if lacks_slash else match


def walk(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern | URLResolver]]:
    """Yield the patterns of a URLconf, with the namespace that each is or stands in."""
    for pattern in resolver.url_patterns:
        namespace = ":".join(filter(None, (prefix, getattr(pattern, "namespace", None))))
        yield namespace, pattern
        if isinstance(pattern, URLResolver):
            yield from walk(pattern, namespace)


def append_slash(request: HttpRequest) -> HttpResponseBase | None:
    """Return the redirect that ``APPEND_SLASH`` promises; None if there is nothing at the path with a slash.

    `CommonMiddleware` sends none to a page of the project below a flow, as what catches the rest makes the path valid.
    """
    if not settings.APPEND_SLASH or request.path_info.endswith("/"):
        return None
    match = is_valid_path(f"{request.path_info}/", getattr(request, "urlconf", None))
    if not match or not getattr(match.func, "should_append_slash", True):
        return None
    middleware = CommonMiddleware(_nothing)
    return middleware.response_redirect_class(middleware.get_full_path_with_slash(request))


def _nothing(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
    """Take the place of the view that a pattern has to have. Never called, as it is never returned."""
    raise Http404
