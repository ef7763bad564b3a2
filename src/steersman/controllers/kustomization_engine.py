"""What all runs of Kustomizations share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from steersman.artifacts.fetch import ArtifactFetcher
from steersman.controllers.driftwatch import DriftWatch
from steersman.controllers.kustomization_access import RemoteClusters
from steersman.controllers.kustomization_build import Builder
from steersman.controllers.kustomization_interrupts import Interrupts
from steersman.controllers.kustomization_settings import KustomizeSettings
from steersman.objects.identity import ObjectRef

__all__ = ["Engine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What all runs share.

    Args:
        settings: of the controller.
        manager: our field manager.
        builder: builds and remembers.
        fetcher: fetches artifacts.
        remotes: clients of other clusters.
        drift: sees drift; None to find it by dry-runs only.
        interrupts: ends hopeless waits.
        active: bounds how many runs build and apply.
        settled: key of what each object was last made from; may be lost at any time.
    """

    settings: KustomizeSettings
    manager: str
    builder: Builder
    fetcher: ArtifactFetcher
    remotes: RemoteClusters
    drift: DriftWatch | None
    interrupts: Interrupts
    active: asyncio.Semaphore
    settled: dict[ObjectRef, str] = field(default_factory=dict)

    def forget(self, ref: ObjectRef) -> None:
        """Drops everything that is remembered of an object."""
        self.settled.pop(ref, None)
        self.builder.forget(ref)
        if self.drift is not None:
            self.drift.forget(ref)
