"""One request as it comes in: the id in its URL, and the task under it, if that is its visitor's, or a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from .. import binder
from ..config import config
from ..engine.guarantees import Guarantees
from ..engine.new_session import SessionChange
from ..engine.session_snapshot import SessionSnapshot
from ..engine.submission import Submission
from ..engine.visit import Visit
from ..exceptions import NotOwner, StateNotFound
from ..journey.links import ON_COMPLETE_PARAM, Links, get_path, get_safe_redirect, get_task_id
from ..journey.task import Task
from ..serializing import codec, documents
from ..statestore.base import BaseStateStore, Hold, Record, shorten
from ..tree.positions import Position
from .ids import check_id, get_age, make_id, new_id


class Opening:
    """Finds the task of one request for one position of a flow."""

    def __init__(
        self, store: BaseStateStore, app_name: str, request: HttpRequest, position: Position, *args: Any, **kwargs: Any
    ) -> None:
        self.store = store
        self.request = request
        self.position = position
        self.flow = f"{app_name}:{position.root.name}"
        self.links = Links(request, position)
        self.snapshot = SessionSnapshot(request)
        self.guarantees: Guarantees | None = None
        self.args, self.kwargs = args, kwargs
        self._action: Any = None

    def set_up(self) -> None:
        """Make the action as its ``as_view()`` would, before the body is read."""
        if self.position.is_action:
            self._action = self.position.component()
            self._action.setup(self.request, *self.args, **self.kwargs)

    def get_id(self) -> str | None:
        """Return the id in the URL; None at an entry point, which may do without.

        Raises `StateNotFound` for what is no id of this flow, and where it is missing.
        """
        if (task_id := get_task_id(self.request)) is not None:
            return check_id(self.flow, task_id)
        root = self.position.root
        if self.position not in (root, next(root.actions())):
            raise StateNotFound(f"'{self.position}' is no entry point.")
        return None

    def get_url_with_id(self) -> str:
        """Return the URL of an entry point with a new id. Nothing is stored: who comes back to it is in one task."""
        query = self.request.META.get("QUERY_STRING", "")
        parts = [query] if query else []
        parts.append(urlencode({config.TASK_ID_PARAM: new_id(self.flow)}))
        return f"{get_path(self.request)}?{'&'.join(parts)}"

    def make_id(self, submission: Submission) -> str:
        """Return the id of the task that a submission without one begins."""
        if submission.has_token:
            return make_id(self.flow, submission.key("task", 0))
        return new_id(self.flow)  # of what is sent without a token nothing says that it is the same

    def find(self, task_id: str | None) -> tuple[Task, Record | None]:
        """Return the task under an id and its record; a new task without one where nothing is stored."""
        try:
            record = self.store.read(task_id) if task_id else None
        except StateNotFound:
            record = None
        return self.open(task_id or new_id(self.flow), record), record

    def open(self, task_id: str, record: Record | None) -> Task:
        """Return the task in a record, or a new one. Its owner is checked before anything in it is decoded."""
        if record is None:
            return self._begin(task_id)
        if not binder.is_owner(self.request, record.owner):
            raise NotOwner(f"The task {shorten(task_id)} is another visitor's.")
        task = Task(task_id, documents.from_text(record.data), codec, is_stored=True)
        if task.flow != self.flow:
            raise StateNotFound(f"The task {shorten(task_id)} is of another flow.")
        return task

    def _begin(self, task_id: str) -> Task:
        """Return a new task. Nothing is stored under its id yet. Raises `StateNotFound` for an id that is too old."""
        if get_age(task_id) >= config.TASK_IDLE_TIMEOUT and self.request.method != "POST":
            raise StateNotFound(f"The task {shorten(task_id)} has expired, or was never begun.")
        url = get_safe_redirect(self.request, self.request.GET.get(ON_COMPLETE_PARAM))
        return Task.begin(task_id, self.flow, codec, kwargs=self.links.captured, on_complete_url=url)

    def guarantee(self, key: str, hold: Hold, change: SessionChange) -> Guarantees:
        """Return the guarantees of the submission with a key, which is executed while its task is held."""
        self.guarantees = Guarantees(self.store, self.request, self.position, key, hold, change, self.snapshot)
        return self.guarantees

    def visit(
        self,
        task: Task,
        submission_key: str | None = None,
        earlier_errors: Mapping[str, list[str]] | None = None,
        begin_effects: Callable[[Task, Position], None] | None = None,
    ) -> Visit:
        """Return the visit of this request in a task, with what ``setup()`` made of its arguments."""
        args, kwargs = getattr(self._action, "args", self.args), dict(getattr(self._action, "kwargs", self.kwargs))
        place = (self.request, self.position, task, self.links, self._action, args, kwargs)
        return Visit(*place, submission_key, earlier_errors, begin_effects)

    def merge_kwargs(self, visit: Visit) -> None:
        """Remember the route arguments that a submission changed."""
        # What is no argument of a route is the view's own, such as what its setup() put there.
        known = self.kwargs.keys() | self.position.root.all_parameters
        changed = {name: value for name, value in visit.kwargs.items() if name in known}
        visit.task.merge_kwargs({name: changed[name] for name in changed if self._is_new(name, changed[name])})

    def _is_new(self, name: str, value: Any) -> bool:
        return name not in self.kwargs or bool(self.kwargs[name] != value)


def is_shown(request: HttpRequest, status_code: int) -> bool:
    """Return whether a person is shown the page, and not a crawler's or a browser's guess fetches it."""
    purpose = request.META.get("HTTP_SEC_PURPOSE") or request.META.get("HTTP_PURPOSE") or ""
    return request.method == "GET" and status_code == 200 and "prefetch" not in purpose
