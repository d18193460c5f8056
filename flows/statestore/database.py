"""What is done with a database beyond the ORM: compiled queries, transactions that say what failed, passing errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import Expression, QuerySet
from django.db.models.functions import Now as DjangosNow
from django.db.models.sql import InsertQuery, UpdateQuery

from .base import translating

#: The drivers of PostgreSQL, and the pool of connections to it.
POSTGRESQL = ("psycopg", "psycopg2", "psycopg_pool")

#: MariaDB and MySQL: the row has changed since the transaction began, deadlock.
MYSQL_CONFLICTS = {1020, 1213}
#: Those, and too many connections, lock wait timeout, cannot connect, gone away, lost connection; and MySQL's own for
#: NOWAIT. https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html
MYSQL_TRANSIENT = {*MYSQL_CONFLICTS, 1040, 1205, 2002, 2003, 2006, 2013, 3572}
#: PostgreSQL, classes of SQLSTATE: connection, rollback (deadlock), resources, lock not available, operator
#: intervention. https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRESQL_TRANSIENT = ("08", "40", "53", "55P03", "57")

# Queries


class Parameter(Expression):
    """Stands for a value that is given when the query is run. Unlike a ``Value``, it is passed on as it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", (self,)


class Now(DjangosNow):
    """The database's present time, in UTC."""

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        # Otherwise it is local time, which skips an hour when summer time begins.
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


@dataclass(eq=False)
class Statement:
    """A query with parameters that is compiled once, which takes ten times as long as running it.

    ``make`` returns the ORM's query for a database. If it ``is_bounded``, it waits for locks for at most its parameter
    ``wait``, in milliseconds, in databases that support this. The earlier setting is restored when it is done.
    """

    make: Callable[[str], Any]
    is_bounded: bool = False

    def run(self, alias: str, **values: Any) -> Any:
        """Return the first row as the driver returns it, None without one; of a write, how many rows were written."""
        with connections[alias].cursor() as cursor:
            cursor.execute(*self.fill_in(alias, **values))
            return cursor.fetchone() if cursor.description else cursor.rowcount

    def fill_in(self, alias: str, **values: Any) -> tuple[str, list[Any]]:
        """Return the SQL, and the values of its parameters."""
        sql, parameters = _compile(self, alias)
        return sql, [values[each.name] if isinstance(each, Parameter) else each for each in parameters]


@cache
def _compile(statement: Statement, alias: str) -> tuple[str, list[Any]]:
    compiled = statement.make(alias).get_compiler(alias).as_sql()
    # For an INSERT this is a list of statements: one, as there is one row.
    ((sql, parameters),) = compiled if isinstance(compiled, list) else [compiled]
    bounded = _bound(sql, connections[alias]) if statement.is_bounded else sql
    return bounded, [*([Parameter("wait")] if bounded != sql else []), *parameters]


def _bound(sql: str, connection: Any) -> str:
    """Return a statement that first sets how long it may wait, in the style of the database."""
    if connection.vendor == "mysql" and connection.mysql_is_mariadb:
        return f"SET STATEMENT innodb_lock_wait_timeout = %s DIV 1000 + 1 FOR {sql}"
    if connection.vendor != "postgresql":
        return sql
    before, bound = "SELECT current_setting('lock_timeout')", "set_config('lock_timeout', %s::text, true)"
    if sql.startswith("SELECT"):
        # The inner columns are computed before the row is locked, the outer one after that. If the row changed in
        # between, its columns are computed again, except for subqueries.
        held = sql.replace(" FROM ", f", ({before}) AS wait_before, {bound} FROM ", 1)
        return f"SELECT *, set_config('lock_timeout', wait_before, true) FROM ({held}) AS held"  # noqa: S608
    into, _, values = sql.partition(" VALUES ")
    return (  # The INSERT runs the WITH query first, and RETURNING reads it again.
        f"WITH wait AS MATERIALIZED ({before} AS before, {bound}) {into} SELECT {values[1:-1]} FROM wait "  # noqa: S608
        f"RETURNING set_config('lock_timeout', (SELECT before FROM wait), true)"
    )


def updating(rows: QuerySet[Any], **values: Any) -> Any:
    """Return the query that ``rows.update()`` would execute."""
    query: Any = rows.query.chain(UpdateQuery)
    query.add_update_values(values)
    return query


def inserting(rows: QuerySet[Any], **values: Any) -> Any:
    """Return the query that ``rows.create()`` would execute."""
    query = InsertQuery(rows.model)
    query.insert_values(rows.model._meta.concrete_fields, [rows.model(**values)])
    return query


# Transactions


@contextmanager
def atomic(alias: str, failures: list[BaseException] | None) -> Iterator[None]:
    """As ``transaction.atomic()``, but put exceptions of ``on_commit()`` hooks into ``failures``, if that is given.

    By then everything is committed, and that must be recorded before the exception is raised.
    """
    committed: list[bool] = []
    is_outermost = not connections[alias].in_atomic_block
    try:
        with transaction.atomic(alias):
            if is_outermost:
                # The first hook. Within another transaction, such as that of a test, no hook is called here.
                transaction.on_commit(lambda: committed.append(True), using=alias)
            yield
    except BaseException as failure:
        if failures is None or not committed:
            raise
        failures.append(failure)


# Errors


def is_conflict(error: Exception) -> bool:
    """Return whether a transaction was refused because of another one, and may succeed when it is run again."""
    driver, state = _look_into(error)
    return str(state).startswith("40") if driver in POSTGRESQL else not MYSQL_CONFLICTS.isdisjoint(error.args[:1])


def _is_transient(error: Exception) -> bool:
    driver, state = _look_into(error)
    if driver in POSTGRESQL:
        return state is None or state.startswith(POSTGRESQL_TRANSIENT)  # None: the server did not answer at all
    if driver == "sqlite3":
        return any(word in str(error) for word in ("locked", "busy", "unable to open", "disk I/O"))
    return isinstance(error, InterfaceError) or not MYSQL_TRANSIENT.isdisjoint(error.args[:1])


def _look_into(error: Exception) -> tuple[str, str | None]:
    """Return the driver that raised an error, and PostgreSQL's code for the error."""
    cause: Any = error.__cause__
    return type(cause).__module__.partition(".")[0], getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


#: Raises `StoreUnavailable` for errors that may be over in a moment, which are not the project's fault.
translate_errors = partial(
    translating, "The database is busy or cannot be reached", (OperationalError, InterfaceError), _is_transient
)
