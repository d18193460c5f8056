"""From a request to a response: find the task, hold it, run it, keep it or end it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from . import binder, pages
from .components import FlowComponent
from .config import config
from .exceptions import StateDamaged, StateExists, StateNotFound, StoreConflict, StoreUnavailable
from .execution import SAFE_METHODS, Execution, Result
from .guarantees import Guarantees, lock_new, lock_settled
from .links import Links, get_lasting_url, get_task_id, new_task_id, url_in_task
from .opening import Opening, is_shown
from .positions import Position
from .sensitive import hide_fields
from .session_snapshot import SessionSnapshot
from .sessions import SessionChange
from .statestore import documents
from .statestore.base import BaseStateStore, Hold, Record
from .statestore.database_errors import unavailable
from .submission import Submission, entry_rendering, show_entry, spend_entry
from .task import Task
from .transactions import RequestsTransaction

logger = logging.getLogger("flows")


class Executor:
    """Executes one request for one position."""

    def __init__(
        self, store: BaseStateStore, app_name: str, request: HttpRequest, position: Position, *args: Any, **kwargs: Any
    ) -> None:
        self.store = store
        self.request = request
        self.position = position
        self.args = args
        self.kwargs = kwargs
        self.links = Links(request, position)
        self.opening = Opening(request, f"{app_name}:{position.root.name}", self.links)
        self.guarantees: Guarantees | None = None
        self.snapshot = SessionSnapshot(request)

    def respond(self, rest: str | None = None) -> HttpResponseBase:
        """Answer the request. ``rest`` is what its path has below the flow where that is no page of it.

        Exceptions that are not ours go up, to the project's middleware and handlers.
        """
        if rest is not None and config.TASK_ID_PARAM not in self.request.GET:
            raise Http404(f"'{rest}' is no page of the flow '{self.position.root.name}'.")
        hide_fields(self.request)
        try:
            with unavailable():
                self.action = self._set_up()
                response = self.show() if self.request.method in SAFE_METHODS else self.submit()
        except StateNotFound as error:
            logger.info("%s", error)
            # Asked as for a task that there is: where that reads the session, it may set or take away a cookie.
            binder.is_owner(self.request, "")
            response = pages.no_such_task(self.request, self.position)
        except (StateDamaged, StoreUnavailable) as error:
            response = self._answer_for(error)
        response = pages.guard(response, self._answer_for)
        return pages.make_private(pages.lead_by_get(self.request, response))

    def _set_up(self) -> FlowComponent | None:
        """Return the action of this request as its ``as_view()`` would make it, before the body is read."""
        if not self.position.is_action:
            return None
        action: Any = self.position.component()
        action.setup(self.request, *self.args, **self.kwargs)
        return cast(FlowComponent, action)

    def _answer_for(self, error: Exception) -> HttpResponseBase:
        if isinstance(error, StateDamaged):
            logger.error("A stored task cannot be read; its visitor is told that there is none.", exc_info=error)
            return pages.no_such_task(self.request, self.position)
        self.snapshot.put_back()
        if self.guarantees and self.guarantees.claimed:
            return pages.being_finished(self.request, self.position)
        return pages.busy(self.request, self.position)

    # GET

    def show(self) -> HttpResponseBase:
        task_id = get_task_id(self.request)
        if task_id is None:
            return self._show_entry()
        record = self.store.read(task_id)
        task = self.opening.open(task_id, record)
        if task.ended:
            return self._show_end(task)
        if task.claim:
            return pages.being_finished(self.request, self.position)
        execution = self._execution(task)
        result, response = self._run(execution)
        if result.acted and is_shown(self.request, response):
            task.walk_to(self.position.name)
            task.show(self.position.name)
        if not self._keep_seen(task, record) and result.target and not result.misled:
            raise StoreUnavailable("What leads on from here could not be noted.")
        return response

    def _run(self, execution: Execution) -> tuple[Result, HttpResponseBase]:
        with RequestsTransaction():
            result = execution.run()
            return result, self._answer(execution, result)

    def _show_entry(self) -> HttpResponseBase:
        owner = binder.get_owner(self.request)  # now, so that a doubled first POST has one owner
        execution = self._execution(self.opening.begin(new_task_id()), on_link=self._bear(owner))
        result, response = self._run(execution)
        if result.acted and is_shown(self.request, response):
            show_entry(self.request)
        return response

    def _bear(self, owner: str) -> Callable[[Task], None]:
        """Return what keeps a task for the sake of a link on a page that is shown without one."""

        def bear(task: Task) -> None:
            if self.request.method != "HEAD":
                task.walk_to(self.position.name)
                self.store.create(task.id, owner, documents.to_text(task.to_dict()))
            task.born = True

        return bear

    def _keep_seen(self, task: Task, record: Record) -> bool:
        """Write what looking at a page changed. Returns False if another request is at the task, and goes before."""
        if self.request.method == "GET":
            try:
                if task.changed:
                    data = documents.to_text(task.to_dict())
                    self.store.update(task.id, Record(record.owner, data, record.version))
                elif record.is_idle:
                    self.store.touch(task.id, record)
            except StoreUnavailable:
                return False
        return True

    # POST

    def submit(self) -> HttpResponseBase:
        binder.read_session(self.request)  # before any transaction of ours
        self.snapshot.keep()
        task_id = get_task_id(self.request)
        submission = Submission(self.request, self.position)
        # Not by the rendering of a body without a token: a session ends with one submission, whichever that was.
        same = submission.key(f"word of {task_id}", 0)
        self.change = SessionChange(self.store, self.request, same, has_token=submission.has_token)
        with self.snapshot.undone_on_failure():
            return self._submit(task_id, submission)

    def _submit(self, task_id: str | None, submission: Submission) -> HttpResponseBase:
        if task_id:
            keys = submission.keys(task_id, 0) if submission.has_token else None
            return self._hold(lock_settled(self.store, task_id, self.request), task_id, submission, keys)
        is_stranger = not submission.has_token and self.change.has_lost_session
        if is_stranger and (duplicate := self.change.answer_duplicate()):
            return duplicate
        owner = binder.get_owner(self.request)
        rendering = entry_rendering(self.request)
        # A token is of one rendering for one visitor; the owner may be another after a login or logout.
        scope = "" if submission.has_token else owner
        task_id = submission.key(f"task of {scope}", rendering)
        keys = submission.keys(scope, rendering)
        try:
            return self._hold(lock_new(self.store, task_id, owner), task_id, submission, keys)
        except StateExists:
            return self._hold(lock_settled(self.store, task_id, self.request), task_id, submission, keys)

    def _hold(
        self, holding: AbstractContextManager[Hold], task_id: str, submission: Submission, keys: list[str] | None
    ) -> HttpResponseBase:
        """Answer a submission while its task is held. What failed after a commit is raised when that is noted."""
        try:
            with holding as hold:
                response = self._answer_held(hold, task_id, submission, keys)
        except StateNotFound:
            if duplicate := self.change.answer_duplicate():
                return duplicate
            raise
        except StoreConflict:
            if not (self.guarantees and self.guarantees.let_go):
                raise
            # Between two parts of the submission its duplicate came in, and went on with it.
            return self._hold(lock_settled(self.store, task_id, self.request), task_id, submission, keys)
        if hold.failures:
            self.snapshot.keep()
            raise hold.failures[0]
        return response

    def _answer_held(
        self, hold: Hold, task_id: str, submission: Submission, keys: list[str] | None
    ) -> HttpResponseBase:
        """Execute a submission, unless it was executed before."""
        task = self.opening.open(task_id, hold.record) if hold.record else self.opening.begin(task_id)
        if task.claim:
            return pages.being_finished(self.request, self.position)
        keys = keys or submission.keys(task_id, 0 if task.ended else task.rendering(self.position.name))
        earlier = None if task.ended else next(filter(None, map(task.result_of, keys)), None)
        if not task.ended and not (earlier and "errors" not in earlier):
            if task.resume_at(self.position.name) and (duplicate := self.change.answer_duplicate()):
                return duplicate  # what it came with was ended half way, and is not who goes on
            return self._execute(task, hold, submission, keys[0], earlier)
        response = self._replay(self._execution(task), earlier) if earlier else self._show_end(task)
        self.change.attach_session_cookie(response)
        return response

    def _execute(
        self, task: Task, hold: Hold, submission: Submission, key: str, earlier: dict[str, Any] | None
    ) -> HttpResponseBase:
        guarantees = self.guarantees = Guarantees(
            self.store, self.request, self.position, key, hold, self.change, self.snapshot
        )
        execution = self._execution(task, submission_key=key, on_effects=guarantees.begin)
        execution.refusal = earlier and earlier["errors"]
        with guarantees.transaction:
            result = execution.run()
            response = self._answer(execution, result)
            executed = not result.misled and self._note(execution, result, response, submission)
            # In here, where the effects can still be undone if there is something that cannot be kept.
            kept = task.changed or hold.is_idle if task.born else executed or execution.linked
            data = guarantees.settle(task) if kept else ""
        if executed:
            self.change.record_new_session(response.headers.get("Location") or url_in_task(self.request, task.id))
        if kept:
            guarantees.save(task, data)
        elif not task.born:
            # The page is shown again. Should it link to others, their task cannot have this submission's id.
            task.id = new_task_id()
            execution.on_link = self._bear(binder.get_owner(self.request))
        return response

    def _note(self, execution: Execution, result: Result, response: HttpResponseBase, submission: Submission) -> bool:
        """Put into the task what the submission came to. Returns whether it was executed."""
        task, name = execution.task, self.position.name
        url = response.headers.get("Location") if 300 <= response.status_code < 400 else None
        if result.acted:
            task.walk_to(name)
        is_executed = execution.completed or (result.acted and (execution.accepted or result.target or url))
        if not result.ended and not is_executed:
            if result.acted and task.born and task.changed and execution.refusal is None:
                # No submission, but what it changed, such as the number of tries, is changed once.
                task.record(str(execution.submission_key), {"errors": {}})
                if not submission.has_token:
                    task.spend(name)
            return False
        if not submission.has_token:
            task.spend(name)
            if get_task_id(self.request) is None:  # not by task.born: under a claim it is born before the action is run
                spend_entry(self.request)
        if result.ended:
            task.end(get_lasting_url(self.request, url) if url else execution.url_of(self.position))
            return True
        task.carry(_changed(execution.kwargs, self.kwargs))
        if result.target and result.acted:
            task.lead(name, result.target.name)
        task.record(str(execution.submission_key), execution.came_to(result, url))
        return True

    def _replay(self, execution: Execution, earlier: dict[str, Any]) -> HttpResponseBase:
        """Lead to where the same submission led when it was executed."""
        if "url" in earlier:
            return HttpResponseRedirect(earlier["url"])
        page = self.position.root.actions_by_name.get(earlier["position"]) or execution.where()
        return HttpResponseRedirect(execution.url_of(page or self.position))

    # Both

    def _execution(self, task: Task, **options: Any) -> Execution:
        # What setup() made of them.
        args, kwargs = getattr(self.action, "args", self.args), dict(getattr(self.action, "kwargs", self.kwargs))
        return Execution(self.request, self.position, task, self.links, args, kwargs, self.action, **options)

    def _answer(self, execution: Execution, result: Result) -> HttpResponseBase:
        """Make a response of a result."""
        if result.response is not None:
            return execution.hand_on(result.response)
        task = execution.task
        if result.target is None:
            url = task.on_complete_url or execution.url_of(self.position)
        elif result.misled and not task.born:
            if self.position not in (self.position.root, next(self.position.root.actions())):
                raise StateNotFound(f"'{self.position}' is no entry point.")
            url = execution.links.url(result.target, self.kwargs, dict(self.request.GET.lists()))
        else:
            url = execution.url_of(result.target)
        return execution.hand_on(HttpResponseRedirect(url))

    def _show_end(self, task: Task) -> HttpResponseBase:
        """Lead to where an ended task led; that may be the page that says it is done."""
        # A URL of this very task, of whichever page, would lead here again.
        leads_here = parse_qs(urlsplit(task.ended_at).query).get(config.TASK_ID_PARAM) == [task.id]
        if leads_here and self.request.method in SAFE_METHODS:
            return pages.done(self.request, self.position)
        return HttpResponseRedirect(task.ended_at)


def _changed(kwargs: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name not in before or before[name] != value}
