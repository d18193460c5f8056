"""The contract of state stores, kept by each of ours and by one of two methods."""

from contextlib import ExitStack
from unittest import mock

import pytest
from django.db import connection
from django.test import TransactionTestCase, override_settings

from flows.exceptions import StateDamaged, StateNotFound, StoreUnavailable
from flows.statestore import django_store, redis_store
from flows.statestore.base import MOST_AT_A_TASK, BaseStateStore, get_store
from flows.test import StateStoreContract
from flows.test.claiming import ClaimingContract
from flows.test.holding import HoldingContract
from flows.test.limiting import LimitingContract

from tests.conftest import isolation_level


class DictStore(BaseStateStore):
    """The least that a store can be."""

    def __init__(self):
        self.states = {}

    def get_state(self, task_id):
        try:
            return self.states[task_id]
        except KeyError:
            raise StateNotFound(task_id) from None

    def put_state(self, task_id, state):
        self.states[task_id] = state


@pytest.mark.slow
class TestTwoMethodStore(StateStoreContract, TransactionTestCase):
    """The contract needs no pytest: this one is run as unittest does."""

    def make_store(self):
        return DictStore()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestDjangoStore(StateStoreContract):
    has_one_writer = connection.vendor == "sqlite"

    def make_store(self):
        return django_store.StateStore()

    def short_wait(self):
        if connection.vendor == "sqlite":  # How long it waits is an option of the project's connection.
            return mock.patch.dict(connection.settings_dict["OPTIONS"], {"timeout": 0.3})
        return super().short_wait()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one level of isolation")
@pytest.mark.django_db(transaction=True)
class TestDjangoStoreInRepeatableRead(HoldingContract, ClaimingContract, LimitingContract):
    """On PostgreSQL, what waited for another transaction is refused what that changed, and is begun again."""

    def make_store(self):
        return django_store.StateStore()

    @pytest.fixture(autouse=True)
    def isolation(self, transactional_db):
        with isolation_level("repeatable read"):
            yield


@pytest.mark.slow
@pytest.mark.usefixtures("redis_store")
class TestRedisStore(StateStoreContract):
    def make_store(self):
        return redis_store.StateStore()


# What stands on the two methods


def test_a_store_may_say_that_an_id_is_unknown_as_a_dict_does():
    class Store(DictStore):
        def get_state(self, task_id):
            return self.states[task_id]

    with pytest.raises(StateNotFound):
        Store().read("unknown")


@pytest.mark.parametrize("state", [{"other": "1"}, {"owner": "o", "data": "{}", "version": 1}, ["a list"], "text"])
def test_something_else_under_the_id_is_damaged_and_not_missing(state):
    store = DictStore()
    store.put_state("id", state)
    with pytest.raises(StateDamaged):
        store.read("id")


def test_what_the_library_puts_is_flat_text_and_numbers():
    store = DictStore()
    store.create("id", "owner", "{}")
    assert {name: type(value) for name, value in store.states["id"].items()} == {
        "owner": str,
        "data": str,
        "version": int,
        "status": str,
        "touched": float,
    }


@pytest.mark.parametrize(
    ("method", "arguments"), [("get_state", ("id",)), ("put_state", ("id", {}))], ids=["get_state", "put_state"]
)
def test_a_store_without_one_of_the_two_says_which_is_missing(method, arguments):
    class Store(BaseStateStore):
        pass

    with pytest.raises(NotImplementedError) as caught:
        getattr(Store(), method)(*arguments)
    assert str(caught.value) == f"Store must implement {method}({', '.join(('task_id', 'state')[: len(arguments)])})."


def test_a_store_that_does_not_call_the_constructor_above_works():
    class Store(DictStore):
        def __init__(self, states):
            self.states = states

    store = Store({})
    store.create("id", "owner", "{}")
    assert store.read("id").data == "{}"


# The store of the process


def test_there_is_one_store_for_a_module():
    assert get_store("flows.statestore.redis_store") is get_store("flows.statestore.redis_store")


def test_the_store_is_the_one_that_the_setting_names_now():
    assert isinstance(get_store(), django_store.StateStore)
    with override_settings(FLOWS_STATE_STORE="flows.statestore.redis_store"):
        assert isinstance(get_store(), redis_store.StateStore)


# A crowd at one task


@pytest.mark.parametrize("make_store", [DictStore, django_store.StateStore, redis_store.StateStore])
def test_few_requests_of_a_process_are_let_to_one_task_at_one_time(make_store):
    store = make_store()
    for _ in range(2):
        with ExitStack() as stack:
            for _ in range(MOST_AT_A_TASK):
                stack.enter_context(store.admit("0123456789"))
            with pytest.raises(StoreUnavailable, match=r"^The task 012345… is busy with many other requests[.]$"):
                stack.enter_context(store.admit("0123456789"))
            stack.enter_context(store.admit("another"))
    assert not store._locks
