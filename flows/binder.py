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
    """Return the secret of the visitor's session, which gets one if need be, and who is logged in."""
    user, session = _user(request), getattr(request, "session", None)
    if session is None:
        raise ImproperlyConfigured(
            "flows.binder.session_binder found no request.session. "
            "Add django.contrib.sessions.middleware.SessionMiddleware to MIDDLEWARE, or set FLOWS_TASK_BINDER."
        )
    secret = session.get(SESSION_KEY)
    if not secret:
        secret = next(_made_of_key(session), None) or secrets.token_hex(16)
        session[SESSION_KEY] = secret
    return _of_user(secret, user)


def user_binder(request: HttpRequest) -> str:
    """Return who is logged in, so that a task follows its user to another device; else as `session_binder`."""
    return _user(request) or session_binder(request)


def _user(request: HttpRequest) -> str:
    """Return who is logged in. To be asked before a session is read: Django empties one that is void for its user."""
    user = getattr(request, "user", None)
    key = getattr(user, "pk", None) if user is not None and user.is_authenticated else None
    return "" if key is None else f"user:{key}"


def _of_user(secret: str, user: str) -> str:
    # A session may have changed hands: two users who each logged in from it have the same secret.
    return f"{secret} {user}" if user else str(secret)


def read_session(request: HttpRequest) -> None:
    """Read who the visitor is, and begin no session. To be done before a transaction of ours begins."""
    is_owner(request, "")


def get_owner(request: HttpRequest) -> str:
    """Return the hash of who the visitor is, to be kept with a task."""
    hasten(getattr(request, "session", None))
    return _hash(config.get_task_binder()(request), settings.SECRET_KEY)


def is_owner(request: HttpRequest, owner: str) -> bool:
    """Return whether a task with this owner is the visitor's.

    A task begun before a login, when the session was all that was known of the visitor, is still theirs after it.
    """
    session = getattr(request, "session", None)
    hasten(session)
    user, binder = _user(request), config.get_task_binder()
    if session is not None and _is_session(session, owner, user):
        return True
    # Not by the binders of this module, which would begin a session for a stranger.
    if binder is session_binder:
        return False
    visitor = user if binder is user_binder else binder(request)
    return bool(visitor) and _is_hash(owner, visitor)


def _is_session(session: Any, owner: str, user: str) -> bool:
    kept = session.get(SESSION_KEY)
    for secret in [kept] if kept else _made_of_key(session):
        if _is_hash(owner, secret) or _is_hash(owner, _of_user(secret, user)):
            if not kept:
                session[SESSION_KEY] = secret  # a request that had loaded the session before took it out
            return True
    return False


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
