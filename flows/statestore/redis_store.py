"""Tasks in Redis or Valkey, which removes them by itself when they have been idle for too long.

Each step is one script: one round trip, done as a whole or not at all. A task is held by a lease, which is renewed
while its process runs. If the process dies, the next request can hold the task after
``FLOWS_REDIS_STATE_STORE_LEASE`` seconds. A process that hung and goes on later finds another version, and writes
nothing.
"""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ..config import config
from ..exceptions import StateDamaged, StateExists, StateNotFound, StoreUnavailable
from .base import CLAIMED, ENDED, OPEN, Hold, Record, RecordStore, conflict, get_life, shorten
from .leases import renewals
from .redis_client import get_client, translate_errors

#: Seconds between two looks at a task that another request holds.
POLL = 0.02

#: Seconds for which a claimed task is kept beyond the idle timeout, so that somebody can look at it.
CLAIM_LIFE = 365 * 24 * 3600

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

#: KEYS task, lease; ARGV token, life of the lease in ms: 0 releases it.
RENEW = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local life = redis.call('PTTL', KEYS[1])
if life >= 0 and life < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('PEXPIRE', KEYS[2], ARGV[2])
"""

#: KEYS task; ARGV life in ms. A claimed task lives longer: its life is never shortened.
TOUCH = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
"""

#: KEYS the open tasks of an owner, by the time at which each expires; ARGV id, whether it is open, life in ms, limit.
#: Returns in turn the id and the ms to live of those beyond the limit, the longest idle first. The tasks themselves may
#: be on other servers of a cluster.
NOTE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[2] == '1' then redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1]) else redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local surplus = redis.call('ZRANGE', KEYS[1], 0, -1 - ARGV[4], 'WITHSCORES')
for i = 2, #surplus, 2 do surplus[i] = surplus[i] - now end
return surplus
"""

#: KEYS task, lease; ARGV owner, ms to live. Removes an open task, unless it is held or lives longer: then it was used.
#: Returns whether it no longer counts.
EVICT = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local task = redis.call('HMGET', KEYS[1], 'owner', 'status')
if task[1] == ARGV[1] and (task[2] or 'open') == 'open' then
  if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then return 0 end
  redis.call('DEL', KEYS[1])
end
return 1
"""


class StateStore(RecordStore):
    """One hash ``flows:{ID}:task`` for each task, beside it ``…:lease`` while held and ``…:claim`` while claimed."""

    guarantees = ("retry", "claim")
    limits_tasks = True

    def read(self, task_id: str) -> Record:
        with translate_errors(), get_client().pipeline(transaction=False) as pipeline:
            task = _keys(task_id)[0]
            pipeline.hmget(task, "owner", "data", "version", "status")
            pipeline.pttl(task)
            fields, life = pipeline.execute()
        return _record(task_id, [*fields, life])

    def create(self, task_id: str, owner: str, data: str) -> None:
        self._replace(task_id, None, Record(owner, data, 1))

    def update(self, task_id: str, record: Record) -> None:
        self._replace(task_id, record, replace(record, version=record.version + 1))

    def touch(self, task_id: str, record: Record) -> None:
        with translate_errors():
            get_client().eval(TOUCH, 1, _keys(task_id)[0], _life())
        self._enforce_limit(task_id, record, is_new=False)

    def claimed(self) -> Iterator[tuple[str, Record]]:
        start, end = f"{config.REDIS_STATE_STORE_PREFIX}{{", "}:claim"
        # The prefix is no pattern.
        pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", start) + f"*{end}"
        with translate_errors():
            # A set: a scan may return a key twice.
            keys = set(get_client().scan_iter(pattern.encode("utf-8", "surrogatepass"), count=1000))
        return self._read_claimed(key.decode("utf-8", "surrogatepass")[len(start) : -len(end)] for key in keys)

    @contextmanager
    def _hold(self, task_id: str, *, is_new: bool) -> Iterator[Hold]:
        """Hold the lease of a task, which is renewed until the hold ends."""
        token, life = secrets.token_hex(16), config.REDIS_STATE_STORE_LEASE
        deadline = time.monotonic() + config.LOCK_WAIT
        # The lease is renewed where and for how long it was acquired.
        arguments = (2, *_keys(task_id)[:2], token)
        while True:
            with translate_errors():
                client = get_client()
                held, *fields = client.eval(LOCK, *arguments, int(life * 1000))
            if held:
                break
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"The task {shorten(task_id)} is busy with another request.")
            time.sleep(POLL * random.uniform(0.5, 1.5))  # noqa: S311 (spreads the waiting requests)
        renewals.add(token, shorten(task_id), life, partial(client.eval, RENEW, *arguments, int(life * 1000)))

        def release() -> None:
            renewals.drop(token)
            # If that fails, the lease runs out by itself.
            with suppress(StoreUnavailable), translate_errors():
                client.eval(RENEW, *arguments, 0)

        with ExitStack() as lease:
            lease.callback(release)
            if is_new and fields[2] is not None:
                raise StateExists(f"There already is a task {shorten(task_id)}.")
            hold = Hold(None if is_new else _record(task_id, fields), partial(self._replace, task_id, token=token))
            yield hold
            if hold.saved:
                lease.pop_all()
                renewals.drop(token)  # before the lease is released: a renewal would report it as lost
                self._replace(task_id, hold.record, hold.saved, token, keep_lease=False)
                hold.is_stored = True

    def _replace(
        self, task_id: str, before: Record | None, after: Record, token: str = "", *, keep_lease: bool = True
    ) -> None:
        """Replace ``before`` with ``after``, with the token of the lease, or without one if nobody holds a lease.

        Raises `StoreConflict` if the stored version is not that of ``before``, or if another request holds the task.
        """
        fields = (before.version if before else 0, after.owner, after.data, after.status, _life(after.status))
        with translate_errors():
            # The writer is another each time.
            written = get_client().eval(
                SAVE, 3, *_keys(task_id), token, int(keep_lease), secrets.token_hex(16), *fields
            )
        if not written:
            raise conflict(task_id)
        self._enforce_limit(task_id, after, is_new=before is None)

    def _enforce_limit(self, task_id: str, record: Record, *, is_new: bool) -> None:
        """Enforce ``FLOWS_MAX_TASKS_PER_OWNER``. If that fails, what was written stays."""
        limit = config.MAX_TASKS_PER_OWNER
        if limit is None or not record.owner:
            return
        with suppress(StoreUnavailable), translate_errors():
            client, tasks, is_open = get_client(), _key(record.owner, "tasks"), record.status == OPEN
            # A new task that is claimed is not among the open ones.
            surplus: Any = client.eval(NOTE, 1, tasks, task_id, int(is_open), _life(), limit - (not is_open))
            if not is_new or record.status == ENDED:
                return
            for other, life in zip(surplus[::2], surplus[1::2], strict=True):
                keys = _keys(other.decode())[:2]
                if other.decode() != task_id and client.eval(EVICT, 2, *keys, record.owner, life):
                    client.zrem(tasks, other)


def _keys(task_id: str) -> tuple[bytes, bytes, bytes]:
    return _key(task_id, "task"), _key(task_id, "lease"), _key(task_id, "claim")


def _key(name: str, kind: str) -> bytes:
    # The braces put all keys of a task into one slot of a cluster. A made-up id may contain anything.
    return f"{config.REDIS_STATE_STORE_PREFIX}{{{name}}}:{kind}".encode("utf-8", "surrogatepass")


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
