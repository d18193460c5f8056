"""A task that one request holds makes the others wait."""

# ruff: noqa: S101  (tests are made of asserts)

from __future__ import annotations

from unittest import SkipTest

from ..exceptions import StateExists
from .base import PATIENCE, StoreTests, assert_gives_up, assert_waits, hold, in_threads, new_id, raises


class HoldingContract(StoreTests):
    """Several requests at once."""

    def test_an_error_while_a_new_id_is_held_keeps_nothing_and_lets_the_next_request_in(self) -> None:
        with raises(ZeroDivisionError), self.store.lock_new(self.task_id) as held:
            held.save("owner", "{}")
            raise ZeroDivisionError
        self.assert_missing(self.task_id)
        with in_threads() as start, self.short_wait():
            start(lambda: hold(self.store.lock_new(self.task_id), "{}")).result(PATIENCE)

    def test_of_two_requests_for_a_new_id_one_waits_and_finds_the_task(self) -> None:
        with in_threads() as start:
            with self.store.lock_new(self.task_id) as held:
                second = start(lambda: hold(self.store.lock_new(self.task_id), '{"second":2}'))
                assert_waits(second)
                held.save("owner", '{"first":1}')
            with raises(StateExists):
                second.result(PATIENCE)
        assert self.store.read(self.task_id).data == '{"first":1}'

    def test_of_two_requests_for_a_new_id_the_second_is_let_in_if_the_first_saves_nothing(self) -> None:
        with in_threads() as start:
            with self.store.lock_new(self.task_id):
                second = start(lambda: hold(self.store.lock_new(self.task_id), '{"second":2}'))
                assert_waits(second)
            second.result(PATIENCE)
        assert self.store.read(self.task_id).data == '{"second":2}'

    def test_an_error_during_a_hold_keeps_nothing_and_releases_the_task(self) -> None:
        self.begin('{"before":1}')
        with raises(ZeroDivisionError), self.store.lock(self.task_id) as held:
            held.save("owner", '{"after":2}')
            raise ZeroDivisionError
        assert self.store.read(self.task_id).data == '{"before":1}'
        self.assert_free()

    def test_the_second_hold_waits_and_reads_what_the_first_saved(self) -> None:
        self.begin("[]")

        def append() -> None:
            with self.store.lock(self.task_id) as held:
                assert held.record is not None
                held.save("owner", held.record.data + "second")

        with in_threads() as start:
            with self.store.lock(self.task_id) as held:
                second = start(append)
                assert_waits(second)
                held.save("owner", "first ")
            second.result(PATIENCE)
        assert self.store.read(self.task_id).data == "first second"

    def test_many_holds_at_once_lose_nothing(self) -> None:
        self.begin("0")

        def count() -> None:
            with self.store.lock(self.task_id) as held:
                assert held.record is not None
                held.save("owner", str(int(held.record.data) + 1))

        with in_threads() as start:
            for future in [start(count) for _ in range(12)]:
                future.result(PATIENCE)
        record = self.store.read(self.task_id)
        assert (record.data, record.version) == ("12", 13)

    def test_a_hold_of_one_task_does_not_make_another_wait(self) -> None:
        if self.has_one_writer:
            raise SkipTest("This store has one writer for all tasks.")
        self.begin()
        other = self.begin(task_id=new_id())
        with in_threads() as start, self.store.lock(self.task_id):
            start(lambda: hold(self.store.lock(other), "[]")).result(PATIENCE)
            start(lambda: hold(self.store.lock_new(new_id()), "[]")).result(PATIENCE)

    def test_a_task_that_is_held_can_be_read(self) -> None:
        self.begin('{"before":1}')
        with in_threads() as start, self.store.lock(self.task_id) as held:
            held.save("owner", '{"after":2}')
            assert start(lambda: self.store.read(self.task_id)).result(PATIENCE).data == '{"before":1}'

    def test_an_update_during_a_hold_is_refused_and_does_not_disturb_it(self) -> None:
        self.begin('{"before":1}')
        before = self.store.read(self.task_id)
        with self.short_wait(), in_threads() as start, self.store.lock(self.task_id) as held:
            assert_gives_up(start, lambda: self.store.update(self.task_id, before))
            held.save("owner", '{"after":2}')
        assert self.store.read(self.task_id).data == '{"after":2}'

    def test_waiting_for_a_held_task_has_an_end(self) -> None:
        self.begin()
        with self.short_wait(), in_threads() as start, self.store.lock(self.task_id):
            assert_gives_up(start, lambda: hold(self.store.lock(self.task_id)))

    def test_waiting_for_a_new_id_has_an_end(self) -> None:
        with self.short_wait(), in_threads() as start, self.store.lock_new(self.task_id):
            assert_gives_up(start, lambda: hold(self.store.lock_new(self.task_id)))
