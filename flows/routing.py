"""Finds a position by its URL without trying the routes of all others, or by its URL without the last slash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.urls import ResolverMatch, URLPattern, is_valid_path
from django.urls.resolvers import RoutePattern
from django.utils.translation import get_language

from .positions import get_first_segment


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
        language = get_language()
        if language not in self._indexes:
            self._indexes[language] = (_Index(self._patterns[0]), _Index(self._patterns[1]))
        positions, rests = self._indexes[language]
        match = positions.resolve(path)
        return match or (rests.resolve(path) if positions.is_complete else None)


class _Index:
    """Patterns by their routes where those hold no arguments, the others by their first segments."""

    def __init__(self, patterns: Iterable[URLPattern]) -> None:
        self._by_route: dict[str, URLPattern] = {}
        self._by_segment: defaultdict[str, list[URLPattern]] = defaultdict(list)
        #: Whether what is not found is not there. Not where the first segment of a route may be anything.
        self.is_complete = True
        for pattern in patterns:
            self._add(pattern)

    def _add(self, pattern: URLPattern) -> None:
        route = str(pattern.pattern)
        if not pattern.pattern.converters:
            # Of two that are the same the first counts, as with Django.
            self._by_route.setdefault(route, pattern)
        elif (segment := get_first_segment(route)) is not None:
            self._by_segment[segment].append(pattern)
        else:
            self.is_complete = False

    def resolve(self, path: str) -> ResolverMatch | None:
        if pattern := self._by_route.get(path):
            return pattern.resolve(path)
        if self.is_complete:
            for pattern in self._by_segment.get(path.partition("/")[0], ()):
                if match := pattern.resolve(path):
                    return match
        return None


def append_slash(request: HttpRequest) -> HttpResponseBase | None:
    """Return the redirect that ``APPEND_SLASH`` promises; None if there is nothing at the path with a slash.

    `CommonMiddleware` sends none from what catches every path, as that makes all of them valid.
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
