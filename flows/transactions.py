"""The transaction in which an action runs."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from .statestore.database_errors import unavailable

#: The engine that Django gives to a site without databases.
NO_DATABASE = "django.db.backends.dummy"


class RequestsTransaction:
    """The transaction that ``ATOMIC_REQUESTS`` promises, and ``for_effects`` one on the default database anyway.

    Our views step out of Django's own: the session is read before our transaction begins, and a store that is
    not in the database is written after the effects are committed. What fails before that leaves no effects.
    A database that is busy, or cannot be reached, is `StoreUnavailable` here too.
    """

    def __init__(self, *, for_effects: bool = False) -> None:
        self._for_effects = for_effects
        self._transactions = ExitStack()
        self._aliases: list[str] = []

    def __enter__(self) -> RequestsTransaction:
        with ExitStack() as begun:
            begun.push(self.__exit__)  # of the databases that could be reached, if one cannot
            self.begin(for_effects=True)
            begun.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._transactions.__exit__(kind, error, traceback)

    def check(self, place: str) -> None:
        """Raise `TransactionManagementError` if what was done at ``place`` is not going to be committed.

        Without a word it is rolled back where an error was caught outside of the ``atomic()`` in which it happened.
        """
        for alias in self._aliases:
            if transaction.get_rollback(alias):
                raise transaction.TransactionManagementError(
                    f"What was done in the database '{alias}' for '{place}' is rolled back, since a query failed in "
                    f"it. Put what may fail into a transaction.atomic() of its own, and catch the error around that."
                )

    def commit(self) -> None:
        """Commit what was done so far."""
        self._transactions.close()
        self._aliases.clear()

    def begin(self, *, for_effects: bool) -> None:
        """Go on in a new transaction, or without one where the settings ask for none."""
        self._transactions.enter_context(unavailable())
        with unavailable():
            for alias, options in connections.settings.items():
                wanted = options["ATOMIC_REQUESTS"] or (for_effects and self._for_effects and alias == DEFAULT_DB_ALIAS)
                if wanted and options["ENGINE"] != NO_DATABASE and not connections[alias].in_atomic_block:
                    self._transactions.enter_context(transaction.atomic(alias))
                    self._aliases.append(alias)
