"""The client of the store in Redis: one for each process, of one server or of whatever the project reaches it by."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from ..config import config, load
from ..exceptions import StoreUnavailable
from .base import shorten_all

if TYPE_CHECKING:
    from redis import Redis

# Imported late all over: a project that keeps its tasks elsewhere need not have redis installed.

logger = logging.getLogger("flows.statestore")

#: Seconds to wait for the server, and connections to it that a process may have: as many as the server will take.
TIMEOUT, MAX_CONNECTIONS = 5, 10_000


def get_client() -> Redis:
    """Return the client of this process for the present settings.

    ``FLOWS_REDIS_STATE_STORE_CLIENT`` goes before ``…_URL``, and that before ``…_HOST`` and the others. May connect.
    Raises `ImproperlyConfigured` for a URL that is none, and for a client that returns text in place of bytes.
    """
    if factory := config.REDIS_STATE_STORE_CLIENT:
        return _call(load(factory))
    if url := config.REDIS_STATE_STORE_URL:
        return _connect_to(url)
    names = ("HOST", "PORT", "DB", "USER", "PASSWORD")
    return _connect(*(getattr(config, f"REDIS_STATE_STORE_{name}") for name in names))


@lru_cache
def _call(factory: Callable[[], Redis]) -> Redis:
    return _check(factory(), "CLIENT")


@lru_cache
def _connect_to(url: str) -> Redis:
    from redis import Redis

    try:
        return _check(Redis.from_url(url, **get_options()), "URL")
    except ValueError as error:
        raise ImproperlyConfigured(
            f"FLOWS_REDIS_STATE_STORE_URL cannot be read: {error}. Make it one such as 'redis://localhost:6379/0'."
        ) from None


def _check(client: Redis, setting: str) -> Redis:
    # By the encoder, which each kind of client has; not by its options, which each keeps elsewhere.
    if hasattr(client, "get_encoder") and client.get_encoder().decode_responses:
        raise ImproperlyConfigured(
            f"FLOWS_REDIS_STATE_STORE_{setting} makes a client with decode_responses, for which what is kept is text "
            f"and not bytes. Leave decode_responses out, also where it is false in a URL."
        )
    return client


@lru_cache
def _connect(host: str, port: int, db: int, user: str, password: str) -> Redis:
    from redis import Redis

    return Redis(host, int(port), int(db), username=user or None, password=password or None, **get_options())


def get_options() -> dict[str, Any]:
    """Return how a client is to wait and try again, so that requests neither hang nor give up at once."""
    from redis.backoff import FullJitterBackoff
    from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004
    from redis.retry import Retry

    return {
        # Two quick retries; the default of ten is over four seconds for each command while the server is away.
        "retry": Retry(FullJitterBackoff(cap=0.2, base=0.01), 2),
        # Said for older clients, which do not try again after a lost reply and wait for one for ever.
        "retry_on_error": [ConnectionError, TimeoutError],
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        # Newer ones refuse the 101st at once, where a process with greenlets has more requests than that.
        "max_connections": MAX_CONNECTIONS,
    }


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn every error of the server or on the way to it into `StoreUnavailable`."""
    from redis.exceptions import RedisClusterException, RedisError

    try:
        yield
    except (RedisError, RedisClusterException) as error:
        error.args = (shorten_all(error),)  # of a pipeline it quotes the command, and that the key
        logger.warning("Redis cannot be reached or refuses to work: %s", error, exc_info=True)
        raise StoreUnavailable(f"Redis cannot be reached or refuses to work: {error}") from error
