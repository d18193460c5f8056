"""What is kept comes back, as it was, until it expires."""

# ruff: noqa: S101  (tests are made of asserts)

from __future__ import annotations

import datetime
import time
import traceback
import uuid
from decimal import Decimal
from typing import Any
from unittest import SkipTest

from django.test import override_settings

from ..exceptions import StateExists, StateNotFound, StoreConflict
from ..serializing import codec
from ..statestore.base import ENDED, Record
from .base import StoreTests, hold, new_id, raises

TYPES: dict[str, Any] = {
    "json": [None, True, False, 0, -1, 1.5, "text", "", [], {}, {"nested": [{"deep": [1]}]}],
    "tuple": (1, ("two",)),
    "set": {1, 2, 3},
    "date": datetime.date(2026, 2, 28),
    "aware": datetime.datetime(2026, 2, 28, 12, 30, 1, 5, tzinfo=datetime.timezone.utc),
    "naive": datetime.datetime.fromisoformat("2026-02-28T12:30:00"),
    "time": datetime.time(23, 59, 59),
    "timedelta": datetime.timedelta(days=-1, microseconds=1),
    "decimal": Decimal("19.90"),
    "uuid": uuid.UUID(int=7),
    "bytes": b"\x00\xff",
    "big": 2**200,
    "text": "Zürich \x00 \ud800 \U0001f600",
    "keys": {1: "int", "1": "str", None: "None", False: "bool"},
}


class KeepingContract(StoreTests):
    """One request after the other."""

    # Any dict under an id

    def test_a_state_comes_back_as_it_was_put(self) -> None:
        state = {"text": "value", "number": 1, "fraction": 0.5}
        self.store.put_state(self.task_id, state)
        assert self.store.get_state(self.task_id) == state

    def test_putting_a_state_replaces_the_one_before(self) -> None:
        self.store.put_state(self.task_id, {"first": "1"})
        self.store.put_state(self.task_id, {"second": "2"})
        assert self.store.get_state(self.task_id) == {"second": "2"}

    def test_states_of_different_ids_stay_apart(self) -> None:
        other = new_id()
        self.store.put_state(self.task_id, {"mine": "1"})
        self.store.put_state(other, {"other": "2"})
        assert self.store.get_state(self.task_id) == {"mine": "1"}

    def test_a_state_comes_back_with_its_types(self) -> None:
        if not self.keeps_types:
            raise SkipTest("This store is given text and numbers only.")
        self.store.put_state(self.task_id, TYPES)
        state = self.store.get_state(self.task_id)
        assert state == TYPES
        assert {name: type(value) for name, value in state.items()} == {k: type(v) for k, v in TYPES.items()}
        assert [type(value) for value in state["json"]] == [type(value) for value in TYPES["json"]]

    def test_an_id_that_was_never_given_is_not_found(self) -> None:
        for task_id in (new_id(), "", "no such id", "x" * 5000, "{}", "*", "../..", "é", "\x00", "\ud800"):
            for find in (self.store.get_state, self.store.read):
                with raises(StateNotFound, msg=f"{find.__name__}({task_id!r:.20})"):
                    find(task_id)

    # A task is new

    def test_a_new_task_that_was_saved_can_be_read(self) -> None:
        with self.store.lock_new(self.task_id) as held:
            assert held.record is None
            held.save("owner", '{"a":1}')
        record = self.store.read(self.task_id)
        assert (record.owner, record.data, record.version) == ("owner", '{"a":1}', 1)

    def test_a_new_task_that_was_not_saved_leaves_nothing(self) -> None:
        hold(self.store.lock_new(self.task_id))
        self.assert_missing(self.task_id)

    def test_an_id_is_not_new_twice(self) -> None:
        self.begin('{"first":1}')
        with raises(StateExists):
            hold(self.store.lock_new(self.task_id), '{"second":2}')
        assert self.store.read(self.task_id).data == '{"first":1}'

    def test_what_is_created_can_be_read(self) -> None:
        self.begin('{"a":1}')
        record = self.store.read(self.task_id)
        assert (record.owner, record.data, record.version) == ("owner", '{"a":1}', 1)

    def test_a_task_is_not_created_twice_and_the_error_does_not_tell_its_id(self) -> None:
        self.begin('{"first":1}')
        with raises(StoreConflict) as refused:
            self.begin('{"second":2}')
        assert self.task_id not in "".join(traceback.format_exception(refused.exception))
        assert self.store.read(self.task_id).data == '{"first":1}'

    # A task is held

    def test_what_was_saved_during_a_hold_is_kept(self) -> None:
        self.begin('{"before":1}')
        with self.store.lock(self.task_id) as held:
            assert held.record is not None
            assert (held.record.owner, held.record.data, held.record.version) == ("owner", '{"before":1}', 1)
            held.save("new owner", '{"after":2}')
        record = self.store.read(self.task_id)
        assert (record.owner, record.data, record.version) == ("new owner", '{"after":2}', 2)

    def test_a_hold_without_a_save_changes_nothing(self) -> None:
        self.begin('{"a":1}')
        hold(self.store.lock(self.task_id))
        record = self.store.read(self.task_id)
        assert (record.owner, record.data, record.version) == ("owner", '{"a":1}', 1)

    def test_an_unknown_task_cannot_be_held(self) -> None:
        with raises(StateNotFound):
            hold(self.store.lock(self.task_id))
        self.assert_missing(self.task_id)

    # A task is written without being held

    def test_an_update_replaces_the_record_it_was_made_from(self) -> None:
        self.begin('{"before":1}')
        before = self.store.read(self.task_id)
        self.store.update(self.task_id, Record("new owner", '{"after":2}', before.version))
        record = self.store.read(self.task_id)
        assert (record.owner, record.data, record.version) == ("new owner", '{"after":2}', before.version + 1)

    def test_an_update_of_a_task_that_another_request_changed_is_refused(self) -> None:
        self.begin()
        before = self.store.read(self.task_id)
        hold(self.store.lock(self.task_id), '{"winner":1}')
        with raises(StoreConflict):
            self.store.update(self.task_id, Record("owner", '{"loser":2}', before.version))
        assert self.store.read(self.task_id).data == '{"winner":1}'

    def test_an_update_of_an_unknown_task_is_refused(self) -> None:
        with raises(StoreConflict):
            self.store.update(self.task_id, Record("owner", "{}", 1))
        self.assert_missing(self.task_id)

    # A task expires

    def test_an_expired_task_is_neither_found_nor_brought_back(self) -> None:
        with override_settings(FLOWS_TASK_IDLE_TIMEOUT=1):
            self.begin()
            before = self.store.read(self.task_id)
            time.sleep(1.2)
            self.assert_missing(self.task_id)
            with raises(StateNotFound):
                hold(self.store.lock(self.task_id), "[]")
            with raises(StoreConflict):
                self.store.update(self.task_id, Record("owner", "[]", before.version))
            self.assert_missing(self.task_id)

    def test_a_task_that_ended_is_remembered_for_longer(self) -> None:
        with override_settings(FLOWS_TASK_IDLE_TIMEOUT=1):
            self.begin()
            with self.store.lock(self.task_id) as held:
                held.save("owner", "[]", ENDED)
            time.sleep(1.2)
            assert self.store.read(self.task_id).status == ENDED

    def test_the_idle_time_grows_until_the_task_is_touched(self) -> None:
        with override_settings(FLOWS_TASK_IDLE_TIMEOUT=2):
            self.begin('{"a":1}')
            assert self.store.read(self.task_id).idle < 1
            time.sleep(1.2)
            record = self.store.read(self.task_id)
            assert 1.1 < record.idle < 2
            self.store.touch(self.task_id, record)
            time.sleep(1.2)
            touched = self.store.read(self.task_id)
            assert 1.1 < touched.idle < 2
            assert (touched.owner, touched.data) == (record.owner, record.data)

    def test_a_save_restarts_the_idle_time(self) -> None:
        with override_settings(FLOWS_TASK_IDLE_TIMEOUT=2):
            self.begin()
            time.sleep(1.2)
            hold(self.store.lock(self.task_id), "[]")
            time.sleep(1.2)
            assert self.store.read(self.task_id).data == "[]"

    def test_cleaning_up_removes_what_has_expired_and_nothing_else(self) -> None:
        with override_settings(FLOWS_TASK_IDLE_TIMEOUT=1):
            self.begin()
            time.sleep(1.2)
            alive = self.begin(task_id=new_id())
            while self.store.delete_expired(1):
                pass
            self.store.read(alive)
            self.assert_missing(self.task_id)

    # What is kept is text

    def test_any_text_of_ours_comes_back_unchanged(self) -> None:
        data = codec.dumps({"nul": "\x00", "surrogate": "\ud800", "smile": "\U0001f600", "slash": "\\u0000 %s {} '"})
        assert data.isascii()
        self.begin(data)
        assert self.store.read(self.task_id).data == data
        hold(self.store.lock(self.task_id), data + " ")
        assert self.store.read(self.task_id).data == data + " "

    def test_a_large_text_comes_back_unchanged(self) -> None:
        data = codec.dumps({"large": "0123456789abcdef" * 65536})
        self.begin(data)
        assert self.store.read(self.task_id).data == data
