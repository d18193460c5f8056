"""Tasks in the project's database, one row each.

State and effects in that database are committed together. The database's clock decides what has expired.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.apps import apps
from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q

from ..config import config
from ..exceptions import StateExists, StateNotFound
from .base import CLAIMED, ENDED, OPEN, Hold, Record, RecordStore, conflict, get_life, shorten
from .database import Now, Parameter, Statement, atomic, inserting, is_conflict, translate_errors, updating

T = TypeVar("T")

#: Rows that are removed at once. Databases limit the number of values in a query.
MOST_AT_ONCE = 10_000

# Statements


def _get_rows(alias: str) -> Any:
    # Stores are imported while apps are loading.
    return apps.get_model("flows", "StoredTask")._base_manager.using(alias)


def _read(alias: str) -> Any:
    return _get_rows(alias).filter(pk=Parameter("id")).values_list(*COLUMNS, Now() - F("touched"))


def _lock_now(alias: str) -> Any:
    return _read(alias).select_for_update(nowait=connections[alias].features.has_select_for_update_nowait).query


def _replace(alias: str) -> Any:
    version_before = _get_rows(alias).filter(pk=Parameter("id"), version=Parameter("before"))
    return updating(version_before, **{name: Parameter(name) for name in COLUMNS}, touched=Now())


COLUMNS = ("owner", "data", "version", "status")

READ = Statement(lambda alias: _read(alias).query)
#: Acquires the write lock of SQLite, as each UPDATE does. It matches no row, since a match would be written.
ACQUIRE_WRITE_LOCK = Statement(lambda alias: updating(_get_rows(alias).filter(pk=""), version=F("version")))
LOCK = Statement(lambda alias: _read(alias).select_for_update().query, is_bounded=True)
LOCK_NOW = Statement(_lock_now)
INSERT = Statement(
    lambda alias: inserting(_get_rows(alias), **{name: Parameter(name) for name in ("id", *COLUMNS)}, touched=Now()),
    is_bounded=True,
)
REPLACE = Statement(_replace)


class StateStore(RecordStore):
    """One row of `flows.models.StoredTask` for each task."""

    guarantees = ("transaction", "claim", "retry")
    limits_tasks = True

    @translate_errors()
    def read(self, task_id: str) -> Record:
        return self._fetch(READ, task_id)

    @translate_errors()
    def create(self, task_id: str, owner: str, data: str) -> None:
        with ExitStack() as stack:
            self._begin(stack, task_id, partial(self._insert, task_id, Record(owner, data, version=1)))
            self._remove_surplus(task_id, owner)

    def update(self, task_id: str, record: Record) -> None:
        with self._free(task_id):
            self._replace(task_id, record, replace(record, version=record.version + 1))

    def touch(self, task_id: str, record: Record) -> None:
        with self._free(task_id):
            self._rows.filter(pk=task_id).update(touched=Now())

    @translate_errors()
    def delete_expired(self, limit: int) -> int:
        for status in (OPEN, ENDED):
            # The ids first: not every database can delete a limited number of rows.
            oldest = self._rows.filter(_expired(status)).order_by("touched").values_list("pk", flat=True)
            if ids := list(oldest[: min(limit, MOST_AT_ONCE)]):
                return self._remove(ids, _expired(status))
        return 0

    @translate_errors()
    def count_expired(self) -> int:
        return int(self._rows.filter(_expired(OPEN) | _expired(ENDED)).count())

    @translate_errors()
    def claimed(self) -> Iterator[tuple[str, Record]]:
        # The ids first: not every database or pool allows other queries while a result is open.
        ids = list(self._rows.filter(status=CLAIMED).order_by("touched").values_list("pk", flat=True))
        return self._read_claimed(ids)

    # Holding

    @contextmanager
    def _hold(self, task_id: str, *, is_new: bool) -> Iterator[Hold]:
        # Of two that insert a row, the second waits until the first has committed or rolled back.
        take = partial(self._insert, task_id, Record("", "")) if is_new else partial(self._lock, task_id)
        failures: list[BaseException] = []

        def write(before: Record | None, after: Record) -> None:
            self._replace(task_id, before, after)
            transactions.close()  # after a claim there is no transaction
            with transaction.atomic(self._alias, durable=True):
                pass  # raises RuntimeError within another transaction, in which nothing is committed yet

        def reacquire(written: Record) -> None:
            if self._begin(transactions, task_id, partial(self._lock, task_id), failures).version != written.version:
                raise conflict(task_id)

        with translate_errors(), ExitStack() as transactions:
            record = self._begin(transactions, task_id, take, failures)
            hold = Hold(record, write, reacquire, failures, self._alias)
            yield hold
            if hold.saved:
                self._replace(task_id, hold.record, hold.saved)
            elif hold.record is None:
                self._rows.filter(pk=task_id).delete()
        hold.is_stored = hold.saved is not None

    @contextmanager
    def _free(self, task_id: str) -> Iterator[None]:
        """Hold a live task that nobody else holds. Raises `StoreUnavailable` at once if somebody does."""
        with translate_errors(), ExitStack() as transactions:
            try:
                self._begin(transactions, task_id, lambda wait: self._lock(task_id, 0))
            except StateNotFound as error:
                raise conflict(task_id) from error
            yield

    def _begin(
        self, stack: ExitStack, task_id: str, take: Callable[[int], T], failures: list[BaseException] | None = None
    ) -> T:
        """Begin a transaction with ``take()``, which is given how many milliseconds it may wait for locks.

        What has expired makes room for what ``take()`` stores. Above READ COMMITTED, a transaction that waited for
        another one is refused if that one changed the row. Then it is begun again, unless it is within another
        transaction, in which more was done.
        """
        deadline = time.monotonic() + config.LOCK_WAIT
        while True:
            try:
                with ExitStack() as begun:
                    begun.enter_context(atomic(self._alias, failures))
                    taken = take(max(1, int((deadline - time.monotonic()) * 1000)))
                    stack.push(begun.pop_all())
                    return taken
            except StateExists:  # noqa: PERF203 (each time in a transaction of its own)
                if not self._remove([task_id], _expired(OPEN)):
                    raise
            except OperationalError as error:
                is_within = connections[self._alias].in_atomic_block
                if is_within or not is_conflict(error) or time.monotonic() >= deadline:
                    raise

    def _lock(self, task_id: str, wait: int) -> Record:
        """Lock a task until the transaction ends. With ``wait`` 0, raise `OperationalError` if it is locked already."""
        if not connections[self._alias].features.has_select_for_update:
            # SQLite: a transaction that reads first and then writes fails when another wrote in between.
            ACQUIRE_WRITE_LOCK.run(self._alias)
        return self._fetch(LOCK if wait else LOCK_NOW, task_id, wait=wait)

    def _insert(self, task_id: str, record: Record, wait: int) -> None:
        """Raises `StateExists`."""
        try:
            INSERT.run(self._alias, wait=wait, id=task_id, **vars(record))
        except IntegrityError:
            # Not as its cause: the database quotes the whole id.
            raise StateExists(f"There already is a task {shorten(task_id)}.") from None

    def _replace(self, task_id: str, before: Record | None, after: Record) -> None:
        """Replace ``before`` with ``after``. A task that was removed stays removed. Raises `StoreConflict`."""
        if not REPLACE.run(self._alias, id=task_id, before=before.version if before else 0, **vars(after)):
            raise conflict(task_id)
        if before is None and after.status != ENDED:
            self._remove_surplus(task_id, after.owner)

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
        # Locked rows are skipped, so there is no deadlock. Ordered by key, and without the condition, so that MariaDB
        # uses the primary key: through another index it would lock more rows than it returns.
        rows = self._rows.filter(pk__in=ids).order_by("pk").select_for_update(skip_locked=True)
        meets = ExpressionWrapper(condition, output_field=BooleanField())
        found = rows.annotate(meets=meets).values_list("pk", "meets")
        with ExitStack() as stack:
            ids = left = [pk for pk, is_met in self._begin(stack, "", lambda wait: list(found.all())) if is_met]
            while left:
                # For more than a twentieth of a table MariaDB and MySQL may scan all of it, and wait for rows that
                # others hold. A table has at least as many rows as there are keys left.
                number = max(len(left) // 20, 1) if connection.vendor == "mysql" else len(left)
                self._rows.filter(pk__in=left[:number]).delete()
                left = left[number:]
            return len(ids)

    # Rows

    @property
    def _alias(self) -> str:
        return router.db_for_write(apps.get_model("flows", "StoredTask"))

    @property
    def _rows(self) -> Any:
        return _get_rows(self._alias)

    def _fetch(self, statement: Statement, task_id: str, **values: Any) -> Record:
        """Return the record of a live task. Raises `StateNotFound`."""
        # A made-up id may contain NUL or a lone surrogate, which a database does not accept.
        if task_id.isprintable() and (row := statement.run(self._alias, id=task_id, **values)):
            owner, data, version, status, idle, *_ = row
            # Not every database has a type for a duration.
            seconds = idle.total_seconds() if isinstance(idle, timedelta) else idle / 1_000_000
            if seconds < get_life(status):
                return Record(owner, data, version, seconds, status)
        raise StateNotFound(f"There is no task {shorten(task_id)}.")


def _expired(status: str) -> Q:
    """Return what holds for tasks of a status that have expired by now, by the database's clock."""
    return Q(status=status, touched__lte=Now() - timedelta(seconds=get_life(status)))
