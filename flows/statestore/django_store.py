"""Tasks in the project's database, one row each.

State and effects in that database are committed together. The database's clock decides what has expired.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.apps import apps
from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet

from ..config import config
from ..exceptions import StateExists, StateNotFound, StoreConflict
from ..serializing import codec
from .atomic import Atomic
from .base import CLAIMED, ENDED, OPEN, BaseStateStore, Hold, Record, get_life, shorten
from .database_errors import is_conflict, translate_errors
from .statements import ACQUIRE_WRITE_LOCK, FIELDS, INSERT, LOCK, LOCK_NOW, READ, REPLACE, REPLACE_ALL, Now, Statement

T = TypeVar("T")

#: Rows that are removed at once. Databases limit the number of values in a query.
MOST_AT_ONCE = 10_000


class StateStore(BaseStateStore):
    """One row of `flows.models.StoredTask` for each task."""

    guarantees = ("transaction", "claim", "retry")
    limits_tasks = True

    # The two that every store has: any dict of storable values under an id

    def get_state(self, task_id: str) -> dict[str, Any]:
        state: dict[str, Any] = codec.loads(self.read(task_id).data)
        return state

    def put_state(self, task_id: str, state: dict[str, Any]) -> None:
        data = codec.dumps(state)
        update = partial(self._rows.filter(pk=task_id).update, data=data, version=F("version") + 1, touched=Now())
        with translate_errors():
            if not update():
                try:
                    self.create(task_id, "", data)
                except StateExists:
                    update()

    # What the executor uses

    def read(self, task_id: str) -> Record:
        with translate_errors():
            return self._find(READ, task_id)

    @contextmanager
    def lock(self, task_id: str) -> Iterator[Hold]:
        with translate_errors(), ExitStack() as stack:
            failures: list[BaseException] = []
            record = self._begin(stack, lambda wait: self._lock(task_id, wait), failures)
            hold = self._hold(record, task_id, stack, failures)
            yield hold
            self._save(task_id, hold)
        hold.is_stored = hold.saved is not None

    @contextmanager
    def lock_new(self, task_id: str) -> Iterator[Hold]:
        with translate_errors(), ExitStack() as stack:
            failures: list[BaseException] = []

            def begin() -> None:
                # Whoever inserts second waits here until the first has committed or rolled back.
                self._begin(stack, lambda wait: self._insert(Record("", ""), task_id, wait), failures)

            try:
                begin()
            except StateExists:
                if not self._remove([task_id], _expired(OPEN)):
                    raise
                begin()
            hold = self._hold(None, task_id, stack, failures)
            yield hold
            if hold.saved is hold.record is None:
                self._rows.filter(pk=task_id).delete()
            self._save(task_id, hold)
        hold.is_stored = hold.saved is not None

    def create(self, task_id: str, owner: str, data: str) -> None:
        with translate_errors(), ExitStack() as stack:
            self._begin(stack, lambda wait: self._insert(Record(owner, data, version=1), task_id, wait))
            self._remove_surplus(task_id, owner)

    def update(self, task_id: str, record: Record) -> None:
        with self._free(task_id):
            self._compare_and_set(REPLACE_ALL, task_id, record.version, replace(record, version=record.version + 1))

    def touch(self, task_id: str, record: Record) -> None:
        with self._free(task_id):
            self._rows.filter(pk=task_id).update(touched=Now())

    def delete_expired(self, limit: int) -> int:
        with translate_errors():
            for status in (OPEN, ENDED):
                # The ids first: not every database can delete a limited number of rows.
                oldest = self._rows.filter(_expired(status)).order_by("touched").values_list("pk", flat=True)
                if ids := list(oldest[: min(limit, MOST_AT_ONCE)]):
                    return self._remove(ids, _expired(status))
            return 0

    def count_expired(self) -> int:
        with translate_errors():
            return sum(self._rows.filter(_expired(status)).count() for status in (OPEN, ENDED))

    def claimed(self) -> Iterator[tuple[str, Record]]:
        with translate_errors():
            claimed = self._rows.filter(status=CLAIMED)
            # The ids first: not every database or pool allows other queries while a result is open.
            ids = list(claimed.order_by("touched").values_list("pk", flat=True))
        for task_id in ids:
            with translate_errors():
                row = claimed.filter(pk=task_id).values_list(*FIELDS).first()
            if row:
                yield task_id, _record(row)

    # Holding

    def _begin(
        self, transactions: ExitStack, take: Callable[[int], T], failures: list[BaseException] | None = None
    ) -> T:
        """Begin a transaction with ``take()``, which is given how many milliseconds it may wait for locks.

        Exceptions of ``on_commit()`` hooks are put into ``failures``, if given.

        Above READ COMMITTED, a transaction that waited for another one is refused if that one changed the row. Then it
        is begun again, unless it is within another transaction, in which more was done.
        """
        deadline = time.monotonic() + config.LOCK_WAIT
        while True:
            try:
                with ExitStack() as begun:
                    atomic = transaction.atomic(self._alias) if failures is None else Atomic(self._alias, failures)
                    begun.enter_context(atomic)
                    taken = take(max(1, int((deadline - time.monotonic()) * 1000)))
                    transactions.push(begun.pop_all())
                    return taken
            except OperationalError as error:  # noqa: PERF203 (each time in a transaction of its own)
                is_within = connections[self._alias].in_atomic_block
                if is_within or not is_conflict(error) or time.monotonic() >= deadline:
                    raise

    def _lock(self, task_id: str, wait: int) -> Record:
        """Lock a task until the transaction ends. With ``wait`` 0, raise `OperationalError` if it is locked already."""
        if not connections[self._alias].features.has_select_for_update:
            # SQLite: a transaction that reads first and then writes fails when another wrote in between.
            ACQUIRE_WRITE_LOCK.run(_model(), self._alias)
        return self._find(LOCK if wait else LOCK_NOW, task_id, wait=wait)

    @contextmanager
    def _free(self, task_id: str) -> Iterator[None]:
        """Hold a live task that nobody else holds. Raises `StoreUnavailable` at once if somebody does."""
        with translate_errors(), ExitStack() as stack:
            try:
                self._begin(stack, lambda wait: self._lock(task_id, 0))
            except StateNotFound as error:
                raise _conflict(task_id) from error
            yield

    def _hold(
        self, record: Record | None, task_id: str, transactions: ExitStack, failures: list[BaseException]
    ) -> Hold:
        def write(before: Record | None, after: Record) -> None:
            self._replace(task_id, before, after)
            transactions.close()  # after a claim there is no transaction
            with transaction.atomic(self._alias, durable=True):
                pass  # raises RuntimeError within another transaction, in which nothing is committed yet

        def reacquire(kept: Record) -> None:
            if self._begin(transactions, lambda wait: self._lock(task_id, wait), failures).version != kept.version:
                raise _conflict(task_id)

        hold = Hold(record, write, reacquire)
        hold.failures, hold.alias = failures, self._alias
        return hold

    def _save(self, task_id: str, hold: Hold) -> None:
        if hold.saved:
            self._replace(task_id, hold.record, hold.saved)

    def _insert(self, record: Record, task_id: str, wait: int) -> None:
        """Raises `StateExists`."""
        try:
            INSERT.run(_model(), self._alias, wait=wait, id=task_id, **_columns(record))
        except IntegrityError:
            # Not as its cause: the database quotes the whole id.
            raise StateExists(f"There already is a task {shorten(task_id)}.") from None

    def _replace(self, task_id: str, before: Record | None, after: Record) -> None:
        """Replace ``before`` with ``after``. A task that was removed stays removed. Raises `StoreConflict`."""
        # The owner has an index, which need not be updated if the owner stays the same.
        statement = REPLACE if before and before.owner == after.owner else REPLACE_ALL
        self._compare_and_set(statement, task_id, before.version if before else 0, after)
        if before is None and after.status != ENDED:
            self._remove_surplus(task_id, after.owner)

    def _compare_and_set(self, statement: Statement, task_id: str, version: int, after: Record) -> None:
        if not statement.run(_model(), self._alias, id=task_id, before=version, **_columns(after)):
            raise _conflict(task_id)

    # Removing

    def _remove_surplus(self, task_id: str, owner: str) -> None:
        """Remove the longest idle open tasks of an owner who has too many with the new one."""
        limit = config.MAX_TASKS_PER_OWNER
        if limit is None or not owner:
            return
        others = self._rows.filter(owner=owner, status=OPEN).exclude(pk=task_id).order_by("-touched")
        surplus = list(others.values_list("pk", "touched")[limit - 1 : limit - 1 + MOST_AT_ONCE])
        if surplus:
            # A moment later, since SQLite writes whole seconds in two ways.
            latest = surplus[0][1] + timedelta(milliseconds=1)
            try:
                self._remove([pk for pk, _ in surplus], Q(touched__lt=latest, status=OPEN))
            except OperationalError as error:
                # Another request removes some of them. The next new task removes what is still too many.
                if not is_conflict(error) or connections[self._alias].needs_rollback:
                    raise

    def _remove(self, ids: list[str], condition: Q) -> int:
        """Remove the given tasks that nobody holds and that still meet a condition. Return how many."""
        connection = connections[self._alias]
        if not connection.features.has_select_for_update_skip_locked:
            return int(self._rows.filter(condition, pk__in=ids).delete()[0])
        with ExitStack() as stack:
            # Locked rows are skipped, so there is no deadlock. Ordered by key, and without the condition, so that
            # MariaDB uses the primary key: through another index it would lock more rows than it returns.
            rows = self._rows.filter(pk__in=ids).order_by("pk").select_for_update(skip_locked=True)
            meets = ExpressionWrapper(condition, output_field=BooleanField())
            found = rows.annotate(meets=meets).values_list("pk", "meets")
            ids = [pk for pk, is_met in self._begin(stack, lambda wait: list(found.all())) if is_met]
            if connection.vendor != "mysql":
                return int(self._rows.filter(pk__in=ids).delete()[0])
            for few in _parts(ids):
                self._rows.filter(pk__in=few).delete()
            return len(ids)

    # Rows

    @property
    def _alias(self) -> str:
        return router.db_for_write(_model())

    @property
    def _rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = _model()._base_manager.using(self._alias)
        return rows

    def _find(self, statement: Statement, task_id: str, **values: Any) -> Record:
        """Return the record of a live task. Raises `StateNotFound`."""
        # A made-up id may contain NUL or a lone surrogate, which a database does not accept.
        row = statement.fetch(_model(), self._alias, id=task_id, **values) if task_id.isprintable() else None
        record = _record(row) if row else None
        if record is None or record.idle >= get_life(record.status):
            raise StateNotFound(f"There is no task {shorten(task_id)}.")
        return record


def _parts(ids: list[str]) -> Iterator[list[str]]:
    """Yield the keys of rows in lists that are short enough for MariaDB and MySQL to use the primary key.

    For more than a twentieth of a table they may scan all of it, and wait for the rows that others hold. A table has
    at least as many rows as there are keys left.
    """
    while ids:
        number = max(len(ids) // 20, 1)
        yield ids[:number]
        ids = ids[number:]


def _model() -> Any:
    # Stores are imported while apps are loading.
    return apps.get_model("flows", "StoredTask")


def _expired(status: str) -> Q:
    """Return what holds for tasks of a status that have expired by now, by the database's clock."""
    return Q(status=status, touched__lte=Now() - timedelta(seconds=get_life(status)))


def _columns(record: Record) -> dict[str, Any]:
    return {"owner": record.owner, "data": record.data, "version": record.version, "status": record.status}


def _record(row: Sequence[Any]) -> Record:
    owner, data, version, status, idle, *_ = row
    # Not every database has a type for a duration.
    seconds = idle.total_seconds() if isinstance(idle, timedelta) else idle / 1_000_000
    return Record(owner, data, version, seconds, status)


def _conflict(task_id: str) -> StoreConflict:
    return StoreConflict(f"The task {shorten(task_id)} was changed or removed by another request.")
