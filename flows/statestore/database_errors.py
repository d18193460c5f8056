"""What a database says that may be over in a moment: it is busy, or cannot be reached."""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError

from ..exceptions import StoreUnavailable

logger = logging.getLogger("flows.statestore")

#: The drivers of PostgreSQL, and the pool of connections to it.
POSTGRESQL = ("psycopg", "psycopg2", "psycopg_pool")

#: MariaDB and MySQL: the row has changed since the transaction began, deadlock.
MYSQL_OVERTAKEN = {1020, 1213}
#: Those, and too many connections, lock wait timeout, cannot connect, gone away, lost connection; and MySQL's own for
#: NOWAIT. https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html
MYSQL_PASSING = {*MYSQL_OVERTAKEN, 1040, 1205, 2002, 2003, 2006, 2013, 3572}
#: PostgreSQL, classes of SQLSTATE: connection, rollback (deadlock), resources, lock not available, operator
#: intervention. https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRESQL_PASSING = ("08", "40", "53", "55P03", "57")


class unavailable:  # noqa: N801 (reads as what it does: ``with unavailable():``)
    """Turns what may be over in a moment, or is not the project's doing, into `StoreUnavailable`."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, (OperationalError, InterfaceError)) and _is_passing(error):
            logger.warning("The database is busy or cannot be reached: %s", error, exc_info=error)
            raise StoreUnavailable(f"The database is busy or cannot be reached: {error}") from error


def is_overtaken(error: Exception) -> bool:
    """Return whether a transaction was refused for what another one did, and may succeed when it is begun again."""
    driver, state = _look_into(error)
    if driver in POSTGRESQL:
        return str(state).startswith("40")
    return bool(error.args) and error.args[0] in MYSQL_OVERTAKEN


def _is_passing(error: Exception) -> bool:
    driver, state = _look_into(error)
    if driver in POSTGRESQL:
        return state is None or state.startswith(POSTGRESQL_PASSING)  # none: there was no answer at all
    if driver == "sqlite3":
        return any(word in str(error) for word in ("locked", "busy", "unable to open", "disk I/O"))
    return isinstance(error, InterfaceError) or (bool(error.args) and error.args[0] in MYSQL_PASSING)


def _look_into(error: Exception) -> tuple[str, str | None]:
    """Return the name of the driver that an error comes from, and PostgreSQL's code for it."""
    cause: Any = error.__cause__
    return type(cause).__module__.partition(".")[0], getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
