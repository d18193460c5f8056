"""What the store in the database asks of it on each request: queries of the ORM that are compiled once.

To compile a query costs ten times what it costs to execute it, and these are the same each time but for their values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.db import connections
from django.db.models import Expression, F, Func, Model, QuerySet, TextField, Value
from django.db.models.functions import Now as DjangosNow
from django.db.models.sql import InsertQuery, Query, UpdateQuery


class Parameter(Expression):
    """Stands in a query for a value that is given when the query is executed: as it is, unlike ``Value``."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", (self,)


class Statement:
    """A query with parameters. ``make`` is given all rows of the table in the database that it is compiled for."""

    def __init__(self, make: Callable[[QuerySet[Any]], Query]) -> None:
        self._make = make
        self._compiled: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def fetch(self, model: type[Model], alias: str, **values: Any) -> tuple[Any, ...] | None:
        """Return the first row as the driver gives it; None if there is none."""
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
        # Of an INSERT it is a list of statements; of one row it is one.
        ((sql, parameters),) = compiled if isinstance(compiled, list) else [compiled]
        return sql, tuple(parameters)


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
        # Otherwise as it is where the server is, where an hour may be missing on a night in spring.
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


#: What a record is made of.
FIELDS = ("owner", "data", "version", "status", Now() - F("touched"))


def _one(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(pk=Parameter("id"))


def _read(rows: QuerySet[Any]) -> QuerySet[Any]:
    return _one(rows).values_list(*FIELDS)


def _lock(rows: QuerySet[Any]) -> QuerySet[Any]:
    rows = _read(rows)
    if connections[rows.db].vendor == "postgresql":
        # Bounds the wait of the query that it stands in, which saves a query of its own.
        arguments = (Value("lock_timeout"), Parameter("wait"), Value(True))
        rows = rows.annotate(wait=Func(*arguments, function="set_config", output_field=TextField()))
    return rows.select_for_update()


def _lock_now(rows: QuerySet[Any]) -> QuerySet[Any]:
    return _read(rows).select_for_update(nowait=connections[rows.db].features.has_select_for_update_nowait)


def _replace(rows: QuerySet[Any], *names: str) -> Query:
    version_before = _one(rows).filter(version=Parameter("before"))
    return _updating(version_before, **{name: Parameter(name) for name in names}, touched=Now())


def _insert(rows: QuerySet[Any]) -> Query:
    return _inserting(rows, **{name: Parameter(name) for name in ("id", *COLUMNS)}, touched=Now())


COLUMNS = ("owner", "data", "version", "status")

READ = Statement(lambda rows: _read(rows).query)
#: Takes the write lock of SQLite, as each UPDATE does. Of no row, since it would write all of it.
TAKE = Statement(lambda rows: _updating(rows.filter(pk=""), version=F("version")))
LOCK = Statement(lambda rows: _lock(rows).query)
LOCK_NOW = Statement(lambda rows: _lock_now(rows).query)
INSERT = Statement(_insert)
REPLACE = Statement(lambda rows: _replace(rows, "data", "version", "status"))
REPLACE_ALL = Statement(lambda rows: _replace(rows, *COLUMNS))
