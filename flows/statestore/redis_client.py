"""The client of the store in Redis, one for each process: made from the settings, or by the project."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from ..config import config, load
from .base import translating

if TYPE_CHECKING:
    from redis import Redis

# Functions import redis when they run: a project that keeps its tasks elsewhere need not have it installed.

#: Seconds to wait for the server, and the connections that a process may have: as many as a server accepts.
TIMEOUT, MAX_CONNECTIONS = 5, 10_000


def get_client() -> Redis:
    """Return the client of this process for the present settings.

    ``FLOWS_REDIS_STATE_STORE_CLIENT`` comes before ``…_URL``, and that before ``…_HOST`` and the others. May connect.
    Raises `ImproperlyConfigured` for an invalid URL, and for a client that returns text instead of bytes.
    """
    names = ("CLIENT", "URL", "HOST", "PORT", "DB", "USER", "PASSWORD")
    factory, *places = (getattr(config, f"REDIS_STATE_STORE_{name}") for name in names)
    return _make_client(load(factory), *places)


@lru_cache
def _make_client(
    factory: Callable[[], Redis] | None, url: str, host: str, port: int, db: int, user: str, password: str
) -> Redis:
    from redis import Redis

    if factory:
        client = factory()
    elif url:
        try:
            client = Redis.from_url(url, **get_options())
        except ValueError as error:
            raise ImproperlyConfigured(
                f"FLOWS_REDIS_STATE_STORE_URL cannot be read: {error}. Make it one such as 'redis://localhost:6379/0'."
            ) from None
    else:
        client = Redis(host, int(port), int(db), username=user or None, password=password or None, **get_options())
    # Each kind of client has an encoder. Its options are somewhere else in each kind.
    if hasattr(client, "get_encoder") and client.get_encoder().decode_responses:
        raise ImproperlyConfigured(
            f"FLOWS_REDIS_STATE_STORE_{'CLIENT' if factory else 'URL'} makes a client with decode_responses, for which "
            f"what is kept is text and not bytes. Leave decode_responses out, also where it is false in a URL."
        )
    return client


def get_options() -> dict[str, Any]:
    """Return the timeouts and retries of a client, so that requests neither hang nor give up at once."""
    from redis.backoff import FullJitterBackoff
    from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004
    from redis.retry import Retry

    return {
        # Two quick retries: the default of ten takes over four seconds for each command while the server is down.
        "retry": Retry(FullJitterBackoff(cap=0.2, base=0.01), 2),
        # For older clients, which by default do not retry after a lost reply, and wait for ever for one.
        "retry_on_error": [ConnectionError, TimeoutError],
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        # Newer clients refuse the 101st at once, but a process with greenlets may have more requests than that.
        "max_connections": MAX_CONNECTIONS,
    }


def translate_errors() -> AbstractContextManager[None]:
    """Raise `StoreUnavailable` for every error of the server, or of the connection to it."""
    from redis.exceptions import RedisClusterException, RedisError

    return translating("Redis cannot be reached or refuses to work", (RedisError, RedisClusterException))
