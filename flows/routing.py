"""Finds a position by its URL without trying the routes of all others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import ResolverMatch, URLPattern
from django.urls.resolvers import RoutePattern


class PlainRoutes(URLPattern):
    """Stands before other patterns, and finds those whose routes hold no arguments by the path as it is.

    Django tries one pattern after the other, so that a page costs more the further down it stands. The patterns stay
    where they are: their names are found there, and those with arguments.
    """

    def __init__(self) -> None:
        super().__init__(RoutePattern("", is_endpoint=True), _nothing)
        self._by_route: dict[str, URLPattern] = {}

    def add(self, patterns: Iterable[URLPattern]) -> None:
        for pattern in patterns:
            if not pattern.pattern.converters:
                # Of two that are the same the first counts, as with Django.
                self._by_route.setdefault(str(pattern.pattern), pattern)

    def resolve(self, path: str) -> ResolverMatch | None:
        pattern = self._by_route.get(path)
        return pattern.resolve(path) if pattern else None


def _nothing(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
    """Take the place of the view that a pattern has to have. Never called, as it is never returned."""
    raise Http404
