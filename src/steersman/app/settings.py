"""How the engine behaves, in one frozen value: the only place that reads the environment.

Names and defaults are those of Flux's controller flags (flux-behaviour §0.8, §1.7, §2.9), so that
an operator finds what they know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["EngineSettings", "data_directory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What every reconciler of one engine shares.

    Attributes:
        concurrent: how many objects of one kind are reconciled at a time, per cluster.
        concurrent_ssa: how many dry-runs of one stage are in flight at a time.
        requeue_dependency_seconds: how long to wait for a dependency or source.
        min_retry_delay_seconds: first delay of the exponential back-off of a failing object.
        max_retry_delay_seconds: where that back-off ends.
        interval_jitter_percent: how far an interval may be stretched or shortened at random.
        artifact_retention_seconds: how long a superseded artifact is kept.
        artifact_retention_records: how many artifacts of a source are kept at least.
        no_cross_namespace_refs: refuse references into other namespaces.
        no_remote_bases: refuse bases by URL in kustomizations.
        default_service_account: who applies when a Kustomization names nobody; empty: the engine.
        mirrors: URL prefix to URL prefix; sources are fetched from the mapped address while the
            object keeps the URL it was given.
        seed: of everything random, so that a run can be repeated.
    """

    concurrent: int = 4
    concurrent_ssa: int = 4
    requeue_dependency_seconds: float = 30.0
    min_retry_delay_seconds: float = 0.75
    max_retry_delay_seconds: float = 900.0
    interval_jitter_percent: int = 5
    artifact_retention_seconds: float = 60.0
    artifact_retention_records: int = 2
    no_cross_namespace_refs: bool = False
    no_remote_bases: bool = True
    default_service_account: str = ""
    mirrors: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0


def data_directory(environment: Mapping[str, str]) -> Path | None:
    """Returns the directory of a running ``up`` that ``STEERSMAN_DATA`` names, if any."""
    named = environment.get("STEERSMAN_DATA")
    return Path(named) if named else None
