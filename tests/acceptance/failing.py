"""What the site stands on, made to fail: databases, connections, a Redis."""

import json
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from .aftermath import claims, flowtasks
from .client import Browser
from .page import Response
from .server import Site
from .setups import CLAIM
from tests import servers

#: Seconds after which a case gives up waiting for something that has to happen.
PATIENCE = 20


def wait_until(happened: Callable[[], Any]) -> Any:
    """Return what ``happened()`` does as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := happened():
            return result
        time.sleep(0.01)
    raise AssertionError("It did not happen.")


def at_last(tab: Browser, guarantee: str, flow: str = "crash-{0}-after-{0}") -> Browser:
    """Go to the last page of a flow of ``site/crashing.py``."""
    tab.open(f"/{flow.format(guarantee)}/")
    tab.submit(name="begin")
    return tab


def assert_try_again(response: Response, heading: str = "Please try again") -> None:
    assert (response.status, response.headers["Retry-After"]) == (503, "2"), response.text[:500]
    assert heading in response.page.heading


def assert_interrupted(response: Response, guarantee: str) -> None:
    """Assert that a submission was answered as one must be whose database has failed in the middle of it."""
    assert_try_again(response, "being finished" if guarantee == CLAIM else "Please try again")


def go_on(site: Site, tab: Browser, url: str, form: dict[str, str], guarantee: str) -> None:
    """Release what was claimed as not done, and send again."""
    if guarantee == CLAIM:
        assert tab.task_id in claims(site)
        flowtasks(site, ["--release", tab.task_id])
    response = tab.send(url, form)
    assert response.status == 302, response.text[:500]
    assert "Done" in tab.follow(response).text


class Halfway:
    """A submission that has come to a gate in its page, and waits there."""

    def __init__(self, site: Site, tab: Browser, **data: Any) -> None:
        self.gate = secrets.token_hex(4)
        self.file = Path(site.environ["ACCEPTANCE_FOLDER"], f"gate-{self.gate}")
        self.tab, self.url = tab, tab.url
        self.form = tab.form(**{name: value.format(gate=self.gate) for name, value in data.items()})
        self.answer: Response | None = None
        self.thread = threading.Thread(target=self._send)
        self.thread.start()
        (entry,) = wait_until(lambda: site.ledger.entries("waiting", gate=self.gate))
        #: What the database's server calls the connection of the process that waits.
        self.connection: int = entry["connection"]

    def go_on(self) -> Response:
        """Open the gate and return the answer."""
        self.file.touch()
        self.thread.join()
        assert self.answer is not None
        return self.answer

    def resend(self) -> Response:
        return self.tab.send(self.url, self.form)

    def _send(self) -> None:
        self.answer = self.tab.twin().send(self.url, self.form)


@contextmanager
def halfway(site: Site, tab: Browser, **data: Any) -> Iterator[Halfway]:
    """Send the form on the page. The fields ``before`` and ``after`` hold ``{gate}`` where it is to wait."""
    waiting = Halfway(site, tab, name="halfway", **data)
    try:
        yield waiting
    finally:
        waiting.go_on()


# SQLite


@contextmanager
def locked_sqlite(site: Site, mode: str) -> Iterator[None]:
    """Hold the one lock for writing from another process, as a backup or a long import does."""
    file = Path(site.environ["ACCEPTANCE_FOLDER"], "site.sqlite3")
    with closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as connection:
        connection.execute(f"BEGIN {mode}")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


# PostgreSQL and MariaDB


class Server:
    """The database's server, as its administrator sees it."""

    def __init__(self, site: Site) -> None:
        self.name = site.environ["ACCEPTANCE_NAME"]
        self.is_mariadb = site.setup.kind.startswith("mariadb")
        where = json.loads(site.environ["ACCEPTANCE_DATABASE"])
        self.where = {
            "host": where["HOST"],
            "port": int(where["PORT"]),
            "user": where["USER"],
            "password": where.get("PASSWORD", ""),
        }

    def ask(self, query: str, *arguments: Any) -> list[Any]:
        """Run a query in a transaction of its own."""
        with self.connected() as cursor:
            cursor.execute(query, arguments)
            return [row[0] for row in cursor.fetchall()]

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Give a cursor in a transaction that is rolled back in the end."""
        if self.is_mariadb:
            import pymysql

            connection = pymysql.connect(database=self.name, **self.where)
        else:
            import psycopg

            connection = psycopg.connect(dbname=self.name, **self.where)
        with closing(connection), connection.cursor() as cursor:
            yield cursor

    def connections(self, *, waiting: bool = False) -> list[int]:
        """Return the ids of the connections that the site has, or of those that wait for a row."""
        if self.is_mariadb:
            query = "SELECT id FROM information_schema.processlist WHERE db = %s AND id != connection_id()"
            return self.ask(f"{query} AND info LIKE '%%FOR UPDATE'" if waiting else query, self.name)
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid != pg_backend_pid()"
        return self.ask(f"{query} AND wait_event_type = 'Lock'" if waiting else query, self.name)

    def cut(self, *connections: int) -> None:
        """Close connections from the server's side, whatever is done over them."""
        for connection in connections:
            self.ask("KILL %s" if self.is_mariadb else "SELECT pg_terminate_backend(%s)", connection)
        wait_until(lambda: not set(connections) & set(self.connections()))


# Redis


class OwnRedis:
    """A server of the case's own, which keeps on disk what it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = servers.free_port()
        self._running = ExitStack()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a site whose tasks are here."""
        return servers.redis_settings(f"redis://127.0.0.1:{self.port}/0")

    def start(self) -> None:
        options = ("--appendonly", "yes", "--appendfsync", "always", "--dir", self.folder)
        self._running.enter_context(servers.private_redis(self.folder, *map(str, options), port=self.port))

    def stop(self) -> None:
        self._running.close()

    def forget(self) -> None:
        """Lose all that was kept, as a server does whose disk is new."""
        shutil.rmtree(self.folder / "appendonlydir")

    def tell(self, command: str) -> None:
        from redis import Redis

        with Redis(port=self.port) as client:
            client.execute_command(*command.split())
