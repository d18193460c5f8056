"""Several Redis or Valkey servers that stand for one: a cluster, and a pair that Sentinels watch."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from redis.crc import key_slot

from tests import servers

#: Milliseconds after which a server that does not answer is taken for dead. By default fifteen or thirty seconds.
DEAD_AFTER = 1000
#: Seconds within which another one should have taken over.
PATIENCE = 30
PRIMARIES = 3
SLOTS = 16384
NAME = "flows"


@dataclass
class Servers:
    """Several servers on loopback, the first of which has a replica."""

    #: Where to connect to.
    ports: list[int]
    first: int
    replica: int

    def id_on_first(self) -> str:
        """Return the id of a task that the first server keeps."""
        return next(name for name in map(str, range(1000)) if key_slot(name.encode()) <= _slots(0)[1])

    def await_replica(self) -> None:
        """Wait until the replica knows what the first server was told."""
        _wait_until(lambda: _tell(self.replica, "DBSIZE") == _tell(self.first, "DBSIZE") > 0)

    def kill_first(self) -> None:
        with Redis(port=self.first) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)


@contextmanager
def cluster() -> Iterator[Servers]:
    """Give a cluster of three servers, of which the first has a replica that takes over when it is killed."""
    with servers.temporary_folder("cluster") as folder, ExitStack() as stack:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(DEAD_AFTER))
        ports = []
        for number in range(PRIMARIES + 1):
            port, bus = servers.free_port(), servers.free_port()
            own = _folder(folder, number)
            stack.enter_context(servers.private_redis(own, *options, "--cluster-port", str(bus), port=port))
            ports.append(port)
            _tell(ports[0], "CLUSTER", "MEET", "127.0.0.1", port, bus)
        for number, port in enumerate(ports[:PRIMARIES]):
            _tell(port, "CLUSTER", "ADDSLOTSRANGE", *_slots(number))
        leader = _tell(ports[0], "CLUSTER", "MYID").decode()
        _wait_until(lambda: _says(ports[-1], "CLUSTER NODES", leader))
        _tell(ports[-1], "CLUSTER", "REPLICATE", leader)
        for port in ports:
            _wait_until(lambda port=port: _says(port, "CLUSTER INFO", "cluster_state:ok"))
        _wait_until(lambda: _says(ports[-1], "INFO replication", "master_link_status:up"))
        yield Servers(ports, ports[0], ports[-1])


@contextmanager
def watched_pair() -> Iterator[Servers]:
    """Give the ports of three Sentinels that watch a server and its replica, which takes over when it is killed."""
    with servers.temporary_folder("sentinels") as folder, ExitStack() as stack:
        leader, replica = servers.free_port(), servers.free_port()
        stack.enter_context(servers.private_redis(_folder(folder, "leader"), port=leader))
        own = _folder(folder, "replica")
        stack.enter_context(servers.private_redis(own, "--replicaof", f"127.0.0.1 {leader}", port=replica))
        _wait_until(lambda: _says(replica, "INFO replication", "master_link_status:up"))
        ports = [servers.free_port() for _ in range(3)]
        for port in ports:
            own = _folder(folder, port)
            # Sentinels keep what they know in their configuration.
            (own / "sentinel.conf").write_text(
                f"port {port}\n"
                f"sentinel monitor {NAME} 127.0.0.1 {leader} 2\n"
                f"sentinel down-after-milliseconds {NAME} {DEAD_AFTER}\n"
                f"sentinel failover-timeout {NAME} {5 * DEAD_AFTER}\n"
            )
            stack.enter_context(servers.sentinel(own, port))
        for port in ports:
            _wait_until(lambda port=port: _says(port, "INFO sentinel", "slaves=1,sentinels=3"))
        yield Servers(ports, leader, replica)


def _folder(folder: Path, name: object) -> Path:
    own = folder / str(name)
    own.mkdir()
    return own


def _slots(number: int) -> tuple[int, int]:
    return number * SLOTS // PRIMARIES, (number + 1) * SLOTS // PRIMARIES - 1


def _tell(port: int, *command: object) -> Any:
    with Redis(port=port) as client:
        client.response_callbacks.clear()  # as the server says it
        return client.execute_command(*command)


def _says(port: int, command: str, text: str) -> bool:
    return text.encode() in _tell(port, *command.split())


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("The servers did not come together in time.")
        time.sleep(0.05)
