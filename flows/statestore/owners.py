"""The tasks of each owner in Redis, for ``FLOWS_MAX_TASKS_PER_OWNER``.

Each owner has a set of ids, under a key of its own: in a cluster the tasks may be on other servers. So the set is
written after the task, and may name tasks that no longer exist. They are removed when the set seems too large.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .base import ENDED, OPEN, Record

if TYPE_CHECKING:
    from redis import Redis

#: KEYS task, lease; ARGV owner, ms to live. Removes an open task, unless it is held or lives longer: then it was used.
EVICT = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local task = redis.call('HMGET', KEYS[1], 'owner', 'status')
if task[1] ~= ARGV[1] or (task[2] or 'open') ~= 'open' then return 0 end
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then return 0 end
return redis.call('DEL', KEYS[1])
"""


class OwnersTasks:
    """The tasks of one owner. ``keys_of`` returns the keys of a task: first its own, then that of its lease."""

    def __init__(self, client: Redis, key: bytes, owner: str, keys_of: Callable[[str], tuple[bytes, ...]]) -> None:
        self.client = client
        self.key = key
        self.owner = owner
        self.keys_of = keys_of

    def note(self, task_id: str, record: Record, life: int) -> None:
        """Record that a task was written, which lives for ``life`` milliseconds from now on."""
        with self.client.pipeline(transaction=False) as pipeline:
            if record.status == ENDED:
                pipeline.srem(self.key, task_id)
            else:
                pipeline.sadd(self.key, task_id)
            pipeline.pexpire(self.key, life)
            pipeline.execute()

    def remove_surplus(self, new: str, limit: int) -> None:
        """Remove the longest idle open tasks, if there are too many with the new one."""
        members: Any = self.client.smembers(self.key)
        others = {member.decode() for member in members} - {new}
        if len(others) < limit:
            return
        lives = self._lives(others)
        surplus = sorted(lives, key=lambda task_id: lives[task_id])[: max(0, len(lives) - limit + 1)]
        for task_id in surplus:
            if self.client.eval(EVICT, 2, *self.keys_of(task_id)[:2], self.owner, lives[task_id]):
                self.client.srem(self.key, task_id)

    def _lives(self, ids: set[str]) -> dict[str, int]:
        """Return the milliseconds that each open task still lives. Remove the ids of tasks that no longer exist."""
        with self.client.pipeline(transaction=False) as pipeline:
            for task_id in ids:
                pipeline.hmget(self.keys_of(task_id)[0], "owner", "status")
                pipeline.pttl(self.keys_of(task_id)[0])
            answers = pipeline.execute()
        lives, gone = {}, []
        for task_id, (owner, status), life in zip(ids, answers[::2], answers[1::2], strict=True):
            if owner != self.owner.encode() or status == ENDED.encode():
                gone.append(task_id)
            elif status in (None, OPEN.encode()):
                lives[task_id] = life
        if gone:
            self.client.srem(self.key, *gone)
        return lives
