"""The library without one of the things that it keeps its promises with, to see that the cases notice.

``FLOWS_ACCEPTANCE_REVERT`` names what the site is to do without.
"""

import dataclasses
import os
from contextlib import contextmanager, suppress

VARIABLE = "FLOWS_ACCEPTANCE_REVERT"


def without_lock():
    """Two requests may be at one task."""
    from flows.statestore import django_store, redis_store

    def lock(self, task_id, wait):
        return self._fetch(django_store.READ, task_id)

    django_store.StateStore._lock = lock
    redis_store.LOCK = redis_store.LOCK.replace("'NX', ", "")


def without_tombstone():
    """What has ended is forgotten."""
    from flows.engine.guarantees import Guarantees
    from flows.statestore import django_store, redis_store

    save = Guarantees.save

    def forget(self, task, data):
        save(self, task, data)
        self.hold.forgets = task.ended

    def forgetful(store, remove):
        def of(method):
            @contextmanager
            def holding(self, *args):
                with method(self, *args) as hold:
                    yield hold
                if getattr(hold, "forgets", False):
                    remove(self, args[0])

            return holding

        store.lock, store.lock_new = of(store.lock), of(store.lock_new)

    Guarantees.save = forget
    forgetful(django_store.StateStore, lambda self, task_id: self._rows.filter(pk=task_id).delete())
    forgetful(
        redis_store.StateStore, lambda self, task_id: redis_store.get_client().delete(redis_store._keys(task_id)[0])
    )


def without_owner_check():
    """A task opens for anybody who has its id."""
    from flows import binder

    binder.is_owner = lambda request, owner: True


def without_version_check():
    """What was written in between is written over."""
    from flows.statestore import django_store, redis_store

    replace = django_store.StateStore._replace

    def replace_any(self, task_id, before, after):
        version = self._rows.filter(pk=task_id).values_list("version", flat=True).first()
        replace(self, task_id, before and dataclasses.replace(before, version=version), after)

    django_store.StateStore._replace = replace_any
    redis_store.SAVE = redis_store.SAVE.replace("if (task[1] or '0') ~= ARGV[4] then return 0 end", "")


def without_claim():
    """What is to be done at most once is done as anything else."""
    from flows.engine.guarantees import Guarantees

    Guarantees.begin = lambda self, task, place: None


REVERTS = {
    "lock": without_lock,
    "tombstone": without_tombstone,
    "owner": without_owner_check,
    "version": without_version_check,
    "claim": without_claim,
}


def apply():
    """Take away what the environment names. Nothing, as a rule."""
    with suppress(KeyError):
        REVERTS[os.environ[VARIABLE]]()
