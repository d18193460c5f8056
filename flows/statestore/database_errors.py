"""Errors of a database that may be over in a moment: it is busy, or it cannot be reached."""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError

from ..exceptions import StoreUnavailable

logger = logging.getLogger("flows.statestore")

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


class translate_errors:  # noqa: N801 (reads as what it does: ``with translate_errors():``)
    """Raises `StoreUnavailable` for transient errors of a database, which are not the project's fault."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, (OperationalError, InterfaceError)) and _is_transient(error):
            logger.warning("The database is busy or cannot be reached: %s", error, exc_info=error)
            raise StoreUnavailable(f"The database is busy or cannot be reached: {error}") from error


def is_conflict(error: Exception) -> bool:
    """Return whether a transaction was refused because of another one, and may succeed when it is run again."""
    driver, state = _look_into(error)
    if driver in POSTGRESQL:
        return str(state).startswith("40")
    return bool(error.args) and error.args[0] in MYSQL_CONFLICTS


def _is_transient(error: Exception) -> bool:
    driver, state = _look_into(error)
    if driver in POSTGRESQL:
        return state is None or state.startswith(POSTGRESQL_TRANSIENT)  # None: the server did not answer at all
    if driver == "sqlite3":
        return any(word in str(error) for word in ("locked", "busy", "unable to open", "disk I/O"))
    return isinstance(error, InterfaceError) or (bool(error.args) and error.args[0] in MYSQL_TRANSIENT)


def _look_into(error: Exception) -> tuple[str, str | None]:
    """Return the driver that raised an error, and PostgreSQL's code for the error."""
    cause: Any = error.__cause__
    return type(cause).__module__.partition(".")[0], getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
