"""The transaction in which an action runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, transaction

#: The engine that Django gives to a site without databases.
NO_DATABASE = "django.db.backends.dummy"


@contextmanager
def requests_transaction(*, for_effects: bool = False) -> Iterator[None]:
    """Give an action the transaction that ``ATOMIC_REQUESTS`` promises, ``for_effects`` on the default database anyway.

    Our views step out of Django's own: the session is read before our transaction begins, and a store that is
    not in the database is written after the effects are committed. What fails before that leaves no effects.
    """
    with ExitStack() as stack:
        for alias, options in connections.settings.items():
            wanted = options["ATOMIC_REQUESTS"] or (for_effects and alias == DEFAULT_DB_ALIAS)
            if wanted and options["ENGINE"] != NO_DATABASE and not connections[alias].in_atomic_block:
                stack.enter_context(transaction.atomic(alias))
        yield
