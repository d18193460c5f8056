"""Sites on real servers: gunicorn with four processes, PostgreSQL, Redis."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contenders import Contender
from tests import servers

WORKERS = 4
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Site:
    """A contender's journey, served."""

    contender: Contender
    #: Where its tasks and sessions are kept.
    store: str
    host: str


def create_database(url: str, engine: str, name: str) -> str:
    """Make an empty database on a server; return the environment's word for it."""
    if engine == "postgresql":
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
            connection.execute(f"CREATE DATABASE {name}")
    else:
        import pymysql

        server = {key.lower(): value for key, value in servers.database_settings(url).items()}
        with pymysql.connect(**{**server, "port": int(server["port"])}) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name}")
    return json.dumps({"ENGINE": f"django.db.backends.{engine}", **servers.database_settings(url), "NAME": name})


def sqlite(file: Path) -> str:
    """Return the environment's word for a database in a file."""
    options = {"transaction_mode": "IMMEDIATE"}
    return json.dumps({"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": options})


def manage(environ: dict[str, str], *command: str) -> None:
    """Run a management command of the site of such an environment."""
    subprocess.run([sys.executable, "-m", "django", *command], env={**os.environ, **_environment(environ)}, check=True)


@contextmanager
def serve(contender: Contender, store: str, environ: dict[str, str]) -> Iterator[Site]:
    """Run a contender's site until the block ends."""
    port = servers.free_port()
    host = f"127.0.0.1:{port}"
    environ = _environment({**environ, "BENCHMARKS_CONTENDER": contender.name})
    command = [
        *(sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", "--bind", host),
        *("--workers", WORKERS, "--worker-class", "sync", "--preload", "--log-level", "warning", "--no-control-socket"),
    ]
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with (
        servers.temporary_folder("site") as folder,
        servers.running(
            command,
            folder=folder,
            ready=lambda: servers.says(port, b"HTTP/1.1 ", ask=request),
            prefix=["env", *(f"{name}={value}" for name, value in environ.items())],
        ),
    ):
        yield Site(contender, store, host)


def _environment(environ: dict[str, str]) -> dict[str, str]:
    return {"PYTHONPATH": str(CHECKOUT), "DJANGO_SETTINGS_MODULE": "benchmarks.scale.settings", **environ}
