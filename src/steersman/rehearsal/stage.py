"""A world with an engine at work on it: what ``demo``, ``up`` and tests of whole fleets run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType

from steersman.apis.crds import KINDS, FluxKind
from steersman.app.settings import EngineSettings
from steersman.app.wiring import Engine
from steersman.clients.kube import KubeClient
from steersman.kit.clock import Clock
from steersman.queries.status import StatusReport, read_status
from steersman.rehearsal.world import World, WorldPlan
from steersman.servers.gitserver import Push

__all__ = ["Stage"]


class Stage:
    """Embedded servers, the engine, and the wire between a push and the engine.

    Args:
        plan: of the world.
        clock: the time, real or virtual.
        settings: of the engine; its mirrors are completed with those of the world.
    """

    world: World
    engine: Engine

    def __init__(
        self, plan: WorldPlan, *, clock: Clock, settings: EngineSettings | None = None
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._settings = settings or EngineSettings(seed=plan.seed)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Stage:
        async with AsyncExitStack() as stack:
            self.world = await stack.enter_async_context(World(self._plan, clock=self._clock))
            mirrors = {**self.world.mirrors, **self._settings.mirrors}
            self.engine = await stack.enter_async_context(
                Engine(
                    replace(self._settings, mirrors=mirrors),
                    clock=self._clock,
                    directory=self._plan.directory / "artifacts",
                    connections={
                        name: cluster.connection() for name, cluster in self.world.clusters.items()
                    },
                )
            )
            self.world.git.on_push(self._pushed)
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
    def clients(self) -> Mapping[str, KubeClient]:
        """A client of every cluster, by name."""
        return {name: cluster.client for name, cluster in self.engine.clusters.items()}

    async def settled(self) -> None:
        """Waits until nothing is to be done before the next interval or retry."""
        await self.engine.settled()

    async def status(self, kinds: Sequence[FluxKind] = KINDS) -> StatusReport:
        """Returns the state of all Flux objects on all clusters."""
        return await read_status(self.clients, kinds)

    def _pushed(self, push: Push) -> None:
        for address in (*self.world.mirrors, self.world.git.url):
            self.engine.source_moved(f"{address}/{push.repository}.git")
