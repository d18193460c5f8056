"""What the session of a request was, for when what was done with it is undone."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest

logger = logging.getLogger("flows")

#: Exceptions that Django makes an answer of, which may set cookies. The answer to any other sets none of a session.
ANSWERS = (Http404, PermissionDenied, SuspiciousOperation, BadRequest)
#: Where Django keeps the CSRF secret of a request, and who its visitor is. A login replaces both.
CSRF_NAMES = ("CSRF_COOKIE", "CSRF_COOKIE_NEEDS_UPDATE")
USER_NAMES = ("user", "auser", "_cached_user", "_acached_user")


class SessionSnapshot:
    """The session, user and CSRF token that a request came with; later those with which something was kept for good."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._csrf = {name: request.META.get(name) for name in CSRF_NAMES}
        self._is_claimed = False
        self._data: dict[str, Any] | None = None
        self._note()

    def keep(self, *, is_claimed: bool = False) -> None:
        """Take what the session is now for what it was, whatever the rest of the request comes to.

        ``is_claimed`` says that what follows is in no transaction.
        """
        self._is_claimed = is_claimed
        self._note()
        session = self._request_session
        # A copy: a list in it may be added to.
        self._data = copy.deepcopy(dict(session.items())) if session is not None else None

    def _note(self) -> None:
        session = self._request_session
        self._key: str | None = getattr(session, "session_key", None)
        self._is_modified: bool = getattr(session, "modified", False)
        self._user = {name: vars(self._request).get(name) for name in USER_NAMES}

    @property
    def _request_session(self) -> Any:
        return getattr(self._request, "session", None)

    @contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """Undo in the session what an exception undoes in the database: all since the last `keep`.

        Under a claim that is nothing. But there a failure, whose answer cannot bring the cookie of a new session, gives
        the visitor the session back that they came with, so that they can see what has become of the task.
        """
        try:
            yield
        except BaseException as error:
            if not (self._is_claimed and isinstance(error, ANSWERS)):
                self.put_back()
            raise

    def put_back(self) -> None:
        """Give the request back what is kept.

        Otherwise the answer would take the cookie of a session away that a rollback has brought back, or set another
        CSRF token than that of the form which is to be sent again.
        """
        _put_back(self._request.META, self._csrf)
        _put_back(vars(self._request), self._user)
        session = self._request_session
        if session is None or (session.session_key == self._key and session.modified == self._is_modified):
            return
        self._request.session = open_session(self._key)
        try:
            if session.session_key not in (None, self._key):
                session.delete()
            # Not where a rollback has brought it back.
            if self._key and self._data is not None and self._is_lost(session):
                stored = open_session()
                stored.update(self._data)
                stored._session_key = self._key  # not before: what is not found when it is loaded loses its key
                stored.save(must_create=not stored.exists(self._key))
            if self._is_modified and self._data is not None:
                self._request.session.update(self._data)
        except Exception:  # of whatever sessions are kept in; the failure itself is more important
            logger.warning("The session that a failed submission came with could not be brought back.", exc_info=True)

    def _is_lost(self, changed: Any) -> bool:
        """Return whether what is kept is not stored any more: it was removed, or what was undone was saved over it."""
        stored = open_session(self._key)
        if not stored.exists(self._key):
            return True
        now = dict(stored.items())
        # If it is neither, another request has written it.
        return changed.session_key == self._key and now != self._data and now == dict(changed.items())


def open_session(key: str | None = None) -> Any:
    """Return a session of the engine that the settings name. It is loaded when it is first looked at."""
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def _put_back(names: Any, values: dict[str, Any]) -> None:
    for name in values:
        names.pop(name, None)
    names.update((name, value) for name, value in values.items() if value is not None)
