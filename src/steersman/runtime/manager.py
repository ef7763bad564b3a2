"""The root of all tasks of a set of controllers on one cluster.

Two rings: inside, the reflectors and the dispatchers; around them the sender of events. When the
manager is stopped, the inner ring is cancelled first: runs write their last observation, then the
events told so far are sent, then nothing is left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from random import Random
from typing import Final

from steersman.clients.kube import KubeClient
from steersman.clients.kube.request import ListOptions
from steersman.kit.clock import Clock
from steersman.kit.tasks import finish
from steersman.objects.identity import GroupKind, ObjectRef
from steersman.runtime.cache import Caches
from steersman.runtime.dispatcher import Dispatcher
from steersman.runtime.envelope import Services
from steersman.runtime.events import EventRecorder, EventSink
from steersman.runtime.metrics import Metrics
from steersman.runtime.queue import HIGH
from steersman.runtime.reconciler import Reconciler, RuntimeSettings
from steersman.runtime.reflector import Reflector

__all__ = ["Manager"]

_log = logging.getLogger(__name__)

_FLUSH_SECONDS: Final = 2.0
# Long enough for a watch to tell what a run has just written, in real time as well.
_QUIET_SECONDS: Final = 0.05


class Manager:
    """Runs reconcilers against one cluster. Use as an async context manager, or :meth:`run`.

    Args:
        client: entered by the caller; acts as the controllers.
        reconcilers: one for each kind.
        clock: the time.
        settings: shared by all kinds.
        sinks: told events besides the cluster.
        metrics: of the process; a set of its own when None.
        random: for ids and jitter; give a seeded one for runs that can be repeated.
    """

    def __init__(
        self,
        client: KubeClient,
        reconcilers: Sequence[Reconciler],
        *,
        clock: Clock,
        settings: RuntimeSettings | None = None,
        sinks: Sequence[EventSink] = (),
        metrics: Metrics | None = None,
        random: Random | None = None,
    ) -> None:
        settings = settings or RuntimeSettings()
        self._client = client
        self._clock = clock
        self._settings = settings
        self.caches = Caches()
        self.metrics = metrics or Metrics()
        self.recorder = EventRecorder(client, clock=clock, sinks=sinks, instance=settings.instance)
        self._open_caches(reconcilers)
        services = Services(
            client=client,
            clock=clock,
            caches=self.caches,
            recorder=self.recorder,
            metrics=self.metrics,
            random=random or Random(),  # noqa: S311 - spreads load, keeps no secret
            settings=settings,
        )
        self.dispatchers = {
            GroupKind(r.kind.group, r.kind.kind): Dispatcher(r, services) for r in reconcilers
        }
        for dispatcher in self.dispatchers.values():
            dispatcher.connect()
        self.reflectors = [
            Reflector(client, cache.kind, cache, clock=clock, options=options)
            for cache, options in self.caches.all()
        ]
        self._group: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    def _open_caches(self, reconcilers: Sequence[Reconciler]) -> None:
        settings = self._settings
        own = ListOptions(namespace=settings.namespace, label_selector=settings.label_selector)
        others = ListOptions(namespace=settings.namespace)
        for reconciler in reconcilers:
            self.caches.require(reconciler.kind, own)
        for reconciler in reconcilers:
            for watch in reconciler.watches:
                if watch.view is None:
                    self.caches.require(watch.kind, others)
                else:
                    self.caches.require_view(watch.kind, watch.view)

    async def __aenter__(self) -> Manager:
        self._group = await asyncio.TaskGroup().__aenter__()
        self._task = self._group.create_task(self.run(), name="manager")
        return self

    async def __aexit__(self, *error: object) -> None:
        group, task = self._group, self._task
        self._group = self._task = None
        if group is not None and task is not None:
            task.cancel()
            await group.__aexit__(*error)  # type: ignore[arg-type]

    async def run(self) -> None:
        """Runs until it is cancelled; then leaves nothing behind."""
        async with asyncio.TaskGroup() as outer:
            sender = outer.create_task(self.recorder.run(), name="events")
            try:
                async with asyncio.TaskGroup() as inner:
                    for reflector in self.reflectors:
                        inner.create_task(reflector.run(), name="reflector")
                    for dispatcher in self.dispatchers.values():
                        inner.create_task(dispatcher.run(), name="dispatcher")
            finally:
                await self._last_events()
                sender.cancel()

    async def _last_events(self) -> None:
        try:
            await finish(self.recorder.flush(), seconds=_FLUSH_SECONDS)
        except TimeoutError:
            _log.warning("some events were not sent")

    async def synced(self) -> None:
        """Waits until every cache holds what the cluster holds."""
        for cache, _ in self.caches.all():
            await cache.synced.wait()

    async def settled(self) -> None:
        """Waits until nothing is due, nothing runs, and all events are sent.

        Objects that wait for their interval, or for a retry, count as settled. Exact under virtual
        time; under real time a change that is still on its way may be missed.
        """
        await self.synced()
        while True:
            runs = self._runs()
            for dispatcher in self.dispatchers.values():
                await dispatcher.drained()
            await self.recorder.flush()
            await self._clock.sleep(_QUIET_SECONDS)
            if runs == self._runs() and all(d.is_idle for d in self.dispatchers.values()):
                return

    def _runs(self) -> int:
        return sum(dispatcher.runs for dispatcher in self.dispatchers.values())

    def request(self, ref: ObjectRef, *, reason: str, priority: int = HIGH) -> None:
        """Asks for an object to be reconciled now; objects of other kinds are passed over."""
        dispatcher = self.dispatchers.get(ref.group_kind)
        if dispatcher is not None:
            dispatcher.request(ref, reason=reason, priority=priority)
