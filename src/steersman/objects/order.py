"""In which order objects are applied, and the reverse for deletions.

Source: behaviour of fluxcd/pkg ssa (ReconcileOrder): the kinds below in this order, then all
others by group and kind, then the webhooks; equal kinds by namespace and name.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from steersman.objects.identity import GroupKind, ObjectRef
from steersman.objects.manifest import api_version_of, kind_of

__all__ = ["Stage", "reconcile_key", "stage_of"]

_FIRST = (
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
)
_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RANK: Mapping[str, int] = {
    **{kind: rank - len(_FIRST) for rank, kind in enumerate(_FIRST)},
    **{kind: rank + 1 for rank, kind in enumerate(_LAST)},
}


class Stage(IntEnum):
    """When an object is applied; each stage is complete before the next begins."""

    DEFINITIONS = 1
    """CustomResourceDefinitions, Namespaces and ClusterRoles; waited for."""
    CLASSES = 2
    """Every kind whose name ends in ``Class``; waited for."""
    CUSTOM = 3
    """Kinds that the settings name; not waited for."""
    REST = 4
    """Everything else; not waited for."""


def reconcile_key(ref: ObjectRef) -> tuple[int, str, str, str, str]:
    """Returns the sort key of an object: rank of the kind, group, kind, namespace, name."""
    return (_RANK.get(ref.kind, 0), ref.group, ref.kind, ref.namespace, ref.name)


def stage_of(
    manifest: Mapping[str, Any], custom_kinds: frozenset[GroupKind] = frozenset()
) -> Stage:
    """Tells in which stage a manifest is applied."""
    kind = kind_of(manifest)
    api_version = api_version_of(manifest)
    group = api_version.rpartition("/")[0]
    if (group, kind) in _DEFINITION_KINDS:
        return Stage.DEFINITIONS
    if kind.endswith("Class"):
        return Stage.CLASSES
    if GroupKind(group, kind) in custom_kinds:
        return Stage.CUSTOM
    return Stage.REST


_DEFINITION_KINDS = frozenset(
    {
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("", "Namespace"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
    }
)
