"""Tasks in Redis or Valkey, which forgets them by itself when they have been idle for too long.

Each step is one script, so one round trip and nothing half done. A task is held by a lease: should its holder die,
the next request is let in after ``FLOWS_REDIS_STATE_STORE_LEASE`` seconds. A holder that comes back later finds
that the version has moved on and writes nothing.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..config import config
from ..exceptions import StateDamaged, StateExists, StateNotFound, StoreConflict, StoreUnavailable
from . import codec
from .base import BaseStateStore, Hold, Record, shorten

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger("flows.statestore")

#: Seconds between two looks at a task that another request holds.
POLL = 0.02

#: KEYS task, lease; ARGV token, life of the lease in ms. Returns {held, owner, data, version, ms to live}.
LOCK = """
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) and redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return {0}
end
local task = redis.call('HMGET', KEYS[1], 'owner', 'data', 'version')
return {1, task[1], task[2], task[3], redis.call('PTTL', KEYS[1])}
"""

#: KEYS task, lease; ARGV token, version expected (0: none yet), owner, data, life in ms, whether it must be free.
#: Lets go of the lease. A client that lost the reply asks again, and finds its own token.
SAVE = """
local task = redis.call('HMGET', KEYS[1], 'version', 'writer')
if ARGV[6] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if task[2] == ARGV[1] then return 1 end
if (task[1] or '0') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[3], 'data', ARGV[4], 'version', ARGV[2] + 1, 'writer', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""

#: KEYS lease; ARGV token.
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class StateStore(BaseStateStore):
    """One hash ``flows:{ID}:task`` and, while it is held, one lease ``flows:{ID}:lease`` for each task."""

    guarantees = ("retry",)

    # The two that every store has: any dict of storable values under an id

    def get_state(self, task_id: str) -> dict[str, Any]:
        state: dict[str, Any] = codec.loads(self.read(task_id).data)
        return state

    def put_state(self, task_id: str, state: dict[str, Any]) -> None:
        data = codec.dumps(state)
        with _unavailable(), get_client().pipeline() as pipeline:
            task = _keys(task_id)[0]
            pipeline.hset(task, mapping={"data": data, "writer": ""})
            pipeline.hsetnx(task, "owner", "")
            pipeline.hincrby(task, "version", 1)
            pipeline.pexpire(task, _life())
            pipeline.execute()

    # What the executor uses

    def read(self, task_id: str) -> Record:
        with _unavailable(), get_client().pipeline(transaction=False) as pipeline:
            task = _keys(task_id)[0]
            pipeline.hmget(task, "owner", "data", "version")
            pipeline.pttl(task)
            fields, life = pipeline.execute()
        return _record(task_id, [*fields, life])

    @contextmanager
    def lock(self, task_id: str) -> Iterator[Hold]:
        with self._lease(task_id) as (token, fields):
            hold = Hold(_record(task_id, fields))
            yield hold
            self._keep(task_id, hold, token)

    @contextmanager
    def birth(self, task_id: str, owner: str) -> Iterator[Hold]:
        with self._lease(task_id) as (token, fields):
            if fields[2] is not None:
                raise StateExists(f"There already is a task {shorten(task_id)}.")
            hold = Hold(None)
            yield hold
            self._keep(task_id, hold, token)

    def create(self, task_id: str, owner: str, data: str) -> None:
        self._save(task_id, Record(owner, data, 0), secrets.token_hex(16))

    def update(self, task_id: str, record: Record) -> None:
        self._save(task_id, record, secrets.token_hex(16), if_free=True)

    def touch(self, task_id: str, record: Record) -> None:
        with _unavailable():
            get_client().pexpire(_keys(task_id)[0], _life())

    # Scripts

    @contextmanager
    def _lease(self, task_id: str) -> Iterator[tuple[str, list[Any]]]:
        """Hold the lease of a task; yields its token, and the task's fields as they are then."""
        keys, token = _keys(task_id), secrets.token_hex(16)
        life = int(config.REDIS_STATE_STORE_LEASE * 1000)
        deadline = time.monotonic() + config.LOCK_WAIT
        while True:
            with _unavailable():
                held, *fields = get_client().eval(LOCK, 2, *keys, token, life)
            if held:
                break
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"The task {shorten(task_id)} is busy with another request.")
            time.sleep(POLL * random.uniform(0.5, 1.5))  # noqa: S311 (spreads the waiting ones)
        try:
            yield token, fields
        except BaseException:
            self._release(task_id, token)
            raise

    def _release(self, task_id: str, token: str) -> None:
        """Let go of the lease. Where that fails it runs out by itself, and what is under way is more important."""
        try:
            with _unavailable():
                get_client().eval(RELEASE, 1, _keys(task_id)[1], token)
        except StoreUnavailable:
            logger.warning("The lease of the task %s could not be released.", shorten(task_id))

    def _keep(self, task_id: str, hold: Hold, token: str) -> None:
        if hold.saved is None:
            self._release(task_id, token)
        else:
            version = hold.record.version if hold.record else 0
            self._save(task_id, Record(hold.saved.owner, hold.saved.data, version), token)

    def _save(self, task_id: str, record: Record, token: str, *, if_free: bool = False) -> None:
        """Write ``record`` in the place of the one whose version it bears. Raises `StoreConflict`."""
        arguments = (token, record.version, record.owner, record.data, _life(), int(if_free))
        with _unavailable():
            written = get_client().eval(SAVE, 2, *_keys(task_id), *arguments)
        if not written:
            raise StoreConflict(f"The task {shorten(task_id)} was changed or removed by another request.")


def _keys(task_id: str) -> tuple[bytes, bytes]:
    # The braces put both keys into one slot of a cluster. An id that a visitor made up may hold anything.
    stem = f"{config.REDIS_STATE_STORE_PREFIX}{{{task_id}}}".encode("utf-8", "surrogatepass")
    return stem + b":task", stem + b":lease"


def _life() -> int:
    return int(config.TASK_IDLE_TIMEOUT * 1000)


def _record(task_id: str, fields: list[Any]) -> Record:
    owner, data, version, life = fields
    if owner is data is version is None:
        raise StateNotFound(f"There is no task {shorten(task_id)}.")
    try:
        return Record(owner.decode(), data.decode("ascii"), int(version), max(0.0, (_life() - life) / 1000))
    except (AttributeError, TypeError, ValueError) as error:
        raise StateDamaged(f"The hash of the task {shorten(task_id)} cannot be read: {error}.") from error


def get_client() -> Redis:
    """Return the client of this process for the present settings."""
    names = ("HOST", "PORT", "DB", "USER", "PASSWORD")
    return _connect(*(getattr(config, f"REDIS_STATE_STORE_{name}") for name in names))


@lru_cache
def _connect(host: str, port: int, db: int, user: str, password: str) -> Redis:
    # Imported late: a project that keeps its tasks elsewhere need not have redis installed.
    from redis import Redis
    from redis.backoff import FullJitterBackoff
    from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004
    from redis.retry import Retry

    # Two quick retries; the default of ten is over four seconds for each command while the server is away.
    retry = Retry(FullJitterBackoff(cap=0.2, base=0.01), 2)
    return Redis(
        host,
        int(port),
        int(db),
        username=user or None,
        password=password or None,
        retry=retry,
        # Said for older clients, which do not try again after a lost reply and wait for one for ever.
        retry_on_error=[ConnectionError, TimeoutError],
        socket_timeout=5,
        socket_connect_timeout=5,
    )


@contextmanager
def _unavailable() -> Iterator[None]:
    """Turn every error of the server or on the way to it into `StoreUnavailable`."""
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        logger.warning("Redis cannot be reached or refuses to work: %s", error, exc_info=True)
        raise StoreUnavailable(f"Redis cannot be reached or refuses to work: {error}") from error
