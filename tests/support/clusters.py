"""An embedded cluster for component tests, with a client, on the clock that the test runs under."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from steersman.clients.kube import Connection, KubeClient, PatchType, WatchType
from steersman.conditions import StatusContract, violations
from steersman.conditions.edit import read_conditions
from steersman.kit.clock import Clock, SystemClock, VirtualClock
from steersman.kit.mask import Secret
from steersman.kit.virtualloop import VirtualEventLoop
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest, name_of, namespace_of, resource_version_of
from steersman.servers.apiserver.server import ApiServer

DEFINITION = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
MANAGER = "test"


def clock_of_loop() -> Clock:
    """The virtual clock under virtual time, else the machine's."""
    loop = asyncio.get_running_loop()
    return VirtualClock(loop) if isinstance(loop, VirtualEventLoop) else SystemClock()


class Cluster:
    """What a test does to a cluster, and what it waits for."""

    def __init__(self, server: ApiServer, client: KubeClient, clock: Clock) -> None:
        self.server = server
        self.client = client
        self.clock = clock

    def a_client(self, user_agent: str = "steersman-test") -> KubeClient:
        """A second client, to be entered; its requests are counted apart."""
        return KubeClient(self.client.connection, user_agent=user_agent, clock=self.clock)

    async def create(self, *manifests: Manifest) -> Manifest:
        for manifest in manifests:
            created = await self.client.create(manifest, field_manager=MANAGER)
        return created

    async def install(self, definitions: Iterable[Manifest]) -> None:
        """Creates definitions and waits until their kinds are served."""
        for definition in definitions:
            await self.create(definition)
            await self.until(
                DEFINITION,
                name_of(definition),
                when=lambda obj: is_true(obj, "Established"),
            )

    async def merge(
        self, kind: GroupVersionKind, name: str, body: Any, namespace: str = "default"
    ) -> Manifest:
        return await self.client.patch(
            kind, name, namespace, body, type=PatchType.MERGE, field_manager=MANAGER
        )

    async def get(self, kind: GroupVersionKind, name: str, namespace: str = "default") -> Manifest:
        return await self.client.get(kind, name, namespace)

    async def until(
        self,
        kind: GroupVersionKind,
        name: str,
        namespace: str = "",
        *,
        when: Callable[[Manifest], bool],
        seconds: float = 3600,
    ) -> Manifest:
        """Watches an object until something is true of it."""
        async with asyncio.timeout(seconds):
            listed = await self.client.list(kind, namespace, field_selector=f"metadata.name={name}")
            for manifest in listed.items:
                if when(manifest):
                    return manifest
            watch = self.client.watch(
                kind,
                resource_version=listed.resource_version,
                namespace=namespace,
                field_selector=f"metadata.name={name}",
                timeout_seconds=int(seconds) + 60,
            )
            async with aclosing(watch) as events:
                async for event in events:
                    if event.type is not WatchType.BOOKMARK and when(event.object):
                        return event.object
        raise AssertionError("the watch ended")


def is_true(manifest: Manifest, type: str) -> bool:
    """Conditions of any kind, Deployments and definitions included."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return any(c["type"] == type and c["status"] == "True" for c in conditions)


def conditions_of(manifest: Manifest) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message of the conditions by type."""
    found = read_conditions(manifest.get("status") or {})
    return {type: (c.status, c.reason, c.message) for type, c in found.items()}


def check(manifests: Iterable[Manifest], contract: StatusContract) -> None:
    """Asserts that no finished status breaks an invariant."""
    for manifest in manifests:
        found = violations(manifest, contract)
        where = f"{namespace_of(manifest)}/{name_of(manifest)} @{resource_version_of(manifest)}"
        assert not found, f"{where}: {found}\n{manifest.get('status')}"


@asynccontextmanager
async def a_cluster(**options: Any) -> AsyncIterator[Cluster]:
    """Starts a cluster with a client that acts as the administrator."""
    clock = clock_of_loop()
    async with ApiServer(clock=clock, seed=1, **options) as server:
        connection = Connection(server=server.url, token=Secret(server.token()))
        async with KubeClient(connection, user_agent="steersman-test", clock=clock) as client:
            yield Cluster(server, client, clock)
