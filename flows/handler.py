"""What a project registers its flows with and includes in its URLconf."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, get_resolver, get_urlconf, path, reverse
from django.views.decorators.common import no_append_slash

from . import binder
from .components import FlowComponent
from .config import config
from .exceptions import InvalidTarget
from .http import pages
from .http.definition import check_flow
from .http.entry import begin_task
from .http.routing import RestPattern, RouteIndex, Routes, append_slash, walk
from .http.views import respond
from .journey.links import ON_COMPLETE_PARAM, REST, add_query
from .serializing import documents
from .statestore.base import BaseStateStore, get_store
from .tree.positions import Position, describe, join_routes


class FlowHandler:
    """The entry points of a site, or of a part of one.

    ``app_name`` is the application namespace of the URLs. ``state_store`` is a store or the dotted path of a
    module with one; by default ``FLOWS_STATE_STORE``.
    """

    def __init__(self, app_name: str = "flows", state_store: BaseStateStore | str | None = None) -> None:
        self.app_name = app_name
        self._state_store = state_store
        self._roots: dict[type[FlowComponent], Position] = {}
        self._routes, self._index = Routes(), RouteIndex()
        #: What `urls` gives: the index, the positions, and at the end what catches the rest below a flow.
        self._patterns: list[URLPattern] = []
        self._namespaces: dict[str | None, list[str]] = {}

    def __repr__(self) -> str:
        return f"<FlowHandler {self.app_name}: {', '.join(root.name for root in self._roots.values())}>"

    @property
    def state_store(self) -> BaseStateStore:
        if isinstance(self._state_store, BaseStateStore):
            return self._state_store
        return get_store(self._state_store)

    # Registering

    def register_entry_point(self, component: type[FlowComponent]) -> type[FlowComponent]:
        """Make a component a flow: a place where visitors may come in. Raises `DefinitionError`."""
        root = check_flow(component, self._routes)
        self._roots[component] = root
        positions = [path(action.route, self._make_view(action), name=action.name) for action in root.actions()]
        if not root.is_action:
            positions.append(path(next(root.actions()).route, positions[0].callback, name=root.name))
        self._index.add(positions, self._rest_patterns(root))
        self._patterns[:] = [self._index, *self._index.positions, *self._index.rests]
        return component

    @property
    def urls(self) -> tuple[list[URLPattern], str]:
        """What to give to ``include()``."""
        if not self._roots:
            raise ImproperlyConfigured(
                f"The FlowHandler '{self.app_name}' has no entry points. "
                f"Call register_entry_point() before its urls are included."
            )
        return self._patterns, self.app_name

    def _rest_patterns(self, root: Position) -> Iterator[URLPattern]:
        # Not where they would catch all URLs of the site: what is no position, or no longer.
        if root.route and not root.is_action and not root.route.startswith("<"):
            yield path(root.route, self._make_view(root))
            rest = join_routes(root.route, f"<path:{REST}>")
            yield RestPattern(rest, no_append_slash(self._make_view(root)), self._index)

    def _make_view(self, position: Position) -> Callable[..., HttpResponseBase]:
        """Return the view of a position, with what ``as_view()`` would have put on it."""

        def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            rest = kwargs.pop(REST, None)
            if rest is not None and (response := append_slash(request)):
                return pages.make_private(response)
            return respond(self.state_store, self.app_name, request, position, rest, args, kwargs)

        # The flow's own URL, and what is below it and no page, are as open to visitors as its first page.
        action: Any = next(position.actions()).component
        view.__doc__, view.__module__ = action.__doc__, action.__module__
        # What decorators leave on dispatch: csrf_exempt, login_required …
        view.__dict__.update(action.dispatch.__dict__, view_class=action, view_initkwargs={}, position=position)
        # For the second, see transactions.RequestsTransaction.
        view.__dict__.update(flow_handler=self, _non_atomic_requests=set(connections))
        if not position.is_action:
            # There the visitor may complete a flow of which every page is skipped.
            view.__dict__.pop("csrf_exempt", None)
        return view

    # Linking

    def flow_entry_link(
        self,
        request: HttpRequest,
        component: type[FlowComponent],
        on_complete_url: str | None = None,
        initial_state: Mapping[str, Any] | None = None,
        initial_answers: Mapping[type[FlowComponent] | str, Mapping[str, Any]] | None = None,
        url_kwargs: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the URL at which the visitor of ``request`` can begin a flow.

        Where the URL cannot hold all that is given (``initial_state``, ``initial_answers``, arguments of a later page's
        route), a task is begun for them. Of the answers those count that the forms of their actions accept. Raises
        `InvalidTarget` for a component that is not registered.
        """
        root = self._roots.get(component)
        if root is None:
            names = ", ".join(flow.__name__ for flow in self._roots) or "none"
            raise InvalidTarget(f"{describe(component)} is not an entry point of {self!r}. There are: {names}.")
        kwargs, parts = dict(url_kwargs or {}), dict(query or {})
        later = root.all_parameters - next(root.actions()).parameters
        if initial_state is not None or initial_answers or later & kwargs.keys():
            task = begin_task(
                request,
                f"{self.app_name}:{root.name}",
                root,
                kwargs=kwargs,
                state=initial_state,
                answers=initial_answers,
                on_complete_url=on_complete_url,
            )
            self.state_store.create(task.id, binder.get_owner(request), documents.to_text(task.to_dict()))
            parts[config.TASK_ID_PARAM] = task.id
        elif on_complete_url:
            parts[ON_COMPLETE_PARAM] = on_complete_url
        first = {name: value for name, value in kwargs.items() if name not in later}
        return add_query(reverse(f"{self._namespace(request)}:{root.name}", kwargs=first), parts)

    def _namespace(self, request: HttpRequest) -> str:
        """Return the namespace under which the URLs are included: the request's own, if there are several."""
        urlconf = getattr(request, "urlconf", None) or get_urlconf()
        if urlconf not in self._namespaces:
            names = [name for name, it in walk(get_resolver(urlconf)) if self._patterns is vars(it).get("urlconf_name")]
            self._namespaces[urlconf] = names
        if not (found := self._namespaces[urlconf]):
            raise ImproperlyConfigured(f"The urls of {self!r} are not in the URLconf. Include them there.")
        match = request.resolver_match
        return match.namespace if match and match.namespace in found else found[0]
