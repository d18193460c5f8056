"""Tasks in Redis or Valkey, which removes them by itself when they have been idle for too long.

Each step is one script: one round trip, done as a whole or not at all. A task is held by a lease, which is renewed
while its process runs. If the process dies, the next request can hold the task after
``FLOWS_REDIS_STATE_STORE_LEASE`` seconds. A process that hung and goes on later finds another version, and writes
nothing.
"""

from __future__ import annotations

import logging
import random
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ..config import config
from ..exceptions import StateDamaged, StateExists, StateNotFound, StoreConflict, StoreUnavailable
from ..serializing import codec
from .base import CLAIMED, ENDED, OPEN, BaseStateStore, Hold, Record, get_life, shorten
from .leases import renewals
from .owners import OwnersTasks
from .redis_client import get_client, translate_errors

logger = logging.getLogger("flows.statestore")

#: Seconds between two looks at a task that another request holds.
POLL = 0.02

#: Seconds for which a claimed task is kept beyond the idle timeout, so that somebody can look at it.
CLAIM_LIFE = 365 * 24 * 3600
#: The fields of a record.
FIELDS = ("owner", "data", "version", "status")

#: KEYS task, lease; ARGV token, life of the lease in ms. Returns {held, owner, data, version, status, ms to live}.
#: The task lives at least as long as its lease: it does not expire while somebody holds it.
LOCK = """
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) and redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return {0}
end
local task = redis.call('HMGET', KEYS[1], 'owner', 'data', 'version', 'status')
local life = redis.call('PTTL', KEYS[1])
if life >= 0 and life < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {1, task[1], task[2], task[3], task[4], life}
"""

#: KEYS task, lease, claim; ARGV lease token ('': it must be free), whether the lease is kept, writer,
#: version expected (0: none yet), owner, data, status, life in ms. The key claim exists while the task is claimed.
#: A client that lost the reply runs this again, and finds itself as the writer.
SAVE = """
local task = redis.call('HMGET', KEYS[1], 'version', 'writer')
if ARGV[1] == '' and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if ARGV[2] == '0' and redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if task[2] == ARGV[3] then return 1 end
if (task[1] or '0') ~= ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[4] + 1, 'writer', ARGV[3],
           'owner', ARGV[5], 'data', ARGV[6], 'status', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[8])
if ARGV[7] == 'claimed' then redis.call('SET', KEYS[3], '', 'PX', ARGV[8]) else redis.call('DEL', KEYS[3]) end
return 1
"""

#: KEYS task, lease; ARGV token, life of the lease in ms.
RENEW = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local life = redis.call('PTTL', KEYS[1])
if life >= 0 and life < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('PEXPIRE', KEYS[2], ARGV[2])
"""

#: KEYS task; ARGV data, life in ms.
PUT = """
redis.call('HSET', KEYS[1], 'data', ARGV[1], 'writer', '')
redis.call('HSETNX', KEYS[1], 'owner', '')
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

#: KEYS task; ARGV life in ms. A claimed task lives longer: its life is never shortened.
TOUCH = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
"""

#: KEYS lease; ARGV token.
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class StateStore(BaseStateStore):
    """One hash ``flows:{ID}:task`` for each task, beside it ``…:lease`` while held and ``…:claim`` while claimed."""

    guarantees = ("retry", "claim")
    limits_tasks = True

    # The two that every store has: any dict of storable values under an id

    def get_state(self, task_id: str) -> dict[str, Any]:
        state: dict[str, Any] = codec.loads(self.read(task_id).data)
        return state

    def put_state(self, task_id: str, state: dict[str, Any]) -> None:
        data = codec.dumps(state)
        with translate_errors():
            get_client().eval(PUT, 1, _keys(task_id)[0], data, _life())

    # What the executor uses

    def read(self, task_id: str) -> Record:
        with translate_errors(), get_client().pipeline(transaction=False) as pipeline:
            task = _keys(task_id)[0]
            pipeline.hmget(task, *FIELDS)
            pipeline.pttl(task)
            fields, life = pipeline.execute()
        return _record(task_id, [*fields, life])

    @contextmanager
    def lock(self, task_id: str) -> Iterator[Hold]:
        with self._lease(task_id) as (token, fields):
            hold = Hold(_record(task_id, fields), partial(self._commit_now, task_id, token))
            yield hold
            self._save(task_id, hold, token)

    @contextmanager
    def lock_new(self, task_id: str) -> Iterator[Hold]:
        with self._lease(task_id) as (token, fields):
            if fields[2] is not None:
                raise StateExists(f"There already is a task {shorten(task_id)}.")
            hold = Hold(None, partial(self._commit_now, task_id, token))
            yield hold
            self._save(task_id, hold, token)

    def create(self, task_id: str, owner: str, data: str) -> None:
        self._compare_and_set(task_id, None, Record(owner, data, 1))

    def update(self, task_id: str, record: Record) -> None:
        self._compare_and_set(task_id, record, replace(record, version=record.version + 1))

    def touch(self, task_id: str, record: Record) -> None:
        with translate_errors():
            get_client().eval(TOUCH, 1, _keys(task_id)[0], _life())
        self._enforce_limit(task_id, record, is_new=False)

    def claimed(self) -> Iterator[tuple[str, Record]]:
        start, end = f"{config.REDIS_STATE_STORE_PREFIX}{{", "}:claim"
        pattern = f"{_escape(start)}*{end}".encode("utf-8", "surrogatepass")
        with translate_errors():
            # A set: a scan may return a key twice.
            keys = set(get_client().scan_iter(pattern, count=1000))
        for key in keys:
            task_id = key.decode("utf-8", "surrogatepass")[len(start) : -len(end)]
            try:
                record = self.read(task_id)
            except StateNotFound:
                continue
            except StateDamaged:
                logger.exception("A task that is claimed cannot be read.")
                continue
            if record.status == CLAIMED:
                yield task_id, record

    # Scripts

    @contextmanager
    def _lease(self, task_id: str) -> Iterator[tuple[str, list[Any]]]:
        """Hold the lease of a task. Yield its token, and the fields of the task at that moment."""
        keys, token = _keys(task_id), secrets.token_hex(16)
        life = config.REDIS_STATE_STORE_LEASE
        milliseconds = int(life * 1000)
        deadline = time.monotonic() + config.LOCK_WAIT
        while True:
            with translate_errors():
                client = get_client()
                held, *fields = client.eval(LOCK, 2, *keys[:2], token, milliseconds)
            if held:
                break
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"The task {shorten(task_id)} is busy with another request.")
            time.sleep(POLL * random.uniform(0.5, 1.5))  # noqa: S311 (spreads the waiting requests)
        renewals.add(token, shorten(task_id), life, partial(client.eval, RENEW, 2, *keys[:2], token, milliseconds))
        try:
            yield token, fields
        except BaseException:
            renewals.drop(token)
            self._release(task_id, token)
            raise

    def _release(self, task_id: str, token: str) -> None:
        """Release the lease. If that fails, only log it: the lease runs out by itself."""
        try:
            with translate_errors():
                get_client().eval(RELEASE, 1, _keys(task_id)[1], token)
        except StoreUnavailable:
            logger.warning("The lease of the task %s could not be released.", shorten(task_id))

    def _commit_now(self, task_id: str, token: str, before: Record | None, after: Record) -> None:
        """Write what a hold claims or commits, and keep the lease."""
        self._compare_and_set(task_id, before, after, token, keep_lease=True)

    def _save(self, task_id: str, hold: Hold, token: str) -> None:
        renewals.drop(token)  # before the lease is released: a renewal would report it as lost
        if hold.saved is None:
            self._release(task_id, token)
        else:
            self._compare_and_set(task_id, hold.record, hold.saved, token)
            hold.is_stored = True

    def _compare_and_set(
        self, task_id: str, before: Record | None, after: Record, token: str = "", *, keep_lease: bool = False
    ) -> None:
        """Replace ``before`` with ``after``, with the token of the lease, or without one if nobody holds a lease.

        Raises `StoreConflict` if the stored version is not that of ``before``, or if another request holds the task.
        """
        version, life = before.version if before else 0, _life(after.status)
        arguments = (
            token,
            int(keep_lease),
            secrets.token_hex(16),
            version,
            after.owner,
            after.data,
            after.status,
            life,
        )
        with translate_errors():
            written = get_client().eval(SAVE, 3, *_keys(task_id), *arguments)
        if not written:
            raise StoreConflict(f"The task {shorten(task_id)} was changed or removed by another request.")
        self._enforce_limit(task_id, after, is_new=before is None)

    def _enforce_limit(self, task_id: str, record: Record, *, is_new: bool) -> None:
        """Enforce ``FLOWS_MAX_TASKS_PER_OWNER``. If that fails, what was written stays."""
        limit = config.MAX_TASKS_PER_OWNER
        if limit is None or not record.owner:
            return
        with suppress(StoreUnavailable), translate_errors():
            tasks = OwnersTasks(get_client(), _owner_key(record.owner), record.owner, _keys)
            tasks.note(task_id, record, _life())
            if is_new and record.status != ENDED:
                tasks.remove_surplus(task_id, limit)


def _keys(task_id: str) -> tuple[bytes, bytes, bytes]:
    # The braces put all keys into one slot of a cluster. A made-up id may contain anything.
    stem = f"{config.REDIS_STATE_STORE_PREFIX}{{{task_id}}}".encode("utf-8", "surrogatepass")
    return stem + b":task", stem + b":lease", stem + b":claim"


def _owner_key(owner: str) -> bytes:
    return f"{config.REDIS_STATE_STORE_PREFIX}{{{owner}}}:tasks".encode("utf-8", "surrogatepass")


def _escape(prefix: str) -> str:
    """Return the pattern of keys that matches a prefix as it is."""
    return re.sub(r"([*?\[\]\\^])", r"\\\1", prefix)


def _life(status: str = OPEN) -> int:
    """Return for how many milliseconds from now on a task is kept."""
    life = config.TASK_IDLE_TIMEOUT + CLAIM_LIFE if status == CLAIMED else get_life(status)
    return int(life * 1000)


def _record(task_id: str, fields: list[Any]) -> Record:
    owner, data, version, status, life = fields
    if owner is data is version is None:
        raise StateNotFound(f"There is no task {shorten(task_id)}.")
    try:
        status = status.decode() if status else OPEN
        idle = max(0.0, (_life(status) - life) / 1000)
        return Record(owner.decode(), data.decode("ascii"), int(version), idle, status)
    except (AttributeError, TypeError, ValueError) as error:
        raise StateDamaged(f"The hash of the task {shorten(task_id)} cannot be read: {error}.") from error
