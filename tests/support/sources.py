"""source-controller at work: a Git server, an artifact server, a cluster, all in virtual time."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from steersman.apis.crds import definitions
from steersman.apis.meta import Artifact
from steersman.apis.source.gitrepository import GVK, decode_gitrepository
from steersman.artifacts import ArtifactFetcher, ArtifactServer, ArtifactStore
from steersman.clients.git import GitClient, GitLimits
from steersman.clients.kube import KubeClient
from steersman.controllers.source.gitrepository import GitRepositoryReconciler
from steersman.controllers.source.gitrepository_facts import CONTRACT
from steersman.objects.manifest import Manifest, name_of
from steersman.runtime import Manager, RuntimeSettings
from steersman.runtime.events import Event
from steersman.servers.gitserver import GitServer, GitUser, Role
from tests.support.clusters import Cluster, a_cluster, check, conditions_of

__all__ = ["Sources", "sources_at_work"]

USERS = {
    "platform": GitUser(role=Role.WRITER, token="platform-token"),
    "bot": GitUser(role=Role.BOT, token="bot-token"),
}
FAST = GitLimits(file_bytes=100_000, tree_bytes=1_000_000, files=500)


@dataclass
class Sources:
    """What a test does, and what it sees."""

    git: GitServer
    store: ArtifactStore
    cluster: Cluster
    manager: Manager
    fetcher: ArtifactFetcher
    client: KubeClient
    events: list[Event] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.git.url}/d1-infra"

    async def push(self, repository: str = "d1-infra", branch: str = "main", **files: str) -> str:
        """Commits files (``__`` in a name is a slash) and returns the commit."""
        changes = {name.replace("__", "/"): text.encode() for name, text in files.items()}
        message = "change " + ", ".join(changes) + "\n\nat length"
        return await self.git.commit(repository, branch, changes, message=message, user="platform")

    async def secret(self, name: str = "git-auth", **data: str) -> None:
        encoded = {
            key.replace("__", "."): base64.b64encode(value.encode()).decode()
            for key, value in data.items()
        }
        await self.cluster.create(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": "default"},
                "data": encoded,
            }
        )

    def a_repository(self, name: str = "infra", **spec: Any) -> Manifest:
        return {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "url": self.url,
                "interval": "5m",
                "ref": {"branch": "main"},
                "secretRef": {"name": "git-auth"},
                **spec,
            },
        }

    async def create(self, name: str = "infra", **spec: Any) -> Manifest:
        """Creates a repository and returns it as it is once nothing happens any more."""
        await self.cluster.create(self.a_repository(name, **spec))
        return await self.look(name)

    async def change(self, name: str = "infra", **spec: Any) -> Manifest:
        await self.cluster.merge(GVK, name, {"spec": spec})
        return await self.look(name)

    async def request(self, name: str = "infra", token: str = "now") -> Manifest:
        annotations = {"reconcile.fluxcd.io/requestedAt": token}
        await self.cluster.merge(GVK, name, {"metadata": {"annotations": annotations}})
        return await self.look(name)

    async def look(self, name: str = "infra") -> Manifest:
        await self.manager.settled()
        return await self.cluster.get(GVK, name)

    async def conditions(self, name: str = "infra") -> dict[str, tuple[str, str, str]]:
        return conditions_of(await self.cluster.get(GVK, name))

    def artifact(self, obj: Manifest) -> Artifact:
        artifact = decode_gitrepository(obj).status.artifact
        assert artifact is not None
        return artifact

    async def files(self, obj: Manifest) -> dict[str, str]:
        """Fetches an object's artifact over HTTP, as consumers do."""
        tree = await self.fetcher.fetch(self.artifact(obj))
        return {path: entry.data.decode() for path, entry in tree.files.items()}

    def told(self) -> list[tuple[str, str, str]]:
        """Severity, reason and message of all events posted so far."""
        return [(str(event.severity), event.reason, event.message) for event in self.events]

    async def kubernetes_events(self) -> list[tuple[str, str, str]]:
        from steersman.objects.identity import GroupVersionKind

        listed = await self.cluster.client.list(GroupVersionKind("", "v1", "Event"), "default")
        return [(e["type"], e["reason"], e["message"]) for e in listed.items]


@asynccontextmanager
async def sources_at_work(
    tmp_path: Path, *, limits: GitLimits = FAST, settings: RuntimeSettings | None = None
) -> AsyncIterator[Sources]:
    """Starts everything; afterwards no status may break an invariant."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        a_cluster() as cluster,
        GitServer(tmp_path / "git", users=USERS, clock=cluster.clock) as git,
        ArtifactServer(tmp_path / "artifacts") as server,
        aiohttp.ClientSession(timeout=timeout) as session,
        cluster.a_client("source-controller") as client,
    ):
        await cluster.install(
            manifest for manifest in definitions() if name_of(manifest).startswith("gitrepo")
        )
        await git.create_repository("d1-infra")
        store = ArtifactStore(tmp_path / "artifacts", server.url, clock=cluster.clock)
        reconciler = GitRepositoryReconciler(GitClient(session, limits=limits), store)
        told: list[Event] = []
        manager = Manager(
            client,
            [reconciler],
            clock=cluster.clock,
            settings=settings or RuntimeSettings(jitter_percentage=0),
            sinks=[_Keeper(told)],
            random=Random(1),
        )
        fetcher = ArtifactFetcher(session, clock=cluster.clock)
        async with manager:
            sources = Sources(git, store, cluster, manager, fetcher, client, told)
            await sources.secret(username="bot", password="bot-token")
            await manager.settled()
            yield sources
            listed = await cluster.client.list(GVK, "default")
            check(listed.items, CONTRACT)


class _Keeper:
    def __init__(self, kept: list[Event]) -> None:
        self._kept = kept

    async def post(self, event: Event) -> None:
        self._kept.append(event)
