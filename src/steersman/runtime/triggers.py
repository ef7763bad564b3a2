"""From changes to requests: who is to be reconciled since something changed.

A trigger says who, and why; it never says what changed, since a run finds that out for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steersman.apis.meta import READY, RECONCILE_REQUESTED_AT
from steersman.clients.kube.request import ListOptions
from steersman.conditions.edit import read_conditions
from steersman.kit.graph import topological_order
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import (
    Manifest,
    annotations_of,
    generation_of,
    metadata_of,
)
from steersman.runtime.cache import Cache, Change
from steersman.runtime.queue import HIGH, LOW, NORMAL

__all__ = [
    "Watch",
    "artifact_revision",
    "became_ready",
    "dependents",
    "in_dependency_order",
    "own_change",
    "revision_changed",
]

Predicate = Callable[[Change], bool]
Selection = Callable[[Change, Cache], Iterable[ObjectRef]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Changes of one kind that concern objects of another, or of the same.

    Args:
        kind: what to watch.
        when: which changes count.
        select: whom they concern; is given the change and the cache of the reconciled kind.
        reason: for logs, such as ``source revision changed``.
        priority: of the requests.
        view: watch only these objects, in a cache apart; None for all of the kind.
    """

    kind: GroupVersionKind
    when: Predicate
    select: Selection
    reason: str
    priority: int = NORMAL
    view: ListOptions | None = None


def own_change(change: Change) -> tuple[str, int] | None:
    """Says why and how urgently an object is to be reconciled since it changed itself.

    Flux's rule: only a new generation or another value of ``requestedAt`` counts; status, labels
    and other annotations do not. A deletion raises the generation. Somebody who writes
    ``requestedAt`` waits for the answer, so that goes first.
    """
    old, new = change.old, change.new
    if new is None:
        return None
    if old is None:
        return ("first seen", LOW) if change.initial else ("created", NORMAL)
    if annotations_of(old).get(RECONCILE_REQUESTED_AT) != annotations_of(new).get(
        RECONCILE_REQUESTED_AT
    ):
        return "requested", HIGH
    if metadata_of(new).get("deletionTimestamp") and not metadata_of(old).get("deletionTimestamp"):
        return "deleted", NORMAL
    if metadata_of(old).get("uid") != metadata_of(new).get("uid"):
        return "created", NORMAL
    if generation_of(old) != generation_of(new):
        return "spec changed", NORMAL
    return None


def _status(manifest: Manifest | None) -> Mapping[str, Any]:
    status = (manifest or {}).get("status")
    return status if isinstance(status, dict) else {}


def artifact_revision(manifest: Manifest | None) -> str:
    """Returns ``status.artifact.revision``, or an empty text."""
    artifact = _status(manifest).get("artifact")
    return str(artifact.get("revision") or "") if isinstance(artifact, dict) else ""


def revision_changed(change: Change) -> bool:
    """Says whether a source has an artifact of another revision than before."""
    revision = artifact_revision(change.new)
    return revision != "" and revision != artifact_revision(change.old)


def became_ready(change: Change) -> bool:
    """Says whether an object is ready now and was not, or is ready about something newer."""
    new = read_conditions(_status(change.new)).get(READY)
    if new is None or new.status != "True":
        return False
    old = read_conditions(_status(change.old)).get(READY)
    return old is None or (old.status, old.message, old.observed_generation) != (
        new.status,
        new.message,
        new.observed_generation,
    )


def dependents(index: str) -> Selection:
    """Selects the objects that an index files under the changed object."""

    def select(change: Change, cache: Cache) -> Iterable[ObjectRef]:
        return map(ObjectRef.of, cache.by_index(index, change.ref))

    return select


def in_dependency_order(
    objects: Sequence[Manifest], dependencies: Callable[[Manifest], Iterable[ObjectRef]]
) -> tuple[ObjectRef, ...]:
    """Orders objects so that what others of them depend on comes first.

    Requests of one priority are worked off in the order of asking, so dependents find their
    dependencies done instead of having to come back. Cycles are left in the given order.
    """
    graph = {ObjectRef.of(obj): tuple(dependencies(obj)) for obj in objects}
    return topological_order(graph)
