"""What ties a task to one visitor.

A binder is a callable that is given the request and returns a text that only this visitor can have. Of that text
the store gets a keyed hash.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from .config import config
from .session_row import hasten

#: Where a session's data holds the secret. Unlike the session's key it stays the same over a login.
SESSION_KEY = "_flows"


def session_binder(request: HttpRequest) -> str:
    """Return the secret of the visitor's session, which gets one if need be."""
    session = getattr(request, "session", None)
    if session is None:
        raise ImproperlyConfigured(
            "flows.binder.session_binder found no request.session. "
            "Add django.contrib.sessions.middleware.SessionMiddleware to MIDDLEWARE, or set FLOWS_TASK_BINDER."
        )
    secret = session.get(SESSION_KEY)
    if not secret:
        secret = next(_made_of_key(session), None) or secrets.token_hex(16)
        session[SESSION_KEY] = secret
    return str(secret)


def user_binder(request: HttpRequest) -> str:
    """Return who is logged in, so that a task follows its user to another device; else as `session_binder`."""
    return _user(request) or session_binder(request)


def _user(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    return f"user:{user.pk}" if user is not None and user.is_authenticated else ""


def get_owner(request: HttpRequest) -> str:
    """Return the hash of who the visitor is, to be kept with a task."""
    hasten(getattr(request, "session", None))
    return _hash(config.get_task_binder()(request), settings.SECRET_KEY)


def is_owner(request: HttpRequest, owner: str) -> bool:
    """Return whether a task with this owner is the visitor's.

    A task begun before a login, when the session was all that was known of the visitor, is still his after it.
    """
    session = getattr(request, "session", None)
    hasten(session)
    if session is not None and not session.get(SESSION_KEY):
        _put_back(session, owner)
    visitors = [session[SESSION_KEY]] if session is not None and session.get(SESSION_KEY) else []
    binder = config.get_task_binder()
    if binder is user_binder:
        visitors.append(_user(request))
    elif binder is not session_binder:  # these two would begin a session for a stranger
        visitors.append(binder(request))
    return any(_is_hash(owner, visitor) for visitor in filter(None, visitors))


def _put_back(session: Any, owner: str) -> None:
    """Put the secret of a task's owner back into his session, where a request that had loaded it before took it out."""
    for secret in _made_of_key(session):
        if _is_hash(owner, secret):
            session[SESSION_KEY] = secret


def _made_of_key(session: Any) -> Iterator[str]:
    """Yield the secret that a loaded session without one is given, and those under the keys before ``SECRET_KEY``.

    Two first requests of one session must come to the same, since one of them will overwrite the other's session.
    """
    # Asked after the session was loaded: before, the key is whatever the cookie says.
    if session.session_key:
        yield from (_hash(session.session_key, key) for key in _keys())


def _is_hash(owner: str, visitor: str) -> bool:
    return any(constant_time_compare(owner, _hash(visitor, key)) for key in _keys())


def _keys() -> list[Any]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


@lru_cache(maxsize=16)  # three times in a POST
def _hash(visitor: str, key: str) -> str:
    return salted_hmac("flows.binder", visitor, secret=key, algorithm="sha256").hexdigest()
