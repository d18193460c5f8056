"""What a state store is: a module with a class ``StateStore``, a subclass of `BaseStateStore`."""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from ..config import config
from ..exceptions import StateDamaged, StateExists, StateNotFound, StoreConflict, StoreUnavailable
from ..serializing import codec

__all__ = ["CLAIMED", "ENDED", "OPEN", "BaseStateStore", "Hold", "Record", "StateNotFound", "get_store"]

logger = logging.getLogger("flows.statestore")

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


@dataclass(eq=False)
class Hold:
    """A task that one request holds: no other request executes a submission of it at the same time.

    A store that gives the guarantee ``"claim"`` passes ``write``, which replaces one record with another and commits
    that at once. If this also releases the task, the store passes ``reacquire``, which locks the task again. It raises
    `StoreConflict` if the record is no longer the one that was written.
    """

    record: Record | None
    write: Callable[[Record | None, Record], None] | None = None
    reacquire: Callable[[Any], None] | None = None
    #: Exceptions that were raised after a commit. The holder raises the first once the commit is recorded.
    failures: list[BaseException] = field(default_factory=list)
    #: The database in which the hold is a transaction, for stores that give the guarantee ``"transaction"``.
    alias: str | None = None
    saved: Record | None = None
    #: Whether ``saved`` is stored for good. The store says so, for what may fail after that.
    is_stored: bool = False
    #: Whether `commit` was called, and `claim` not after it.
    is_committed: bool = False

    @property
    def is_idle(self) -> bool:
        return self.record is not None and self.record.is_idle

    def save(self, owner: str, data: str, status: str = OPEN) -> None:
        """Set the record to write when the hold ends. Without this nothing changes, and a new task is not stored."""
        self.saved = self._next(owner, data, status)

    def claim(self, owner: str, data: str) -> None:
        """Commit a claimed record at once. What follows is not in a transaction of the store."""
        self._write_now(owner, data, CLAIMED)

    def commit(self, owner: str, data: str) -> None:
        """Commit an open record at once, in the place of a claim, and go on holding the task.

        Raises `StoreConflict` if another request changed the task, before the commit or after it. ``is_committed``
        tells which: it is true after the commit.
        """
        self._write_now(owner, data, OPEN)
        if self.reacquire:
            self.reacquire(self.record)

    def _write_now(self, owner: str, data: str, status: str) -> None:
        if self.write is None:
            raise NotImplementedError("The state store cannot claim a task; its guarantees must not hold 'claim'.")
        after = self._next(owner, data, status)
        self.write(self.record, after)
        self.record, self.is_committed = after, status == OPEN

    def _next(self, owner: str, data: str, status: str) -> Record:
        return Record(owner, data, self.record.version + 1 if self.record else 1, status=status)


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

    #: Of the tasks that requests of this process are at.
    _locks: ClassVar[WeakValueDictionary[tuple[int, str, int], threading.Semaphore]] = WeakValueDictionary()

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

    def lock(self, task_id: str) -> AbstractContextManager[Hold]:
        """Hold a live task, read once no other request holds it. Write what was saved when the hold ends.

        Raises `StateNotFound`, or `StoreUnavailable` if others hold it for longer than ``FLOWS_LOCK_WAIT``.
        """
        return self._hold(task_id, is_new=False)

    def lock_new(self, task_id: str) -> AbstractContextManager[Hold]:
        """Hold an id that nothing is stored under. Store what was saved when the hold ends.

        Of several requests at once one holds the id, and the others wait. Raises `StateExists` if there is a task, or
        `StoreUnavailable`.
        """
        return self._hold(task_id, is_new=True)

    def create(self, task_id: str, owner: str, data: str) -> None:
        """Store a new task at once, under an id that no other request has. Raises `StoreConflict` if there is one."""
        with self.lock_new(task_id) as hold:
            hold.save(owner, data)

    def update(self, task_id: str, record: Record) -> None:
        """Replace the stored record that has the version of ``record``.

        Does not wait: raises `StoreUnavailable`, such as `StoreConflict`, if the task is held, or was changed since.
        """
        with self._enter(task_id, 0):
            now = self._find(task_id)
            if now is None or now.version != record.version:
                raise conflict(task_id)
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

    def admit(self, task_id: str) -> AbstractContextManager[None]:
        """Admit a request that may have to wait for a task, such as in `lock`.

        Raises `StoreUnavailable` at once if many requests of this process are at the task already: each one that waits
        may keep a connection that other visitors need.
        """
        return self._enter(task_id, 0, MOST_AT_A_TASK, "many other requests")

    @contextmanager
    def _enter(self, task_id: str, wait: float, places: int = 1, others: str = "another request") -> Iterator[None]:
        """Be one of so many requests of this process at a task, by default the only one."""
        with _guard:
            place = self._locks.setdefault((id(self), task_id, places), threading.Semaphore(places))
        if not place.acquire(timeout=wait):
            raise StoreUnavailable(f"The task {shorten(task_id)} is busy with {others}.")
        try:
            yield
        finally:
            place.release()

    @contextmanager
    def _hold(self, task_id: str, *, is_new: bool) -> Iterator[Hold]:
        with self._enter(task_id, config.LOCK_WAIT):
            if is_new and self._find(task_id):
                raise StateExists(f"There already is a task {shorten(task_id)}.")
            hold = Hold(None if is_new else self.read(task_id))
            yield hold
            if hold.saved:
                self._write(task_id, hold.saved)
                hold.is_stored = True

    def _find(self, task_id: str) -> Record | None:
        try:
            return self.read(task_id)
        except StateNotFound:
            return None

    def _write(self, task_id: str, record: Record) -> None:
        state = {name: value for name, value in vars(record).items() if name != "idle"}
        with _translate_errors():
            self.put_state(task_id, {**state, "touched": time.time()})


@contextmanager
def translating(message: str, kinds: Any, is_transient: Callable[[Any], bool] = lambda error: True) -> Iterator[None]:
    """Raise `StoreUnavailable` for errors of these classes that may be over in a moment, by default for all."""
    try:
        yield
    except kinds as error:
        if not is_transient(error):
            raise
        # Redis quotes the command, and the command has the key.
        text = re.sub(r"[0-9a-f]{32,}", lambda found: shorten(found[0]), str(error))
        error.args = (text,)
        logger.warning("%s: %s", message, text, exc_info=True)
        raise StoreUnavailable(f"{message}: {text}") from error


def _is_failure(error: OSError) -> bool:
    return not isinstance(error, (FileNotFoundError, StoreUnavailable))


_translate_errors = partial(translating, "The state store cannot be reached", OSError, _is_failure)


class RecordStore(BaseStateStore):
    """A store of records, in which the two methods that every store has stand on `lock` and the like."""

    def get_state(self, task_id: str) -> Any:
        return codec.loads(self.read(task_id).data)

    def put_state(self, task_id: str, state: dict[str, Any]) -> None:
        data = codec.dumps(state)
        # Another request may store something between the first two.
        for holding in (self.lock, self.lock_new, self.lock):
            with suppress(StateNotFound, StateExists), holding(task_id) as hold:
                before = hold.record or Record("", "")
                hold.save(before.owner, data, before.status)
                return
        raise conflict(task_id)

    def _read_claimed(self, ids: Iterable[str]) -> Iterator[tuple[str, Record]]:
        """Yield the id and the record of each of these tasks that is claimed when it is its turn."""
        for task_id in ids:
            try:
                record = self.read(task_id)
            except StateNotFound:
                continue
            except StateDamaged:
                logger.exception("A task that is claimed cannot be read.")
                continue
            if record.status == CLAIMED:
                yield task_id, record


def get_life(status: str) -> float:
    """Return after how many idle seconds a task with a status has expired; one that is claimed does not."""
    if status == ENDED:
        return float(max(DAY, config.TASK_IDLE_TIMEOUT))
    return math.inf if status == CLAIMED else float(config.TASK_IDLE_TIMEOUT)


def shorten(task_id: str) -> str:
    """Return the part of an id that a log may show."""
    return f"{task_id[:6]}…"


def conflict(task_id: str) -> StoreConflict:
    return StoreConflict(f"The task {shorten(task_id)} was changed or removed by another request.")


def get_store(path: str | None = None) -> BaseStateStore:
    """Return the store of this process for a module path, by default that of ``FLOWS_STATE_STORE``."""
    path = path or config.STATE_STORE
    if path not in _stores:
        _stores.setdefault(path, import_module(path).StateStore())
    return _stores[path]


_stores: dict[str, BaseStateStore] = {}
_guard = threading.Lock()
