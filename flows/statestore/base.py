"""What a state store is: a module with a class ``StateStore``, a subclass of `BaseStateStore`."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from ..config import config
from ..exceptions import StateDamaged, StateExists, StateNotFound, StoreConflict, StoreUnavailable

__all__ = ["CLAIMED", "ENDED", "OPEN", "BaseStateStore", "Hold", "Record", "StateNotFound", "get_store"]

#: How many requests of one process are let to a task at one time: the one that is at work, and those that wait for it.
MOST_AT_A_TASK = 12

#: The status of a task: going on; an action of it is being executed outside of any transaction; at its end.
OPEN, CLAIMED, ENDED = "open", "claimed", "ended"

#: Seconds for which an id is good before anything is stored under it, and where a task led is known after its end.
DAY = 24 * 3600


@dataclass(frozen=True)
class Record:
    """What a store keeps of one task.

    ``owner`` is the hash of whose it is, ``data`` ASCII text, ``version`` counts the writes, ``idle`` is for how
    many seconds nobody has written or touched it. A task whose status is ``CLAIMED`` does not expire.
    """

    owner: str
    data: str
    version: int = 0
    idle: float = 0.0
    status: str = OPEN

    @property
    def is_idle(self) -> bool:
        """Whether it was not used for so long that its use is noted though nothing else is written."""
        return bool(self.idle > config.TASK_IDLE_TIMEOUT / 10)


class Hold:
    """A task that is held by one request: nobody else executes a submission of it meanwhile.

    ``commit`` keeps a record in the place of another at once, for stores that give the guarantee ``"claim"``. Where
    that lets the task go, ``anew`` holds it again, and raises `StoreConflict` if it is not what was kept any more.
    """

    def __init__(
        self,
        record: Record | None,
        commit: Callable[[Record | None, Record], None] | None = None,
        anew: Callable[[Record], None] | None = None,
    ) -> None:
        self.record = record
        self.saved: Record | None = None
        #: Whether something was kept for good, and nothing is claimed any more.
        self.settled = False
        #: What was raised after something was committed. The holder raises it when that is noted.
        self.failures: list[BaseException] = []
        #: The database in which the hold is a transaction, for stores that give the guarantee ``"transaction"``.
        self.alias: str | None = None
        self._commit = commit
        self._anew = anew

    @property
    def is_idle(self) -> bool:
        return self.record is not None and self.record.is_idle

    def save(self, owner: str, data: str, status: str = OPEN) -> None:
        """Say what to keep when the hold ends. Without this, what was there stays; what is new is not kept."""
        self.saved = self._next(owner, data, status)

    def claim(self, owner: str, data: str) -> None:
        """Keep this as claimed, now and for good. What follows is in no transaction of the store."""
        self._keep_now(self._next(owner, data, CLAIMED))
        self.settled = False

    def settle(self, owner: str, data: str) -> None:
        """Keep this now in the place of the claim, and hold the task anew.

        Raises `StoreConflict` if another request came in before it was kept, or after: then ``settled`` is true.
        """
        record = self._next(owner, data, OPEN)
        self._keep_now(record)
        self.settled = True
        if self._anew:
            self._anew(record)

    def _next(self, owner: str, data: str, status: str) -> Record:
        return Record(owner, data, self.record.version + 1 if self.record else 1, status=status)

    def _keep_now(self, record: Record) -> None:
        if self._commit is None:
            raise NotImplementedError("The state store cannot claim a task; its guarantees must not hold 'claim'.")
        self._commit(self.record, record)
        self.record = record


class BaseStateStore:
    """Keeps tasks. A store that implements `get_state` and `put_state` works.

    The other methods stand on those two and hold within one process only; a store that several processes share
    implements them too. Constructing a store does no I/O.
    """

    #: What the store can promise for the effects of an action, the default first: ``"transaction"`` (state and
    #: effects are committed together), ``"claim"`` (at most once) or ``"retry"`` (at least once after a crash,
    #: once otherwise).
    guarantees: ClassVar[tuple[str, ...]] = ("retry",)

    #: Whether the store keeps to ``FLOWS_MAX_TASKS_PER_OWNER``.
    limits_tasks: ClassVar[bool] = False

    _locks: WeakValueDictionary[str, _Lock]
    _guard: threading.Lock

    def __new__(cls, *args: Any, **kwargs: Any) -> BaseStateStore:
        store = super().__new__(cls)
        store._locks = WeakValueDictionary()
        store._guard = threading.Lock()
        return store

    # Must implement

    def get_state(self, task_id: str) -> dict[str, Any]:
        """Return what `put_state` was given last. Raises `StateNotFound`."""
        raise NotImplementedError(f"{type(self).__name__} must implement get_state(task_id).")

    def put_state(self, task_id: str, state: dict[str, Any]) -> None:
        """Keep a dict under an id. What the library puts there is flat, with str and numbers as values."""
        raise NotImplementedError(f"{type(self).__name__} must implement put_state(task_id, state).")

    # May implement

    def read(self, task_id: str) -> Record:
        """Return the record of a live task. Raises `StateNotFound`, `StateDamaged` or `StoreUnavailable`."""
        try:
            with _unavailable():
                state = self.get_state(task_id)
        except (KeyError, FileNotFoundError):
            state = {}
        if not state:
            raise StateNotFound(f"There is no task {shorten(task_id)}.")
        try:
            idle, status = time.time() - state["touched"], state.get("status", OPEN)
            record = Record(state["owner"], state["data"], state["version"], idle, status)
        except (KeyError, TypeError) as error:
            raise StateDamaged(f"What is kept of the task {shorten(task_id)} lacks {error}.") from error
        if record.idle >= get_life(status):
            raise StateNotFound(f"The task {shorten(task_id)} has expired.")
        return record

    @contextmanager
    def lock(self, task_id: str) -> Iterator[Hold]:
        """Hold a live task, read after all others have let it go, and keep what was saved when the hold ends.

        Raises `StateNotFound`, or `StoreUnavailable` when others held it for longer than ``FLOWS_LOCK_WAIT``.
        """
        with self._local_lock(task_id):
            hold = Hold(self.read(task_id))
            yield hold
            if hold.saved:
                self._write(task_id, hold.saved)

    @contextmanager
    def birth(self, task_id: str, owner: str) -> Iterator[Hold]:
        """Hold an id that is new, and keep what was saved under it when the hold ends.

        Of several requests at once one is let in; the others wait. Raises `StateExists` if there is a task, or
        `StoreUnavailable`.
        """
        with self._local_lock(task_id):
            try:
                self.read(task_id)
            except StateNotFound:
                hold = Hold(None)
                yield hold
                if hold.saved:
                    self._write(task_id, hold.saved)
                return
            raise StateExists(f"There already is a task {shorten(task_id)}.")

    def create(self, task_id: str, owner: str, data: str) -> None:
        """Keep a new task at once, under an id that nobody else can have. Raises `StoreConflict` if there is one."""
        with self.birth(task_id, owner) as hold:
            hold.save(owner, data)

    def update(self, task_id: str, record: Record) -> None:
        """Put ``record`` in the place of the one whose version it bears.

        Does not wait: raises `StoreUnavailable`, such as `StoreConflict`, if the task is held, or was written or
        removed since the record was read.
        """
        with self._local_lock(task_id, wait=0):
            try:
                now = self.read(task_id)
            except StateNotFound:
                now = None
            if now is None or now.version != record.version:
                raise StoreConflict(f"The task {shorten(task_id)} was changed by another request.")
            self._write(task_id, replace(record, version=record.version + 1))

    def touch(self, task_id: str, record: Record) -> None:
        """Begin the idle time of a task anew. Does not wait either."""
        self.update(task_id, record)

    def delete_expired(self, limit: int) -> int:
        """Remove up to ``limit`` expired tasks and return how many. A store that forgets by itself has none."""
        return 0

    def count_expired(self) -> int | None:
        """Return how many tasks `delete_expired` would remove in the end; None if the store cannot say."""
        return 0 if type(self).delete_expired is BaseStateStore.delete_expired else None

    def claimed(self) -> Iterator[tuple[str, Record]]:
        """Yield the ids and records of the tasks that are claimed, for a store that gives this guarantee."""
        return iter(())

    # Helpers

    @contextmanager
    def admit(self, task_id: str) -> Iterator[None]:
        """Let in a request that may have to wait for a task, such as for its `lock`.

        Raises `StoreUnavailable` at once where many of this process are there already: each that waits may keep a
        connection that other visitors need.
        """
        lock = self._get_lock(task_id)
        if not lock.places.acquire(blocking=False):
            raise StoreUnavailable(f"The task {shorten(task_id)} is busy with many other requests.")
        try:
            yield
        finally:
            lock.places.release()

    @contextmanager
    def _local_lock(self, task_id: str, wait: float | None = None) -> Iterator[None]:
        lock = self._get_lock(task_id)
        if not lock.acquire(timeout=config.LOCK_WAIT if wait is None else wait):
            raise StoreUnavailable(f"The task {shorten(task_id)} is busy with another request.")
        try:
            yield
        finally:
            lock.release()

    def _get_lock(self, task_id: str) -> _Lock:
        with self._guard:
            return self._locks.setdefault(task_id, _Lock())

    def _write(self, task_id: str, record: Record) -> None:
        state = {"owner": record.owner, "data": record.data, "version": record.version, "status": record.status}
        state["touched"] = time.time()
        with _unavailable():
            self.put_state(task_id, state)


@contextmanager
def _unavailable() -> Iterator[None]:
    """Turn what the system says of files and connections into `StoreUnavailable`."""
    try:
        yield
    except (FileNotFoundError, StoreUnavailable):
        raise
    except OSError as error:
        raise StoreUnavailable(f"The state store cannot be reached: {shorten_all(error)}") from error


class _Lock:
    """A lock that a weak dictionary can hold, and the places of those who may wait for it."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self.acquire, self.release = lock.acquire, lock.release
        self.places = threading.Semaphore(MOST_AT_A_TASK)


def get_life(status: str) -> float:
    """Return after how many idle seconds a task with a status has expired; one that is claimed does not."""
    if status == ENDED:
        return float(max(DAY, config.TASK_IDLE_TIMEOUT))
    return math.inf if status == CLAIMED else float(config.TASK_IDLE_TIMEOUT)


def shorten(task_id: str) -> str:
    """Return as much of an id as a log may hold."""
    return f"{task_id[:6]}…"


def shorten_all(error: Exception) -> str:
    """Return what an error says, with all ids in it shortened."""
    return re.sub(r"[0-9a-f]{32,}", lambda found: shorten(found[0]), str(error))


def get_store(path: str | None = None) -> BaseStateStore:
    """Return the one store of this process for a module path; the setting's by default."""
    with _opening:
        return _open_store(path or config.STATE_STORE)


_opening = threading.Lock()


@lru_cache
def _open_store(path: str) -> BaseStateStore:
    store: BaseStateStore = import_module(path).StateStore()
    return store
