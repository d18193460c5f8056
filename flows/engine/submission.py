"""What makes two requests one submission: the same method, query and body at the same position of the same task.

Django masks the CSRF token differently for each rendering of a form, so the bodies of two renderings differ even where
the answers do not. A body without a token in it is told apart by how often its page was shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, QueryDict, RawPostDataException, UnreadablePostError
from django.middleware.csrf import CSRF_TOKEN_LENGTH
from django.utils.crypto import salted_hmac

from ..config import config
from ..journey.links import ON_COMPLETE_PARAM
from ..tree.positions import Position

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
TOKEN_FIELD = "csrfmiddlewaretoken"  # noqa: S105 (a name)


class Submission:
    """One request that may do something: what it is, read before anything is locked. Raises `BadRequest`."""

    def __init__(self, request: HttpRequest, position: Position) -> None:
        self._digest = hashlib.sha256()
        try:
            for part in _parts(request, position):
                self._digest.update(b"%d:" % len(part) + part)
            _check_length(request)
        except UnreadablePostError as error:
            raise BadRequest(f"The request cannot be read: {error}") from error
        token = request.POST.get(TOKEN_FIELD, "") if _is_form(request) else ""
        self.has_token = len(token) == CSRF_TOKEN_LENGTH

    def key(self, scope: str, rendering: int) -> str:
        """Return the key of the submission within a task, or within a visitor where there is no task yet.

        It is made with the secret key: whoever reads a store cannot find out what was typed by trying.
        """
        return self.keys(scope, rendering)[0]

    def keys(self, scope: str, rendering: int) -> list[str]:
        """Return that key, and those which the submission had before the secret key was changed."""
        value = f"{scope}:{0 if self.has_token else rendering}:{self._digest.hexdigest()}"
        secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        hmacs = (salted_hmac("flows.submission", value, secret=secret, algorithm="sha256") for secret in secrets)
        return [hmac.hexdigest()[:32] for hmac in hmacs]


def _parts(request: HttpRequest, position: Position) -> Iterator[bytes]:
    yield position.name.encode()
    yield str(request.method).encode()
    yield request.path_info.encode(errors="surrogateescape")  # for the sake of its arguments
    ours = (config.TASK_ID_PARAM, ON_COMPLETE_PARAM)
    yield json.dumps([(name, values) for name, values in request.GET.lists() if name not in ours]).encode()
    # A multipart body is taken apart: browsers send it with another boundary each time.
    if not _is_form(request):
        boundary = (request.content_params or {}).get("boundary", "").encode()
        yield request.body.replace(boundary, b"") if boundary else request.body
        return
    yield json.dumps([*_post(request).lists()]).encode()
    for name, files in request.FILES.lists():
        for file in files:
            content = hashlib.sha256()
            for chunk in file.chunks():
                content.update(chunk)
            file.seek(0)
            yield json.dumps([name, file.name, file.content_type, content.hexdigest()]).encode()


def _is_form(request: HttpRequest) -> bool:
    """Return whether Django reads the body as a form: of a POST alone."""
    return request.method == "POST" and request.content_type in FORM_TYPES


def _post(request: HttpRequest) -> QueryDict:
    """Return the fields of a form. Raises `BadRequest` for a charset that is none, or not that of a form."""
    try:
        return request.POST
    except (BadRequest, LookupError, UnicodeError) as error:
        request.POST = QueryDict()  # Django's page for the error looks for a token, and would fail again
        raise BadRequest(f"The form cannot be decoded: {error}") from error


def _check_length(request: HttpRequest) -> None:
    """Raise `UnreadablePostError` if less of the body came than was announced.

    Not every server says so when its client hangs up, and half an answer would be taken for one.
    """
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return
    try:
        received = len(request.body)
    except RawPostDataException:  # it was read piece by piece
        received = getattr(getattr(request, "_stream", None), "_pos", announced)
    if received < announced:
        raise UnreadablePostError(f"Of {announced} bytes only {received} came.")
