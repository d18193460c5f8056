"""Leases that are renewed for as long as their holder needs them, by one thread for all leases of a process.

A process that dies or hangs renews nothing, and its leases run out. A lost lease is not acquired again: another
request may hold the task by then.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger("flows.statestore")

#: The part of its life after which a lease is renewed, and the part after which a failed renewal is tried again.
RENEWED_AFTER, TRIED_AGAIN_AFTER = 1 / 3, 1 / 15

LOST = "The lease of the task %s was lost while its holder is at work; another one may have been let in."


@dataclass
class Lease:
    """One lease: its name in the log, its life in seconds, what renews it, and when that is due."""

    name: str
    life: float
    renew: Callable[[], Any]
    due: float

    def keep(self) -> bool:
        """Renew it. Returns whether it was still held, as far as can be known."""
        now = time.monotonic()
        try:
            held = bool(self.renew())
            self.due = now + self.life * RENEWED_AFTER
        except Exception as error:  # an exception that ended the thread would end all leases
            held = True
            self.due = time.monotonic() + self.life * TRIED_AGAIN_AFTER
            logger.warning("The lease of the task %s could not be renewed, and is tried again: %s", self.name, error)
        return held


class Renewals:
    """Renews leases from when they are added until they are dropped."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            # A forked process has no such thread, its copy of the lock may be held for ever, and the parent renews
            # the leases.
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._guard = threading.Lock()
        self._leases: dict[str, Lease] = {}
        #: Wakes the thread early. There is one while the thread runs. It is made with the thread, and not when this
        #: module is imported, which may be before a server patches ``threading``.
        self._alarm: threading.Event | None = None
        self._wakes_at = 0.0

    def add(self, token: str, name: str, life: float, renew: Callable[[], Any]) -> None:
        """Call ``renew`` before the lease runs out, again and again. It returns whether the lease was still held.

        If it raises, that is logged, and it is called again.
        """
        lease = Lease(name, life, renew, time.monotonic() + life * RENEWED_AFTER)
        with self._guard:
            self._leases[token] = lease
            if self._alarm:
                if lease.due < self._wakes_at:
                    self._alarm.set()
                return
            self._alarm, self._wakes_at = threading.Event(), lease.due
        # After the guard: where threads are greenlets, starting one lets others run.
        try:
            threading.Thread(target=self._run, args=[self._alarm], name="flows-leases", daemon=True).start()
        except RuntimeError as error:  # no more threads, or the interpreter is shutting down
            self._alarm = None
            logger.warning("The leases of this process are not renewed: %s", error)

    def drop(self, token: str) -> None:
        """Stop renewing a lease. Takes no lock: the garbage collector may end a hold at any time, in any thread."""
        self._leases.pop(token, None)

    def _run(self, alarm: threading.Event) -> None:
        while True:
            alarm.wait(max(0.0, self._wakes_at - time.monotonic()))
            alarm.clear()
            for token, lease in self._leases.copy().items():
                is_due = lease.due <= time.monotonic() and token in self._leases
                if is_due and not lease.keep() and self._leases.pop(token, None) is not None:
                    logger.warning(LOST, lease.name)
            with self._guard:
                if not self._leases:
                    self._alarm = None
                    return
                # The last may have been dropped since: then it looks again at once.
                self._wakes_at = min((lease.due for lease in self._leases.copy().values()), default=0.0)


renewals = Renewals()
