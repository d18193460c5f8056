"""The session of a submission that logs its visitor in or out: for the twins of it, and for itself if it fails.

That gives the visitor another session and deletes the one he had. A browser that sent a form twice follows the answer
to the second, and may never see the new cookie that came with the first; with the old one it is a stranger. So word is
left in the store of where the first was led and of the new session, where only who has both the old cookie and the
same submission finds it. The store holds the new key only mixed with the old one, which nobody else has.

The same is done for who had no session any more when he sent the form: it gives him one.

Of a submission without a token of its rendering nobody is given the new session. Who planted the old one knows its
key, and can guess the rest; and the scripts that send it do not drop the first answer when the second comes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from .binder import get_owner
from .exceptions import StateNotFound
from .statestore import documents
from .statestore.base import BaseStateStore, Record

logger = logging.getLogger("flows")

#: Exceptions that are answers, and no failures.
ANSWERS = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, StateNotFound)
#: Where Django keeps the CSRF secret of a request, and who its visitor is. A login replaces both.
CSRF_NAMES = ("CSRF_COOKIE", "CSRF_COOKIE_NEEDS_UPDATE")
USER_NAMES = ("user", "auser", "_cached_user", "_acached_user")


class SessionChange:
    """What a submission makes of the session that it came with; of most nothing.

    ``submission`` is what its twins have too, and ``has_token`` whether a token of its rendering is part of that.
    Made when the session was loaded, and before anything changes it.
    """

    def __init__(self, store: BaseStateStore, request: HttpRequest, submission: str, *, has_token: bool) -> None:
        self.store = store
        self.request = request
        self.submission = submission
        self.has_token = has_token
        names = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
        #: As the cookie says: the session itself may be there no more, and its cookie neither.
        self.cookie: str | None = next((text for name in names if (text := request.COOKIES.get(name))), None)
        self.old: str | None = getattr(self._session, "session_key", None)
        # The answer to a failure sets no cookie of a session, so the token has to go with the one that there was.
        self._names = {name: request.META.get(name) for name in CSRF_NAMES}
        self.keep()

    def keep(self) -> None:
        """Take what the session is now for what is kept, whatever the rest of the submission comes to."""
        session = self._session
        self._kept: str | None = getattr(session, "session_key", None)
        self._data = dict(session.items()) if self._kept and session.accessed else None
        self._user = {name: vars(self.request).get(name) for name in USER_NAMES}

    @property
    def _session(self) -> Any:
        return getattr(self.request, "session", None)

    @property
    def has_lost_session(self) -> bool:
        """Whether the request came with the cookie of a session that is there no more."""
        cookie = self.request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        return bool(cookie) and cookie != self.old

    def save(self) -> None:
        """Save what was put into the session so far, which Django does not where the answer is a failure.

        Another session than there was is saved with the word that is left of it.
        """
        session = self._session
        if self.old and session.session_key == self.old and session.modified:
            with suppress(UpdateError):  # it was ended elsewhere, which Django tells the visitor
                session.save()

    # For its twins

    def leave_word(self, url: str) -> None:
        """Leave word of where the submission led, if the visitor had a session before and has another now."""
        session = self._session
        if session is None or not self.cookie or (self.old and session.session_key == self.old):
            return
        get_owner(self.request)  # puts into the session what opens the task
        if session.session_key is None:
            session.create()  # it was ended; now, so that its twins get the same new one
        else:
            session.save()  # not after the task, which nobody could open if it were lost in between
        new = session.session_key
        if new and len(new) <= hashlib.sha256().digest_size:
            mixed = _mix(self.cookie, new.encode()).hex() if self.has_token else ""
            self._keep(_word_id(self.cookie, self.submission), documents.to_text({"session": mixed, "url": url}))

    def _keep(self, word_id: str, data: str) -> None:
        try:
            earlier = self.store.read(word_id)  # of half the submission, or of an attempt that failed
        except StateNotFound:
            self.store.create(word_id, "", data)
        else:
            self.store.update(word_id, Record("", data, earlier.version))

    def hand_over(self, response: HttpResponseBase) -> None:
        """Give a twin the cookie of the new session, if there is one."""
        if word := self._find():
            self._give_session(response, word)

    def answer_twin(self) -> HttpResponseBase | None:
        """Return the answer to a twin, which leads where the submission led. None if no session was ended."""
        word = self._find()
        if word is None:
            return None
        response = HttpResponseRedirect(word["url"])
        self._give_session(response, word)
        return response

    def _give_session(self, response: HttpResponseBase, word: dict[str, str]) -> None:
        if word["key"]:
            _set_session(self.request, response, word["key"])
        else:
            # Neither his cookie, which came with the other answer, nor another.
            self.request.session = _open_session()
            self.request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)

    def _find(self) -> dict[str, str] | None:
        if not self.cookie:
            return None
        try:
            word: dict[str, Any] = documents.from_text(self.store.read(_word_id(self.cookie, self.submission)).data)
        except StateNotFound:
            return None
        word["key"] = _mix(self.cookie, bytes.fromhex(word["session"])).decode("ascii", "replace")
        return word if not word["key"] or self.request.session.exists(word["key"]) else None

    # For itself

    @contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """Give the request back what it came with, or what was kept, if the block fails: the rest did not happen.

        Otherwise the answer would take the cookie of a session away that a rollback has brought back, or set another
        CSRF token than that of the form which is to be sent again.
        """
        try:
            yield
        except ANSWERS:
            raise
        except BaseException:
            _put_back(self.request.META, self._names)
            _put_back(vars(self.request), self._user)
            self._put_session_back()
            raise

    def _put_session_back(self) -> None:
        if not self._kept or self.request.session.session_key == self._kept:
            return
        self.request.session = _open_session(self._kept)
        try:
            # Unless a rollback has brought it back.
            if self._data is not None and not self.request.session.exists(self._kept):
                session = _open_session()
                session.update(self._data)
                session._session_key = self._kept  # not before: what is not found when it is loaded loses its key
                session.save(must_create=True)
        except Exception:  # of whatever sessions are kept in; the failure itself is more important
            logger.warning("The session that a failed submission came with could not be brought back.", exc_info=True)


def _put_back(names: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is None:
            names.pop(name, None)
        else:
            names[name] = value


def _open_session(key: str | None = None) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def _set_session(request: HttpRequest, response: HttpResponseBase, key: str) -> None:
    # Nothing of the session that the request came with is to be saved, or to set a cookie over this one.
    request.session = _open_session(key)
    lasts = not request.session.get_expire_at_browser_close()
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        key,
        max_age=request.session.get_expiry_age() if lasts else None,
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=settings.SESSION_COOKIE_HTTPONLY,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )


def _word_id(cookie: str, submission: str) -> str:
    return salted_hmac("flows.sessions.word", f"{cookie}:{submission}", algorithm="sha256").hexdigest()[:32]


def _mix(key: str, text: bytes) -> bytes:
    pad = salted_hmac("flows.sessions", key, algorithm="sha256").digest()
    return bytes(a ^ b for a, b in zip(text, pad, strict=False))
