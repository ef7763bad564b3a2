"""The embedded world of one fleet: a Git server, a Kubernetes API per cluster, pretend nodes.

Nothing here is the engine: it reaches these servers over HTTP as it would reach real ones.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from steersman.apis.crds import definitions
from steersman.app.workcopy import Workcopy
from steersman.clients.kube import Connection, KubeClient
from steersman.fleet.clusters import Cluster
from steersman.fleet.content import FleetPlan
from steersman.kit.clock import Clock
from steersman.kit.mask import Secret
from steersman.kit.tasks import run_blocking
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest, kind_of, name_of, namespace_of
from steersman.rehearsal.seed import (
    SeededFleet,
    copy_repositories,
    read_fleet,
    write_repositories,
)
from steersman.schemas.catalogue import Catalogue, load_catalogue
from steersman.servers.apiserver.server import ApiServer
from steersman.servers.gitserver import GitServer, GitUser, Role
from steersman.servers.nodes.pretend import PretendNodes
from steersman.servers.nodes.settings import NodeSettings

__all__ = ["PLATFORM", "World", "WorldCluster", "WorldPlan"]

PLATFORM: Final = "platform"
"""The user name of the platform team at the Git server."""

_FIELD_MANAGER: Final = "steersman-bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPlan:
    """What a world is made of.

    Attributes:
        directory: for everything that is on disk.
        keep: keep the objects of the clusters on disk too, so that a restart loses nothing.
        fleet: a folder with clones to start from; a new fleet of our own when None. Repositories
            that the directory holds already win.
        git_url: address that the objects of a new fleet name; it is mapped to the server's own.
        seed: of uids, names and tokens, so that a run can be repeated; None takes real randomness.
        nodes: how the pretend nodes of every cluster behave.
    """

    directory: Path
    keep: bool = False
    fleet: Path | None = None
    git_url: str = "http://git.fleet.example"
    seed: int | None = None
    nodes: NodeSettings = field(default_factory=NodeSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldCluster:
    """One running cluster.

    Attributes:
        cluster: what the fleet repository says about it.
        api: its API server.
    """

    cluster: Cluster
    api: ApiServer

    @property
    def name(self) -> str:
        """Name in the fleet repository."""
        return self.cluster.name

    def connection(self) -> Connection:
        """How the engine reaches it, as its administrator."""
        return Connection(
            server=self.api.url, token=Secret(self.api.token()), name=self.cluster.name
        )


class _Kept(msgspec.Struct):
    """What a restart needs to find again."""

    platform_token: str
    bot_token: str
    git_port: int = 0


class World:
    """Starts the servers and hands every cluster its first objects; an async context manager.

    Args:
        plan: what it is made of.
        clock: the time, real or virtual.
    """

    git: GitServer

    def __init__(self, plan: WorldPlan, *, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._stack = AsyncExitStack()
        self._clusters: dict[str, WorldCluster] = {}

    async def __aenter__(self) -> World:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def clusters(self) -> Mapping[str, WorldCluster]:
        """The running clusters by name, in alphabetical order."""
        return self._clusters

    @property
    def fleet(self) -> SeededFleet:
        """What the repositories said at the start."""
        return self._fleet

    @property
    def platform_token(self) -> Secret[str]:
        """Password of the platform team at the Git server."""
        return Secret(self._kept.platform_token)

    @property
    def mirrors(self) -> Mapping[str, str]:
        """Addresses that the fleet names, and where they really are."""
        named = {cluster.url.rpartition("/")[0] for cluster in self._fleet.clusters}
        return {url: self.git.url for url in sorted(named) if url}

    def repository_url(self, name: str) -> str:
        """Returns the real address of a repository."""
        return f"{self.git.url}/{name}.git"

    def workcopy(self, name: str) -> Workcopy:
        """Returns the platform team's clone of a repository; :meth:`Workcopy.clone` fills it."""
        return Workcopy(
            self._plan.directory / "clones" / f"{name}.git",
            self.repository_url(name),
            user=PLATFORM,
            token=self.platform_token,
            clock=self._clock,
        )

    async def _start(self, stack: AsyncExitStack) -> None:
        root = self._plan.directory / "git"
        kept_file = self._plan.directory / "world.json"
        self._plan.directory.mkdir(parents=True, exist_ok=True)
        self._kept = _load_kept(kept_file, self._token)
        self._fleet = await run_blocking(self._seed, root)
        self.git = await stack.enter_async_context(
            GitServer(
                root, users=self._users(), clock=self._clock, port=_free_or(self._kept.git_port)
            )
        )
        self._kept.git_port = int(self.git.url.rpartition(":")[2])
        _save_kept(kept_file, self._kept)
        catalogue = load_catalogue()
        for cluster in self._fleet.clusters:
            await self._start_cluster(stack, cluster, catalogue)

    def _token(self, user: str) -> str:
        if self._plan.seed is None:
            return secrets.token_urlsafe(24)
        return f"{user}-{self._plan.seed}"

    def _seed(self, root: Path) -> SeededFleet:
        if self._plan.fleet is not None:
            copy_repositories(self._plan.fleet, root)
        elif not any(root.glob("*.git")):
            bot = Secret(self._kept.bot_token)
            plan = FleetPlan(git_url=self._plan.git_url, bot_token=bot)
            write_repositories(root, plan, clock=self._clock)
        return read_fleet(root)

    def _users(self) -> dict[str, GitUser]:
        """The platform team, and the bot accounts whose Secrets the fleet brings."""
        users = {PLATFORM: GitUser(role=Role.WRITER, token=self._kept.platform_token)}
        for cluster in self._fleet.clusters:
            credentials = _credentials(cluster)
            if credentials is not None:
                name, token = credentials
                users.setdefault(name, GitUser(role=Role.BOT, token=token))
        return users

    async def _start_cluster(
        self, stack: AsyncExitStack, cluster: Cluster, catalogue: Catalogue
    ) -> None:
        home = self._plan.directory / "clusters" / cluster.name
        api = await stack.enter_async_context(
            ApiServer(
                clock=self._clock,
                catalogue=catalogue,
                data_dir=home if self._plan.keep else None,
                name=cluster.name,
                seed=self._plan.seed,
            )
        )
        await stack.enter_async_context(PretendNodes(api, self._plan.nodes))
        running = WorldCluster(cluster=cluster, api=api)
        self._clusters[cluster.name] = running
        await self._bootstrap(running)

    async def _bootstrap(self, running: WorldCluster) -> None:
        """Applies the definitions and, once, what Flux needs to follow the fleet repository."""
        async with KubeClient(
            running.connection(), user_agent=_FIELD_MANAGER, clock=self._clock
        ) as client:
            for manifest in definitions():
                await client.apply(manifest, field_manager=_FIELD_MANAGER)
            for manifest in running.cluster.bootstrap:
                if not await _exists(client, manifest):
                    await client.apply(manifest, field_manager=_FIELD_MANAGER)


async def _exists(client: KubeClient, manifest: Manifest) -> bool:
    kind = GroupVersionKind.of(manifest)
    return await client.find(kind, name_of(manifest), namespace_of(manifest)) is not None


def _credentials(cluster: Cluster) -> tuple[str, str] | None:
    """The user name and password in the Secret with which a cluster reads the fleet repository."""
    for manifest in cluster.bootstrap:
        if kind_of(manifest) != "Secret" or name_of(manifest) != cluster.secret:
            continue
        data = manifest.get("stringData")
        if isinstance(data, dict) and "username" in data and "password" in data:
            return str(data["username"]), str(data["password"])
    return None


def _load_kept(path: Path, token: Callable[[str], str]) -> _Kept:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return _Kept(platform_token=token(PLATFORM), bot_token=token("bot"))


def _save_kept(path: Path, kept: _Kept) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(kept))
    scratch.replace(path)


def _free_or(port: int) -> int:
    """Returns the port if it can be listened on, else 0, so that clones stay valid if possible."""
    if not port:
        return 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port
