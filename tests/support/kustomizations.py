"""A cluster with the Kustomization controller, and sources that tests fill with files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from steersman.apis.crds import definitions
from steersman.apis.kustomization import GVK
from steersman.apis.meta import READY
from steersman.apply.takeover import default_managers
from steersman.artifacts.fetch import ArtifactFetcher
from steersman.artifacts.serve import ArtifactServer
from steersman.artifacts.store import ArtifactStore
from steersman.clients.kube.request import PatchType
from steersman.controllers.driftwatch import DriftWatch
from steersman.controllers.kustomization import FIELD_MANAGER, KustomizationReconciler
from steersman.controllers.kustomization_access import RemoteClusters
from steersman.controllers.kustomization_settings import KustomizeSettings
from steersman.kit import yaml
from steersman.kit.archive import FileEntry, pack
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.runtime import Event, Manager
from steersman.schemas.catalogue import load_catalogue
from tests.support.cluster import Cluster, a_cluster, namespace

GIT_REPOSITORY = GroupVersionKind("source.toolkit.fluxcd.io", "v1", "GitRepository")
CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
FLUX = "flux-system"
Files = Mapping[str, str | dict[str, Any] | list[dict[str, Any]]]


@dataclass
class Told:
    """An event sink that remembers."""

    events: list[Event] = field(default_factory=list)

    async def post(self, event: Event) -> None:
        self.events.append(event)

    def lines(self, name: str = "") -> list[str]:
        return [
            f"{event.severity} {event.reason}: {event.message}"
            for event in self.events
            if name in ("", event.involved["name"])
        ]


@dataclass
class World:
    """What a test of Kustomizations works with."""

    cluster: Cluster
    manager: Manager
    store: ArtifactStore
    told: Told
    drift: DriftWatch
    requests_before: int = 0

    async def push(self, files: Files, *, revision: str, source: str = "repo") -> None:
        """Gives a source an artifact with these files."""
        tree = {path: FileEntry(_text(content).encode()) for path, content in files.items()}
        artifact = self.store.put(
            pack(tree),
            kind="GitRepository",
            namespace=FLUX,
            name=source,
            file=f"{revision.replace('/', '-').replace(':', '-')}.tar.gz",
            revision=revision,
        )
        client = self.cluster.client
        manifest = {
            "apiVersion": GIT_REPOSITORY.api_version,
            "kind": "GitRepository",
            "metadata": {"name": source, "namespace": FLUX},
            "spec": {"interval": "1m", "url": "https://example.com/repo.git"},
        }
        await client.apply(manifest, field_manager="test")
        status = {
            "artifact": {
                "path": artifact.path,
                "url": artifact.url,
                "revision": artifact.revision,
                "digest": artifact.digest,
                "lastUpdateTime": artifact.last_update_time,
                "size": artifact.size,
            }
        }
        await client.patch(
            GIT_REPOSITORY,
            source,
            FLUX,
            {"status": status},
            type=PatchType.MERGE,
            field_manager="test",
            subresource="status",
        )

    async def create(self, manifest: dict[str, Any]) -> None:
        """Creates or changes an object as a person would."""
        await self.cluster.client.apply(manifest, field_manager="person")

    async def kustomization(self, name: str = "apps", **spec: Any) -> None:
        """Creates or changes a Kustomization."""
        await self.create(a_kustomization(name, **spec))

    async def settled(self) -> None:
        await self.manager.settled()

    async def get(self, kind: GroupVersionKind, name: str, ns: str = "default") -> Any:
        return await self.cluster.client.find(kind, name, ns)

    async def data(self, name: str, ns: str = "default") -> Any:
        """Returns a ConfigMap's data, or None."""
        found = await self.get(CONFIG_MAP, name, ns)
        return None if found is None else found.get("data")

    async def status(self, name: str = "apps") -> dict[str, Any]:
        live = await self.cluster.client.get(GVK, name, FLUX)
        return live.get("status") or {}

    async def conditions(self, name: str = "apps") -> dict[str, tuple[str, str, str]]:
        status = await self.status(name)
        return {
            c["type"]: (c["status"], c["reason"], c["message"])
            for c in status.get("conditions", ())
        }

    async def ready(self, name: str = "apps") -> tuple[str, str, str]:
        return (await self.conditions(name)).get(READY, ("", "", ""))

    async def inventory(self, name: str = "apps") -> list[str]:
        status = await self.status(name)
        return [entry["id"] for entry in (status.get("inventory") or {}).get("entries", ())]

    async def wait(self, seconds: float) -> None:
        await self.cluster.clock.sleep(seconds)
        await self.settled()

    async def until(self, check: Callable[[], Any], seconds: float = 60.0) -> None:
        """Waits until an awaitable check is true."""
        for _ in range(int(seconds * 10)):
            if await check():
                return
            await self.cluster.clock.sleep(0.1)
        raise AssertionError("it did not come true")

    async def delete(self, kind: GroupVersionKind, name: str, ns: str) -> None:
        try:
            await self.cluster.client.delete(kind, name, ns)
        except ApiError as error:
            if error.code != 404:
                raise


def _text(content: str | dict[str, Any] | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return yaml.dump_all(content if isinstance(content, list) else [content])


def a_kustomization(name: str = "apps", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": GVK.api_version,
        "kind": GVK.kind,
        "metadata": {"name": name, "namespace": FLUX},
        "spec": {
            "interval": "10m",
            "retryInterval": "1m",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "repo"},
            **spec,
        },
    }


@asynccontextmanager
async def a_world(tmp_path: Path, **settings: Any) -> AsyncIterator[World]:
    """Starts a cluster with Flux's definitions and the Kustomization controller."""
    async with a_cluster() as cluster:
        client, clock = cluster.client, cluster.clock
        for definition in definitions():
            await client.create(definition, field_manager="test")
        await client.create(namespace(FLUX), field_manager="test")
        told = Told()
        managers: list[Manager] = []

        def on_drift(owner: ObjectRef, _: ObjectRef) -> None:
            managers[0].request(owner, reason="drift")

        async with (
            ArtifactServer(tmp_path) as server,
            aiohttp.ClientSession() as session,
            RemoteClusters(clock=clock, user_agent="test") as remotes,
            DriftWatch(
                client,
                clock=clock,
                own=FIELD_MANAGER,
                managers=default_managers(FIELD_MANAGER),
                on_drift=on_drift,
            ) as drift,
        ):
            reconciler = KustomizationReconciler(
                fetcher=ArtifactFetcher(session, clock=clock),
                remotes=remotes,
                catalogue=load_catalogue(),
                settings=KustomizeSettings(**settings),
                drift=drift,
            )
            manager = Manager(client, [reconciler], clock=clock, sinks=[told], random=Random(1))
            managers.append(manager)
            async with manager:
                await manager.synced()
                store = ArtifactStore(tmp_path, server.url, clock=clock)
                yield World(cluster, manager, store, told, drift)
