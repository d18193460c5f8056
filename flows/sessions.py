"""The session of a submission that logs its visitor in or out, for the twins of it.

That gives the visitor another session and deletes the one he had. A browser that sent a form twice follows the answer
to the second, and may never see the new cookie that came with the first; with the old one it is a stranger. So word is
left in the store of where the first was led and of the new session, where only who has both the old cookie and the
same submission finds it. The store holds the new key only mixed with the old one, which nobody else has.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from .binder import get_owner
from .exceptions import StateNotFound
from .statestore import codec
from .statestore.base import BaseStateStore


def get_session_key(request: HttpRequest) -> str | None:
    """Return the key of the session that was loaded, None where there is none."""
    key: str | None = getattr(getattr(request, "session", None), "session_key", None)
    return key


def leave_word(store: BaseStateStore, request: HttpRequest, submission: str, *, old: str | None, url: str) -> None:
    """Leave word of what a submission came to, if the visitor had the session ``old`` before and has another now."""
    if not old or get_session_key(request) == old:
        return
    get_owner(request)  # puts into the session what opens the task
    if get_session_key(request) is None:
        request.session.create()  # it was ended; now, so that its twins get the same new one
    else:
        request.session.save()  # not after the task, which nobody could open if it were lost in between
    new = get_session_key(request)
    if new and len(new) <= hashlib.sha256().digest_size:
        word = {"session": _mix(old, new.encode()).hex(), "url": url}
        store.create(_word_id(old, submission), "", codec.to_text(word))


def hand_over(store: BaseStateStore, request: HttpRequest, response: HttpResponseBase, submission: str) -> None:
    """Give the twin of a submission the cookie of the new session, if that was left for it."""
    if word := _find(store, request, submission):
        _set_session(request, response, word["key"])


def answer_twin(store: BaseStateStore, request: HttpRequest, submission: str) -> HttpResponseBase | None:
    """Return the answer to the twin of a submission that ended the session it came with; None if there was none."""
    word = _find(store, request, submission)
    if word is None:
        return None
    response = HttpResponseRedirect(word["url"])
    _set_session(request, response, word["key"])
    return response


def _find(store: BaseStateStore, request: HttpRequest, submission: str) -> dict[str, str] | None:
    old = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not old:
        return None
    try:
        word: dict[str, Any] = codec.from_text(store.read(_word_id(old, submission)).data)
    except StateNotFound:
        return None
    word["key"] = _mix(old, bytes.fromhex(word["session"])).decode("ascii", "replace")
    return word if request.session.exists(word["key"]) else None


def _set_session(request: HttpRequest, response: HttpResponseBase, key: str) -> None:
    # Nothing of the session that the request came with is to be saved, or to set a cookie over this one.
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
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


def _word_id(old: str, submission: str) -> str:
    return salted_hmac("flows.sessions.word", f"{old}:{submission}", algorithm="sha256").hexdigest()[:32]


def _mix(key: str, text: bytes) -> bytes:
    pad = salted_hmac("flows.sessions", key, algorithm="sha256").digest()
    return bytes(a ^ b for a, b in zip(text, pad, strict=False))
