"""Settings that cannot work or that break a promise, found by ``manage.py check``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import chain, starmap
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.urls import get_resolver
from django.utils.module_loading import import_string

from .components import Action, Scaffold
from .config import config, load
from .engine.guarantees import get_guarantee
from .http.definition import find_doubts, is_order_stated
from .http.routing import walk
from .journey.submissions import ROOM
from .models import StoredTask
from .serializing import codec
from .statestore.base import BaseStateStore
from .statestore.django_store import StateStore
from .statestore.redis_client import get_client

SQLITE_ENGINES = ("django.db.backends.sqlite3", "django.contrib.gis.db.backends.spatialite")
STORE_HINT = "Name a module with a class StateStore, such as 'flows.statestore.django_store'."
#: What is kept of which session engine, where a visitor may lose it or somebody else may have it.
ENGINES = {
    "cache": (
        "W001",
        "Sessions are kept in the cache '{}' alone. Visitors lose their tasks when the cache evicts their sessions.",
        (
            "Set SESSION_ENGINE to 'django.contrib.sessions.backends.cached_db' or '….db'. "
            "Silence this warning if that cache is shared by all processes and evicts nothing."
        ),
    ),
    "signed_cookies": (
        "W002",
        (
            "Sessions are kept in signed cookies. Whoever has an old copy of a visitor's cookie can open their tasks, "
            "even after they have logged out."
        ),
        "Set SESSION_ENGINE to 'django.contrib.sessions.backends.db', or another that keeps sessions on the server.",
    ),
}

Used = tuple[Any, BaseStateStore]


@register("flows")
def check_settings(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with the ``FLOWS_`` settings."""
    return [*_state_store(), *_values(), *_task_binder(), *_limits(), *_redis()]


@register("flows")
def check_promises(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return where flows or Django's settings break what we promise."""
    used = list(dict.fromkeys(_find_components()))
    declared = chain(_doubts(used), *starmap(_guarantee, used))
    return [*declared, *_routed_apart(used), *_sessions(), *_databases(), *_unlimited(used)]


def _tell(number: str, message: str, hint: str, obj: Any = None) -> CheckMessage:
    return (Warning if number.startswith("W") else Error)(message, hint=hint, obj=obj, id=f"flows.{number}")


def _pass_on(number: str, error: Exception, obj: Any = None) -> CheckMessage:
    """Say what an exception says, of which the last sentence is the remedy."""
    message, _, hint = str(error).rpartition(". ")
    return _tell(number, f"{message}.", hint, obj)


def _refuse(name: str, number: str, fault: str, hint: str) -> CheckMessage:
    return _tell(number, f"FLOWS_{name} is {getattr(config, name)!r}, which {fault}", hint)


# Settings


def _state_store() -> Iterator[CheckMessage]:
    path = config.STATE_STORE
    try:
        module = import_module(path)
    except (ImportError, ValueError, TypeError, AttributeError) as error:
        yield _refuse("STATE_STORE", "E001", f"cannot be imported: {error}", STORE_HINT)
        return
    store = getattr(module, "StateStore", None)
    if store is None:
        yield _tell("E002", f"The module '{path}', which FLOWS_STATE_STORE names, has no class StateStore.", STORE_HINT)
    elif not (isinstance(store, type) and issubclass(store, BaseStateStore)):
        hint = "Derive it from flows.statestore.base.BaseStateStore."
        yield _tell("E003", f"{path}.StateStore is not a subclass of BaseStateStore.", hint)


def _values() -> Iterator[CheckMessage]:
    for name, number in (("TASK_IDLE_TIMEOUT", "E004"), ("LOCK_WAIT", "E005"), ("REDIS_STATE_STORE_LEASE", "E006")):
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            hint = "Set a positive number, such as 1200 for twenty minutes."
            yield _refuse(name, number, "is not a number of seconds above zero.", hint)
    value = config.TASK_ID_PARAM
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.~-]+", value):
        hint = "Use letters, digits, hyphens, underscores, dots and tildes."
        yield _refuse("TASK_ID_PARAM", "E007", "is not fit for the query string of a URL.", hint)
    value = config.ALLOWED_REDIRECT_HOSTS
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        hint = "Set a list or tuple, such as ['pay.example.com']."
        yield _refuse("ALLOWED_REDIRECT_HOSTS", "E010", "is not a list of host names.", hint)


def _limits() -> Iterator[CheckMessage]:
    for name, number, least, most, example in (
        ("MAX_TASKS_PER_OWNER", "E012", 1, math.inf, "such as 20, or None for no limit"),
        ("MAX_STATE_BYTES", "E013", 2 * ROOM, math.inf, "such as 1000000, or None for no limit"),
        ("MAX_STATE_DEPTH", "E014", 10, codec.MAX_DEPTH, f"such as {codec.MAX_DEPTH}"),
    ):
        value = getattr(config, name)
        if value is None and most == math.inf:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            between = f"of {least} or more" if most == math.inf else f"from {least} to {most}"
            hint = f"Set a whole number {between}, {example}."
            yield _refuse(name, number, f"is not a whole number {between}.", hint)


def _task_binder() -> Iterator[CheckMessage]:
    if fault := _find_fault(config.TASK_BINDER):
        is_found = fault == "is not callable."
        hint = "Set a callable that takes a request, or" if is_found else "Name a callable by"
        yield _refuse("TASK_BINDER", "E008", fault, f"{hint} its dotted path, such as 'flows.binder.session_binder'.")
    elif _binds_to_sessions() and not _has_sessions():
        yield _tell(
            "E009",
            "FLOWS_TASK_BINDER binds tasks to sessions, and MIDDLEWARE has no SessionMiddleware.",
            "Add 'django.contrib.sessions.middleware.SessionMiddleware' to MIDDLEWARE, "
            "or set a binder that needs no session.",
        )


def _find_fault(value: Any) -> str:
    """Return what is wrong with a setting that should be a callable or name one."""
    try:
        return "" if callable(load(value)) else "is not callable."
    except ImportError as error:
        return f"cannot be imported: {error}"


def _binds_to_sessions() -> bool:
    with suppress(ImportError):  # reported as E008
        return getattr(config.get_task_binder(), "__module__", "") == "flows.binder"
    return False


def _has_sessions() -> bool:
    for path in settings.MIDDLEWARE:
        with suppress(ImportError):  # reported by Django itself
            if SessionMiddleware in getattr(import_string(path), "__mro__", ()):
                return True
    return False


def _redis() -> Iterator[CheckMessage]:
    factory = config.REDIS_STATE_STORE_CLIENT
    if factory and (fault := _find_fault(factory)):
        hint = "Set a callable without arguments that returns a client of redis-py, or its dotted path."
        yield _refuse("REDIS_STATE_STORE_CLIENT", "E015", fault, hint)
    elif factory or config.REDIS_STATE_STORE_URL:
        try:
            get_client()
        except ImproperlyConfigured as error:
            yield _pass_on("E016", error)
        except Exception:
            return  # It cannot be made now, such as without its servers, but it may be later.


# Promises


def _find_components() -> Iterator[Used]:
    """Yield the components of each flow in the URLconf, with the store of its tasks."""
    for _, pattern in walk(get_resolver()) if getattr(settings, "ROOT_URLCONF", None) else ():
        view: Any = getattr(pattern, "callback", None)
        if hasattr(view, "flow_handler"):
            with suppress(ImportError, AttributeError, ValueError, TypeError):  # reported as E001 and E002
                store = view.flow_handler.state_store
                yield from ((place.component, store) for place in view.position.path)


def _doubts(used: Iterable[Used]) -> Iterator[CheckMessage]:
    for component in dict.fromkeys(component for component, _ in used):
        for message, hint in find_doubts(component):
            yield _tell("W005", message, f"{hint} Else silence this warning.", component)
        if not is_order_stated(component):
            message = f"{component.__name__} has several children and does not say how they follow each other."
            hint = "Say transition = Linear(), or transition = None where the actions decide."
            yield _tell("W008", message, hint, component)


def _guarantee(component: Any, store: BaseStateStore) -> Iterator[CheckMessage]:
    try:
        get_guarantee(component, store)
    except ImproperlyConfigured as error:
        yield _pass_on("E011", error, component)


def _routed_apart(used: Iterable[Used]) -> Iterator[CheckMessage]:
    """Report promised transactions for which the routers use two databases: one for tasks, one for models."""
    own, apart = router.db_for_write(StoredTask), _get_models()
    is_shared = apart.pop(own, None)
    others = " and ".join(f"'{alias}' (such as {label})" for alias, label in apart.items())
    hint = f"Make it 'claim', or let the router put flows.StoredTask into {' or '.join(map(repr, apart))}."
    doubtful = []
    for component in [component for component, store in used if apart and _has_transaction(component, store)]:
        if component.guarantee and not is_shared:
            fault = f"the router puts flows.StoredTask into '{own}' and the project's models into {others}"
            message = f"{component.__name__}.guarantee is 'transaction', which cannot be given: {fault}."
            yield _tell("E017", message, hint, component)
        else:
            doubtful.append(component.__name__)
    if doubtful:
        message = (
            f"'transaction', the guarantee of {', '.join(doubtful)}, holds within the database '{own}', into which the "
            f"router puts flows.StoredTask. It puts other models into {others}."
        )
        yield _tell("W006", message, f"{hint} Silence this warning if those components write nothing there.")


def _get_models() -> dict[str, str]:
    """Return one of the models that are neither Django's nor ours for each database that they are written to."""
    models: dict[str, str] = {}
    for model in apps.get_models():
        app = model._meta.app_config.name
        if model._meta.managed and app != "flows" and not app.startswith("django.contrib."):
            models.setdefault(router.db_for_write(model), model._meta.label)
    return models


def _has_transaction(component: Any, store: BaseStateStore) -> bool:
    """Return whether the effects of a component are promised a transaction, by itself or by default."""
    name, kind = ("complete", Scaffold) if component.is_scaffold else ("form_valid", Action)
    has_effects = getattr(component, name) is not getattr(kind, name)
    guarantee = component.guarantee or (has_effects and store.guarantees[0])
    return guarantee == "transaction" and isinstance(store, StateStore)


def _sessions() -> Iterator[CheckMessage]:
    package, _, engine = settings.SESSION_ENGINE.rpartition(".")
    if package == "django.contrib.sessions.backends" and engine in ENGINES and _binds_to_sessions():
        number, message, hint = ENGINES[engine]
        yield _tell(number, message.format(settings.SESSION_CACHE_ALIAS), hint)


def _databases() -> Iterator[CheckMessage]:
    for alias, options in connections.settings.items():
        mode = str(options.get("OPTIONS", {}).get("transaction_mode", "")).upper()
        is_deferred = mode not in ("IMMEDIATE", "EXCLUSIVE")
        if options["ATOMIC_REQUESTS"] and options["ENGINE"] in SQLITE_ENGINES and is_deferred:
            yield _tell(
                "W003",
                f"The database '{alias}' is SQLite with ATOMIC_REQUESTS. Of two requests at once that read first and "
                f"write later, one fails with 'database is locked', whatever the timeout is.",
                f"Set DATABASES['{alias}']['OPTIONS']['transaction_mode'] to 'IMMEDIATE', or turn ATOMIC_REQUESTS off.",
            )
        # An isolation level of psycopg, its name, or an option for the server.
        if "SERIALIZABLE" in str(options.get("OPTIONS", {})).upper():
            yield _tell(
                "W007",
                f"The database '{alias}' is set to SERIALIZABLE. It may refuse a visitor's submission because of "
                f"what other visitors do in their own tasks. Then nothing is done, and the visitor is asked to send it "
                f"again.",
                "Set a lower level, such as READ COMMITTED, or silence this warning.",
            )


def _unlimited(used: Iterable[Used]) -> Iterator[CheckMessage]:
    limit = config.MAX_TASKS_PER_OWNER
    for store in dict.fromkeys(type(store) for _, store in used if limit is not None and not store.limits_tasks):
        message = f"FLOWS_MAX_TASKS_PER_OWNER is {limit!r}, and {store.__module__} does not keep to it."
        yield _tell("W004", message, "Keep the tasks in another state store, or silence this warning.")
