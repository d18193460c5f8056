"""Lists the tasks whose submission was interrupted under a claim, and releases them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...exceptions import StateDamaged, StateNotFound, StoreUnavailable
from ...journey.task import Task
from ...serializing import codec, documents
from ...statestore.base import CLAIMED, ENDED, OPEN, BaseStateStore, get_store


class Command(BaseCommand):
    help = (
        "Lists the tasks that are claimed: a component with the guarantee 'claim' has begun and not ended. A task that "
        "stays claimed was interrupted. Look up the submission's key to see whether it was done, then release the task."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--claimed", action="store_true", help="list the claimed tasks, the longest waiting first")
        what.add_argument(
            "--release",
            metavar="ID",
            help="release a task whose claimed work was not done, so that it can be sent again",
        )
        parser.add_argument(
            "--done", action="store_true", help="with --release: the claimed work was done, and is not done again"
        )
        parser.add_argument("--store", help="the module of the state store, by default FLOWS_STATE_STORE")

    def handle(self, *args: Any, **options: Any) -> None:
        store = get_store(options["store"])
        if "claim" not in store.guarantees:
            raise CommandError(f"{type(store).__module__} does not give the guarantee 'claim', so it has no claims.")
        if options["done"] and not options["release"]:
            raise CommandError("--done says how to release a task. Give its id with --release.")
        try:
            if options["release"]:
                self._release(store, options["release"], done=options["done"])
            else:
                self._list(store)
        except StoreUnavailable as error:
            raise CommandError(str(error)) from error

    def _list(self, store: BaseStateStore) -> None:
        number = 0
        for task_id, record in sorted(store.claimed(), key=lambda claimed: -claimed[1].idle):
            number += 1
            try:
                task, claim = _open(task_id, record.data)
                what = f"{task.flow} at {claim['place']}, submission {claim['submission']}"
            except StateDamaged as error:
                what = f"cannot be read: {error}"
            self.stdout.write(f"{task_id}  {_duration(record.idle)}  {what}")
        self.stdout.write(f"{number} claimed task{'' if number == 1 else 's'}.")

    def _release(self, store: BaseStateStore, task_id: str, *, done: bool) -> None:
        try:
            with store.lock(task_id) as hold:
                record: Any = hold.record
                if record.status != CLAIMED:
                    raise CommandError(f"The task {task_id} is not claimed.")
                task, claim = _open(task_id, record.data)
                if done and "/" not in claim["place"]:
                    task.end(task.on_complete_url or claim["url"])
                else:
                    task.release(is_done=done)
                hold.save(record.owner, documents.to_text(task.to_dict()), ENDED if task.ended else OPEN)
        except StateNotFound as error:
            raise CommandError(f"There is no task {task_id}.") from error
        except StateDamaged as error:
            raise CommandError(f"The task {task_id} cannot be read: {error}") from error
        self.stdout.write(f"Released: {claim['place']} {_CONSEQUENCES[task.ended, done]}.")


_CONSEQUENCES = {
    (False, False): "can be sent again",
    (False, True): "is done, its visitor goes on from there",
    (True, True): "is done, and with it the task",
}


def _open(task_id: str, data: str) -> tuple[Task, Mapping[str, str]]:
    """Return a claimed task and its claim. Raises `StateDamaged`."""
    task = Task(task_id, documents.from_text(data), codec, is_stored=True)
    if task.pending is None:
        raise StateDamaged("It has no claim.")
    return task, task.pending


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
