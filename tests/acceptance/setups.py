"""What the site is run on: a store with its database, times sessions, times ``ATOMIC_REQUESTS``.

``FLOWS_ACCEPTANCE`` says which setups a run goes through:

``fast`` (or nothing)
    a few that differ as much as possible;
``once``
    each case on the first of these that it is for;
``all``
    every one there is;
``postgres+redis+atomic,sqlite+db``
    those of these ids.

``FLOWS_ACCEPTANCE_REPEAT`` says how often what could go well by chance is repeated: a number, which holds for
pairs and for crashes.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

SQL_KINDS = ("sqlite", "sqlite-wal", "postgres", "mariadb-rc", "mariadb-rr")
#: Where tasks are kept. With ``redis`` the models are in PostgreSQL: it starts as quickly as anything else, and, unlike
#: SQLite with its single writer, it lets two requests be at their effects at the same time if the store does.
KINDS = (*SQL_KINDS, "redis")
SESSIONS = ("db", "redis")

TRANSACTION, CLAIM, RETRY = "transaction", "claim", "retry"


@dataclass(frozen=True, order=True)
class Setup:
    """One combination. ``str()`` gives its id."""

    kind: str
    sessions: str = "db"
    atomic: bool = False

    def __str__(self) -> str:
        return "+".join([self.kind, self.sessions, *(["atomic"] if self.atomic else [])])

    @classmethod
    def parse(cls, text: str) -> "Setup":
        """Return the setup of an id. Raises `ValueError`."""
        kind, sessions, atomic = (*text.strip().split("+"), "", "")[:3]
        setup = cls(kind, sessions or "db", atomic == "atomic")
        if setup not in ALL or text.strip() not in (str(setup), kind):
            raise ValueError(f"'{text}' is no setup. There are: {', '.join(map(str, ALL))}.")
        return setup

    @property
    def is_sqlite(self) -> bool:
        """Whether there is one writer for all tasks, so that those of different tasks wait for each other too."""
        return self.kind.startswith("sqlite")

    @property
    def guarantees(self) -> tuple[str, ...]:
        return variants(self.kind)


def variants(kind: str) -> tuple[str, ...]:
    """Return the guarantees that the store of a kind can give, its default first."""
    return (RETRY, CLAIM) if kind == "redis" else (TRANSACTION, CLAIM, RETRY)


ALL = tuple(Setup(kind, sessions, atomic) for kind, sessions, atomic in product(KINDS, SESSIONS, (False, True)))
#: First the one on which a case can find most: each guarantee, several writers, and a transaction around the request.
FAST = (Setup("postgres", "db", atomic=True), Setup("sqlite"), Setup("redis", "redis"))


def chosen(environ: Mapping[str, str] = os.environ) -> tuple[Setup, ...]:
    """Return the setups of this run."""
    wish = environ.get("FLOWS_ACCEPTANCE") or "fast"
    if wish in ("fast", "once", "all"):
        return ALL if wish == "all" else FAST
    return tuple(map(Setup.parse, wish.split(",")))


def chosen_for(runs_on: Callable[[Setup], bool] | None, environ: Mapping[str, str] = os.environ) -> list[Setup]:
    """Return those of them that cases run on, which are for all if they do not say so with ``runs_on``."""
    setups = list(filter(runs_on, chosen(environ)))
    return setups[:1] if environ.get("FLOWS_ACCEPTANCE") == "once" else setups


#: Seconds for which a killed process keeps its task in Redis from others, and seconds for which those wait. Longer
#: than anything that the site does. Cases kill several, wait once, and then send all of them again.
LEASE, LOCK_WAIT = 3, 5
#: Settings of a site of which many processes are killed.
IMPATIENT = {"FLOWS_LOCK_WAIT": 1, "FLOWS_REDIS_STATE_STORE_LEASE": 0.5}


def _repeat(fast: int, everything: int) -> int:
    given = os.environ.get("FLOWS_ACCEPTANCE_REPEAT")
    return int(given) if given else everything if os.environ.get("FLOWS_ACCEPTANCE") == "all" else fast


#: How many times what races is sent.
PAIRS = _repeat(10, 50)
#: How many times a process is killed at each point.
CRASHES = _repeat(3, 20)
