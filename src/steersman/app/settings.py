"""How the engine behaves, in one frozen value; and the only place that reads the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steersman.artifacts.store import Retention
from steersman.controllers.kustomization_settings import KustomizeSettings
from steersman.runtime.reconciler import RuntimeSettings

__all__ = ["EngineSettings", "data_directory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What one engine is set up with; each part documents its own fields.

    Attributes:
        runtime: what all kinds share.
        kustomize: how Kustomizations are reconciled.
        retention: which superseded artifacts are kept.
        mirrors: URL prefix to URL prefix; sources are fetched from the mapped address while the
            object keeps the URL it was given.
        seed: of everything random, so that a run can be repeated; None takes real randomness.
    """

    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    kustomize: KustomizeSettings = field(default_factory=KustomizeSettings)
    retention: Retention = field(default_factory=Retention)
    mirrors: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None


def data_directory(environment: Mapping[str, str]) -> Path | None:
    """Returns the directory of a running ``up`` that ``STEERSMAN_DATA`` names, if any."""
    named = environment.get("STEERSMAN_DATA")
    return Path(named) if named else None
