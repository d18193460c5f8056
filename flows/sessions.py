"""The session of a submission that logs its visitor in, for the twin that waited for it.

A login gives the session a new key and deletes the old one. A browser that sent a form twice follows the answer to
the second, and may never see the new cookie that came with the first. So the second answer brings it too. The store
holds the new key only mixed with the old one, which by then nobody has but that browser.
"""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac


def get_session_key(request: HttpRequest) -> str | None:
    """Return the key of the session that was loaded, None where there is none."""
    key: str | None = getattr(getattr(request, "session", None), "session_key", None)
    return key


def seal(old: str | None, new: str | None) -> str | None:
    """Return what tells the holder of the old key the new one; None if there is nothing to tell."""
    if not old or not new or old == new or len(new) > hashlib.sha256().digest_size:
        return None
    return _mix(old, new.encode()).hex()


def hand_over(request: HttpRequest, response: HttpResponseBase, sealed: str) -> None:
    """Set the cookie of the new session, if the request came with the old one."""
    old = get_session_key(request)
    key = _mix(old, bytes.fromhex(sealed)).decode("ascii", "replace") if old else ""
    if not (key.isalnum() and request.session.exists(key)):
        return
    # Not by way of request.session: that would be saved, over what the first request is about to save.
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


def _mix(key: str, text: bytes) -> bytes:
    pad = salted_hmac("flows.sessions", key, algorithm="sha256").digest()
    return bytes(a ^ b for a, b in zip(text, pad, strict=False))
