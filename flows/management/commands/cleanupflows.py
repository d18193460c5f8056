"""Removes the tasks that have been idle for longer than ``FLOWS_TASK_IDLE_TIMEOUT``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...exceptions import StoreUnavailable
from ...statestore.base import get_store


class Command(BaseCommand):
    help = "Removes expired tasks from the state store, in batches, and says how many."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch-size", type=int, default=1000, help="how many tasks to remove at a time")
        parser.add_argument("--store", help="the module of the state store, by default FLOWS_STATE_STORE")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch_size"] < 1:
            raise CommandError("--batch-size must be at least 1.")
        store, removed = get_store(options["store"]), 0
        try:
            while batch := store.delete_expired(options["batch_size"]):
                removed += batch
        except StoreUnavailable as error:
            raise CommandError(f"{error} Removed before that: {removed}.") from error
        self.stdout.write(f"Removed {removed} expired task{'' if removed == 1 else 's'}.")
