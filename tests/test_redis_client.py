"""How the store in Redis reaches its server, or the several that stand for one."""

import re
import secrets
import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException

from flows.exceptions import StoreUnavailable
from flows.statestore import redis_store
from flows.statestore.base import CLAIMED
from flows.statestore.redis_client import get_client
from flows.test import StateStoreContract

from tests import redis_servers
from tests.conftest import available
from tests.test_docs import DOCS, captioned


@pytest.fixture
def store():
    return redis_store.StateStore()


@pytest.fixture
def client_setting(settings):
    settings.FLOWS_REDIS_STATE_STORE_PREFIX = f"flows-test-{secrets.token_hex(4)}:"

    def set_to(factory):
        settings.FLOWS_REDIS_STATE_STORE_CLIENT = factory

    return set_to


# Which client


def test_a_url_says_where_the_server_is(redis_store, redis_url, settings, store):
    settings.FLOWS_REDIS_STATE_STORE_HOST = "nowhere.invalid"
    settings.FLOWS_REDIS_STATE_STORE_URL = redis_url
    store.create("id", "owner", "{}")
    assert store.read("id").owner == "owner"
    assert get_client() is get_client()


def test_a_client_from_a_url_waits_as_the_others_do(settings):
    settings.FLOWS_REDIS_STATE_STORE_URL = "rediss://user:secret@redis.example:6380/3"
    client = get_client()
    own = client.connection_pool.connection_kwargs
    settings.FLOWS_REDIS_STATE_STORE_URL = ""
    by_parts = get_client().connection_pool.connection_kwargs
    assert (own["host"], own["port"], own["db"]) == ("redis.example", 6380, 3)
    assert (own["username"], own["password"]) == ("user", "secret")
    for name in ("socket_timeout", "socket_connect_timeout"):
        assert own[name] == by_parts[name]
    assert client.connection_pool.max_connections == get_client().connection_pool.max_connections


made = []


def make_client():
    made.append(Redis(port=1))
    return made[-1]


def test_a_function_of_the_project_makes_the_client_once(client_setting, settings):
    settings.FLOWS_REDIS_STATE_STORE_URL = "redis://nowhere.invalid"
    client_setting("tests.test_redis_client.make_client")
    assert get_client() is get_client() is made[-1]
    client_setting(make_client)
    assert get_client() is made[-1]
    assert len(made) == 1


def test_a_client_that_returns_text_is_refused_before_it_is_used(client_setting, settings, store):
    settings.FLOWS_REDIS_STATE_STORE_URL = "redis://nowhere.invalid?decode_responses=True"
    for name in ("URL", "CLIENT"):
        with pytest.raises(ImproperlyConfigured) as error:
            store.read("id")
        assert str(error.value) == (
            f"FLOWS_REDIS_STATE_STORE_{name} makes a client with decode_responses, for which what is kept is text and "
            "not bytes. Leave decode_responses out, also where it is false in a URL."
        )
        client_setting(lambda: Redis(port=1, decode_responses=True))


def test_a_url_of_another_kind_is_refused_without_its_password(settings, store):
    settings.FLOWS_REDIS_STATE_STORE_URL = "http://user:secret@redis.example"
    with pytest.raises(ImproperlyConfigured) as error:
        store.read("id")
    assert str(error.value) == (
        "FLOWS_REDIS_STATE_STORE_URL cannot be read: Redis URL must specify one of the following schemes "
        "(redis://, rediss://, unix://). Make it one such as 'redis://localhost:6379/0'."
    )


@pytest.mark.parametrize("error", [RedisConnectionError, RedisClusterException])
@pytest.mark.parametrize("method", ["read", "lock"])
def test_a_client_that_cannot_be_made_now_is_tried_again(redis_store, settings, store, redis_url, error, method):
    store.create("id", "owner", "{}")
    tries = []

    def factory():
        tries.append(1)
        if len(tries) == 1:
            raise error("No node can be reached.")
        return Redis.from_url(redis_url)

    settings.FLOWS_REDIS_STATE_STORE_CLIENT = factory
    with pytest.raises(StoreUnavailable, match="No node can be reached"):
        _use(store, method)
    assert _use(store, method).owner == "owner"
    assert len(tries) == 2


def _use(store, method):
    if method == "read":
        return store.read("id")
    with store.lock("id") as hold:
        return hold.record


# Several servers


def documented(name, hosts):
    """Return a function of the documentation, told of these hosts in place of its own."""
    code = captioned(DOCS / "growing.rst", "shop/redis.py")
    for number, port in enumerate(hosts, 1):
        for host in ("sentinel", "redis"):
            code = re.sub(rf'"{host}-{number}", \d+', f'"127.0.0.1", {port}', code)
    names = {}
    exec(code, names)
    return names[name]


@pytest.fixture(scope="module")
def cluster():
    with available(), redis_servers.cluster() as servers:
        yield documented("cluster", servers.ports)


@pytest.fixture
def in_cluster(cluster, client_setting):
    client_setting(cluster)


@pytest.mark.slow
@pytest.mark.usefixtures("in_cluster")
class TestCluster(StateStoreContract):
    def make_store(self):
        return redis_store.StateStore()


@pytest.mark.slow
def test_claimed_tasks_are_found_on_every_server_of_a_cluster(in_cluster, store):
    ids = {f"task{number}" for number in range(30)}
    for task_id in ids:
        store.create(task_id, "owner", "{}")
        with store.lock(task_id) as hold:
            hold.claim("owner", "{}")
    nodes = {get_client().get_node_from_key(f"{{{task_id}}}").port for task_id in ids}
    assert len(nodes) == redis_servers.PRIMARIES
    assert {task_id for task_id, record in store.claimed() if record.status == CLAIMED} == ids


@pytest.mark.slow
@pytest.mark.parametrize(
    ("several", "name"), [(redis_servers.cluster, "cluster"), (redis_servers.watched_pair, "watched_by_sentinels")]
)
def test_a_task_outlives_the_server_that_kept_it(client_setting, store, several, name):
    with available(), several() as servers:
        client_setting(documented(name, servers.ports))
        task_id = servers.id_on_first()
        store.create(task_id, "owner", '{"kept":1}')
        servers.await_replica()
        servers.kill_first()
        record = after_failover(lambda: store.read(task_id))
        assert (record.owner, record.data, record.version) == ("owner", '{"kept":1}', 1)
        with store.lock(task_id) as hold:
            hold.save("owner", '{"kept":2}')
        assert store.read(task_id).data == '{"kept":2}'


def after_failover(use):
    """Return what ``use`` returns when another server has taken over. Until then it soon says that it cannot.

    An older client may itself try for so long.
    """
    deadline = time.monotonic() + redis_servers.PATIENCE
    while time.monotonic() < deadline:
        began = time.monotonic()
        try:
            return use()
        except StoreUnavailable:
            assert time.monotonic() - began < 15
            time.sleep(0.1)
    raise AssertionError("No other server took over.")
