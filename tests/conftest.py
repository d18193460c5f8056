import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest
from django.db.models.signals import post_migrate
from django.db.models.sql.compiler import SQLCompiler
from django.utils import translation

from tests import servers

NOT_TESTED = "NOT TESTED: "


@contextmanager
def available() -> Iterator[None]:
    """Skip what needs a server that cannot be had; under CI, fail."""
    try:
        yield
    except servers.Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing} Under CI nothing may be left untested.", pytrace=False)
        pytest.skip(f"{NOT_TESTED}{missing}")


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Leave the language that a request asked for, in which the next test's URLs would be made."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a real Redis. Others may use the same one: remove what you wrote, never flush."""
    with ExitStack() as stack:
        with available():
            url = stack.enter_context(servers.redis())
        yield url


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """Start the database that tests/settings.py chose, where it is one that needs a server."""
    from django.db import connections

    connection = connections["default"]
    starters: dict[str, Callable[[], AbstractContextManager[str]]] = {
        "postgresql": servers.postgres,
        "mysql": servers.mariadb,
    }
    with ExitStack() as stack:
        if start := starters.get(connection.vendor):
            with available():
                url = stack.enter_context(start())
            connection.settings_dict.update(servers.database_settings(url))
        yield


@contextmanager
def isolation_level(level: str) -> Iterator[None]:
    """Let new connections to the database have a level of isolation, such as "repeatable read"."""
    from django.db import connection

    options: dict[str, Any] = {"isolation_level": level}
    if connection.vendor == "postgresql":
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        options["isolation_level"] = IsolationLevel[level.replace(" ", "_").upper()]
    with mock.patch.dict(connection.settings_dict["OPTIONS"], options):
        connection.close()
        yield
    connection.close()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Make the permissions once, and not whenever a test has emptied the tables, which takes longer than the test."""
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")


@pytest.fixture(params=["django", "redis"])
def each_store(request: pytest.FixtureRequest) -> str:
    """Run a test with each store in turn; returns its name."""
    if request.param == "redis":
        request.getfixturevalue("redis_store")
    return request.param


@pytest.fixture
def redis_store(redis_url: str, settings: Any) -> Iterator[None]:
    """Keep tasks in a real Redis, under a prefix of this test's own."""
    from redis import Redis

    settings.FLOWS_STATE_STORE = "flows.statestore.redis_store"
    for name, value in servers.redis_settings(redis_url).items():
        setattr(settings, name, value)
    settings.FLOWS_REDIS_STATE_STORE_PREFIX = prefix = f"flows-test-{secrets.token_hex(4)}:"
    yield
    with Redis.from_url(redis_url) as client:
        if keys := list(client.scan_iter(f"{prefix}*")):
            client.delete(*keys)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of a real browser."""
    with available():
        return servers.chromium()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = {str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)}
    for reason in sorted(reasons):
        if NOT_TESTED in reason:
            terminalreporter.write_line(reason.removeprefix("Skipped: "), yellow=True, bold=True)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models whose queries were compiled."""
    models: list[Any] = []
    as_sql = SQLCompiler.as_sql

    def note(self: SQLCompiler, *args: Any, **options: Any) -> Any:
        models.append(self.query.model)
        return as_sql(self, *args, **options)

    monkeypatch.setattr(SQLCompiler, "as_sql", note)
    return models
