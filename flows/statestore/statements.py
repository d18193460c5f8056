"""The queries that the store in the database runs on each request: made with the ORM, and compiled once.

Compiling a query takes ten times as long as running it, and of these only the values differ each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.db import connections
from django.db.models import Expression, F, Model, QuerySet
from django.db.models.functions import Now as DjangosNow
from django.db.models.sql import InsertQuery, Query, UpdateQuery


class Parameter(Expression):
    """Stands for a value that is given when the query is run. Unlike a ``Value``, it is passed on as it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", (self,)


class Statement:
    """A query with parameters. ``make`` is given all rows of the table in the database that it is compiled for.

    If it ``is_bounded``, it waits for locks for at most its parameter ``wait``, in milliseconds, in databases that
    support this. The earlier setting is restored when the statement is done.
    """

    def __init__(self, make: Callable[[QuerySet[Any]], Query], *, is_bounded: bool = False) -> None:
        self._make = make
        self._is_bounded = is_bounded
        self._compiled: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def fetch(self, model: type[Model], alias: str, **values: Any) -> tuple[Any, ...] | None:
        """Return the first row as the driver returns it; None without a row."""
        with connections[alias].cursor() as cursor:
            cursor.execute(*self._with_values(model, alias, values))
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    def run(self, model: type[Model], alias: str, **values: Any) -> int:
        """Return how many rows were written."""
        with connections[alias].cursor() as cursor:
            cursor.execute(*self._with_values(model, alias, values))
            return int(cursor.rowcount)

    def _with_values(self, model: type[Model], alias: str, values: dict[str, Any]) -> tuple[str, list[Any]]:
        if alias not in self._compiled:
            self._compiled[alias] = self._compile(model, alias)
        sql, parameters = self._compiled[alias]
        return sql, [values[each.name] if isinstance(each, Parameter) else each for each in parameters]

    def _compile(self, model: type[Model], alias: str) -> tuple[str, tuple[Any, ...]]:
        compiled = self._make(model._base_manager.using(alias)).get_compiler(alias).as_sql()
        # For an INSERT this is a list of statements: one, as there is one row.
        ((sql, parameters),) = compiled if isinstance(compiled, list) else [compiled]
        bounded = _bounded(sql, connections[alias]) if self._is_bounded else sql
        return bounded, (*([Parameter("wait")] if bounded != sql else []), *parameters)


def _bounded(sql: str, connection: Any) -> str:
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


def _updating(rows: QuerySet[Any], **values: Any) -> Query:
    """Return the query that ``rows.update()`` would execute."""
    query: Any = rows.query.chain(UpdateQuery)
    query.add_update_values(values)
    return cast(Query, query)


def _inserting(rows: QuerySet[Any], **values: Any) -> Query:
    """Return the query that ``rows.create()`` would execute."""
    query = InsertQuery(rows.model)
    query.insert_values(rows.model._meta.concrete_fields, [rows.model(**values)])
    return query


class Now(DjangosNow):
    """The database's present time, in UTC."""

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        # Otherwise it is local time, which skips an hour when summer time begins.
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


#: The columns of a record.
FIELDS = ("owner", "data", "version", "status", Now() - F("touched"))


def _one(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(pk=Parameter("id"))


def _read(rows: QuerySet[Any]) -> QuerySet[Any]:
    return _one(rows).values_list(*FIELDS)


def _lock_now(rows: QuerySet[Any]) -> QuerySet[Any]:
    return _read(rows).select_for_update(nowait=connections[rows.db].features.has_select_for_update_nowait)


def _replace(rows: QuerySet[Any], *names: str) -> Query:
    version_before = _one(rows).filter(version=Parameter("before"))
    return _updating(version_before, **{name: Parameter(name) for name in names}, touched=Now())


def _insert(rows: QuerySet[Any]) -> Query:
    return _inserting(rows, **{name: Parameter(name) for name in ("id", *COLUMNS)}, touched=Now())


COLUMNS = ("owner", "data", "version", "status")

READ = Statement(lambda rows: _read(rows).query)
#: Acquires the write lock of SQLite, as each UPDATE does. It matches no row, since a match would be written.
ACQUIRE_WRITE_LOCK = Statement(lambda rows: _updating(rows.filter(pk=""), version=F("version")))
LOCK = Statement(lambda rows: _read(rows).select_for_update().query, is_bounded=True)
LOCK_NOW = Statement(lambda rows: _lock_now(rows).query)
INSERT = Statement(_insert, is_bounded=True)
REPLACE = Statement(lambda rows: _replace(rows, "data", "version", "status"))
REPLACE_ALL = Statement(lambda rows: _replace(rows, *COLUMNS))
