"""Tasks in the project's database, one row each.

State and effects in that database are committed together. The database's clock decides what has expired.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from django.apps import apps
from django.db import IntegrityError, InterfaceError, OperationalError, connections, router, transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Now as DjangosNow

from ..config import config
from ..exceptions import StateExists, StateNotFound, StoreConflict, StoreUnavailable
from . import codec
from .base import CLAIMED, ENDED, OPEN, BaseStateStore, Hold, Record, shorten

logger = logging.getLogger("flows.statestore")


class Now(DjangosNow):
    """The database's present time, in UTC."""

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        # Otherwise as it is where the server is, where an hour may be missing on a night in spring.
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


#: What a record is made of.
FIELDS = ("owner", "data", "version", "status", "touched", Now())

#: Rows that are removed at once. Databases bound the number of values in a query.
MOST_AT_ONCE = 10_000

#: MariaDB and MySQL: too many connections, lock wait timeout, deadlock, cannot connect, gone away, lost connection.
MYSQL_PASSING = {1040, 1205, 1213, 2002, 2003, 2006, 2013}
#: PostgreSQL, classes of SQLSTATE: connection, rollback (deadlock), resources, lock not available, operator
#: intervention. https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRESQL_PASSING = ("08", "40", "53", "55P03", "57")


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
        with _unavailable(), transaction.atomic(self._alias):
            if not self._rows.filter(pk=task_id).update(data=data, version=F("version") + 1, touched=Now()):
                self._rows.create(pk=task_id, data=data, version=1, touched=Now())

    # What the executor uses

    def read(self, task_id: str) -> Record:
        with _unavailable():
            return _fetch(self._live(task_id), task_id)

    @contextmanager
    def lock(self, task_id: str) -> Iterator[Hold]:
        with _unavailable(), ExitStack() as stack:
            stack.enter_context(transaction.atomic(self._alias))
            hold = Hold(self._lock(task_id), partial(self._commit, task_id, stack))
            yield hold
            self._keep(task_id, hold)

    @contextmanager
    def birth(self, task_id: str, owner: str) -> Iterator[Hold]:
        with _unavailable(), ExitStack() as stack:
            stack.enter_context(transaction.atomic(self._alias))
            if connections[self._alias].vendor == "postgresql":
                with connections[self._alias].cursor() as cursor:
                    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_milliseconds()])
            try:
                # Whoever inserts second waits here until the first has committed or rolled back.
                self._rows.create(pk=task_id, owner=owner, touched=Now())
            except IntegrityError as error:
                raise StateExists(f"There already is a task {shorten(task_id)}.") from error
            hold = Hold(None, partial(self._commit, task_id, stack))
            yield hold
            if hold.saved is hold.record is None:
                self._rows.filter(pk=task_id).delete()
            self._keep(task_id, hold)

    def create(self, task_id: str, owner: str, data: str) -> None:
        with _unavailable(), transaction.atomic(self._alias):
            self._rows.create(pk=task_id, owner=owner, data=data, version=1, touched=Now())
            self._make_room(task_id, owner)

    def update(self, task_id: str, record: Record) -> None:
        with self._free(task_id) as rows:
            self._replace(rows, task_id, record, replace(record, version=record.version + 1))

    def touch(self, task_id: str, record: Record) -> None:
        with self._free(task_id) as rows:
            rows.update(touched=Now())

    def delete_expired(self, limit: int) -> int:
        with _unavailable():
            # The ids first: not every database can delete a limited number of rows.
            oldest = self._rows.filter(_expired()).order_by("touched").values_list("pk", flat=True)
            return self._remove(list(oldest[: min(limit, MOST_AT_ONCE)]), _expired())

    def count_expired(self) -> int:
        with _unavailable():
            return self._rows.filter(_expired()).count()

    def claimed(self) -> Iterator[tuple[str, Record]]:
        with _unavailable():
            claimed = self._rows.filter(status=CLAIMED)
            # The ids first: a result that is open while others use the connection is not for every database or pool.
            ids = list(claimed.order_by("touched").values_list("pk", flat=True))
        for task_id in ids:
            with _unavailable():
                row = claimed.filter(pk=task_id).values_list(*FIELDS).first()
            if row:
                yield task_id, _record(row)

    # Holding

    def _lock(self, task_id: str) -> Record:
        rows = self._live(task_id)
        if connections[self._alias].vendor == "postgresql":
            rows = rows.annotate(wait=_lock_timeout())
        if connections[self._alias].features.has_select_for_update:
            rows = rows.select_for_update()
        else:
            # SQLite: a transaction that reads first and then writes fails when another wrote in between.
            rows.update(version=F("version"))
        return _fetch(rows, task_id)

    def _commit(self, task_id: str, transactions: ExitStack, before: Record | None, after: Record) -> None:
        """Keep what a hold claims or settles, and commit it. After a claim there is no transaction."""
        self._replace(self._rows, task_id, before, after)
        transactions.close()
        with transaction.atomic(self._alias, durable=True):
            pass  # raises RuntimeError within another transaction, in which nothing is committed yet
        if after.status != CLAIMED:
            transactions.enter_context(transaction.atomic(self._alias))
            if self._lock(task_id).version != after.version:
                raise StoreConflict(f"The task {shorten(task_id)} was changed by another request.")

    def _keep(self, task_id: str, hold: Hold) -> None:
        if hold.saved:
            self._replace(self._rows, task_id, hold.record, hold.saved)

    def _replace(self, rows: QuerySet[Any], task_id: str, before: Record | None, after: Record) -> None:
        """Put ``after`` in the place of ``before``; what is gone is not brought back. Raises `StoreConflict`."""
        now = rows.filter(pk=task_id, version=before.version if before else 0)
        if not now.update(
            owner=after.owner, data=after.data, version=after.version, status=after.status, touched=Now()
        ):
            raise StoreConflict(f"The task {shorten(task_id)} was changed or removed by another request.")
        if before is None and after.status != ENDED:
            self._make_room(task_id, after.owner)

    # Removing

    def _make_room(self, task_id: str, owner: str) -> None:
        """Remove the longest idle of the open tasks that an owner has too many with the one just born."""
        limit = config.MAX_TASKS_PER_OWNER
        if limit is None or not owner:
            return
        others = self._rows.filter(owner=owner, status=OPEN).exclude(pk=task_id).order_by("-touched")
        surplus = list(others.values_list("pk", "touched")[limit - 1 : limit - 1 + MOST_AT_ONCE])
        if surplus:
            # A moment later, since SQLite writes whole seconds in two ways.
            latest = surplus[0][1] + timedelta(milliseconds=1)
            self._remove([pk for pk, _ in surplus], Q(touched__lt=latest, status=OPEN))

    def _remove(self, ids: list[str], condition: Q) -> int:
        """Remove those of these tasks that nobody holds and that still meet a condition; return how many."""
        connection = connections[self._alias]
        if not connection.features.has_select_for_update_skip_locked:
            return int(self._rows.filter(condition, pk__in=ids).delete()[0])
        with transaction.atomic(self._alias):
            # Nobody is waited for, so nobody waits in a circle. In the order of the keys, and without the condition,
            # so that MariaDB goes by the keys: from another index it would lock more rows than it gives.
            rows = self._rows.filter(pk__in=ids).order_by("pk").select_for_update(skip_locked=True)
            meets = ExpressionWrapper(condition, output_field=BooleanField())
            ids = [pk for pk, is_met in rows.annotate(meets=meets).values_list("pk", "meets") if is_met]
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

    @contextmanager
    def _free(self, task_id: str) -> Iterator[QuerySet[Any]]:
        """Give a live task that nobody holds. Raises `StoreUnavailable` at once where somebody does."""
        with _unavailable(), transaction.atomic(self._alias):
            rows = self._live(task_id)
            if connections[self._alias].features.has_select_for_update_nowait:
                rows.select_for_update(nowait=True).values_list("pk").first()
            yield rows

    def _live(self, task_id: str) -> QuerySet[Any]:
        if not task_id.isprintable():
            return self._rows.none()  # made up by a visitor; a database cannot be asked for NUL or a lone surrogate
        return self._rows.filter(Q(touched__gt=_horizon()) | Q(status=CLAIMED), pk=task_id)


def _parts(ids: list[str]) -> Iterator[list[str]]:
    """Yield the keys of rows in lists that MariaDB and MySQL go by.

    For more than a twentieth of a table they may look at each row of it, and wait for those that are held. It has at
    least as many rows as are left.
    """
    while ids:
        number = max(len(ids) // 20, 1)
        yield ids[:number]
        ids = ids[number:]


def _model() -> Any:
    # Stores are imported while apps are loading.
    return apps.get_model("flows", "StoredTask")


def _horizon() -> Any:
    """Return when a task must have been used last to have expired just now, by the database's clock."""
    return Now() - timedelta(seconds=config.TASK_IDLE_TIMEOUT)


def _expired() -> Q:
    return Q(touched__lte=_horizon()) & ~Q(status=CLAIMED)


def _milliseconds() -> str:
    return str(int(config.LOCK_WAIT * 1000))


def _lock_timeout() -> Func:
    """Return the expression that bounds the wait of the query it stands in, which saves a query of its own."""
    arguments = (Value("lock_timeout"), Value(_milliseconds()), Value(True))
    return Func(*arguments, function="set_config", output_field=TextField())


def _fetch(rows: QuerySet[Any], task_id: str) -> Record:
    row = rows.values_list(*FIELDS, *rows.query.annotations).first()
    if row is None:
        raise StateNotFound(f"There is no task {shorten(task_id)}.")
    return _record(row)


def _record(row: Sequence[Any]) -> Record:
    owner, data, version, status, touched, now, *_ = row
    return Record(owner, data, version, (now - touched).total_seconds(), status)


@contextmanager
def _unavailable() -> Iterator[None]:
    """Turn what may be over in a moment, or is not the project's doing, into `StoreUnavailable`."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if not _is_passing(error):
            raise
        logger.warning("The database is busy or cannot be reached: %s", error, exc_info=True)
        raise StoreUnavailable(f"The database is busy or cannot be reached: {error}") from error


def _is_passing(error: Exception) -> bool:
    cause: Any = error.__cause__
    driver = type(cause).__module__.partition(".")[0]
    if driver in ("psycopg", "psycopg2"):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        return state is None or state.startswith(POSTGRESQL_PASSING)  # none: there was no answer at all
    if driver == "sqlite3":
        return any(word in str(error) for word in ("locked", "busy", "unable to open", "disk I/O"))
    return isinstance(error, InterfaceError) or (bool(error.args) and error.args[0] in MYSQL_PASSING)
