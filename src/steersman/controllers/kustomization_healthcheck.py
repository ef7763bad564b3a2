"""The health check of a run: what is checked, and a wait that newer work ends.

Source: behaviour of fluxcd/kustomize-controller (checkHealth).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, NamedTuple

from steersman.apis import reasons
from steersman.apis.meta import HEALTHY
from steersman.apply.changeset import ChangeSet
from steersman.apply.inventory import Entry, Inventory
from steersman.controllers.kustomization_attempt import Attempt
from steersman.controllers.kustomization_engine import Engine
from steersman.controllers.kustomization_health import (
    HealthReader,
    NotHealthy,
    wait_until_healthy,
)
from steersman.health.jobs import has_time_to_live
from steersman.health.rollup import Done, decide_wait
from steersman.kit.duration import format_duration
from steersman.objects.identity import ObjectRef, split_api_version
from steersman.objects.manifest import Manifest
from steersman.runtime.outcome import Later

__all__ = ["HealthCheck", "entries_to_check"]


def entries_to_check(attempt: Attempt, inventory: Inventory) -> tuple[Entry, ...]:
    """Returns the objects whose health counts, without the Kustomization itself.

    Args:
        attempt: says which.
        inventory: the applied objects, for ``spec.wait``.
    """
    spec, own = attempt.spec, attempt.ctx.ref
    if spec.wait:
        return tuple(entry for entry in inventory if entry.ref != own)
    entries = []
    for check in spec.health_checks:
        group, version = split_api_version(check.api_version or "apps/v1")
        ref = ObjectRef(group, check.kind, check.namespace, check.name)
        if ref != own:
            entries.append(Entry(ref, version))
    return tuple(entries)


class _Ended(NamedTuple):
    failure: NotHealthy | None
    trigger: ObjectRef | None


class HealthCheck:
    """One health check.

    Args:
        attempt: of which it is a step.
        engine: shared.
        reader: reads as whom the objects were applied.
        is_local: the objects live in our own cluster.
    """

    def __init__(
        self, attempt: Attempt, engine: Engine, reader: HealthReader, *, is_local: bool
    ) -> None:
        self._attempt = attempt
        self._engine = engine
        self._reader = reader
        self._is_local = is_local

    async def run(self, changes: ChangeSet, manifests: tuple[Manifest, ...]) -> Later | None:
        """Waits until all is healthy.

        Args:
            changes: what the apply did.
            manifests: what was applied.

        Returns:
            None when all is healthy, else when to run again, since newer work is there.

        Raises:
            NotHealthy: something failed, or time is up.
        """
        attempt, status = self._attempt, self._attempt.ctx.status
        if not attempt.spec.wait and not attempt.spec.health_checks:
            status.delete(HEALTHY)
            return None
        clock = attempt.ctx.clock
        started = clock.monotonic()
        was_healthy = status.is_true(HEALTHY)
        entries = entries_to_check(attempt, _checked(changes))
        verdicts = await self._reader.read(entries)
        may_vanish = frozenset(ObjectRef.of(m) for m in manifests if has_time_to_live(m))
        if not isinstance(decide_wait(verdicts, may_vanish=may_vanish), Done):
            attempt.do("Running health checks")
            attempt.show()
            status.mark_unknown(HEALTHY, reasons.PROGRESSING, attempt.doing)
            await attempt.ctx.progress()
            ended = await self._wait_or_interrupt(
                wait_until_healthy(
                    self._reader,
                    entries,
                    clock=clock,
                    timeout=attempt.timeout.total_seconds(),
                    fail_fast=self._engine.settings.fail_fast,
                    may_vanish=may_vanish,
                    known=verdicts,
                    watch=self._engine.drift if self._is_local else None,
                )
            )
            if ended.failure is not None:
                self._fail(ended.failure, _format(clock.monotonic() - started))
            if ended.trigger is not None:
                return self._cancel(ended.trigger)
        self._pass(changes, _format(clock.monotonic() - started), was_healthy=was_healthy)
        return None

    async def _wait_or_interrupt(self, work: Coroutine[Any, Any, None]) -> _Ended:
        source = self._attempt.source
        with self._engine.interrupts.during(
            self._attempt.ctx.ref, source=source.ref, revision=source.revision
        ) as interrupt:
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(_caught(work), name=f"health {self._attempt.ctx.ref}")
                ringing = group.create_task(interrupt.rung.wait(), name="interrupt")
                if self._engine.settings.cancel_health_checks:
                    await asyncio.wait({waiting, ringing}, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.wait({waiting})
                ringing.cancel()
                waiting.cancel()
        if waiting.cancelled():
            return _Ended(None, interrupt.trigger)
        return _Ended(waiting.result(), None)

    def _pass(self, changes: ChangeSet, elapsed: str, *, was_healthy: bool) -> None:
        attempt, status = self._attempt, self._attempt.ctx.status
        message = f"Health check passed in {elapsed}"
        is_new = attempt.source.revision != status.get("lastAppliedRevision")
        if not was_healthy or (is_new and len(changes.effective())):
            attempt.ctx.events.info(reasons.PROGRESSING, message)
        if not status.is_true(HEALTHY):
            status.mark_true(HEALTHY, reasons.SUCCEEDED, message)

    def _fail(self, failure: NotHealthy, elapsed: str) -> None:
        attempt = self._attempt
        attempt.failing = reasons.HEALTH_CHECK_FAILED
        attempt.ctx.status.mark_false(HEALTHY, reasons.HEALTH_CHECK_FAILED, failure.message)
        attempt.record(reasons.HEALTH_CHECK_FAILED)
        raise NotHealthy(f"health check failed after {elapsed}: {failure.message}") from failure

    def _cancel(self, trigger: ObjectRef) -> Later:
        attempt, status = self._attempt, self._attempt.ctx.status
        status.mark_not_ready(
            reasons.HEALTH_CHECK_CANCELED, f"New reconciliation triggered by {trigger}"
        )
        status.mark_reconciling(reasons.PROGRESSING_WITH_RETRY, attempt.doing)
        attempt.ctx.events.info(
            reasons.HEALTH_CHECK_CANCELED,
            f"Health checks canceled due to new reconciliation triggered by {trigger}",
        )
        return Later(0.0)


async def _caught(work: Coroutine[Any, Any, None]) -> NotHealthy | None:
    try:
        await work
    except NotHealthy as error:
        return error
    return None


def _checked(changes: ChangeSet) -> Inventory:
    refs = frozenset(changes.applied())
    return Inventory(Entry(c.ref, c.version) for c in changes if c.ref in refs)


def _format(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))
