"""An owner has no more open tasks than the settings allow."""

# ruff: noqa: S101  (tests are made of asserts)

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from functools import partial
from typing import Any
from unittest import SkipTest

from django.test import override_settings

from ..exceptions import StateNotFound
from ..statestore.base import ENDED
from .base import PATIENCE, StoreTests, hold, in_threads, new_id, raises

#: Seconds by which one task is idle for longer than the next.
STEP = 0.02


class LimitingContract(StoreTests):
    """What a store promises whose ``limits_tasks`` is true."""

    def limit(self, number: int | None = 2) -> AbstractContextManager[Any]:
        if not self.store.limits_tasks:
            raise SkipTest("This store does not keep to FLOWS_MAX_TASKS_PER_OWNER.")
        return override_settings(FLOWS_MAX_TASKS_PER_OWNER=number)

    def add(self, *tasks: str, owner: str = "", status: str | None = None) -> None:
        """Store new tasks, one after the other."""
        for task_id in tasks:
            with self.store.lock_new(task_id) as held:
                held.save(owner or self.owner, "{}", *([status] if status else []))
            time.sleep(STEP)

    @property
    def owner(self) -> str:
        return f"owner of {self.task_id}"

    def assert_there_are(self, *tasks: str, of: tuple[str, ...]) -> None:
        assert [task_id for task_id in of if self._is_there(task_id)] == list(tasks)

    def _is_there(self, task_id: str) -> bool:
        try:
            self.store.read(task_id)
        except StateNotFound:
            return False
        return True

    def test_the_longest_idle_task_of_an_owner_is_removed_for_a_new_one(self) -> None:
        first, second, third, fourth = tasks = tuple(new_id() for _ in range(4))
        with self.limit():
            self.add(first, second)
            self.assert_there_are(first, second, of=tasks)
            with self.store.lock(first) as held:
                held.save(self.owner, "[]")
            time.sleep(STEP)
            self.add(third)
            self.assert_there_are(first, third, of=tasks)
            self.add(fourth)
            self.assert_there_are(third, fourth, of=tasks)

    def test_a_created_task_counts_as_a_new_one(self) -> None:
        tasks = tuple(new_id() for _ in range(3))
        with self.limit():
            for task_id in tasks:
                self.store.create(task_id, self.owner, "{}")
                time.sleep(STEP)
            self.assert_there_are(*tasks[1:], of=tasks)

    def test_a_task_that_was_touched_is_not_the_longest_idle(self) -> None:
        tasks = first, second, third = tuple(new_id() for _ in range(3))
        with self.limit():
            self.add(first, second)
            self.store.touch(first, self.store.read(first))
            self.add(third)
            self.assert_there_are(first, third, of=tasks)

    def test_a_limit_that_was_lowered_counts_for_the_next_new_task(self) -> None:
        tasks = tuple(new_id() for _ in range(6))
        with self.limit(5):
            self.add(*tasks[:5])
        with self.limit(2):
            self.assert_there_are(*tasks[:5], of=tasks)
            self.add(tasks[5])
            self.assert_there_are(*tasks[4:], of=tasks)

    def test_tasks_of_others_and_of_nobody_do_not_count(self) -> None:
        mine, *others = tasks = tuple(new_id() for _ in range(5))
        with self.limit(1):
            self.add(mine)
            self.add(others[0], owner=f"another than {self.owner}")
            for task_id in others[1:]:
                self.store.create(task_id, "", "{}")
                time.sleep(STEP)
            self.assert_there_are(*tasks, of=tasks)

    def test_tasks_that_have_ended_do_not_count_and_stay(self) -> None:
        ended, first, second, third = tasks = tuple(new_id() for _ in range(4))
        with self.limit():
            self.add(first)
            with self.store.lock(first) as held:
                held.save(self.owner, "[]", ENDED)
            self.add(second, third)
            self.add(ended, status=ENDED)
            self.assert_there_are(*tasks, of=tasks)

    def test_tasks_that_are_claimed_do_not_count_and_stay(self) -> None:
        if "claim" not in self.store.guarantees:
            raise SkipTest("This store does not give the guarantee 'claim'.")
        claimed, first, second, third = tasks = tuple(new_id() for _ in range(4))
        with self.limit():
            self.add(claimed)
            with raises(ZeroDivisionError), self.store.lock(claimed) as held:
                held.claim(self.owner, "[]")
                raise ZeroDivisionError
            self.add(first, second, third)
            self.assert_there_are(claimed, second, third, of=tasks)

    def test_a_task_that_is_claimed_when_it_is_new_removes_another(self) -> None:
        if "claim" not in self.store.guarantees:
            raise SkipTest("This store does not give the guarantee 'claim'.")
        tasks = first, second, claimed = tuple(new_id() for _ in range(3))
        with self.limit():
            self.add(first, second)
            with self.store.lock_new(claimed) as held:
                held.claim(self.owner, "[]")
            self.assert_there_are(second, claimed, of=tasks)

    def test_a_task_that_is_held_is_not_idle_and_is_not_waited_for(self) -> None:
        if self.has_one_writer:
            raise SkipTest("This store has one writer for all tasks.")
        tasks = held, first, second = tuple(new_id() for _ in range(3))
        with self.limit(), in_threads() as start:
            self.add(held, first)
            with self.store.lock(held):
                start(lambda: self.add(second)).result(PATIENCE)
            self.assert_there_are(*tasks, of=tasks)
            self.add(last := new_id())
            self.assert_there_are(second, last, of=(*tasks, last))

    def test_a_new_task_that_is_not_saved_removes_nothing(self) -> None:
        tasks = first, second = new_id(), new_id()
        with self.limit():
            self.add(first, second)
            hold(self.store.lock_new(new_id()))
            with raises(ZeroDivisionError), self.store.lock_new(new_id()) as held:
                held.save(self.owner, "{}")
                raise ZeroDivisionError
            self.assert_there_are(*tasks, of=tasks)

    def test_of_many_new_tasks_at_once_none_fails_and_none_removes_itself(self) -> None:
        tasks = tuple(new_id() for _ in range(24))
        with self.limit(3), in_threads() as start:
            self.add(*(new_id() for _ in range(3)))
            for future in [start(partial(self.add, task_id)) for task_id in tasks]:
                future.result(PATIENCE)
            self.add(last := new_id())
            left = [task_id for task_id in (*tasks, last) if self._is_there(task_id)]
            assert last in left
            assert len(left) <= 3

    def test_without_a_limit_nothing_is_removed(self) -> None:
        tasks = tuple(new_id() for _ in range(3))
        with self.limit(None):
            self.add(*tasks)
            self.assert_there_are(*tasks, of=tasks)
