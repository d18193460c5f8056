"""URLs of the positions of a flow, seen from one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from django.core.exceptions import DisallowedRedirect
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import NoReverseMatch, ResolverMatch, resolve, reverse
from django.utils.encoding import escape_uri_path
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

from ..config import config
from ..exceptions import InvalidTarget, StateNotFound
from ..tree.positions import Position

ON_COMPLETE_PARAM = "_on_complete"
#: The argument of the route that catches what is below a flow and no position.
REST = "_rest"


class Links:
    """Where the positions are, given the namespace and the route arguments of a request."""

    def __init__(self, request: HttpRequest, position: Position) -> None:
        match: ResolverMatch = request.resolver_match or resolve(request.path_info)
        self.namespace = match.namespace
        self._position = position
        # Not those that a path() in the URLconf adds: they are no part of the URL.
        ignored = {REST, *(getattr(match, "extra_kwargs", None) or {})}
        self.captured = {name: value for name, value in match.kwargs.items() if name not in ignored}
        # What a prefix of the include() captured belongs to every URL of the flow.
        self._prefix = self.captured.keys() - position.parameters

    def url(self, position: Position, kwargs: Mapping[str, Any], query: Mapping[str, Any] | None = None) -> str:
        """Return the URL of an action's position. Raises `InvalidTarget` if a route argument is not known."""
        known = {**self.captured, **kwargs}
        names = self._prefix | position.parameters
        if missing := sorted(names - known.keys()):
            raise InvalidTarget(
                f"The route of '{position.name}', {position.route}, needs {', '.join(missing)}, which this task "
                f"does not know. Give it to flow_entry_link() as url_kwargs, or set self.kwargs[{missing[0]!r}]."
            )
        url = reverse(f"{self.namespace}:{position.name}", kwargs={name: known[name] for name in names})
        return add_query(url, query)

    def lead_here(self, kwargs: Mapping[str, Any]) -> bool:
        """Return whether other route arguments give the URL of this request as well."""
        try:
            return self.url(self._position, kwargs) == self.url(self._position, {})
        except NoReverseMatch:
            return False


def get_task_id(request: HttpRequest) -> str | None:
    """Return the id in the query string, None if there is none. Raises `StateNotFound` for several."""
    values = request.GET.getlist(config.TASK_ID_PARAM)
    if len(values) > 1:
        raise StateNotFound("The query string holds several ids of tasks.")
    return str(values[0]) if values else None


def get_query(request: HttpRequest) -> str:
    """Return what else stands in the query string of a URL in a task."""
    query = request.GET.copy()
    for name in (config.TASK_ID_PARAM, ON_COMPLETE_PARAM):
        query.pop(name, None)
    return str(query.urlencode())


def add_query(url: str, query: Mapping[str, Any] | None) -> str:
    return f"{url}?{urlencode(query, doseq=True)}" if query else url


def url_in_task(request: HttpRequest, task_id: str) -> str:
    """Return the URL of a request with the id of the task that it is in, or that it has begun."""
    query = request.GET.copy()
    query[config.TASK_ID_PARAM] = task_id
    return f"{get_path(request)}?{query.urlencode()}"


def get_path(request: HttpRequest) -> str:
    """Return the path of a request as a URL holds it: with what was decoded in it encoded, and on this host."""
    return escape_leading_slashes(escape_uri_path(request.path))


def get_lasting_url(request: HttpRequest, url: str) -> str:
    """Return the URL of a redirect as one that leads to the same place from whichever page it is followed."""
    if url.startswith("/") or urlsplit(url).scheme:
        # Not through urljoin(), which takes the dots out: "/.//other.example/" would be another site's.
        return url
    return urljoin(request.build_absolute_uri(get_path(request)), url)


def get_safe_redirect(request: HttpRequest, url: str | None) -> str | None:
    """Return ``url`` if it stays on this host or on one of ``FLOWS_ALLOWED_REDIRECT_HOSTS``, else None."""
    if not url:
        return None
    try:
        HttpResponseRedirect(url)
    except (DisallowedRedirect, ValueError):
        return None  # of a scheme, a length or a shape that no response can hold
    if url.startswith("//") and not urlsplit(url).netloc:
        return None  # of no host at all: where that is, no browser knows
    hosts = {request.get_host(), *config.ALLOWED_REDIRECT_HOSTS}
    is_safe = url_has_allowed_host_and_scheme(url, allowed_hosts=hosts, require_https=request.is_secure())
    return url if is_safe else None
