"""What the tests of a store have in common."""

# ruff: noqa: S101  (tests are made of asserts)

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cached_property
from threading import Event
from typing import Any, TypeVar
from unittest import TestCase

from django.db import connections
from django.test import override_settings

from ..exceptions import StateNotFound, StoreUnavailable
from ..statestore.base import BaseStateStore

T = TypeVar("T")

#: For stores that are tested without pytest.
raises = TestCase().assertRaises

#: Seconds after which a thread that does not wait would be done.
MOMENT = 0.25
#: Seconds after which a thread that is not done never will be.
PATIENCE = 30


class StoreTests:
    """Tests of the store that `make_store` returns."""

    #: Whether `get_state` returns the types that `put_state` was given; the library asks for text and numbers only.
    keeps_types = True
    #: Whether tasks of different ids wait for each other, as in a database that has one writer.
    has_one_writer = False

    def make_store(self) -> BaseStateStore:
        """Return the store to test. It may hold other tasks."""
        raise NotImplementedError(f"{type(self).__name__} must implement make_store().")

    def short_wait(self) -> AbstractContextManager[Any]:
        """Return a block in which a request waits for less than three seconds for a task that another holds."""
        return override_settings(FLOWS_LOCK_WAIT=0.3)

    # Helpers

    @cached_property
    def store(self) -> BaseStateStore:
        return self.make_store()

    @cached_property
    def task_id(self) -> str:
        return new_id()

    def begin(self, data: str = "{}", task_id: str | None = None) -> str:
        """Keep a task and return its id."""
        task_id = task_id or self.task_id
        self.store.create(task_id, "owner", data)
        return task_id

    def assert_missing(self, task_id: str) -> None:
        with raises(StateNotFound):
            self.store.read(task_id)

    def assert_free(self) -> None:
        """Assert that nobody holds the task: another request can hold it at once."""
        with in_threads() as start, self.short_wait():
            start(lambda: hold(self.store.lock(self.task_id))).result(PATIENCE)


def new_id() -> str:
    return uuid.uuid4().hex


def hold(holding: AbstractContextManager[Any], data: str | None = None) -> None:
    """Hold a task for an instant, and save it if there is something to save."""
    with holding as held:
        if data is not None:
            held.save("owner", data)


class in_threads:  # noqa: N801  (reads as what it does: ``with in_threads() as start``)
    """Starts functions as other requests would run them: in threads with database connections of their own."""

    def __enter__(self) -> Callable[[Callable[[], T]], Future[T]]:
        self._pool = ThreadPoolExecutor(max_workers=16)
        return self._start

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()

    def _start(self, function: Callable[[], T]) -> Future[T]:
        started = Event()

        def run() -> T:
            started.set()
            try:
                return function()
            finally:
                connections.close_all()

        future = self._pool.submit(run)
        started.wait(PATIENCE)
        return future


def assert_waits(future: Future[Any]) -> None:
    time.sleep(MOMENT)
    assert not future.done(), f"It did not wait: {future!r}"


def assert_gives_up(start: Callable[[Callable[[], Any]], Future[Any]], function: Callable[[], Any]) -> None:
    began = time.monotonic()
    with raises(StoreUnavailable):
        start(function).result(PATIENCE)
    assert time.monotonic() - began < 3, "It waited for longer than it was told to."
