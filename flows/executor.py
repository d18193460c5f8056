"""From a request to a response: find the task, hold it, run it, keep it or end it."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from . import binder, pages
from .components import FlowComponent
from .config import config
from .exceptions import NotOwner, StateDamaged, StateExists, StateNotFound, StoreConflict, StoreUnavailable
from .execution import SAFE_METHODS, Execution, Result
from .guarantees import Guarantees, hold_new, hold_stored
from .ids import get_age
from .links import Links, get_lasting_url, url_in_task
from .new_session import SessionChange
from .opening import Opening, is_shown
from .outcomes import get_redirect
from .positions import Position
from .sensitive import hide_fields
from .session_snapshot import SessionSnapshot
from .statestore import documents
from .statestore.base import BaseStateStore, Hold, Record
from .statestore.database_errors import translate_errors
from .submission import Submission
from .task import Task
from .transactions import RequestsTransaction, get_exempt

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
        self.opening = Opening(request, position, app_name, self.links)
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
            with translate_errors():
                self.action = self._set_up()
                response = self.show() if self.request.method in SAFE_METHODS else self.submit()
        except StateNotFound as error:
            logger.info("%s", error)
            response = self._tell_none()
        except (StateDamaged, StoreUnavailable) as error:
            response = self._answer_for(error)
        response = pages.guard(response, self._answer_for)
        return pages.make_private(pages.lead_by_get(self.request, response))

    def _tell_none(self) -> HttpResponseBase:
        """Say that there is no such task; that we are busy where it cannot be read who asks."""
        try:
            with translate_errors():
                # Asked as for a task that there is: where that reads the session, it may set or take away a cookie.
                binder.is_owner(self.request, "")
        except StoreUnavailable as error:
            return self._answer_for(error)
        return pages.no_such_task(self.request, self.position)

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
        task_id = self.opening.get_id()
        if task_id is None and self.request.method in ("GET", "HEAD"):
            return HttpResponseRedirect(self.opening.get_url_with_id())
        task, record = self._find(task_id)
        if task.ended:
            return self._show_end(task)
        if task.claim:
            return pages.being_finished(self.request, self.position)
        execution = self._execution(task)
        result, response = self._run(execution)
        if is_shown(self.request, response):
            self._note_shown(task, record, result)
        if record and not self._keep_seen(task, record) and result.target and not result.misled:
            raise StoreUnavailable("What leads on from here could not be noted.")
        return response

    def _note_shown(self, task: Task, record: Record | None, result: Result) -> None:
        if result.acted:
            task.walk_to(self.position.name)
            task.show(self.position.name)
        if record is None:
            binder.get_owner(self.request)  # now, so that a doubled first POST has one owner

    def _find(self, task_id: str | None) -> tuple[Task, Record | None]:
        """Return the task under an id and its record; a new task without one where nothing is stored."""
        try:
            record = self.store.read(task_id) if task_id else None
        except StateNotFound:
            record = None
        if task_id is None or record is None:
            return self.opening.begin(task_id), None
        return self.opening.open(task_id, record), record

    def _run(self, execution: Execution) -> tuple[Result, HttpResponseBase]:
        with RequestsTransaction(exempt=get_exempt(self.position.component)):
            result = execution.run()
            return result, self._answer(execution, result)

    def _keep_seen(self, task: Task, record: Record) -> bool:
        """Write what looking at a page changed. Returns False if another request is at the task, and goes before."""
        if self.request.method == "GET":
            try:
                if task.changed:
                    data = documents.to_text(task.to_dict())
                    # Not for who had it before a login: what is kept here may be said of the user.
                    self.store.update(task.id, Record(binder.get_owner(self.request), data, record.version))
                elif record.is_idle:
                    self.store.touch(task.id, record)
            except StoreUnavailable:
                return False
        return True

    # POST

    def submit(self) -> HttpResponseBase:
        binder.read_session(self.request)  # before any transaction of ours
        self.snapshot.keep()
        task_id = self.opening.get_id()
        submission = Submission(self.request, self.position)
        # Not by the rendering of a body without a token: a session ends with one submission, whichever that was.
        same = submission.key(f"word of {task_id}", 0)
        self.change = SessionChange(self.store, self.request, same, has_token=submission.has_token)
        with self.snapshot.undone_on_failure():
            return self._hold(task_id or self.opening.make_id(submission), submission)

    def _hold(self, task_id: str, submission: Submission) -> HttpResponseBase:
        """Answer a submission while its task is held. What failed after a commit is raised when that is noted."""
        hold: Hold | None = None
        try:
            with ExitStack() as stack:
                hold = self._enter(stack, task_id)
                response = self._answer_held(hold, task_id, submission)
        except StateNotFound:
            if duplicate := self.change.answer_duplicate():
                return duplicate
            raise
        except StoreConflict:
            if not (self.guarantees and self.guarantees.was_released):
                raise
            # Between two parts of the submission its duplicate came in, and went on with it.
            return self._hold(task_id, submission)
        except BaseException:
            if hold and hold.is_stored:
                self._keep_session()
            raise
        if hold.failures:
            self._keep_session()
            raise hold.failures[0]
        return response

    def _keep_session(self) -> None:
        """Keep what the session is now, as the task is stored."""
        self.change.save()  # the answer may be a failure, for which Django saves nothing
        self.snapshot.keep()

    def _enter(self, stack: ExitStack, task_id: str) -> Hold:
        """Hold a task, or the id where nothing is stored under it."""
        try:
            return stack.enter_context(hold_stored(self.store, task_id, self.request))
        except NotOwner:
            raise
        except StateNotFound:
            get_age(task_id)  # an id that is too old begins nothing
        try:
            return stack.enter_context(hold_new(self.store, task_id))
        except StateExists:
            return stack.enter_context(hold_stored(self.store, task_id, self.request))

    def _answer_held(self, hold: Hold, task_id: str, submission: Submission) -> HttpResponseBase:
        """Execute a submission, unless it was executed before."""
        task = self.opening.open(task_id, hold.record) if hold.record else self.opening.begin(task_id)
        if task.claim:
            return pages.being_finished(self.request, self.position)
        keys = submission.keys(task_id, 0 if task.ended else task.rendering(self.position.name))
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
            kept = task.changed or hold.is_idle if task.born else executed
            data = guarantees.serialize(task) if kept else ""
        if executed:
            self.change.record_new_session(response.headers.get("Location") or url_in_task(self.request, task.id))
        if kept:
            guarantees.save(task, data)
        return response

    def _note(self, execution: Execution, result: Result, response: HttpResponseBase, submission: Submission) -> bool:
        """Put into the task what the submission came to. Returns whether it was executed."""
        task, name = execution.task, self.position.name
        url = get_redirect(response)
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
        if result.ended:
            task.end(get_lasting_url(self.request, url) if url else execution.url_of(self.position))
            return True
        # What is no argument of a route is the view's own, such as what its setup() put there.
        known = self.kwargs.keys() | self.position.root.all_parameters
        task.carry({name: value for name, value in _changed(execution.kwargs, self.kwargs).items() if name in known})
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
            # What the link into the flow said is for the page that it leads to.
            url = execution.url_of(result.target, dict(self.request.GET.lists()))
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
