"""Named points of a request at which the site can be made to fail.

A request says where and how in the header ``X-Fault``: ``kill@after-effect`` kills the process as if somebody had
pulled the plug, ``raise@before-save`` raises `Fault`. ``kill@after-effect:complete`` means this point only where it
is that of ``complete``, as a page and the end of its flow may have the same points in one request. A resend does not
have the header, and goes through.

The points, in the order in which a request passes them; which of them it passes depends on the guarantee:

before-claim, after-claim
    around what commits that a submission is claimed. ``:1`` and ``:2`` tell the claim for a page from that for
    ``complete()``, where a request has both.
before-effect, after-effect
    around what an action, or ``complete()``, does.
before-commit, after-commit
    around what commits the result of a claimed submission.
before-save, after-save
    around what keeps the task at the end; the transaction of ``"transaction"`` is committed in between.
before-response
    everything is kept, the session too, and the answer not sent.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

POINTS = (
    "before-claim",
    "after-claim",
    "before-effect",
    "after-effect",
    "before-commit",
    "after-commit",
    "before-save",
    "after-save",
    "before-response",
)
HEADER = "X-Fault"

_wanted: ContextVar[str] = ContextVar("wanted", default="")


class Fault(RuntimeError):
    """A request asked to fail here."""


@contextmanager
def wanted(header: str) -> Iterator[None]:
    """Keep what a request asked for until the block ends."""
    token = _wanted.set(header)
    try:
        yield
    finally:
        _wanted.reset(token)


def fault(point: str, what: str = "") -> None:
    """Fail, if the request that is being handled asked for it."""
    how, _, where = _wanted.get().partition("@")
    if where not in (point, f"{point}:{what}"):
        return
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise Fault(f"{point} {what}".rstrip())
