"""The composition root: what is wired to what. All modes come through here.

They differ in what they pass: addresses and credentials of the clusters, the clock, a directory,
settings. Nothing below asks which mode it is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final

import aiohttp

from steersman.apis.source import gitrepository
from steersman.app.settings import EngineSettings
from steersman.apply.takeover import default_managers
from steersman.artifacts.fetch import ArtifactFetcher
from steersman.artifacts.serve import ArtifactServer
from steersman.artifacts.store import ArtifactStore
from steersman.clients.git.client import GitClient
from steersman.clients.kube import Connection, KubeClient
from steersman.controllers.driftwatch import DriftWatch
from steersman.controllers.kustomization import FIELD_MANAGER, KustomizationReconciler
from steersman.controllers.kustomization_access import RemoteClusters
from steersman.controllers.source.gitrepository import GitRepositoryReconciler, repositories_at
from steersman.kit.clock import Clock
from steersman.objects.identity import ObjectRef
from steersman.runtime.manager import Manager
from steersman.runtime.metrics import Metrics
from steersman.schemas.catalogue import Catalogue, load_catalogue

__all__ = ["Engine", "EngineCluster"]

_USER_AGENT: Final = "steersman"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCluster:
    """What works on one cluster.

    Attributes:
        client: acts as the controllers.
        manager: runs them.
    """

    client: KubeClient
    manager: Manager


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What the clusters of one engine have in common."""

    git: GitClient
    session: aiohttp.ClientSession
    catalogue: Catalogue
    remotes: RemoteClusters


class Engine:
    """Keeps clusters equal to what Git says; an async context manager.

    Args:
        settings: how it behaves.
        clock: the time, real or virtual.
        directory: where artifacts are kept, a folder for each cluster.
        connections: the clusters, by name.
    """

    def __init__(
        self,
        settings: EngineSettings,
        *,
        clock: Clock,
        directory: Path,
        connections: Mapping[str, Connection],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._directory = directory
        self._connections = connections
        self._stack = AsyncExitStack()
        self.metrics = Metrics()
        self.clusters: dict[str, EngineCluster] = {}

    async def __aenter__(self) -> Engine:
        async with AsyncExitStack() as stack:
            # Each request has its own time limit; the session's would count under virtual time.
            session = await stack.enter_async_context(
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
            )
            shared = _Shared(
                git=GitClient(session, mirrors=self._settings.mirrors),
                session=session,
                catalogue=load_catalogue(),
                remotes=await stack.enter_async_context(
                    RemoteClusters(clock=self._clock, user_agent=_USER_AGENT)
                ),
            )
            for name, connection in self._connections.items():
                self.clusters[name] = await self._start(stack, shared, name, connection)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def source_moved(self, url: str) -> None:
        """Has every GitRepository at an address looked at now, on all clusters."""
        for cluster in self.clusters.values():
            for ref in repositories_at(cluster.manager.caches[gitrepository.GVK], url):
                cluster.manager.request(ref, reason="push")

    async def settled(self) -> None:
        """Waits until no cluster has anything to do before its next interval or retry."""
        for cluster in self.clusters.values():
            await cluster.manager.settled()

    async def _start(
        self, stack: AsyncExitStack, shared: _Shared, name: str, connection: Connection
    ) -> EngineCluster:
        client = await stack.enter_async_context(
            KubeClient(connection, user_agent=_USER_AGENT, clock=self._clock)
        )
        directory = self._directory / name
        artifacts = await stack.enter_async_context(ArtifactServer(directory))
        store = ArtifactStore(
            directory, artifacts.url, clock=self._clock, retention=self._settings.retention
        )
        managers: list[Manager] = []

        def on_drift(owner: ObjectRef, _: ObjectRef) -> None:
            for manager in managers:
                manager.request(owner, reason="drift")

        drift = await stack.enter_async_context(
            DriftWatch(
                client,
                clock=self._clock,
                own=FIELD_MANAGER,
                managers=default_managers(
                    FIELD_MANAGER, self._settings.kustomize.overridden_managers
                ),
                on_drift=on_drift,
            )
        )
        settings = self._settings.kustomize
        reconcilers = (
            GitRepositoryReconciler(
                shared.git, store, requeue_dependency=settings.dependency_seconds
            ),
            KustomizationReconciler(
                # Whatever address an artifact was stored under, the file is served here now.
                fetcher=ArtifactFetcher(
                    shared.session,
                    clock=self._clock,
                    rewrite_host=artifacts.url.removeprefix("http://"),
                ),
                remotes=shared.remotes,
                catalogue=shared.catalogue,
                settings=settings,
                drift=drift,
            ),
        )
        manager = Manager(
            client,
            reconcilers,
            clock=self._clock,
            settings=self._settings.runtime,
            metrics=self.metrics,
            random=None if self._settings.seed is None else Random(self._settings.seed),  # noqa: S311
        )
        managers.append(manager)
        await stack.enter_async_context(manager)
        return EngineCluster(client=client, manager=manager)
