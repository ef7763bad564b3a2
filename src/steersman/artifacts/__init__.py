"""Artifacts: archives named by what they were made from, stored, served, and fetched again."""

from steersman.artifacts.fetch import (
    ArtifactFetcher,
    ArtifactNotFound,
    ArtifactTree,
    ArtifactUnusable,
)
from steersman.artifacts.serve import ArtifactServer
from steersman.artifacts.store import ArtifactCorrupt, ArtifactStore, Retention

__all__ = [
    "ArtifactCorrupt",
    "ArtifactFetcher",
    "ArtifactNotFound",
    "ArtifactServer",
    "ArtifactStore",
    "ArtifactTree",
    "ArtifactUnusable",
    "Retention",
]
