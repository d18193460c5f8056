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
    """What a store promises that says ``limits_tasks``."""

    def limit(self, number: int | None = 2) -> AbstractContextManager[Any]:
        if not self.store.limits_tasks:
            raise SkipTest("This store does not keep to FLOWS_MAX_TASKS_PER_OWNER.")
        return override_settings(FLOWS_MAX_TASKS_PER_OWNER=number)

    def bear(self, *tasks: str, owner: str = "", status: str | None = None) -> None:
        """Let tasks be born, one after the other."""
        for task_id in tasks:
            with self.store.birth(task_id, owner or self.owner) as held:
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

    def test_the_longest_idle_task_of_an_owner_goes_when_another_is_born(self) -> None:
        first, second, third, fourth = tasks = tuple(new_id() for _ in range(4))
        with self.limit():
            self.bear(first, second)
            self.assert_there_are(first, second, of=tasks)
            with self.store.lock(first) as held:
                held.save(self.owner, "[]")
            time.sleep(STEP)
            self.bear(third)
            self.assert_there_are(first, third, of=tasks)
            self.bear(fourth)
            self.assert_there_are(third, fourth, of=tasks)

    def test_what_is_created_counts_as_what_is_born(self) -> None:
        tasks = tuple(new_id() for _ in range(3))
        with self.limit():
            for task_id in tasks:
                self.store.create(task_id, self.owner, "{}")
                time.sleep(STEP)
            self.assert_there_are(*tasks[1:], of=tasks)

    def test_a_task_that_was_touched_is_not_the_longest_idle(self) -> None:
        tasks = first, second, third = tuple(new_id() for _ in range(3))
        with self.limit():
            self.bear(first, second)
            self.store.touch(first, self.store.read(first))
            self.bear(third)
            self.assert_there_are(first, third, of=tasks)

    def test_a_limit_that_was_lowered_counts_at_the_next_birth(self) -> None:
        tasks = tuple(new_id() for _ in range(6))
        with self.limit(5):
            self.bear(*tasks[:5])
        with self.limit(2):
            self.assert_there_are(*tasks[:5], of=tasks)
            self.bear(tasks[5])
            self.assert_there_are(*tasks[4:], of=tasks)

    def test_tasks_of_others_and_of_nobody_do_not_count(self) -> None:
        mine, *others = tasks = tuple(new_id() for _ in range(5))
        with self.limit(1):
            self.bear(mine)
            self.bear(others[0], owner=f"another than {self.owner}")
            for task_id in others[1:]:
                self.store.create(task_id, "", "{}")
                time.sleep(STEP)
            self.assert_there_are(*tasks, of=tasks)

    def test_tasks_that_have_ended_do_not_count_and_stay(self) -> None:
        ended, first, second, third = tasks = tuple(new_id() for _ in range(4))
        with self.limit():
            self.bear(first)
            with self.store.lock(first) as held:
                held.save(self.owner, "[]", ENDED)
            self.bear(second, third)
            self.bear(ended, status=ENDED)
            self.assert_there_are(*tasks, of=tasks)

    def test_tasks_that_are_claimed_do_not_count_and_stay(self) -> None:
        if "claim" not in self.store.guarantees:
            raise SkipTest("This store does not give the guarantee 'claim'.")
        claimed, first, second, third = tasks = tuple(new_id() for _ in range(4))
        with self.limit():
            self.bear(claimed)
            with raises(ZeroDivisionError), self.store.lock(claimed) as held:
                held.claim(self.owner, "[]")
                raise ZeroDivisionError
            self.bear(first, second, third)
            self.assert_there_are(claimed, second, third, of=tasks)

    def test_a_task_that_is_claimed_at_its_birth_makes_another_go(self) -> None:
        if "claim" not in self.store.guarantees:
            raise SkipTest("This store does not give the guarantee 'claim'.")
        tasks = first, second, claimed = tuple(new_id() for _ in range(3))
        with self.limit():
            self.bear(first, second)
            with self.store.birth(claimed, self.owner) as held:
                held.claim(self.owner, "[]")
            self.assert_there_are(second, claimed, of=tasks)

    def test_a_task_that_is_held_is_not_idle_and_is_not_waited_for(self) -> None:
        if self.has_one_writer:
            raise SkipTest("This store has one writer for all tasks.")
        tasks = held, first, second = tuple(new_id() for _ in range(3))
        with self.limit(), in_threads() as start:
            self.bear(held, first)
            with self.store.lock(held):
                start(lambda: self.bear(second)).result(PATIENCE)
            self.assert_there_are(*tasks, of=tasks)
            self.bear(last := new_id())
            self.assert_there_are(second, last, of=(*tasks, last))

    def test_a_birth_that_comes_to_nothing_makes_nothing_go(self) -> None:
        tasks = first, second = new_id(), new_id()
        with self.limit():
            self.bear(first, second)
            hold(self.store.birth(new_id(), self.owner))
            with raises(ZeroDivisionError), self.store.birth(new_id(), self.owner) as held:
                held.save(self.owner, "{}")
                raise ZeroDivisionError
            self.assert_there_are(*tasks, of=tasks)

    def test_of_many_births_at_once_none_fails_and_none_makes_itself_go(self) -> None:
        tasks = tuple(new_id() for _ in range(24))
        with self.limit(3), in_threads() as start:
            self.bear(*(new_id() for _ in range(3)))
            for future in [start(partial(self.bear, task_id)) for task_id in tasks]:
                future.result(PATIENCE)
            self.bear(last := new_id())
            left = [task_id for task_id in (*tasks, last) if self._is_there(task_id)]
            assert last in left
            assert len(left) <= 3

    def test_without_a_limit_nothing_goes(self) -> None:
        tasks = tuple(new_id() for _ in range(3))
        with self.limit(None):
            self.bear(*tasks)
            self.assert_there_are(*tasks, of=tasks)
