"""What the site's actions do: an effect that is seen outside of every transaction, and one in the database."""

import time
import uuid
from pathlib import Path

from django.conf import settings

from .. import ledger
from ..faults import fault
from .middleware import run_of
from .models import Effect

#: Seconds that one waits for another at a meeting.
PATIENCE = 1.0


def effect(component, what, *, delay=0, meet="", **entry):
    """Have the effect of a component: the one thing that must not happen twice for one submission.

    ``delay`` are the milliseconds it takes, ``meet`` is the name of a place at which to wait for somebody else.
    """
    run, key = run_of(component.request), component.submission_key or ""
    entry = {
        "run": run,
        "key": key,
        "position": component.position.name,
        "task": component.task.id,
        **entry,
    }
    fault("before-effect", what)
    time.sleep(delay / 1000)
    if meet and met(f"{run}-{meet}"):
        ledger.write("met", **{**entry, "at": what})
    ledger.write(what, **entry)
    Effect.objects.create(run=run, what=what, key=key)
    fault("after-effect", what)


def met(place):
    """Return whether another request was at this place at the same time as this one."""
    room = settings.FOLDER / "meetings" / place
    room.mkdir(parents=True, exist_ok=True)
    chair = room / uuid.uuid4().hex
    chair.touch()
    try:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if _others(room, chair):
                time.sleep(0.05)  # so that the other sees us too
                return True
            time.sleep(0.005)
        return False
    finally:
        chair.unlink()


def _others(room: Path, chair: Path):
    return any(other != chair for other in room.iterdir())
