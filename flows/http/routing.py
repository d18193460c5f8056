"""Finds a position by its URL without trying the routes of all others, or by its URL without the last slash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.urls import ResolverMatch, URLPattern, is_valid_path
from django.urls.resolvers import RoutePattern
from django.utils.translation import get_language

from ..tree.positions import get_first_segment


class RouteIndex(URLPattern):
    """Stands before other patterns, and finds among them the one that Django would find by trying one after the other.

    So that a page costs as much wherever it stands. The patterns stay where they are: their names are found there, and
    what is not found here.
    """

    def __init__(self) -> None:
        super().__init__(RoutePattern("", is_endpoint=True), _nothing)
        self._patterns: tuple[list[URLPattern], list[URLPattern]] = ([], [])
        #: By language, since routes may be translated: each made when the first URL is looked for in it.
        self._indexes: dict[str | None, tuple[_Index, _Index]] = {}

    def add(self, positions: Iterable[URLPattern], rests: Iterable[URLPattern]) -> None:
        """Add the patterns of a flow: those of its positions, and what catches the rest, after those of all flows."""
        for known, patterns in zip(self._patterns, (positions, rests), strict=True):
            known.extend(patterns)
        self._indexes.clear()

    def resolve(self, path: str) -> ResolverMatch | None:
        positions, rests = self._get_indexes()
        match = positions.resolve(path)
        return match or (rests.resolve(path) if positions.is_complete else None)

    def has_page(self, path: str) -> bool:
        """Return whether there is a page at a path, for which ``APPEND_SLASH`` may be meant."""
        matches = filter(None, (pattern.resolve(path) for pattern in self._get_indexes()[0].candidates(path)))
        return any(getattr(match.func, "should_append_slash", True) for match in matches)

    def _get_indexes(self) -> tuple[_Index, _Index]:
        language = get_language()
        if language not in self._indexes:
            self._indexes[language] = (_Index(self._patterns[0]), _Index(self._patterns[1]))
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


class _Index:
    """Patterns by their routes where those hold no arguments, the others by their first segments."""

    def __init__(self, patterns: Iterable[URLPattern]) -> None:
        self._by_route: dict[str, URLPattern] = {}
        self._by_segment: defaultdict[str | None, list[URLPattern]] = defaultdict(list)
        for pattern in patterns:
            route = str(pattern.pattern)
            if pattern.pattern.converters:
                self._by_segment[get_first_segment(route)].append(pattern)
            else:
                # Of two that are the same the first counts, as with Django.
                self._by_route.setdefault(route, pattern)
        #: Whether what is not found is not there. Not where the first segment of a route may be anything.
        self.is_complete = None not in self._by_segment

    def resolve(self, path: str) -> ResolverMatch | None:
        if pattern := self._by_route.get(path):
            return pattern.resolve(path)
        matches = (pattern.resolve(path) for pattern in self.candidates(path)) if self.is_complete else ()
        return next(filter(None, matches), None)

    def candidates(self, path: str) -> Iterator[URLPattern]:
        """Yield the patterns that may match a path."""
        if pattern := self._by_route.get(path):
            yield pattern
        for segment in (path.partition("/")[0], None):
            yield from self._by_segment.get(segment, ())


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
