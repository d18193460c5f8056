"""Removes the tasks that have been idle for longer than ``FLOWS_TASK_IDLE_TIMEOUT``."""

from __future__ import annotations

import math
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...exceptions import StoreUnavailable
from ...statestore.base import BaseStateStore, get_store


class Command(BaseCommand):
    help = "Removes expired tasks from the state store, in batches, and says how many."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch-size", type=int, default=1000, help="how many tasks to remove at a time")
        parser.add_argument("--pause", type=float, help="seconds between two batches; by default as the last one took")
        parser.add_argument("--dry-run", action="store_true", help="say how many there are, and remove none")
        parser.add_argument("--store", help="the module of the state store, by default FLOWS_STATE_STORE")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch_size"] < 1:
            raise CommandError("--batch-size must be at least 1.")
        if not 0 <= (options["pause"] or 0) < math.inf:
            raise CommandError("--pause must be a number of seconds, 0 or more.")
        store = get_store(options["store"])
        if options["dry_run"]:
            self.stdout.write(f"Would remove {_describe(_count(store))}.")
        else:
            self.stdout.write(f"Removed {_describe(_remove(store, options['batch_size'], options['pause']))}.")


def _count(store: BaseStateStore) -> int:
    try:
        number = store.count_expired()
    except StoreUnavailable as error:
        raise CommandError(str(error)) from error
    if number is None:
        raise CommandError(
            f"{type(store).__module__} cannot say how many tasks have expired. Implement count_expired() in it."
        )
    return number


def _remove(store: BaseStateStore, batch_size: int, pause: float | None) -> int:
    removed, began = 0, time.monotonic()
    try:
        while batch := store.delete_expired(batch_size):
            removed += batch
            # SQLite has one writer and no queue: a process that writes without a pause keeps the others out.
            time.sleep(time.monotonic() - began if pause is None else pause)
            began = time.monotonic()
    except StoreUnavailable as error:
        raise CommandError(f"{error} Removed before that: {removed}.") from error
    return removed


def _describe(number: int) -> str:
    return f"{number} expired task{'' if number == 1 else 's'}"
