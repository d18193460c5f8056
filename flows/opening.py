"""The task of a request: the one in a record, if that is its visitor's, or a new one."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from . import binder
from .exceptions import StateNotFound
from .links import ON_COMPLETE_PARAM, Links, get_safe_redirect
from .statestore import codec, documents
from .statestore.base import Record, shorten
from .task import Task


class Opening:
    """Begins and opens tasks of one flow for one request."""

    def __init__(self, request: HttpRequest, flow: str, links: Links) -> None:
        self._request = request
        self._flow = flow
        self._links = links

    def begin(self, task_id: str) -> Task:
        url = get_safe_redirect(self._request, self._request.GET.get(ON_COMPLETE_PARAM))
        return Task.begin(task_id, self._flow, codec, kwargs=self._links.captured, on_complete_url=url)

    def open(self, task_id: str, record: Record) -> Task:
        """Return the task in a record. Its owner is checked before anything in it is decoded."""
        if not binder.is_owner(self._request, record.owner):
            raise StateNotFound(f"The task {shorten(task_id)} is another visitor's.")
        task = Task(task_id, documents.from_text(record.data), codec, born=True)
        if task.flow != self._flow:
            raise StateNotFound(f"The task {shorten(task_id)} is of another flow.")
        return task


def is_shown(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Return whether a person is shown the page, and not a crawler's or a browser's guess fetches it."""
    purpose = request.META.get("HTTP_SEC_PURPOSE") or request.META.get("HTTP_PURPOSE") or ""
    return request.method == "GET" and response.status_code == 200 and "prefetch" not in purpose
