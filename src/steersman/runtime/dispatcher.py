"""Runs the requests of one kind, as many at once as it allows, and puts them back in the queue."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from steersman.kit.backoff import jittered
from steersman.kit.story import Story
from steersman.objects.identity import ObjectRef
from steersman.runtime.cache import Cache, Caches, Change, Listener
from steersman.runtime.envelope import Envelope, Services
from steersman.runtime.metrics import RunMetrics
from steersman.runtime.outcome import Backoff, Gone, Halted, Later, Outcome, Settled
from steersman.runtime.queue import NORMAL, KeyedQueue, Request
from steersman.runtime.reconciler import Reconciler
from steersman.runtime.triggers import Watch, own_change

__all__ = ["Dispatcher"]

_log = logging.getLogger(__name__)

_RESULTS: Final = {
    Settled: "requeue_after",
    Later: "requeue_after",
    Backoff: "error",
    Halted: "success",
    Gone: "success",
}


class Dispatcher:
    """The queue of one kind and the tasks that work it off.

    Args:
        reconciler: of the kind.
        services: shared.
    """

    def __init__(self, reconciler: Reconciler, services: Services) -> None:
        self.reconciler = reconciler
        self.queue = KeyedQueue(services.clock)
        self.story = Story(limit=1000)
        self._services = services
        self._envelope = Envelope(reconciler, services)
        self._failures: dict[ObjectRef, int] = {}
        self._ended = asyncio.Event()
        self._needed: list[Cache] = []
        self._metrics: RunMetrics
        self.runs = 0

    def connect(self) -> None:
        """Subscribes to the caches; before they are filled."""
        kind, caches = self.reconciler.kind, self._services.caches
        own = caches[kind]
        for name, function in self.reconciler.indexes.items():
            own.add_index(name, function)
        own.subscribe(self._on_own_change)
        self._needed = [own]
        for watch in self.reconciler.watches:
            cache = _cache_of(watch, caches)
            cache.subscribe(self._listener(watch, own))
            self._needed.append(cache)
        self._metrics = self._services.metrics.follow(
            kind.kind.lower(), self.reconciler.concurrency, lambda: float(self.queue.depth)
        )

    def _on_own_change(self, change: Change) -> None:
        if change.new is None:
            # One more run, which finds nothing and forgets the object.
            self.request(change.ref, reason="gone")
            return
        cause = own_change(change)
        if cause is not None:
            reason, priority = cause
            self._failures.pop(change.ref, None)
            self.request(change.ref, reason=reason, priority=priority)

    def _listener(self, watch: Watch, own: Cache) -> Listener:
        def listen(change: Change) -> None:
            # What is first seen concerns objects that come up by themselves.
            if change.initial or not watch.when(change):
                return
            for ref in watch.select(change, own):
                self.request(ref, reason=watch.reason, priority=watch.priority)

        return listen

    @property
    def is_idle(self) -> bool:
        """Whether nothing is due and nothing runs."""
        return not self.queue.running and not self.queue.has_due()

    async def drained(self) -> None:
        """Waits until nothing is due and nothing runs."""
        while not self.is_idle:
            self._ended.clear()
            await self._ended.wait()

    def request(
        self, ref: ObjectRef, *, reason: str, priority: int = NORMAL, after: float = 0.0
    ) -> None:
        """Asks for an object to be reconciled."""
        self.queue.add(ref, after=after, priority=priority, reason=reason)

    async def run(self) -> None:
        """Works until it is cancelled; no failure of a run ends it."""
        for cache in self._needed:
            await cache.synced.wait()
        free = asyncio.Semaphore(self.reconciler.concurrency)
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                request = await self.queue.get()
                group.create_task(self._work(request, free), name=f"reconcile {request.ref}")

    async def _work(self, request: Request, free: asyncio.Semaphore) -> None:
        clock, metrics = self._services.clock, self._metrics
        self.runs += 1
        self.story.note(clock.monotonic(), str(request.ref), f"run: {', '.join(request.reasons)}")
        metrics.begun()
        began = clock.monotonic()
        outcome: Outcome = Backoff()
        try:
            outcome = await self._envelope.run(request)
        except Exception:
            # The envelope's own promise is broken; the kind goes on all the same.
            _log.exception("a run raised", extra={"kind": request.ref.kind})
        finally:
            self.story.note(clock.monotonic(), str(request.ref), f"end: {outcome}")
            metrics.ended(_RESULTS[type(outcome)], clock.monotonic() - began)
            self._put_back(request.ref, outcome)
            self.queue.done(request.ref)
            free.release()
            self._ended.set()

    def _put_back(self, ref: ObjectRef, outcome: Outcome) -> None:
        settings = self._services.settings
        if not isinstance(outcome, Backoff):
            self._failures.pop(ref, None)
        match outcome:
            case Settled(interval) if interval is not None:
                after = jittered(interval, settings.jitter_percentage, self._services.random)
                self.queue.add(ref, after=after, reason="interval")
            case Later(after):
                self.queue.add(ref, after=after, reason="later")
            case Backoff(at_least):
                failures = self._failures[ref] = self._failures.get(ref, 0) + 1
                after = max(at_least, settings.backoff.delay(failures))
                self.queue.add(ref, after=after, reason="retry")
            case Settled() | Halted() | Gone():
                pass


def _cache_of(watch: Watch, caches: Caches) -> Cache:
    return caches[watch.kind] if watch.view is None else caches.require_view(watch.kind, watch.view)
