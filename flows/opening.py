"""The task of a request: the one in a record, if that is its visitor's, or a new one."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from . import binder
from .config import config
from .exceptions import NotOwner, StateNotFound
from .ids import check_id, get_age, make_id, new_id
from .links import ON_COMPLETE_PARAM, Links, get_path, get_safe_redirect, get_task_id
from .positions import Position
from .statestore import codec, documents
from .statestore.base import Record, shorten
from .submission import Submission
from .task import Task


class Opening:
    """Begins and opens tasks of one flow for one request."""

    def __init__(self, request: HttpRequest, position: Position, app_name: str, links: Links) -> None:
        self._request = request
        self._position = position
        self._links = links
        self.flow = f"{app_name}:{position.root.name}"

    def get_id(self) -> str | None:
        """Return the id that the request bears; None at an entry point, which may do without.

        Raises `StateNotFound` for what is no id of this flow, and where it is missing.
        """
        if (task_id := get_task_id(self._request)) is not None:
            return check_id(self.flow, task_id)
        root = self._position.root
        if self._position not in (root, next(root.actions())):
            raise StateNotFound(f"'{self._position}' is no entry point.")
        return None

    def get_url_with_id(self) -> str:
        """Return the URL of an entry point with a new id. Nothing is stored: who comes back to it is in one task."""
        query = self._request.META.get("QUERY_STRING", "")
        parts = [query] if query else []
        parts.append(urlencode({config.TASK_ID_PARAM: new_id(self.flow)}))
        return f"{get_path(self._request)}?{'&'.join(parts)}"

    def make_id(self, submission: Submission) -> str:
        """Return the id of the task that a submission without one begins."""
        if submission.has_token:
            return make_id(self.flow, submission.key("task", 0))
        return new_id(self.flow)  # of what is sent without a token nothing says that it is the same

    def begin(self, task_id: str | None = None) -> Task:
        """Return a new task. Nothing is stored under its id yet. Raises `StateNotFound` for an id that is too old."""
        if task_id is None:
            task_id = new_id(self.flow)
        elif get_age(task_id) >= config.TASK_IDLE_TIMEOUT and self._request.method != "POST":
            raise StateNotFound(f"The task {shorten(task_id)} has expired, or was never begun.")
        url = get_safe_redirect(self._request, self._request.GET.get(ON_COMPLETE_PARAM))
        return Task.begin(task_id, self.flow, codec, kwargs=self._links.captured, on_complete_url=url)

    def open(self, task_id: str, record: Record) -> Task:
        """Return the task in a record. Its owner is checked before anything in it is decoded."""
        if not binder.is_owner(self._request, record.owner):
            raise NotOwner(f"The task {shorten(task_id)} is another visitor's.")
        task = Task(task_id, documents.from_text(record.data), codec, born=True)
        if task.flow != self.flow:
            raise StateNotFound(f"The task {shorten(task_id)} is of another flow.")
        return task


def is_shown(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Return whether a person is shown the page, and not a crawler's or a browser's guess fetches it."""
    purpose = request.META.get("HTTP_SEC_PURPOSE") or request.META.get("HTTP_PURPOSE") or ""
    return request.method == "GET" and response.status_code == 200 and "prefetch" not in purpose
