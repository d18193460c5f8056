"""Settings that cannot work or that break a promise, found by ``manage.py check``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.urls import URLResolver, get_resolver
from django.utils.module_loading import import_string

from .config import config, load
from .databases import find_routed_apart
from .engine.guarantees import get_guarantee
from .http.declarations import find_doubts, is_order_stated
from .journey.task import ROOM
from .statestore import codec
from .statestore.base import BaseStateStore
from .statestore.redis_client import get_client
from .tree.positions import Position

SQLITE_ENGINES = ("django.db.backends.sqlite3", "django.contrib.gis.db.backends.spatialite")


@register("flows")
def check_settings(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with the ``FLOWS_`` settings."""
    return [*_state_store(), *_times(), *_task_id_param(), *_task_binder(), *_redirect_hosts(), *_limits(), *_redis()]


@register("flows")
def check_promises(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return where flows or Django's settings break what we promise."""
    return [*_doubts(), *_guarantees(), *find_routed_apart(_places()), *_sessions(), *_databases(), *_unlimited()]


def _state_store() -> Iterator[CheckMessage]:
    value = config.STATE_STORE
    try:
        store = import_module(value).StateStore
    except (ImportError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, AttributeError) and isinstance(value, str):
            yield Error(
                f"The module '{value}', which FLOWS_STATE_STORE names, has no class StateStore.",
                hint="Name a module with a class StateStore, such as 'flows.statestore.django_store'.",
                id="flows.E002",
            )
        else:
            yield Error(
                f"FLOWS_STATE_STORE is {value!r}, which cannot be imported: {error}",
                hint="Name a module with a class StateStore, such as 'flows.statestore.django_store'.",
                id="flows.E001",
            )
        return
    if not (isinstance(store, type) and issubclass(store, BaseStateStore)):
        yield Error(
            f"{value}.StateStore is not a subclass of BaseStateStore.",
            hint="Derive it from flows.statestore.base.BaseStateStore.",
            id="flows.E003",
        )


def _times() -> Iterator[CheckMessage]:
    for name, number in (("TASK_IDLE_TIMEOUT", 4), ("LOCK_WAIT", 5), ("REDIS_STATE_STORE_LEASE", 6)):
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            yield Error(
                f"FLOWS_{name} is {value!r}, which is not a number of seconds above zero.",
                hint="Set a positive number, such as 1200 for twenty minutes.",
                id=f"flows.E00{number}",
            )


def _task_id_param() -> Iterator[CheckMessage]:
    value = config.TASK_ID_PARAM
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.~-]+", value):
        yield Error(
            f"FLOWS_TASK_ID_PARAM is {value!r}, which is not fit for the query string of a URL.",
            hint="Use letters, digits, hyphens, underscores, dots and tildes.",
            id="flows.E007",
        )


def _task_binder() -> Iterator[CheckMessage]:
    value = config.TASK_BINDER
    try:
        binder = load(value)
    except ImportError as error:
        yield Error(
            f"FLOWS_TASK_BINDER is {value!r}, which cannot be imported: {error}",
            hint="Name a callable by its dotted path, such as 'flows.binder.session_binder'.",
            id="flows.E008",
        )
        return
    if not callable(binder):
        yield Error(
            f"FLOWS_TASK_BINDER is {value!r}, which is not callable.",
            hint="Set a callable that takes a request, or its dotted path, such as 'flows.binder.session_binder'.",
            id="flows.E008",
        )
    elif getattr(binder, "__module__", "") == "flows.binder" and not _has_sessions():
        yield Error(
            "FLOWS_TASK_BINDER binds tasks to sessions, and MIDDLEWARE has no SessionMiddleware.",
            hint="Add 'django.contrib.sessions.middleware.SessionMiddleware' to MIDDLEWARE, "
            "or set a binder that needs no session.",
            id="flows.E009",
        )


def _guarantees() -> Iterator[CheckMessage]:
    checked = set()
    for place, store in _places():
        component = place.component
        if (component, store) in checked:
            continue
        checked.add((component, store))
        try:
            get_guarantee(component, store)
        except ImproperlyConfigured as error:
            message, _, hint = str(error).rpartition(". Make it ")
            yield Error(f"{message}.", hint=f"Make it {hint}", obj=component, id="flows.E011")


def _doubts() -> Iterator[CheckMessage]:
    for component in dict.fromkeys(place.component for place, _ in _places()):
        for message, hint in find_doubts(component):
            yield Warning(message, hint=f"{hint} Else silence this warning.", obj=component, id="flows.W005")
        if not is_order_stated(component):
            yield Warning(
                f"{component.__name__} has several children and does not say how they follow each other.",
                hint="Say transition = Linear(), or transition = None where the actions decide.",
                obj=component,
                id="flows.W008",
            )


def _places() -> Iterator[tuple[Position, BaseStateStore]]:
    """Yield each place of each flow in the URLconf, with the store of its tasks."""
    resolvers = [get_resolver()] if getattr(settings, "ROOT_URLCONF", None) else []
    while resolvers:
        for pattern in resolvers.pop().url_patterns:
            if isinstance(pattern, URLResolver):
                resolvers.append(pattern)
            elif hasattr(pattern.callback, "flow_handler"):
                view: Any = pattern.callback
                with suppress(ImportError, AttributeError, ValueError, TypeError):  # reported as E001 and E002
                    store = view.flow_handler.state_store
                    yield from ((place, store) for place in view.position.path)


def _sessions() -> Iterator[CheckMessage]:
    with suppress(ImportError):  # reported as E008
        if getattr(config.get_task_binder(), "__module__", "") == "flows.binder":
            yield from _session_engine()


def _session_engine() -> Iterator[CheckMessage]:
    if settings.SESSION_ENGINE == "django.contrib.sessions.backends.cache":
        yield Warning(
            f"Sessions are kept in the cache '{settings.SESSION_CACHE_ALIAS}' alone. Visitors lose their tasks "
            f"when the cache evicts their sessions.",
            hint="Set SESSION_ENGINE to 'django.contrib.sessions.backends.cached_db' or '….db'. "
            "Silence this warning if that cache is shared by all processes and evicts nothing.",
            id="flows.W001",
        )
    if settings.SESSION_ENGINE == "django.contrib.sessions.backends.signed_cookies":
        yield Warning(
            "Sessions are kept in signed cookies. Whoever has an old copy of a visitor's cookie can open their tasks, "
            "even after they have logged out.",
            hint="Set SESSION_ENGINE to 'django.contrib.sessions.backends.db', or another that keeps sessions on "
            "the server.",
            id="flows.W002",
        )


def _databases() -> Iterator[CheckMessage]:
    for alias, options in connections.settings.items():
        mode = str(options.get("OPTIONS", {}).get("transaction_mode", "")).upper()
        is_deferred = mode not in ("IMMEDIATE", "EXCLUSIVE")
        if options["ATOMIC_REQUESTS"] and options["ENGINE"] in SQLITE_ENGINES and is_deferred:
            yield Warning(
                f"The database '{alias}' is SQLite with ATOMIC_REQUESTS. Of two requests at once that read first and "
                f"write later, one fails with 'database is locked', whatever the timeout is.",
                hint=f"Set DATABASES['{alias}']['OPTIONS']['transaction_mode'] to 'IMMEDIATE', or turn "
                f"ATOMIC_REQUESTS off.",
                id="flows.W003",
            )
        # An isolation level of psycopg, its name, or an option for the server.
        if "SERIALIZABLE" in str(options.get("OPTIONS", {})).upper():
            yield Warning(
                f"The database '{alias}' is set to SERIALIZABLE. It may refuse a visitor's submission because "
                f"of what other visitors do in their own tasks. Then nothing is done, and the visitor is asked to "
                f"send it again.",
                hint="Set a lower level, such as READ COMMITTED, or silence this warning.",
                id="flows.W007",
            )


def _has_sessions() -> bool:
    for path in settings.MIDDLEWARE:
        with suppress(ImportError):  # reported by Django itself
            middleware = import_string(path)
            if isinstance(middleware, type) and issubclass(middleware, SessionMiddleware):
                return True
    return False


def _redirect_hosts() -> Iterator[CheckMessage]:
    value = config.ALLOWED_REDIRECT_HOSTS
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        yield Error(
            f"FLOWS_ALLOWED_REDIRECT_HOSTS is {value!r}, which is not a list of host names.",
            hint="Set a list or tuple, such as ['pay.example.com'].",
            id="flows.E010",
        )


def _limits() -> Iterator[CheckMessage]:
    for name, number, least, most, example in (
        ("MAX_TASKS_PER_OWNER", 12, 1, math.inf, "such as 20, or None for no limit"),
        ("MAX_STATE_BYTES", 13, 2 * ROOM, math.inf, "such as 1000000, or None for no limit"),
        ("MAX_STATE_DEPTH", 14, 10, codec.MAX_DEPTH, f"such as {codec.MAX_DEPTH}"),
    ):
        value = getattr(config, name)
        if value is None and most == math.inf:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            between = f"of {least} or more" if most == math.inf else f"from {least} to {most}"
            yield Error(
                f"FLOWS_{name} is {value!r}, which is not a whole number {between}.",
                hint=f"Set a whole number {between}, {example}.",
                id=f"flows.E0{number}",
            )


def _redis() -> Iterator[CheckMessage]:
    value, fault = config.REDIS_STATE_STORE_CLIENT, ""
    try:
        factory = load(value)
    except ImportError as error:
        fault = f"which cannot be imported: {error}"
    else:
        fault = "which is not callable." if value and not callable(factory) else ""
    if fault:
        yield Error(
            f"FLOWS_REDIS_STATE_STORE_CLIENT is {value!r}, {fault}",
            hint="Set a callable without arguments that returns a client of redis-py, or its dotted path.",
            id="flows.E015",
        )
    elif value or config.REDIS_STATE_STORE_URL:
        yield from _redis_client()


def _redis_client() -> Iterator[CheckMessage]:
    try:
        get_client()
    except ImproperlyConfigured as error:
        message, _, hint = str(error).rpartition(". ")
        yield Error(f"{message}.", hint=hint, id="flows.E016")
    except Exception:
        return  # It cannot be made now, such as without its servers, but it may be later.


def _unlimited() -> Iterator[CheckMessage]:
    if config.MAX_TASKS_PER_OWNER is None:
        return
    for store in dict.fromkeys(type(store) for _, store in _places() if not store.limits_tasks):
        yield Warning(
            f"FLOWS_MAX_TASKS_PER_OWNER is {config.MAX_TASKS_PER_OWNER!r}, and {store.__module__} does not keep to it.",
            hint="Keep the tasks in another state store, or silence this warning.",
            id="flows.W004",
        )
