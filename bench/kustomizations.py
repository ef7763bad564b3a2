"""Kustomizations of 4 objects each beside an embedded API server in one process, on two cores.

Sources, the API and the controller share one process, so the API's work counts as well.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from bench.table import Row
from steersman.apis.crds import definitions
from steersman.apis.kustomization import GVK
from steersman.apply.takeover import default_managers
from steersman.artifacts.fetch import ArtifactFetcher
from steersman.artifacts.serve import ArtifactServer
from steersman.artifacts.store import ArtifactStore
from steersman.clients.kube import Connection, KubeClient
from steersman.clients.kube.request import PatchType
from steersman.controllers.driftwatch import DriftWatch
from steersman.controllers.kustomization import FIELD_MANAGER, KustomizationReconciler
from steersman.controllers.kustomization_access import RemoteClusters
from steersman.kit import yaml
from steersman.kit.archive import FileEntry, pack
from steersman.kit.clock import SystemClock
from steersman.kit.mask import Secret
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.runtime import Manager
from steersman.schemas.catalogue import load_catalogue
from steersman.servers.apiserver.server import ApiServer

COUNT = 100
OBJECTS = 4
SOURCE = GroupVersionKind("source.toolkit.fluxcd.io", "v1", "GitRepository")
CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")


def files(value: str, readme: str) -> dict[str, FileEntry]:
    tree = {"README.md": FileEntry(readme.encode())}
    for index in range(COUNT):
        for number in range(OBJECTS):
            name = f"c{index}-{number}"
            manifest = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": "default"},
                "data": {"value": value, **{f"key{i}": "x" * 40 for i in range(5)}},
            }
            tree[f"app{index}/{name}.yaml"] = FileEntry(yaml.dump(manifest).encode())
    return tree


class Bench:
    """One cluster with the controller.

    Args:
        client: its administrator.
        store: holds the source's artifacts.
        manager: runs the controller.
    """

    def __init__(self, client: KubeClient, store: ArtifactStore, manager: Manager) -> None:
        self.client = client
        self.store = store
        self.manager = manager
        self.changed = asyncio.Event()
        manager.caches[GVK].subscribe(lambda _: self.changed.set())

    async def push(self, revision: str, value: str) -> None:
        artifact = self.store.put(
            pack(files(value, revision)),
            kind="GitRepository",
            namespace="default",
            name="repo",
            file=f"{revision}.tar.gz",
            revision=f"main@sha1:{revision:0>40}",
        )
        fields = {
            "path": artifact.path,
            "url": artifact.url,
            "revision": artifact.revision,
            "digest": artifact.digest,
            "lastUpdateTime": artifact.last_update_time,
        }
        await self.client.patch(
            SOURCE,
            "repo",
            "default",
            {"status": {"artifact": fields}},
            type=PatchType.MERGE,
            field_manager="bench",
            subresource="status",
        )

    async def until_at(self, value: str) -> None:
        """Waits until every Kustomization is at a revision."""
        cache = self.manager.caches[GVK]
        revision = f"main@sha1:{value:0>40}"

        def at(manifest: dict[str, Any]) -> bool:
            status = manifest.get("status") or {}
            return status.get("lastAppliedRevision") == revision

        while sum(map(at, cache.objects())) < COUNT:
            self.changed.clear()
            await self.changed.wait()

    async def timed(self, revision: str, value: str) -> tuple[float, float]:
        """Returns the seconds from a push until all are ready, and the requests sent."""
        before, began = self.client.requests_sent, time.perf_counter()
        await self.push(revision, value)
        await self.until_at(revision)
        return time.perf_counter() - began, self.client.requests_sent - before


def source() -> dict[str, Any]:
    return {
        "apiVersion": SOURCE.api_version,
        "kind": SOURCE.kind,
        "metadata": {"name": "repo", "namespace": "default"},
        "spec": {"interval": "1h", "url": "https://example.com/repo.git"},
    }


def kustomization(index: int) -> dict[str, Any]:
    return {
        "apiVersion": GVK.api_version,
        "kind": GVK.kind,
        "metadata": {"name": f"app{index}", "namespace": "default"},
        "spec": {
            "interval": "1h",
            "prune": True,
            "path": f"app{index}",
            "sourceRef": {"kind": "GitRepository", "name": "repo"},
        },
    }


async def scenario(bench: Bench) -> list[Row]:
    client, manager = bench.client, bench.manager
    await client.create(source(), field_manager="bench")
    for index in range(COUNT):
        await client.create(kustomization(index), field_manager="bench")
    await manager.settled()
    cold, cold_requests = await bench.timed("1", "a")
    new, new_requests = await bench.timed("2", "b")
    await manager.settled()
    other, other_requests = await bench.timed("3", "b")
    await manager.settled()
    before, began = client.requests_sent, time.perf_counter()
    for index in range(COUNT):
        ref = ObjectRef(GVK.group, GVK.kind, "default", f"app{index}")
        manager.request(ref, reason="interval")
    await manager.settled()
    still, still_requests = time.perf_counter() - began, client.requests_sent - before
    healed = [await heal(client, index) for index in range(20)]
    return [
        Row("Kustomizations", str(COUNT)),
        Row("first revision to all Ready", f"{cold:.2f} s"),
        Row("requests for each, first revision", f"{cold_requests / COUNT:.1f}"),
        Row("second revision to all Ready", f"{new:.2f} s"),
        Row("requests for each, second revision", f"{new_requests / COUNT:.1f}"),
        Row("push that changes none of them to all Ready", f"{other:.2f} s"),
        Row("requests for each, such a push", f"{other_requests / COUNT:.1f}"),
        Row("interval, nothing changed", f"{still * 1000 / COUNT:.2f} ms each"),
        Row("requests for all of them", str(still_requests)),
        Row("drift healed, median", f"{sorted(healed)[10] * 1000:.0f} ms"),
    ]


async def heal(client: KubeClient, index: int) -> float:
    """Returns the seconds from a foreign change until it is undone."""
    began = time.perf_counter()
    await client.patch(
        CONFIG_MAP,
        f"c{index}-0",
        "default",
        {"data": {"value": "drift"}},
        type=PatchType.MERGE,
        field_manager="somebody",
    )
    while True:
        live = await client.get(CONFIG_MAP, f"c{index}-0", "default")
        if live["data"]["value"] != "drift":
            return time.perf_counter() - began
        await asyncio.sleep(0.002)


async def measure() -> list[Row]:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            ApiServer(clock=clock) as server,
            ArtifactServer(Path(folder)) as artifacts,
            aiohttp.ClientSession() as session,
            RemoteClusters(clock=clock, user_agent="bench") as remotes,
            KubeClient(
                Connection(server=server.url, token=Secret(server.token())),
                user_agent="bench",
                clock=clock,
            ) as client,
        ):
            for definition in definitions():
                await client.create(definition, field_manager="bench")
            managers: list[Manager] = []
            drift = DriftWatch(
                client,
                clock=clock,
                own=FIELD_MANAGER,
                managers=default_managers(FIELD_MANAGER),
                on_drift=lambda owner, _: managers[0].request(owner, reason="drift"),
            )
            async with drift:
                reconciler = KustomizationReconciler(
                    fetcher=ArtifactFetcher(session, clock=clock),
                    remotes=remotes,
                    catalogue=load_catalogue(),
                    drift=drift,
                )
                manager = Manager(client, [reconciler], clock=clock, random=Random(1))
                managers.append(manager)
                async with manager:
                    await manager.synced()
                    store = ArtifactStore(Path(folder), artifacts.url, clock=clock)
                    return await scenario(Bench(client, store, manager))


def run() -> Sequence[Row]:
    """Measures, and returns the rows."""
    return asyncio.run(measure())
