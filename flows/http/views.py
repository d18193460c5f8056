"""From a request to a response: ``get`` shows a page, ``post`` executes a submission once."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from .. import binder
from ..config import config
from ..engine.guarantees import hold_new, hold_stored
from ..engine.new_session import SessionChange
from ..engine.results import Closed, Ended, LedOn, Result
from ..engine.run import Run
from ..engine.sensitive import hide_fields
from ..engine.submission import Submission
from ..engine.transactions import RequestsTransaction, get_exempt
from ..engine.visit import SAFE_METHODS, Visit
from ..exceptions import NotOwner, StateDamaged, StateExists, StateNotFound, StoreConflict, StoreUnavailable
from ..journey.links import get_lasting_url, get_query, url_in_task
from ..journey.task import Task
from ..serializing import documents
from ..statestore.base import BaseStateStore, Hold, Record
from ..statestore.database import translate_errors
from ..tree.outcomes import Done, get_redirect
from ..tree.positions import Position
from . import pages
from .ids import get_age
from .opening import Opening, is_shown

logger = logging.getLogger("flows")


def respond(
    store: BaseStateStore,
    app_name: str,
    request: HttpRequest,
    position: Position,
    rest: str | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> HttpResponseBase:
    """Answer a request. ``rest`` is what its path has below the flow where that is no page of it.

    Exceptions that are not ours go up, to the project's middleware and handlers.
    """
    if rest is not None and config.TASK_ID_PARAM not in request.GET:
        raise Http404(f"'{rest}' is no page of the flow '{position.root.name}'.")
    hide_fields(request)
    opening = Opening(store, app_name, request, position, *args, **kwargs)

    def answer(error: Exception) -> HttpResponseBase:
        return _answer_for(error, opening)

    try:
        with translate_errors():
            opening.set_up()
            response = get(opening) if request.method in SAFE_METHODS else post(opening)
    except (StateNotFound, StateDamaged, StoreUnavailable) as error:
        response = answer(error)
    return pages.make_private(pages.lead_by_get(request, pages.guard(response, answer)))


def get(opening: Opening) -> HttpResponseBase:
    """Show a page, or lead to where the visitor is. Writes what looking at it changed."""
    request, position, task_id = opening.request, opening.position, opening.get_id()
    if task_id is None and request.method in ("GET", "HEAD"):
        return HttpResponseRedirect(opening.get_url_with_id())
    task, record = opening.find(task_id)
    if task.ended:
        return _show_end(request, position, task)
    if task.is_claimed:
        return pages.being_finished(request, position)
    visit = opening.visit(task)
    run = Run(visit)
    with RequestsTransaction(exempt=get_exempt(position.component)):
        result = run.run()
        response = _make_response(visit, run, result)
    if is_shown(request, response.status_code):
        if run.has_acted:
            visit.mark_shown()
        if record is None:
            binder.get_owner(request)  # now, so that a doubled first POST has one owner
    if record and not _keep_seen(opening, task, record) and isinstance(result, LedOn):
        raise StoreUnavailable("What leads on from here could not be noted.")
    return response


def post(opening: Opening) -> HttpResponseBase:
    """Execute a submission while its task is held, unless it was executed before."""
    request, store = opening.request, opening.store
    binder.read_session(request)  # before any transaction of ours
    opening.snapshot.keep()
    task_id, submission = opening.get_id(), Submission(request, opening.position)
    # Not by the rendering of a body without a token: a session ends with one submission, whichever that was.
    same = submission.key(f"word of {task_id}", 0)
    change = SessionChange(store, request, same, has_token=submission.has_token)
    task_id, hold = task_id or opening.make_id(submission), None
    with opening.snapshot.undone_on_failure():
        try:
            with ExitStack() as stack:
                hold = _hold(stack, store, task_id, request)
                response = _answer_held(opening, hold, task_id, submission, change)
        except StateNotFound:
            if duplicate := change.answer_duplicate():
                return duplicate
            raise
        except StoreConflict:
            if opening.guarantees and opening.guarantees.was_released:
                return post(opening)  # its duplicate came in between two parts of it, and went on with it
            raise
        except BaseException:
            if hold and hold.is_stored:
                _keep_session(opening, change)
            raise
        if hold.failures:
            _keep_session(opening, change)
            raise hold.failures[0]  # what failed after the commit
        return response


def _hold(stack: ExitStack, store: BaseStateStore, task_id: str, request: HttpRequest) -> Hold:
    """Hold a task, or the id where nothing is stored under it."""
    try:
        return stack.enter_context(hold_stored(store, task_id, request))
    except NotOwner:
        raise
    except StateNotFound:
        get_age(task_id)  # an id that is too old begins nothing
    try:
        return stack.enter_context(hold_new(store, task_id))
    except StateExists:
        return stack.enter_context(hold_stored(store, task_id, request))


def _answer_held(
    opening: Opening, hold: Hold, task_id: str, submission: Submission, change: SessionChange
) -> HttpResponseBase:
    """Execute a submission, unless it was executed before: then lead to where it led."""
    request, position = opening.request, opening.position
    task = opening.open(task_id, hold.record)
    if task.is_claimed:
        return pages.being_finished(request, position)
    if task.ended:
        response = _show_end(request, position, task)
        change.attach_session_cookie(response)
        return response
    keys = submission.keys(task_id, task.render_count(position.key))
    earlier = next(filter(None, map(task.result_of, keys)), None)
    if earlier and "errors" not in earlier:
        response = HttpResponseRedirect(_get_led_to(opening.visit(task), earlier))
        change.attach_session_cookie(response)
        return response
    is_pending = task.pending and task.pending["position"] == position.key
    if is_pending and (duplicate := change.answer_duplicate()):
        return duplicate  # what it came with was ended half way, and is not who goes on
    return _execute(opening, task, hold, submission, keys[0], earlier and earlier["errors"], change)


def _execute(
    opening: Opening,
    task: Task,
    hold: Hold,
    submission: Submission,
    key: str,
    errors: Any,
    change: SessionChange,
) -> HttpResponseBase:
    guarantees = opening.guarantee(key, hold, change)
    visit = opening.visit(task, key, errors, guarantees.begin)
    run = Run(visit)
    with guarantees.transaction:
        result = run.run()
        response = _make_response(visit, run, result)
        was_executed = _note(opening, run, result, response, submission)
        # In here, where the effects can still be undone if there is something that cannot be kept.
        is_kept = task.changed or hold.is_idle if task.is_stored else was_executed
        data = guarantees.serialize(task) if is_kept else ""
    if was_executed:
        change.record_new_session(response.headers.get("Location") or url_in_task(opening.request, task.id))
    if is_kept:
        guarantees.save(task, data)
    return response


def _note(opening: Opening, run: Run, result: Result, response: HttpResponseBase, submission: Submission) -> bool:
    """Put into the task what the submission came to. Returns whether it was executed."""
    task, visit, key = run.task, run.visit, str(run.visit.submission_key)
    url = get_redirect(response)
    is_executed = _is_executed(run, result, url)
    # A form that was refused is no submission, but what it changed, such as the number of tries, is changed once.
    is_noted = is_executed or (run.has_acted and task.is_stored and task.changed and visit.earlier_errors is None)
    if isinstance(result, Ended):
        shown = result.response.to_dict() if isinstance(result.response, Done) else None
        task.end(get_lasting_url(opening.request, url) if url else visit.url_of(run.position), shown)
    elif is_noted:
        if not submission.has_token:
            task.mark_submitted(run.position.key)
        if is_executed:
            opening.merge_kwargs(visit)
            task.keep_query(run.position.key, get_query(opening.request))
        task.record(key, _get_record(visit, result, url) if is_executed else {"errors": {}})
    return is_executed


def _is_executed(run: Run, result: Result, url: str | None) -> bool:
    """Return whether a submission did what it was for."""
    if isinstance(result, Closed):
        return False
    if run.has_completed or run.has_resumed or isinstance(result, Ended):
        return True
    return run.has_acted and (run.visit.has_answers or isinstance(result, LedOn) or bool(url))


def _get_record(visit: Visit, result: Result, url: str | None) -> dict[str, Any]:
    """Return what to lead a duplicate of a submission to."""
    if visit.new_errors:
        return {"errors": visit.new_errors}
    if isinstance(result, LedOn):
        return {"position": result.page.key}
    return {"url": url} if url else {"position": visit.position.key}


def _get_led_to(visit: Visit, earlier: dict[str, Any]) -> str:
    """Return where the same submission led when it was executed."""
    if "url" in earlier:
        return str(earlier["url"])
    if earlier["position"] not in visit.position.root.places_by_key:
        visit.find_route()
    page = visit.position.root.places_by_key.get(earlier["position"]) or visit.get_page()
    return visit.url_of(page or visit.position)


def _keep_session(opening: Opening, change: SessionChange) -> None:
    """Keep what the session is now, as the task is stored."""
    change.save()  # the answer may be a failure, for which Django saves nothing
    opening.snapshot.keep()


def _keep_seen(opening: Opening, task: Task, record: Record) -> bool:
    """Write what looking at a page changed. Returns False if another request is at the task, and goes before."""
    if opening.request.method == "GET":
        try:
            if task.changed:
                data = documents.to_text(task.to_dict())
                # Not for who had it before a login: what is kept here may be said of the user.
                owner = binder.get_owner(opening.request)
                opening.store.update(task.id, Record(owner, data, record.version))
            elif record.is_idle:
                opening.store.touch(task.id, record)
        except StoreUnavailable:
            return False
    return True


def _make_response(visit: Visit, run: Run, result: Result) -> HttpResponseBase:
    """Make a response of a result."""
    task, page = visit.task, visit.position
    if isinstance(result, Closed):
        # What the link into the flow said is for the page that it leads to.
        query = None if task.is_stored else dict(visit.request.GET.lists())
        return HttpResponseRedirect(visit.url_of(result.page, query))
    if isinstance(result, LedOn):
        return run.copy_headers_to(HttpResponseRedirect(visit.url_of(result.page, result.query)))
    if result.response is None or isinstance(result.response, Done):
        url = task.on_complete_url if result.response is None else None
        return run.copy_headers_to(HttpResponseRedirect(url or visit.url_of(page)))
    return run.copy_headers_to(result.response)


def _show_end(request: HttpRequest, position: Position, task: Task) -> HttpResponseBase:
    """Lead to where an ended task led; that may be the page that says it is done."""
    # A URL of this very task, of whichever page, would lead here again.
    leads_here = parse_qs(urlsplit(task.ended_at).query).get(config.TASK_ID_PARAM) == [task.id]
    if leads_here and request.method in SAFE_METHODS:
        return pages.done(request, position, task.end_page)
    return HttpResponseRedirect(task.ended_at)


def _answer_for(error: Exception, opening: Opening) -> HttpResponseBase:
    """Return the page for what went wrong with a task, or with the store."""
    request, position = opening.request, opening.position
    if isinstance(error, StateNotFound):
        logger.info("%s", error)
        try:
            with translate_errors():
                # Asked as for a task that there is: where that reads the session, it may set or take away a cookie.
                binder.is_owner(request, "")
        except StoreUnavailable as unavailable:
            return _answer_for(unavailable, opening)
        return pages.no_such_task(request, position)
    if isinstance(error, StateDamaged):
        logger.error("A stored task cannot be read; its visitor is told that there is none.", exc_info=error)
        return pages.no_such_task(request, position)
    opening.snapshot.put_back()
    if opening.guarantees and opening.guarantees.claimed:
        return pages.being_finished(request, position)
    return pages.busy(request, position)
