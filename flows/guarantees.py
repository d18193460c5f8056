"""What is promised for the effects of a component, and how a submission keeps to it.

``"transaction"``: the effects and the task are committed together. ``"claim"``: that the component is going to be run
is committed before it is; if its end is never heard of, nobody runs it again. ``"retry"``: the task is kept after the
effects; if that fails, they may come twice.

One submission may run components of different guarantees, such as a claimed payment and a ``complete()`` that
is to be in a transaction. Where the guarantee changes, what was done so far is kept, with where to go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from . import binder
from .components import FlowComponent
from .config import config
from .exceptions import NotOwner, StoreUnavailable
from .links import url_in_task
from .positions import Position
from .session_snapshot import SessionSnapshot
from .sessions import SessionChange
from .statestore import documents
from .statestore.base import CLAIMED, ENDED, OPEN, BaseStateStore, Hold, Record, shorten
from .task import Task
from .transactions import RequestsTransaction

T = TypeVar("T")

#: Seconds between two looks at a task that another request has claimed.
POLL = 0.02


def get_guarantee(component: type[FlowComponent], store: BaseStateStore) -> str:
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
    """Keeps one submission to the guarantees of the components that it runs."""

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
        #: The transaction of the project's databases; those of the store are its hold's.
        self.transaction = RequestsTransaction(hold)
        #: Whether something runs, or ran, under a claim that is not settled yet.
        self.claimed = False

    @property
    def let_go(self) -> bool:
        """Whether the task was let go for an instant, so that another request may have gone on with the submission."""
        return self.hold.settled

    def begin(self, task: Task, place: Position) -> None:
        """See to the guarantee of the component at ``place``, which is about to be run."""
        wanted = get_guarantee(place.component, self.store)
        if wanted != "claim" and not self.claimed:
            return
        if place is not self.position:
            task.do_half(self.position.name, place.name, self.key)
        if wanted == "claim":
            url = url_in_task(self.request, task.id)
            task.make_claim(submission=self.key, position=self.position.name, place=place.name, url=url)
        else:
            task.drop_claim()
        self._keep_now(task)
        self.claimed = wanted == "claim"

    def settle(self, task: Task) -> str:
        """Return the text of the task at the end of the submission, when nothing is claimed any more."""
        self.transaction.check(self.position.name)
        task.drop_claim()
        return documents.to_text(task.to_dict())

    def save(self, task: Task, data: str) -> None:
        """Say what to keep when the hold ends."""
        self.hold.save(binder.get_owner(self.request), data, ENDED if task.ended else OPEN)

    def _keep_now(self, task: Task) -> None:
        owner, data = binder.get_owner(self.request), documents.to_text(task.to_dict())
        task.born = True
        self.transaction.check(self.position.name)
        self.transaction.commit()
        self.change.save()
        self.change.record_new_session(url_in_task(self.request, task.id))
        before, keep = self.hold.record, self.hold.claim if task.claim else self.hold.settle
        try:
            keep(owner, data)
        finally:
            if self.hold.record is not before:  # also where another request came in after it was kept
                self.snapshot.keep(is_claimed=bool(task.claim))
        if self.hold.failures:
            self._stop(task, owner)
        self.transaction.begin(for_effects=not task.claim)

    def _stop(self, task: Task, owner: str) -> None:
        """Raise what failed after a commit, before anything more is run."""
        if task.claim:
            task.drop_claim()
            self.hold.settle(owner, documents.to_text(task.to_dict()))
            self.snapshot.keep()
        raise self.hold.failures[0]


@contextmanager
def lock_settled(store: BaseStateStore, task_id: str, request: HttpRequest) -> Iterator[Hold]:
    """Hold a task, after what another request has claimed is settled; if that takes too long, as it is.

    Strangers wait too: while a login is at work, its twin is one. But they are not told that the task is busy.
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
def lock_new(store: BaseStateStore, task_id: str) -> Iterator[Hold]:
    """Hold an id under which nothing is stored. Whose it is is said when something is saved."""
    with store.admit(task_id), store.birth(task_id, "") as hold:
        yield hold


def _is_in_progress(record: Record) -> bool:
    """Return whether a task is claimed, and by a request that may still be at work."""
    return record.status == CLAIMED and record.idle < config.LOCK_WAIT
