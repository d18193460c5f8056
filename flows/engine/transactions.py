"""The transaction in which an action runs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction

from ..statestore.base import Hold
from ..statestore.database import atomic, translate_errors

#: The engine that Django gives to a site without databases.
NO_DATABASE = "django.db.backends.dummy"


class RequestsTransaction:
    """The transactions that ``ATOMIC_REQUESTS`` promises; with a ``hold`` those of the project's models anyway.

    ``exempt`` are the databases whose ``ATOMIC_REQUESTS`` is not for this page.

    Our views step out of Django's own: the session is read before our transaction begins, and a store that is
    not in the database is written after the effects are committed. What fails before that leaves no effects.
    A database that is busy, or cannot be reached, is `StoreUnavailable` here too.

    What fails after a commit is put into the ``failures`` of the hold, to be raised when it is noted that there was
    one; without a hold it is raised at the end.
    """

    def __init__(self, hold: Hold | None = None, exempt: Collection[str] = ()) -> None:
        self._hold = hold
        self._exempt = exempt
        self._failures: list[BaseException] = [] if hold is None else hold.failures
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
    ) -> None:
        self._transactions.__exit__(kind, error, traceback)
        if self._hold is None and self._failures:
            raise self._failures[0]

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
        wanted = {alias for alias, options in connections.settings.items() if options["ATOMIC_REQUESTS"]}
        wanted -= {*self._exempt}
        if for_effects and self._hold:
            wanted |= get_aliases()
        held = self._hold and self._hold.alias
        self._transactions.enter_context(translate_errors())
        with translate_errors():
            for alias in sorted(wanted):
                # Effects are in the transaction of the store where it has one in their database.
                is_held = alias == held and connections[alias].in_atomic_block
                if not is_held and connections.settings[alias]["ENGINE"] != NO_DATABASE:
                    self._transactions.enter_context(atomic(alias, self._failures))
                    self._aliases.append(alias)


def get_exempt(component: Any) -> Collection[str]:
    """Return the databases of which ``non_atomic_requests`` on the ``dispatch`` of an action says so."""
    names: Collection[str] = getattr(getattr(component, "dispatch", None), "_non_atomic_requests", ())
    return names


def get_aliases() -> set[str]:
    """Return the databases into which the routers let the models of the project be written."""
    if not router.routers:
        return {DEFAULT_DB_ALIAS}
    models = [model for model in apps.get_models() if model._meta.managed and model._meta.app_label != "flows"]
    return {router.db_for_write(model) for model in models}
