"""What a run for a GitRepository knows and decides. Pure.

Behaviour of source-controller 1.9, ``gitrepository_controller.go``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from steersman.apis.meta import (
    ARTIFACT_IN_STORAGE,
    ARTIFACT_OUTDATED,
    FETCH_FAILED,
    INCLUDE_UNAVAILABLE,
    READY,
    RECONCILING,
    SOURCE_VERIFIED,
    STALLED,
    STORAGE_OPERATION_FAILED,
    Artifact,
)
from steersman.apis.source.gitrepository import (
    GVK,
    GitRepositorySpec,
    GitRepositoryStatus,
    GitRepositoryVerification,
)
from steersman.conditions import StatusContract, StatusEditor
from steersman.conditions.edit import read_conditions
from steersman.objects.manifest import Manifest

__all__ = [
    "CONTRACT",
    "ONLY_HEAD",
    "ONLY_TAG",
    "Inputs",
    "artifact_metadata",
    "content_changed",
    "includes_differ",
    "needs_verification",
    "normal_url",
    "record_artifact",
    "recovered",
    "stored_message",
    "verification_mode",
]

_NEGATIVE: Final = (
    STORAGE_OPERATION_FAILED,
    FETCH_FAILED,
    INCLUDE_UNAVAILABLE,
    ARTIFACT_OUTDATED,
)
_FAILURES: Final = (FETCH_FAILED, INCLUDE_UNAVAILABLE, STORAGE_OPERATION_FAILED)

ONLY_HEAD: Final = "HEAD"
ONLY_TAG: Final = "Tag"

CONTRACT: Final = StatusContract(
    owned=(
        *_NEGATIVE,
        ARTIFACT_IN_STORAGE,
        SOURCE_VERIFIED,
        READY,
        RECONCILING,
        STALLED,
    ),
    summarized=(*_NEGATIVE, ARTIFACT_IN_STORAGE, SOURCE_VERIFIED, STALLED, RECONCILING),
    negative=frozenset({*_NEGATIVE, STALLED, RECONCILING}),
    bipolar=(SOURCE_VERIFIED,),
    announces=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What an artifact is made from, besides the commit.

    Attributes:
        spec: of the object.
        status: what the current artifact was made from.
        artifact: the current artifact, if it is in storage.
        includes: the artifacts of the included repositories, in the order of the spec.
    """

    spec: GitRepositorySpec
    status: GitRepositoryStatus
    artifact: Artifact | None
    includes: tuple[Artifact, ...]


def content_changed(inputs: Inputs) -> bool:
    """Whether the current artifact was made from other rules, includes or directories."""
    spec, status = inputs.spec, inputs.status
    return (
        spec.ignore != status.observed_ignore
        or spec.recurse_submodules != status.observed_recurse_submodules
        or spec.include != status.observed_include
        or spec.sparse_checkout != status.observed_sparse_checkout
        or _versions(inputs.includes) != _versions(status.included_artifacts)
        or needs_verification(inputs)
    )


def needs_verification(inputs: Inputs) -> bool:
    """Whether a signature must be verified that was not when the artifact was made."""
    verify, seen = inputs.spec.verify, inputs.status.source_verification_mode
    if verify is None:
        return False
    if seen is None:
        return True
    wanted = verification_mode(verify)
    return wanted != seen and seen in (ONLY_HEAD, ONLY_TAG)


def verification_mode(verify: GitRepositoryVerification) -> str:
    """Returns ``HEAD``, ``Tag`` or ``TagAndHEAD``; the old spelling ``head`` is the first."""
    return ONLY_HEAD if verify.mode == "head" else verify.mode


def includes_differ(inputs: Inputs) -> bool:
    """Whether included repositories have other artifacts than the current one was made with."""
    return _versions(inputs.includes) != _versions(inputs.status.included_artifacts)


def _versions(artifacts: Sequence[Artifact]) -> list[tuple[str, str]]:
    return [(artifact.revision, artifact.digest) for artifact in artifacts]


def record_artifact(status: StatusEditor, inputs: Inputs, artifact: Artifact) -> None:
    """Writes down the new artifact and what it was made from."""
    spec = inputs.spec
    status.set("artifact", artifact)
    status.set("includedArtifacts", list(inputs.includes) or None)
    status.set("observedIgnore", spec.ignore)
    status.set("observedRecurseSubmodules", spec.recurse_submodules or None)
    status.set("observedInclude", list(spec.include) or None)
    status.set("observedSparseCheckout", list(spec.sparse_checkout) or None)


def stored_message(revision: str) -> str:
    """What ArtifactInStorage, and so Ready, says."""
    return f"stored artifact for revision '{revision}'"


def artifact_metadata(artifact: Artifact) -> dict[str, str]:
    """What events about an artifact carry."""
    return {f"{GVK.group}/revision": artifact.revision, f"{GVK.group}/digest": artifact.digest}


def recovered(before: Manifest, status: StatusEditor) -> bool:
    """Whether the object had failed before this run, and has not any more."""
    known = before.get("status")
    conditions = read_conditions(known if isinstance(known, dict) else {})
    failed = any(kind in conditions for kind in _FAILURES)
    return failed and all(status.condition(kind) is None for kind in _FAILURES)


def normal_url(url: str) -> str:
    """Returns an address in a form in which the same repository always looks the same."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme.lower()}://{host}{parts.path.rstrip('/').removesuffix('.git')}"
