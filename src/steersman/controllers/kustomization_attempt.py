"""What the steps of one run share: the object, what is being done, the record of the attempt."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from steersman.apis import reasons
from steersman.apis.kustomization import GVK, Kustomization
from steersman.apis.meta import Snapshot
from steersman.controllers.history import record_attempt
from steersman.controllers.kustomization_source import Source
from steersman.kit.duration import format_duration, parse_duration
from steersman.runtime.reconciler import Context

__all__ = ["Attempt"]

_SHORTEST_TIMEOUT = timedelta(seconds=30)


class Attempt:
    """One try to bring a Kustomization to a revision.

    Args:
        ctx: the run.
        kustomization: the object, decoded.
    """

    def __init__(self, ctx: Context, kustomization: Kustomization) -> None:
        self.ctx = ctx
        self.kustomization = kustomization
        self.spec = kustomization.spec
        self.failing = reasons.ARTIFACT_FAILED
        """The reason that Ready gets should the present step fail."""
        self.doing = ""
        """What is being done, for Reconciling; empty before work on a revision begins."""
        self.digest = ""
        """Of the built manifests, once they are."""
        self._began = ctx.clock.now()
        self._source: Source | None = None

    @property
    def source(self) -> Source:
        """The source, once it was found."""
        assert self._source is not None
        return self._source

    @source.setter
    def source(self, source: Source) -> None:
        self._source = source
        metadata = {f"{GVK.group}/revision": source.revision}
        if source.origin_revision:
            metadata[f"{GVK.group}/originRevision"] = source.origin_revision
        self.ctx.events.add_metadata(metadata)

    @property
    def interval(self) -> timedelta:
        """``spec.interval``."""
        return parse_duration(self.spec.interval)

    @property
    def timeout(self) -> timedelta:
        """How long a health check may take; at least 30 seconds."""
        given = self.spec.timeout
        timeout = parse_duration(given) if given else self.interval - timedelta(seconds=30)
        return max(timeout, _SHORTEST_TIMEOUT)

    @property
    def retry_seconds(self) -> float:
        """When to try again after a failure."""
        return parse_duration(self.spec.retry_interval or self.spec.interval).total_seconds()

    @property
    def elapsed(self) -> timedelta:
        """How long the attempt has taken so far."""
        return self.ctx.clock.now() - self._began

    def do(self, what: str) -> None:
        """Notes what is being done."""
        timeout = format_duration(self.timeout)
        self.doing = f"{what} for revision {self.source.revision} with a timeout of {timeout}"

    def show(self) -> None:
        """Lets Reconciling say what is being done; to be written by ``ctx.progress``."""
        self.ctx.status.mark_reconciling(reasons.PROGRESSING, self.doing)

    def record(self, outcome: str) -> None:
        """Adds the attempt to the history."""
        metadata = {"revision": self.source.revision}
        if self.source.origin_revision:
            metadata["originRevision"] = self.source.origin_revision
        before = msgspec.convert(self.ctx.status.get("history") or (), tuple[Snapshot, ...])
        history = record_attempt(
            before,
            digest=self.digest,
            now=self.ctx.clock.now(),
            duration=self.elapsed,
            outcome=outcome,
            metadata=metadata,
        )
        self.ctx.status.set("history", history)
