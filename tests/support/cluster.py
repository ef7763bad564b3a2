"""An embedded cluster and its client, for tests in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from steersman.clients.kube.client import KubeClient
from steersman.clients.kube.connection import Connection
from steersman.kit.clock import Clock, VirtualClock
from steersman.kit.mask import Secret
from steersman.servers.apiserver.server import ApiServer


class Cluster(NamedTuple):
    """A running cluster.

    Args:
        server: the embedded API.
        client: acts as its administrator.
        clock: the time of both.
    """

    server: ApiServer
    client: KubeClient
    clock: Clock


def connection_to(server: ApiServer) -> Connection:
    return Connection(server=server.url, token=Secret(server.token()))


@asynccontextmanager
async def a_cluster(**options: Any) -> AsyncIterator[Cluster]:
    """Starts a cluster on the running loop's time."""
    clock = VirtualClock(asyncio.get_running_loop())
    async with ApiServer(clock=clock, seed=1, **options) as server:
        client = KubeClient(connection_to(server), user_agent="test", clock=clock)
        async with client:
            yield Cluster(server, client, clock)


def config_map(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
