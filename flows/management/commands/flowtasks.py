"""Lists the tasks whose submission was interrupted under a claim, and releases them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
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
        what.add_argument("--release", metavar="ID", help="release a task, so that its form can be sent again")
        parser.add_argument("--done", action="store_true", help="with --release: the claimed work was done after all")
        parser.add_argument("--store", help="the module of the state store, by default FLOWS_STATE_STORE")

    def handle(self, *args: Any, **options: Any) -> None:
        store, task_id, done = get_store(options["store"]), options["release"], options["done"]
        if "claim" not in store.guarantees:
            raise CommandError(f"{type(store).__module__} does not give the guarantee 'claim', so it has no claims.")
        if done and not task_id:
            raise CommandError("--done says how to release a task. Give its id with --release.")
        try:
            for line in [_release(store, task_id, done=done)] if task_id else _list(store):
                self.stdout.write(line)
        except StateNotFound as error:
            raise CommandError(f"There is no task {task_id}.") from error
        except StateDamaged as error:
            raise CommandError(f"The task {task_id} cannot be read: {error}") from error
        except StoreUnavailable as error:
            raise CommandError(str(error)) from error


def _list(store: BaseStateStore) -> Iterator[str]:
    claimed = sorted(store.claimed(), key=lambda found: -found[1].idle)
    for task_id, record in claimed:
        try:
            task, claim = _open(task_id, record.data)
            what = f"{task.flow} at {claim['place']}, submission {claim['submission']}"
        except StateDamaged as error:
            what = f"cannot be read: {error}"
        yield f"{task_id}  {timedelta(seconds=int(record.idle))}  {what}"
    yield f"{len(claimed)} claimed task{'' if len(claimed) == 1 else 's'}."


def _release(store: BaseStateStore, task_id: str, *, done: bool) -> str:
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
    then = "is done, its visitor goes on from there" if done else "can be sent again"
    return f"Released: {claim['place']} {'is done, and with it the task' if task.ended else then}."


def _open(task_id: str, data: str) -> tuple[Task, Mapping[str, str]]:
    """Return a claimed task and its claim. Raises `StateDamaged`."""
    task = Task(task_id, documents.from_text(data), codec, is_stored=True)
    if task.pending is None:
        raise StateDamaged("It has no claim.")
    return task, task.pending
