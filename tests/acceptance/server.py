"""The site under test, run as a site is run: several processes, one request in each at a time."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .client import Browser
from .ledger import VARIABLE as LEDGER_VARIABLE
from .ledger import Ledger
from .setups import Setup
from tests import servers

WORKERS = 4
#: Where the environment names servers, which outlive the run. Of our own, nothing need be removed.
GIVEN = ("FLOWS_TEST_POSTGRES_URL", "FLOWS_TEST_MYSQL_URL")
#: Warnings that are errors, and Python's development mode, are for the library's own tests.
UNSET = ("PYTHONWARNINGS", "PYTHONDEVMODE")
#: What sites have in common that run beside each other.
SHARED = ("ACCEPTANCE_FOLDER", "ACCEPTANCE_NAME", LEDGER_VARIABLE)
#: How much of the end of the log is shown when a test fails.
LOG_TAIL = 8000


@dataclass
class Site:
    """A site that is running."""

    setup: Setup
    host: str
    folder: Path
    environ: Mapping[str, str]

    @property
    def ledger(self) -> Ledger:
        return Ledger(Path(self.environ[LEDGER_VARIABLE]))

    @property
    def log(self) -> str:
        """The end of what the server and its processes said."""
        return (self.folder / "server.log").read_text(errors="replace")[-LOG_TAIL:]

    def browser(self) -> Browser:
        """Return a new visitor's browser, with a run of its own."""
        return Browser(self.host)

    def effects(self, run: str, what: str | None = None) -> list[dict[str, Any]]:
        """Return the effects of a run that were committed to the site's database."""
        found = Browser(self.host, run=run).get("/effects/").json()
        return [effect for effect in found if what in (None, effect["what"])]

    def workers(self) -> list[int]:
        """Return the ids of the processes that answer requests now."""
        master = (self.folder / "gunicorn.pid").read_text().strip()
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [int(child) for child in children.split()]

    def manage(self, *command: str) -> str:
        """Run a management command as the site's operator would, and return what it said."""
        return _run(self.environ, "django", *command)


@contextmanager
def serve(
    setup: Setup,
    *,
    database_url: str = "",
    redis_url: str = "",
    workers: int = WORKERS,
    beside: Site | None = None,
    settings: Mapping[str, Any],
) -> Iterator[Site]:
    """Make the database of a site and run it until the block ends. ``settings`` take the place of the site's own.

    ``beside`` another site, as a second server or after a deploy, it runs on that one's database and store.
    """
    with servers.temporary_folder("site") as folder:
        name = f"flows_acceptance_{secrets.token_hex(4)}"
        environ = {
            "DJANGO_SETTINGS_MODULE": "tests.acceptance.site.settings",
            "PYTHONPATH": os.pathsep.join(_python_path()),
            "ACCEPTANCE_SETUP": str(setup),
            "ACCEPTANCE_FOLDER": str(folder),
            "ACCEPTANCE_NAME": name,
            "ACCEPTANCE_DATABASE": json.dumps(servers.database_settings(database_url)),
            "ACCEPTANCE_REDIS": redis_url,
            "ACCEPTANCE_SETTINGS": json.dumps(dict(settings)),
            LEDGER_VARIABLE: str(folder / "ledger.jsonl"),
        }
        if beside:
            environ |= {name: beside.environ[name] for name in SHARED}
            with _gunicorn(folder, environ, workers) as host:
                yield Site(setup, host, folder, environ)
            return
        _run(environ, "tests.acceptance.site.prepare", "create")
        try:
            with _gunicorn(folder, environ, workers) as host:
                yield Site(setup, host, folder, environ)
        finally:
            if database_url and database_url in map(os.environ.get, GIVEN):
                _run(environ, "tests.acceptance.site.prepare", "destroy")
            if redis_url and redis_url == os.environ.get("FLOWS_TEST_REDIS_URL"):
                _forget(redis_url, name)


@contextmanager
def _gunicorn(folder: Path, environ: Mapping[str, str], workers: int) -> Iterator[str]:
    port = servers.free_port()
    host = f"127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "gunicorn", "tests.acceptance.site.wsgi"),
        *("--bind", host, "--workers", workers, "--worker-class", "sync"),
        # Loaded once: a process that was killed is replaced by a fork, within milliseconds.
        "--preload",
        *("--pid", folder / "gunicorn.pid"),
        *"--timeout 60 --graceful-timeout 5 --log-level warning --no-control-socket".split(),
    ]
    with servers.running(
        command,
        folder=folder,
        ready=lambda: servers.says(port, b"HTTP/1.1 200", ask=f"GET /ping/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()),
        stop=signal.SIGINT,  # at once: by then nobody waits for an answer
        prefix=["env", *(f"--unset={name}" for name in UNSET), *(f"{name}={value}" for name, value in environ.items())],
    ):
        yield host


def _run(environ: Mapping[str, str], module: str, *arguments: str) -> str:
    """Run a module as a program in the site's environment, and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**{name: value for name, value in os.environ.items() if name not in UNSET}, **environ},
        cwd=environ["ACCEPTANCE_FOLDER"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _forget(redis_url: str, prefix: str) -> None:
    """Remove from somebody's Redis what the site put there."""
    from redis import Redis

    with Redis.from_url(redis_url) as client:
        for pattern in (f"{prefix}:*", f"*{prefix}*"):
            if keys := list(client.scan_iter(pattern, count=1000)):
                client.delete(*keys)


def _python_path() -> list[str]:
    """Return where the site finds the library that is tested, installed or not, and then these tests."""
    spec = find_spec("flows")
    folders = [Path(spec.origin).parents[1], Path(__file__).parents[2]]
    return list(dict.fromkeys(map(str, folders)))
