"""What ties a task to one visitor.

A binder is a callable that takes the request and returns a text that only this visitor can have. The store is given
a keyed hash of that text.
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

#: The key of the visitor's secret in a session's data. A login changes the session's own key, but not the secret.
VISITOR_KEY = "_flows"


def session_binder(request: HttpRequest) -> str:
    """Return the secret of the visitor's session, and who is logged in. Adds a secret if there is none."""
    user, session = _user(request), getattr(request, "session", None)
    if session is None:
        raise ImproperlyConfigured(
            "flows.binder.session_binder found no request.session. "
            "Add django.contrib.sessions.middleware.SessionMiddleware to MIDDLEWARE, or set FLOWS_TASK_BINDER."
        )
    secret = session.get(VISITOR_KEY)
    if not secret:
        secret = next(_derive_secrets(session), None) or secrets.token_hex(16)
        session[VISITOR_KEY] = secret
    return _of_user(secret, user)


def user_binder(request: HttpRequest) -> str:
    """Return who is logged in, so that a task follows its user to another device; else as `session_binder`."""
    return _user(request) or session_binder(request)


def _user(request: HttpRequest) -> str:
    """Return who is logged in. Call this before the session is read: Django empties one that is void for its user."""
    user = getattr(request, "user", None)
    key = getattr(user, "pk", None) if user is not None and user.is_authenticated else None
    return "" if key is None else f"user:{key}"


def _of_user(secret: str, user: str) -> str:
    # Two users who log in one after the other in one browser may have the same secret.
    return f"{secret} {user}" if user else str(secret)


def read_session(request: HttpRequest) -> None:
    """Load who the visitor is, without beginning a session. Call this before a transaction of ours begins."""
    is_owner(request, "")


def get_owner(request: HttpRequest) -> str:
    """Return the hash of who the visitor is, to be kept with a task."""
    return _hash(config.get_task_binder()(request), settings.SECRET_KEY)


def is_owner(request: HttpRequest, owner: str) -> bool:
    """Return whether a task with this owner is the visitor's.

    A task that was begun before a login is still the visitor's after it. Until then only the session was known.
    """
    session = getattr(request, "session", None)
    user, binder = _user(request), config.get_task_binder()
    if session is not None and _is_session(session, owner, user):
        return True
    # Do not call the binders of this module: they would begin a session for anybody.
    if binder is session_binder:
        return False
    visitor = user if binder is user_binder else binder(request)
    return bool(visitor) and _is_hash(owner, visitor)


def _is_session(session: Any, owner: str, user: str) -> bool:
    kept = session.get(VISITOR_KEY)
    for secret in [kept] if kept else _derive_secrets(session):
        if _is_hash(owner, secret) or _is_hash(owner, _of_user(secret, user)):
            if not kept:
                session[VISITOR_KEY] = secret  # another request saved the session without it
            return True
    return False


def _derive_secrets(session: Any) -> Iterator[str]:
    """Yield the secret for a loaded session that has none: by ``SECRET_KEY``, then by each key before it.

    Two first requests of one session must derive the same secret, since one overwrites the session of the other.
    """
    # The session must be loaded: before that, its key is whatever the cookie says.
    # Signed cookies have a key that is made of what is in them, which may be the same for two visitors.
    if session.session_key and session.session_key.isalnum():
        yield from (_hash(session.session_key, key) for key in _keys())


def _is_hash(owner: str, visitor: str) -> bool:
    return any(constant_time_compare(owner, _hash(visitor, key)) for key in _keys())


def _keys() -> list[Any]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


@lru_cache(maxsize=16)  # called three times in a POST
def _hash(visitor: str, key: str) -> str:
    return salted_hmac("flows.binder", visitor, secret=key, algorithm="sha256").hexdigest()
