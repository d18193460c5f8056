"""A transaction that tells a failed commit from a failed hook after the commit."""

from __future__ import annotations

from types import TracebackType

from django.db import connections, transaction


class Atomic:
    """As ``transaction.atomic()``, but exceptions of ``on_commit()`` hooks are put into ``failures``.

    By then everything is committed, and that must be recorded before the exception is raised.
    """

    def __init__(self, alias: str, failures: list[BaseException]) -> None:
        self._alias = alias
        self._failures = failures
        self._atomic = transaction.atomic(alias)
        self._is_committed = False

    def __enter__(self) -> None:
        is_outermost = not connections[self._alias].in_atomic_block
        self._atomic.__enter__()
        if is_outermost:
            # The first hook. Within another transaction, such as that of a test, no hook is called here.
            transaction.on_commit(self._note_commit, using=self._alias)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._atomic.__exit__(kind, error, traceback)
        except BaseException as failure:
            if not self._is_committed:
                raise
            self._failures.append(failure)

    def _note_commit(self) -> None:
        self._is_committed = True
