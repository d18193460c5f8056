"""The ids of tasks: made by us, not to be guessed, and told from others without looking them up.

An id is 32 random characters, eight for the second in which it was made, and 16 that check both for one flow.
"""

from __future__ import annotations

import re
import secrets
import time

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from ..exceptions import StateNotFound
from ..statestore.base import DAY, shorten

ID = re.compile(r"[0-9a-f]{56}")
#: Stands for the time in an id that is made of a submission: at each attempt it has to be the same.
NO_TIME = "00000000"


def new_id(flow: str) -> str:
    """Return a new id for a task of a flow, known by the names of its handler and its root."""
    return _check(flow, f"{secrets.token_hex(16)}{int(time.time()):08x}")


def make_id(flow: str, submission: str) -> str:
    """Return the id of the task that a submission begins, the same at each attempt. ``submission`` is its key."""
    return _check(flow, f"{submission}{NO_TIME}")


def check_id(flow: str, task_id: str) -> str:
    """Return an id that was made here for a task of this flow. Raises `StateNotFound` for any other text."""
    if ID.fullmatch(task_id):
        keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        if any(constant_time_compare(task_id, _check(flow, task_id[:40], key)) for key in keys):
            return task_id
    raise StateNotFound("The query string holds no id of a task that we made.")


def get_age(task_id: str) -> float:
    """Return for how many seconds there has been an id. Raises `StateNotFound` where it is too old to begin a task."""
    if task_id[32:40] == NO_TIME:
        return 0.0
    age = time.time() - int(task_id[32:40], 16)
    if age >= DAY:
        raise StateNotFound(f"The id {shorten(task_id)} is too old, and there is no task.")
    return age


def _check(flow: str, text: str, key: str | bytes | None = None) -> str:
    return text + salted_hmac("flows.ids", f"{flow} {text}", secret=key, algorithm="sha256").hexdigest()[:16]
