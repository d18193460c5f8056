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

#: How many requests of one process may be at a task at one time: the one that holds it, and those that wait.
MOST_AT_A_TASK = 12

#: The status of a task: it goes on; a component of it is run outside of any transaction; it has ended.
OPEN, CLAIMED, ENDED = "open", "claimed", "ended"

#: Seconds for which an id is good before anything is stored under it, and where a task led is known after its end.
DAY = 24 * 3600


@dataclass(frozen=True)
class Record:
    """What a store keeps of one task.

    ``owner`` is the hash of its visitor, ``data`` is ASCII text, ``version`` counts the writes, and ``idle`` is the
    seconds since it was last written or touched. A task with the status ``CLAIMED`` does not expire.
    """

    owner: str
    data: str
    version: int = 0
    idle: float = 0.0
    status: str = OPEN

    @property
    def is_idle(self) -> bool:
        """Whether a use must be recorded, even if nothing else is written: a tenth of the idle timeout is over."""
        return bool(self.idle > config.TASK_IDLE_TIMEOUT / 10)


class Hold:
    """A task that one request holds: no other request executes a submission of it at the same time.

    A store that gives the guarantee ``"claim"`` passes ``write``, which replaces one record with another and commits
    that at once. If this also releases the task, the store passes ``reacquire``, which locks the task again. It raises
    `StoreConflict` if the record is no longer the one that was written.
    """

    def __init__(
        self,
        record: Record | None,
        write: Callable[[Record | None, Record], None] | None = None,
        reacquire: Callable[[Record], None] | None = None,
    ) -> None:
        self.record = record
        self.saved: Record | None = None
        #: Whether ``saved`` is stored for good. The store says so, for what may fail after that.
        self.is_stored = False
        #: Whether `commit` was called, and `claim` not after it.
        self.is_committed = False
        #: Exceptions that were raised after a commit. The holder raises the first once the commit is recorded.
        self.failures: list[BaseException] = []
        #: The database in which the hold is a transaction, for stores that give the guarantee ``"transaction"``.
        self.alias: str | None = None
        self._write = write
        self._reacquire = reacquire

    @property
    def is_idle(self) -> bool:
        return self.record is not None and self.record.is_idle

    def save(self, owner: str, data: str, status: str = OPEN) -> None:
        """Set the record to write when the hold ends.

        Without this a stored task stays as it is, and a new one is not stored.
        """
        self.saved = self._next(owner, data, status)

    def claim(self, owner: str, data: str) -> None:
        """Commit a claimed record at once. What follows is not in a transaction of the store."""
        self._commit_now(self._next(owner, data, CLAIMED))
        self.is_committed = False

    def commit(self, owner: str, data: str) -> None:
        """Commit an open record at once, in the place of a claim, and go on holding the task.

        Raises `StoreConflict` if another request changed the task, before the commit or after it. ``is_committed``
        tells which: it is true after the commit.
        """
        record = self._next(owner, data, OPEN)
        self._commit_now(record)
        self.is_committed = True
        if self._reacquire:
            self._reacquire(record)

    def _next(self, owner: str, data: str, status: str) -> Record:
        return Record(owner, data, self.record.version + 1 if self.record else 1, status=status)

    def _commit_now(self, record: Record) -> None:
        if self._write is None:
            raise NotImplementedError("The state store cannot claim a task; its guarantees must not hold 'claim'.")
        self._write(self.record, record)
        self.record = record


class BaseStateStore:
    """Keeps tasks. A store that implements `get_state` and `put_state` works.

    The other methods use those two, and are safe within one process only. A store that several processes share
    overrides them. Constructing a store does no I/O.
    """

    #: What the store can promise for the effects of an action, the default first: ``"transaction"`` (state and
    #: effects are committed together), ``"claim"`` (at most once) or ``"retry"`` (at least once after a crash,
    #: once otherwise).
    guarantees: ClassVar[tuple[str, ...]] = ("retry",)

    #: Whether the store enforces ``FLOWS_MAX_TASKS_PER_OWNER``.
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
        """Store a dict under an id. The library's dicts are flat, with text and numbers as values."""
        raise NotImplementedError(f"{type(self).__name__} must implement put_state(task_id, state).")

    # May implement

    def read(self, task_id: str) -> Record:
        """Return the record of a live task. Raises `StateNotFound`, `StateDamaged` or `StoreUnavailable`."""
        try:
            with _translate_errors():
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
        """Hold a live task, read once no other request holds it. Write what was saved when the hold ends.

        Raises `StateNotFound`, or `StoreUnavailable` if others hold it for longer than ``FLOWS_LOCK_WAIT``.
        """
        with self._local_lock(task_id):
            hold = Hold(self.read(task_id))
            yield hold
            self._write_saved(task_id, hold)

    @contextmanager
    def lock_new(self, task_id: str) -> Iterator[Hold]:
        """Hold an id that nothing is stored under. Store what was saved when the hold ends.

        Of several requests at once one holds the id, and the others wait. Raises `StateExists` if there is a task, or
        `StoreUnavailable`.
        """
        with self._local_lock(task_id):
            try:
                self.read(task_id)
            except StateNotFound:
                hold = Hold(None)
                yield hold
                self._write_saved(task_id, hold)
                return
            raise StateExists(f"There already is a task {shorten(task_id)}.")

    def create(self, task_id: str, owner: str, data: str) -> None:
        """Store a new task at once, under an id that no other request has. Raises `StoreConflict` if there is one."""
        with self.lock_new(task_id) as hold:
            hold.save(owner, data)

    def update(self, task_id: str, record: Record) -> None:
        """Replace the stored record that has the version of ``record``.

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
        """Restart the idle time of a task. Does not wait either."""
        self.update(task_id, record)

    def delete_expired(self, limit: int) -> int:
        """Remove up to ``limit`` expired tasks and return how many. A store whose server removes them has none."""
        return 0

    def count_expired(self) -> int | None:
        """Return how many tasks `delete_expired` would remove in the end; None if the store cannot say."""
        return 0 if type(self).delete_expired is BaseStateStore.delete_expired else None

    def claimed(self) -> Iterator[tuple[str, Record]]:
        """Yield the id and the record of each claimed task, in a store that gives the guarantee ``"claim"``."""
        return iter(())

    # Helpers

    @contextmanager
    def admit(self, task_id: str) -> Iterator[None]:
        """Admit a request that may have to wait for a task, such as in `lock`.

        Raises `StoreUnavailable` at once if many requests of this process are at the task already: each one that waits
        may keep a connection that other visitors need.
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

    def _write_saved(self, task_id: str, hold: Hold) -> None:
        if hold.saved:
            self._write(task_id, hold.saved)
            hold.is_stored = True

    def _write(self, task_id: str, record: Record) -> None:
        state = {"owner": record.owner, "data": record.data, "version": record.version, "status": record.status}
        state["touched"] = time.time()
        with _translate_errors():
            self.put_state(task_id, state)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise `StoreUnavailable` for errors of files and connections."""
    try:
        yield
    except (FileNotFoundError, StoreUnavailable):
        raise
    except OSError as error:
        raise StoreUnavailable(f"The state store cannot be reached: {shorten_all(error)}") from error


class _Lock:
    """A lock that a weak dictionary can hold, with a place for each request that may wait for it."""

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
    """Return the part of an id that a log may show."""
    return f"{task_id[:6]}…"


def shorten_all(error: Exception) -> str:
    """Return the message of an error, with all ids in it shortened."""
    return re.sub(r"[0-9a-f]{32,}", lambda found: shorten(found[0]), str(error))


def get_store(path: str | None = None) -> BaseStateStore:
    """Return the store of this process for a module path, by default that of ``FLOWS_STATE_STORE``."""
    with _opening:
        return _open_store(path or config.STATE_STORE)


_opening = threading.Lock()


@lru_cache
def _open_store(path: str) -> BaseStateStore:
    store: BaseStateStore = import_module(path).StateStore()
    return store
