"""One run: everything that reconciles of all kinds have in common.

In this order: read the object from the cache; *gone* → forget it; *being deleted* → finalize, then
take the finalizer away; *without our finalizer* → add it, and come back, so that nothing is created
for an object that could vanish; *suspended* → note that it was seen, and leave it alone; otherwise
announce, reconcile, conclude, write the status once, tell events, count.

Whatever a reconciler raises ends here: errors of the tree become conditions and an outcome,
anything else is a bug, shown as ``InternalError`` and tried again with back-off. A cancelled run
still writes the last thing that its status said.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from dataclasses import dataclass
from random import Random
from typing import Final

from steersman.apis.meta import READY, RECONCILE_REQUESTED_AT
from steersman.apis.reasons import PROGRESSING
from steersman.clients.kube import KubeClient
from steersman.conditions import StatusEditor, Verdict, conclude
from steersman.conditions.conclude import RunEnd
from steersman.errors import Bug, Retry, SteersmanError, Waiting
from steersman.kit.clock import Clock, format_rfc3339
from steersman.kit.tasks import finish
from steersman.objects.manifest import Manifest, annotations_of, generation_of, metadata_of
from steersman.runtime.cache import Cache, Caches
from steersman.runtime.events import EventRecorder, ObjectEvents
from steersman.runtime.metrics import Metrics
from steersman.runtime.outcome import (
    Backoff,
    Gone,
    Halted,
    Later,
    Outcome,
    Settled,
    as_error,
    run_end,
    settle,
)
from steersman.runtime.patcher import ObjectGone, Patcher, finalizers_of
from steersman.runtime.queue import Request
from steersman.runtime.reconciler import Context, Reconciler, RuntimeSettings

__all__ = ["Envelope", "Services"]

_log = logging.getLogger(__name__)

_ADDED_FINALIZER: Final = Later(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all runs of a manager share.

    Args:
        client: of the API.
        clock: the time.
        caches: of the reconciled and watched kinds.
        recorder: of events.
        metrics: of the process.
        random: for ids and jitter; seeded in rehearsals.
        settings: shared by all kinds.
    """

    client: KubeClient
    clock: Clock
    caches: Caches
    recorder: EventRecorder
    metrics: Metrics
    random: Random
    settings: RuntimeSettings


class Envelope:
    """Runs requests of one kind.

    Args:
        reconciler: of the kind.
        services: shared.
    """

    def __init__(self, reconciler: Reconciler, services: Services) -> None:
        self._reconciler = reconciler
        self._services = services
        self._cache = services.caches[reconciler.kind]

    async def run(self, request: Request) -> Outcome:
        """Reconciles one object once; raises nothing but a cancellation."""
        clock, metrics = self._services.clock, self._services.metrics
        obj = self._cache.get(request.ref)
        if obj is None:
            metrics.forget(request.ref)
            return Gone()
        began = clock.monotonic()
        run = _Run(self._reconciler, self._services, self._cache, obj, request)
        try:
            outcome = await run.through()
        except ObjectGone:
            outcome = Gone()
        except Exception as raised:
            # Writing the status failed, or the envelope itself is wrong: nothing was told yet.
            error = as_error(raised)
            run.log_failure(error)
            ending = settle(error)
            outcome = ending if isinstance(ending, Backoff) else Backoff()
        metrics.reconciled(request.ref, clock.monotonic() - began)
        return outcome


class _Run:
    """The run of one request."""

    def __init__(
        self,
        reconciler: Reconciler,
        services: Services,
        cache: Cache,
        obj: Manifest,
        request: Request,
    ) -> None:
        self._reconciler = reconciler
        self._services = services
        self._obj = obj
        self._patcher = Patcher(
            services.client,
            cache,
            obj,
            contract=reconciler.contract,
            field_manager=reconciler.status_manager,
        )
        now = services.clock.now
        self._status = StatusEditor(obj, lambda: format_rfc3339(now()))
        spec = obj.get("spec")
        suspended = isinstance(spec, dict) and spec.get("suspend") is True
        self._context = Context(
            obj=obj,
            ref=request.ref,
            status=self._status,
            client=services.client,
            clock=services.clock,
            events=ObjectEvents(services.recorder, obj, reconciler.controller, silent=suspended),
            caches=services.caches,
            reasons=request.reasons,
            reconcile_id=f"{services.random.getrandbits(64):016x}",
            write=self._write,
        )

    async def through(self) -> Outcome:
        """Takes the run through its gates."""
        finalizer = self._reconciler.finalizer
        if metadata_of(self._obj).get("deletionTimestamp"):
            if finalizer not in finalizers_of(self._obj):
                return Halted()
            return await self._finalize(finalizer)
        if finalizer and finalizer not in finalizers_of(self._obj):
            await self._patcher.add_finalizer(finalizer)
            return _ADDED_FINALIZER
        if self._context.suspended:
            await self._conclude(Verdict(end=RunEnd.SUSPENDED))
            return Halted()
        return await self._reconcile()

    async def _finalize(self, finalizer: str) -> Outcome:
        outcome, error = await self._guard_finalize()
        if error is not None:
            self.log_failure(error)
            self._context.events.error(error.reason, error.message)
            self._status.mark_not_ready(error.reason, error.message)
            await self._write()
            ending = settle(error)
            return Backoff() if isinstance(ending, Halted) else ending
        if outcome is not None:
            await self._write()
            return outcome
        await self._patcher.remove_finalizer(finalizer)
        return Gone()

    async def _guard_finalize(self) -> tuple[Later | None, SteersmanError | None]:
        try:
            return await self._reconciler.finalize(self._context), None
        except asyncio.CancelledError as cancelled:
            return None, await self._cancelled(cancelled)
        except ObjectGone:
            raise
        except Exception as raised:
            return None, as_error(raised)

    async def _reconcile(self) -> Outcome:
        if self._reconciler.contract.announces:
            await self._announce()
        outcome, error = await self._guard_reconcile()
        if error is None and isinstance(outcome, Settled):
            if await self._conclude(Verdict(end=RunEnd.SUCCEEDED)):
                self._log_done(outcome)
                return outcome
            ready = self._status.condition(READY)
            # The conditions contradict the success, as in source-controller: try again.
            error = Retry(
                ready.message if ready else "not ready", reason=ready.reason if ready else None
            )
        elif error is None:
            await self._conclude(Verdict(end=RunEnd.AGAIN))
            return outcome if outcome is not None else Backoff()
        else:
            await self._conclude(
                Verdict(end=run_end(error), reason=error.reason, message=error.message)
            )
        self._tell_failure(error)
        return settle(error, retry_seconds=self._reconciler.retry_seconds(self._obj))

    async def _guard_reconcile(self) -> tuple[Settled | Later | None, SteersmanError | None]:
        try:
            return await self._reconciler.reconcile(self._context), None
        except asyncio.CancelledError as cancelled:
            return None, await self._cancelled(cancelled)
        except ObjectGone:
            raise
        except Exception as raised:
            return None, as_error(raised)

    async def _cancelled(self, cancelled: asyncio.CancelledError) -> SteersmanError:
        """Writes the last observation of a cancelled run; one cancelled from within is a bug."""
        task = asyncio.current_task()
        if task is not None and not task.cancelling():
            bug = Bug("internal error: the run was cancelled from within")
            bug.__cause__ = cancelled
            return bug
        try:
            await finish(self._write(), seconds=self._services.settings.last_words_seconds)
        except (SteersmanError, TimeoutError) as error:
            _log.warning("cannot write the last observation: %s", error, extra=self._fields())
        raise cancelled

    async def _announce(self) -> None:
        """Says that work has begun; written when somebody waits for that, as Flux's sources do."""
        observed = self._status.get("observedGeneration", 0)
        generation = generation_of(self._obj)
        self._status.mark_progressing(PROGRESSING, "reconciliation in progress")
        if observed != generation:
            self._status.mark_progressing(
                PROGRESSING, f"processing object: new generation {observed} -> {generation}"
            )
            await self._write()
        elif self._requested_at() not in (None, self._status.get("lastHandledReconcileAt")):
            await self._write()

    def _requested_at(self) -> str | None:
        return annotations_of(self._obj).get(RECONCILE_REQUESTED_AT)

    async def _conclude(self, verdict: Verdict) -> bool:
        ready = conclude(
            self._status,
            self._reconciler.contract,
            verdict,
            requested_at=self._requested_at(),
        )
        await self._write()
        return ready

    async def _write(self) -> None:
        await self._patcher.write_status(self._status)

    def _fields(self) -> dict[str, object]:
        ref = self._context.ref
        return {
            "controller": self._reconciler.controller,
            "kind": ref.kind,
            "namespace": ref.namespace,
            "object": ref.name,
            "reconcile_id": self._context.reconcile_id,
            "reasons": self._context.reasons,
        }

    def _log_done(self, outcome: Settled) -> None:
        _log.info("reconciled", extra={**self._fields(), "interval": outcome.interval})

    def _tell_failure(self, error: SteersmanError) -> None:
        """Tells a failure once: in the log, and as an event with the words of Ready."""
        self.log_failure(error)
        if isinstance(error, Waiting):
            return
        ready = self._status.condition(READY)
        self._context.events.error(ready.reason if ready else error.reason, error.message)

    def log_failure(self, error: SteersmanError) -> None:
        """Logs what ended the run; of a bug also where, but never its values."""
        fields = {**self._fields(), "reason": error.reason}
        match error:
            case Bug():
                frames = traceback.extract_tb(
                    error.__cause__.__traceback__ if error.__cause__ else None
                )
                where = "".join(traceback.format_list(frames))
                _log.error("%s\n%s", error.message, where, extra=fields)
            case Waiting():
                _log.info("waiting: %s", error.message, extra=fields)
            case _:
                _log.error("reconcile failed: %s", error.message, extra=fields)
