"""The session that a submission gave its visitor, for the duplicates of it.

A login or logout gives the visitor another session and deletes the one they had. A browser that sent a form twice
follows the answer to the second, and may never see the new cookie that came with the first; with the old one it is a
stranger. So it is recorded in the store where the first was led and which session is the new one, where only who has
both the old cookie and the same submission finds it. The store holds the new key only mixed with the old one, which
nobody else has.

The same is done for a visitor who had no session any more when they sent the form: it gives them one.

Of a submission without a token of its rendering nobody is given the new session. Who planted the old one knows its
key, and can guess the rest; and the scripts that send it do not drop the first answer when the second comes.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from ..binder import get_owner
from ..exceptions import StateNotFound
from ..serializing import documents
from ..statestore.base import BaseStateStore, Record
from .session_snapshot import open_session


class SessionChange:
    """What a submission makes of the session that it came with; of most nothing.

    ``submission`` is what its duplicates have too, and ``has_token`` whether a token of its rendering is part of that.
    Made when the session was loaded, and before anything changes it.
    """

    def __init__(self, store: BaseStateStore, request: HttpRequest, submission: str, *, has_token: bool) -> None:
        self.store = store
        self.request = request
        self.has_token = has_token
        names = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
        #: As the cookie says: the session itself may be there no more, and its cookie neither.
        self.cookie: str | None = next((text for name in names if (text := request.COOKIES.get(name))), None)
        self._id = _hmac("flows.new_session.record", f"{self.cookie}:{submission}").hex()[:32]
        #: None where the session was lost, and where Django gave it another key while it was read.
        self.old: str | None = getattr(self._session, "session_key", None)
        if self.old != request.COOKIES.get(settings.SESSION_COOKIE_NAME):
            self.old = None

    @property
    def _session(self) -> Any:
        return getattr(self.request, "session", None)

    def save(self) -> None:
        """Save what was put into the session so far, which Django does not where the answer is a failure.

        Another session than there was is saved when it is recorded.
        """
        session = self._session
        if self.old and session.session_key == self.old and session.modified:
            with suppress(UpdateError):  # it was ended elsewhere, which Django tells the visitor
                session.save()

    def record_new_session(self, url: str) -> None:
        """Record where the submission led, if the visitor had a session before and has another now."""
        session = self._session
        if session is None or not self.cookie or (self.old and session.session_key == self.old):
            return
        get_owner(self.request)  # puts into the session what opens the task
        if session.session_key is None:
            session.create()  # it was ended; now, so that its duplicates get the same new one
        else:
            session.save()  # not after the task, which nobody could open if it were lost in between
        new = session.session_key
        if new and len(new) <= hashlib.sha256().digest_size:
            mixed = _mix(self.cookie, new.encode()).hex() if self.has_token else ""
            data = documents.to_text({"session": mixed, "url": url})
            try:
                earlier = self.store.read(self._id)  # of half the submission, or of an attempt that failed
            except StateNotFound:
                self.store.create(self._id, "", data)
            else:
                self.store.update(self._id, Record("", data, earlier.version))

    def attach_session_cookie(self, response: HttpResponseBase) -> None:
        """Give a duplicate the cookie of the new session, if there is one."""
        if record := self._find():
            self._give_session(response, record)

    def answer_duplicate(self) -> HttpResponseBase | None:
        """Return the answer to a duplicate, which leads where the submission led. None if no session was ended."""
        if not (record := self._find()):
            return None
        response = HttpResponseRedirect(record["url"])
        self._give_session(response, record)
        return response

    def _find(self) -> dict[str, str] | None:
        if not self.cookie:
            return None
        try:
            record: dict[str, Any] = documents.from_text(self.store.read(self._id).data)
        except StateNotFound:
            return None
        record["key"] = _mix(self.cookie, bytes.fromhex(record["session"])).decode("ascii", "replace")
        return record if not record["key"] or self.request.session.exists(record["key"]) else None

    def _give_session(self, response: HttpResponseBase, record: dict[str, str]) -> None:
        # Nothing of the session that the request came with is to be saved, or to set a cookie over this one.
        session = self.request.session = open_session(record["key"] or None)
        if not record["key"]:
            # Neither their cookie, which came with the other answer, nor another.
            self.request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
            return
        response.set_cookie(
            settings.SESSION_COOKIE_NAME,
            record["key"],
            max_age=None if session.get_expire_at_browser_close() else session.get_expiry_age(),
            domain=settings.SESSION_COOKIE_DOMAIN,
            path=settings.SESSION_COOKIE_PATH,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=settings.SESSION_COOKIE_HTTPONLY,
            samesite=settings.SESSION_COOKIE_SAMESITE,
        )


def _mix(key: str, text: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(text, _hmac("flows.new_session", key), strict=False))


def _hmac(salt: str, value: str) -> bytes:
    return salted_hmac(salt, value, algorithm="sha256").digest()
