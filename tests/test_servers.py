import os
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from redis import Redis

from tests import conftest, servers

ENDLESS = """
import time
from tests import servers
with servers.redis() as url:
    print(url, flush=True)
    time.sleep(60)
"""


def test_redis_answers(redis_url):
    with Redis.from_url(redis_url) as client:
        assert client.ping()


def test_a_named_server_is_used_as_it_is(monkeypatch):
    monkeypatch.setenv("FLOWS_TEST_REDIS_URL", "redis://somewhere:1/2")
    with servers.redis() as url:
        assert url == "redis://somewhere:1/2"


def test_a_private_server_ends_with_its_block(monkeypatch, redis_url):
    monkeypatch.delenv("FLOWS_TEST_REDIS_URL", raising=False)
    with conftest.available(), servers.redis() as url:
        port = urlsplit(url).port
        assert servers.says(port, b"+PONG", ask=b"PING\r\n")
    assert not servers.says(port, b"+PONG", ask=b"PING\r\n")


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv, of util-linux")
def test_a_private_server_ends_with_a_killed_run(monkeypatch, redis_url, tmp_path):
    monkeypatch.delenv("FLOWS_TEST_REDIS_URL", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True) as run:
        port = urlsplit(run.stdout.readline()).port
        assert servers.says(port, b"+PONG", ask=b"PING\r\n")
        run.send_signal(signal.SIGKILL)
    for _ in range(100):
        if not servers.says(port, b"+PONG", ask=b"PING\r\n"):
            return
        time.sleep(0.05)
    pytest.fail("The server is still there.")


def test_a_server_that_does_not_start_tells_what_it_said(tmp_path):
    with (
        pytest.raises(RuntimeError, match="sh did not start: no such option"),
        servers.running(["sh", "-c", "echo no such option"], folder=tmp_path, ready=lambda: False),
    ):
        pass


@pytest.fixture
def nothing_installed(monkeypatch):
    for name in ("REDIS_URL", "POSTGRES_URL", "MYSQL_URL", "BROWSER"):
        monkeypatch.delenv(f"FLOWS_TEST_{name}", raising=False)
    monkeypatch.setattr(servers, "_in_wheel", lambda package, pattern: None)
    monkeypatch.setattr(servers, "_newest", lambda pattern: None)
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)


@pytest.mark.parametrize(
    ("start", "remedy"),
    [
        (servers.redis, "Redis: set FLOWS_TEST_REDIS_URL, or "),
        (servers.postgres, "PostgreSQL: set FLOWS_TEST_POSTGRES_URL, or "),
        (servers.mariadb, "MariaDB: set FLOWS_TEST_MYSQL_URL, or "),
    ],
)
def test_what_cannot_be_had_tells_the_remedy(nothing_installed, start, remedy):
    with pytest.raises(servers.Missing, match=remedy), start():
        pass


def test_a_browser_that_cannot_be_had_tells_the_remedy(nothing_installed):
    with pytest.raises(servers.Missing, match="Browser: set FLOWS_TEST_BROWSER "):
        servers.chromium()


def test_missing_is_a_skip_on_a_users_machine(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with (
        pytest.raises(pytest.skip.Exception, match="NOT TESTED: Redis: install it"),
        conftest.available(),
    ):
        raise servers.Missing("Redis: install it.")


def test_missing_is_a_failure_under_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Under CI nothing"), conftest.available():
        raise servers.Missing("Redis: install it.")


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        (
            "postgres://postgres@127.0.0.1:5433/",
            {"HOST": "127.0.0.1", "PORT": "5433", "USER": "postgres"},
        ),
        (
            "mysql://me:p%40ss@db/shop",
            {"HOST": "db", "USER": "me", "PASSWORD": "p@ss", "NAME": "shop"},
        ),
    ],
)
def test_a_url_becomes_database_settings(url, settings):
    assert servers.database_settings(url) == settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache", ("cache", 6379, 0, "", "")),
        ("redis://127.0.0.1:6380/", ("127.0.0.1", 6380, 0, "", "")),
        ("redis://:p%40ss@cache:1/2", ("cache", 1, 2, "", "p@ss")),
        ("redis://me:p%2Fss@cache/15", ("cache", 6379, 15, "me", "p/ss")),
    ],
)
def test_a_url_becomes_settings_of_the_store_in_redis(url, expected):
    names = ("HOST", "PORT", "DB", "USER", "PASSWORD")
    assert servers.redis_settings(url) == {
        f"FLOWS_REDIS_STATE_STORE_{name}": value for name, value in zip(names, expected, strict=True)
    }
