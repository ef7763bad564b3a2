"""Field specs: which field of which kinds a transformer changes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldpath import split_path
from steersman.kustomize.ids import Gvk

__all__ = [
    "FIRST_KINDS",
    "LAST_KINDS",
    "FieldSpec",
    "Step",
    "merge_all",
    "merge_one",
    "sorted_specs",
]

FIRST_KINDS = (
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount",
    "PodSecurityPolicy", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap",
    "Secret", "Endpoints", "Service", "LimitRange", "PriorityClass", "PersistentVolume",
    "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
)  # fmt: skip
LAST_KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
KIND_RANKS = {kind: rank - len(FIRST_KINDS) for rank, kind in enumerate(FIRST_KINDS)} | {
    kind: rank + 1 for rank, kind in enumerate(LAST_KINDS)
}
"""Kustomize's order of kinds: negative ranks first, positive last, others between."""


class Step(NamedTuple):
    """One part of a path; ``sequence`` says that the path expects a list there (``name[]``)."""

    name: str
    sequence: bool


class FieldSpec:
    """One field of the kinds that ``gvk`` selects.

    Args:
        gvk: empty parts match anything.
        path: names between slashes; lists are entered by themselves.
        create: whether a missing field is made.
    """

    def __init__(self, path: str, gvk: Gvk = Gvk(), create: bool = False) -> None:  # noqa: B008
        self.gvk = gvk
        self.path = path
        self.create = create

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The parts of the path."""
        return tuple(
            Step(part.removesuffix("[]"), part.endswith("[]")) for part in split_path(self.path)
        )

    def matches(self, gvk: Gvk) -> bool:
        """Whether objects of this kind have the field."""
        return gvk.is_selected(self.gvk)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSpec) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Gvk, str, bool]:
        return self.gvk, self.path, self.create

    def __repr__(self) -> str:
        return f"FieldSpec({self.path!r}, {self.gvk!r}, {self.create})"


def merge_one(specs: tuple[FieldSpec, ...], spec: FieldSpec) -> tuple[FieldSpec, ...]:
    """Adds a spec unless an equal one is there.

    Raises:
        BuildFailed: an equal one disagrees on ``create``.
    """
    for known in specs:
        if known.path == spec.path and known.gvk.is_selected(spec.gvk):
            if known.create != spec.create:
                raise BuildFailed("conflicting fieldspecs")
            return specs
    return (*specs, spec)


def merge_all(specs: tuple[FieldSpec, ...], incoming: Iterable[FieldSpec]) -> tuple[FieldSpec, ...]:
    """Adds many specs in turn."""
    for spec in incoming:
        specs = merge_one(specs, spec)
    return specs


def gvk_order(gvk: Gvk) -> tuple[int, str]:
    """Sorts kinds as kustomize sorts its configuration."""
    shown = f"{gvk.group or '~G'}_{gvk.version or '~V'}_{gvk.kind or '~K'}"
    return KIND_RANKS.get(gvk.kind, 0), shown


def sorted_specs(specs: Iterable[FieldSpec]) -> tuple[FieldSpec, ...]:
    """Sorts specs by their kinds."""
    return tuple(sorted(specs, key=lambda spec: gvk_order(spec.gvk)))
