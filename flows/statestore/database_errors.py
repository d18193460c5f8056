"""What a database says that may be over in a moment: it is busy, or cannot be reached."""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError

from ..exceptions import StoreUnavailable

logger = logging.getLogger("flows.statestore")

#: MariaDB and MySQL: too many connections, lock wait timeout, deadlock, cannot connect, gone away, lost connection; and
#: MySQL's own for NOWAIT. https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html
MYSQL_PASSING = {1040, 1205, 1213, 2002, 2003, 2006, 2013, 3572}
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


def _is_passing(error: Exception) -> bool:
    cause: Any = error.__cause__
    driver = type(cause).__module__.partition(".")[0]
    if driver in ("psycopg", "psycopg2"):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        return state is None or state.startswith(POSTGRESQL_PASSING)  # none: there was no answer at all
    if driver == "sqlite3":
        return any(word in str(error) for word in ("locked", "busy", "unable to open", "disk I/O"))
    return isinstance(error, InterfaceError) or (bool(error.args) and error.args[0] in MYSQL_PASSING)
