"""Embedded clusters in a thread of their own, for tests of the command line.

The command line runs its own event loop, as it does for people; so the servers need another one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from steersman.apis.crds import definitions
from steersman.app.state import ClusterState, GitState, RunState, write_state
from steersman.clients.kube import KubeClient, PatchType, parse_kubeconfig
from steersman.fleet.content import FLEET, INFRA, FleetPlan
from steersman.kit.clock import SystemClock
from steersman.kit.mask import Secret
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest, name_of, namespace_of
from steersman.rehearsal.seed import write_repositories
from steersman.servers.apiserver.server import ApiServer
from steersman.servers.gitserver import GitServer, GitUser, Role

T = TypeVar("T")


class LiveClusters:
    """Running clusters with Flux's definitions installed, and a ``state.json`` that names them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.clients: dict[str, KubeClient] = {}
        self.servers: dict[str, ApiServer] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="clusters")
        self._stack = AsyncExitStack()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the servers' loop."""
        return asyncio.run_coroutine_threadsafe(main, self._loop).result(60)

    def kubeconfig(self, cluster: str) -> Path:
        return self.data / f"{cluster}.kubeconfig"

    def put(self, cluster: str, *manifests: Manifest) -> None:
        """Creates objects, each with its status."""
        self.run(self._put(self.clients[cluster], manifests))

    def get(self, cluster: str, gvk: GroupVersionKind, name: str) -> Manifest:
        return self.run(self.clients[cluster].get(gvk, name, "flux-system"))

    def set_status(self, cluster: str, manifest: Manifest, status: dict[str, Any]) -> None:
        self.run(self._set_status(self.clients[cluster], manifest, status))

    async def _put(self, client: KubeClient, manifests: Sequence[Manifest]) -> None:
        for manifest in manifests:
            bare = {key: value for key, value in manifest.items() if key != "status"}
            await client.create(bare, field_manager="test")
            if "status" in manifest:
                await self._set_status(client, manifest, manifest["status"])

    async def _set_status(
        self, client: KubeClient, manifest: Manifest, status: dict[str, Any]
    ) -> None:
        await client.patch(
            GroupVersionKind.of(manifest),
            name_of(manifest),
            namespace_of(manifest),
            {"status": status},
            type=PatchType.MERGE,
            field_manager="test",
            subresource="status",
        )

    async def start(self, names: Sequence[str]) -> None:
        clock = SystemClock()
        for name in names:
            server = await self._stack.enter_async_context(ApiServer(clock=clock, name=name))
            self.kubeconfig(name).write_text(server.kubeconfig())
            client = KubeClient(
                parse_kubeconfig(server.kubeconfig()), user_agent="test", clock=clock
            )
            self.clients[name] = await self._stack.enter_async_context(client)
            self.servers[name] = server
            namespace = {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": "flux-system"},
            }
            await self._put(client, [namespace, *definitions()])

    async def start_git(self) -> GitState:
        """Serves a new fleet; the platform team's token is ``platform-token``."""
        root = self.data / "git"
        clock = SystemClock()
        write_repositories(
            root, FleetPlan(git_url="http://git.example", bot_token=Secret("bot")), clock=clock
        )
        users = {"platform": GitUser(role=Role.WRITER, token="platform-token")}
        server = await self._stack.enter_async_context(GitServer(root, users=users, clock=clock))
        urls = {name: f"{server.url}/{name}.git" for name in (FLEET, INFRA)}
        return GitState(url=server.url, repositories=urls, token="platform-token")

    @contextmanager
    def running(self, names: Sequence[str], *, git: bool = False) -> Iterator[LiveClusters]:
        self._thread.start()
        try:
            self.run(self.start(names))
            served = self.run(self.start_git()) if git else GitState(url="http://127.0.0.1:1")
            clusters = tuple(
                ClusterState(
                    name=name,
                    kubeconfig=str(self.kubeconfig(name)),
                    branch="main" if name == "staging" else "production",
                )
                for name in names
            )
            self.state = RunState(pid=1, git=served, clusters=clusters)
            write_state(self.data, self.state)
            yield self
        finally:
            self.run(self._stack.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


def ready(revision: str, message: str = "Applied revision", **more: Any) -> dict[str, Any]:
    """A status of success."""
    return {
        "observedGeneration": 1,
        "conditions": [condition("Ready", "True", "ReconciliationSucceeded", message)],
        "lastAppliedRevision": revision,
        "lastAttemptedRevision": revision,
        **more,
    }


def condition(type: str, status: str, reason: str, message: str) -> dict[str, Any]:
    return {
        "type": type,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }


def a_kustomization(name: str, status: dict[str, Any] | None = None, **spec: Any) -> Manifest:
    manifest: Manifest = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {
            "interval": "10m",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "infra"},
            **spec,
        },
    }
    return manifest if status is None else {**manifest, "status": status}


def a_gitrepository(name: str, revision: str, **status: Any) -> Manifest:
    artifact = {
        "path": "x",
        "url": "http://x",
        "revision": revision,
        "digest": "sha256:" + "0" * 64,
        "lastUpdateTime": "2026-01-02T03:04:05Z",
    }
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {"interval": "1m", "url": "https://git.example/infra"},
        "status": {
            "observedGeneration": 1,
            "artifact": artifact,
            "conditions": [condition("Ready", "True", "Succeeded", f"stored {revision}")],
            **status,
        },
    }
