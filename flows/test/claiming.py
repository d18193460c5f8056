"""A claim is committed at once, and stays until something else is saved."""

# ruff: noqa: S101  (tests are made of asserts)

from __future__ import annotations

import time
from unittest import SkipTest

from django.test import override_settings

from ..statestore.base import CLAIMED, ENDED, OPEN
from .base import PATIENCE, StoreTests, hold, in_threads, new_id, raises


class ClaimingContract(StoreTests):
    """What a store promises if it gives the guarantee ``"claim"``."""

    def skip_unless_given(self) -> None:
        if "claim" not in self.store.guarantees:
            raise SkipTest("This store does not give the guarantee 'claim'.")

    def test_the_status_of_a_task_comes_back(self) -> None:
        self.begin()
        assert self.store.read(self.task_id).status == OPEN
        with self.store.lock(self.task_id) as held:
            held.save("owner", "[]", ENDED)
        assert self.store.read(self.task_id).status == ENDED

    def test_a_claim_is_kept_before_the_hold_ends(self) -> None:
        self.skip_unless_given()
        self.begin()
        with in_threads() as start, self.store.lock(self.task_id) as held:
            held.claim("owner", '{"claimed":1}')
            record = start(lambda: self.store.read(self.task_id)).result(PATIENCE)
            assert (record.data, record.version, record.status) == ('{"claimed":1}', 2, CLAIMED)
            held.save("owner", '{"done":1}')
        record = self.store.read(self.task_id)
        assert (record.data, record.version, record.status) == ('{"done":1}', 3, OPEN)

    def test_a_task_can_be_claimed_before_it_is_stored(self) -> None:
        self.skip_unless_given()
        with raises(ZeroDivisionError), self.store.lock_new(self.task_id) as held:
            held.claim("owner", '{"claimed":1}')
            raise ZeroDivisionError
        record = self.store.read(self.task_id)
        assert (record.owner, record.data, record.status) == ("owner", '{"claimed":1}', CLAIMED)

    def test_a_claim_outlives_an_error_and_the_next_request_can_hold_it(self) -> None:
        self.skip_unless_given()
        self.begin()
        with raises(ZeroDivisionError), self.store.lock(self.task_id) as held:
            held.claim("owner", '{"claimed":1}')
            held.save("owner", '{"done":1}')
            raise ZeroDivisionError
        with self.store.lock(self.task_id) as held:
            assert held.record is not None
            assert (held.record.data, held.record.status) == ('{"claimed":1}', CLAIMED)
            held.save("owner", "[]")
        assert self.store.read(self.task_id).status == OPEN

    def test_a_task_is_still_held_after_a_commit(self) -> None:
        self.skip_unless_given()
        self.begin()
        with raises(ZeroDivisionError), self.store.lock(self.task_id) as held:
            held.claim("owner", '{"claimed":1}')
            held.commit("owner", '{"committed":1}')
            with self.short_wait(), in_threads() as start, raises(ConnectionError):
                start(lambda: hold(self.store.lock(self.task_id))).result(PATIENCE)
            held.save("owner", '{"done":1}')
            raise ZeroDivisionError
        record = self.store.read(self.task_id)
        assert (record.data, record.version, record.status) == ('{"committed":1}', 3, OPEN)

    def test_claimed_tasks_are_listed_and_do_not_expire(self) -> None:
        self.skip_unless_given()
        with override_settings(FLOWS_TASK_IDLE_TIMEOUT=1):
            self.begin()
            with raises(ZeroDivisionError), self.store.lock(self.task_id) as held:
                held.claim("owner", '{"claimed":1}')
                raise ZeroDivisionError
            time.sleep(1.2)
            self.store.delete_expired(1000)
            claimed = dict(self.store.claimed())
            assert claimed[self.task_id].data == '{"claimed":1}'
            assert 1.1 < claimed[self.task_id].idle < 60
            hold(self.store.lock(self.task_id), "[]")
            assert self.task_id not in dict(self.store.claimed())

    def test_an_id_that_is_not_claimed_is_not_listed(self) -> None:
        self.begin(task_id=(other := new_id()))
        assert other not in dict(self.store.claimed())
