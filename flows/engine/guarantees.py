"""What we promise for the effects of a component, and how one submission keeps these promises.

``"transaction"``: the effects and the task are committed together. ``"claim"``: a claim is committed before the
component runs; if its outcome is unknown, it is not run again. ``"retry"``: the task is saved after the effects; if
that fails, the effects may happen twice.

One submission may run components with different guarantees, such as a claimed payment and a ``complete()`` in a
transaction. Where the guarantee changes, what was done so far is committed, with the place where to go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from .. import binder
from ..config import config
from ..exceptions import NotOwner, StoreUnavailable
from ..journey.links import url_in_task
from ..journey.task import Task
from ..serializing import documents
from ..statestore.base import CLAIMED, ENDED, OPEN, BaseStateStore, Hold, Record, shorten
from ..tree.component import Component
from ..tree.positions import Position
from .new_session import SessionChange
from .session_snapshot import SessionSnapshot
from .transactions import RequestsTransaction, get_exempt

T = TypeVar("T")

#: Seconds between two looks at a task that another request has claimed.
POLL = 0.02


def get_guarantee(component: type[Component], store: BaseStateStore) -> str:
    """Return the guarantee of a component in a store. Raises `ImproperlyConfigured` if the store cannot give it."""
    guarantee = component.guarantee or store.guarantees[0]
    if guarantee not in store.guarantees:
        given = " or ".join(f"'{name}'" for name in store.guarantees)
        raise ImproperlyConfigured(
            f"{component.__name__}.guarantee is '{guarantee}', which {type(store).__module__} cannot give. "
            f"Make it {given}, or keep the tasks in another state store."
        )
    return guarantee


class Guarantees:
    """The guarantees of the components that one submission runs."""

    def __init__(
        self,
        store: BaseStateStore,
        request: HttpRequest,
        position: Position,
        key: str,
        hold: Hold,
        change: SessionChange,
        snapshot: SessionSnapshot,
    ) -> None:
        self.store = store
        self.change = change
        self.snapshot = snapshot
        self.request = request
        self.position = position
        self.key = key
        self.hold = hold
        #: The transaction in the project's databases. That of the store belongs to its hold.
        self.transaction = RequestsTransaction(hold, exempt=get_exempt(position.component))
        #: Whether something runs, or ran, under a claim that is still in place.
        self.claimed = False

    @property
    def was_released(self) -> bool:
        """Whether the task was released for an instant, in which another request may have resumed the submission."""
        return self.hold.is_committed

    def begin(self, task: Task, place: Position) -> None:
        """Begin the guarantee of the component at ``place``, which is run next."""
        wanted = get_guarantee(place.component, self.store)
        if wanted != "claim" and not self.claimed:
            return
        task.set_pending(
            submission=self.key,
            position=self.position.key,
            place=place.key,
            url=url_in_task(self.request, task.id),
            is_claimed=wanted == "claim",
        )
        self._commit_now(task)
        self.claimed = wanted == "claim"

    def serialize(self, task: Task) -> str:
        """Return the text of the task, to be saved at the end of the submission. Drops the claim."""
        self.transaction.check(self.position.name)
        task.release()
        return documents.to_text(task.to_dict())

    def save(self, task: Task, data: str) -> None:
        """Set what to save when the hold ends."""
        self.hold.save(binder.get_owner(self.request), data, ENDED if task.ended else OPEN)

    def _commit_now(self, task: Task) -> None:
        owner, data = binder.get_owner(self.request), documents.to_text(task.to_dict())
        task.is_stored = True
        self.transaction.check(self.position.name)
        self.transaction.commit()
        self.change.save()
        self.change.record_new_session(url_in_task(self.request, task.id))
        before, commit = self.hold.record, self.hold.claim if task.is_claimed else self.hold.commit
        try:
            commit(owner, data)
        finally:
            if self.hold.record is not before:  # also if another request changed the task after the commit
                self.snapshot.keep(is_claimed=task.is_claimed)
        if self.hold.failures:
            self._stop(task, owner)
        self.transaction.begin(for_effects=not task.is_claimed)

    def _stop(self, task: Task, owner: str) -> None:
        """Raise what failed after a commit, before anything more is run."""
        if task.is_claimed:
            task.release()
            self.hold.commit(owner, documents.to_text(task.to_dict()))
            self.snapshot.keep()
        raise self.hold.failures[0]


@contextmanager
def hold_stored(store: BaseStateStore, task_id: str, request: HttpRequest) -> Iterator[Hold]:
    """Hold a stored task. If another request has claimed it, wait for the end of the claim, up to ``FLOWS_LOCK_WAIT``.

    Other visitors wait too: while a login runs, its duplicate looks like one. But they are not told that the task is
    busy.
    """
    deadline = time.monotonic() + config.LOCK_WAIT
    with ExitStack() as admitted:
        _enter(admitted, store.admit(task_id), store, task_id, request)
        with ExitStack() as stack:
            hold = _enter(stack, store.lock(task_id), store, task_id, request)
            if not (hold.record and _is_in_progress(hold.record)):
                yield hold
                return
        while time.monotonic() < deadline and store.read(task_id).status == CLAIMED:
            time.sleep(POLL)
        with ExitStack() as stack:
            yield _enter(stack, store.lock(task_id), store, task_id, request)


def _enter(
    stack: ExitStack, holding: AbstractContextManager[T], store: BaseStateStore, task_id: str, request: HttpRequest
) -> T:
    try:
        return stack.enter_context(holding)
    except StoreUnavailable:
        if binder.is_owner(request, store.read(task_id).owner):
            raise
        raise NotOwner(f"The task {shorten(task_id)} is another visitor's, and busy.") from None


@contextmanager
def hold_new(store: BaseStateStore, task_id: str) -> Iterator[Hold]:
    """Hold an id under which nothing is stored. Whose it is is said when something is saved."""
    with store.admit(task_id), store.lock_new(task_id) as hold:
        yield hold


def _is_in_progress(record: Record) -> bool:
    """Return whether a task is claimed by a request that may still be running."""
    return record.status == CLAIMED and record.idle < config.LOCK_WAIT
