"""Takes fields over from managers that must not own them, so that Git alone decides.

Whoever applied an object with kubectl before us still owns its fields: without this, a field that
is deleted in Git would survive. The entries of such managers are merged into ours.

Source: behaviour of fluxcd/pkg ssa (PatchReplaceFieldsManagers) and the list of managers in
fluxcd/kustomize-controller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from steersman.kit.jsonpointer import format_pointer
from steersman.objects.manifest import annotations_of, labels_of, metadata_of

__all__ = ["Manager", "default_managers", "merge_fields", "plan_takeover"]

_STALE_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
)
_STALE_LABELS = ("fluxcd.io/sync-gc-mark",)


class Manager(NamedTuple):
    """A manager whose fields become ours.

    Args:
        prefix: how its name begins.
        operation: ``Apply`` or ``Update``.
    """

    prefix: str
    operation: str


def default_managers(own: str, overridden: Sequence[str] = ()) -> tuple[Manager, ...]:
    """Returns the managers to take over from.

    Args:
        own: our name; what we once wrote by update is merged as well.
        overridden: further names from the settings.
    """
    return (
        Manager("kubectl", "Apply"),
        Manager("kubectl", "Update"),
        Manager("before-first-apply", "Update"),
        Manager(own, "Update"),
        *(Manager(name, word) for name in overridden for word in ("Apply", "Update")),
    )


def plan_takeover(
    live: Mapping[str, Any], *, own: str, managers: Sequence[Manager]
) -> list[dict[str, Any]]:
    """Plans one JSON patch on a live object.

    Args:
        live: the object, with its ``managedFields``.
        own: our manager's name.
        managers: whose fields become ours.

    Returns:
        The operations; empty when there is nothing to take over.
    """
    patch = _removals("annotations", annotations_of(live), _STALE_ANNOTATIONS)
    patch += _removals("labels", labels_of(live), _STALE_LABELS)
    entries = metadata_of(live).get("managedFields")
    if isinstance(entries, list):
        replaced = _take_over(entries, own, managers)
        if replaced is not None:
            patch.append({"op": "replace", "path": "/metadata/managedFields", "value": replaced})
    return patch


def _removals(field: str, present: Mapping[str, str], stale: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"op": "remove", "path": format_pointer(("metadata", field, key))}
        for key in stale
        if key in present
    ]


def _take_over(
    entries: Sequence[dict[str, Any]], own: str, managers: Sequence[Manager]
) -> list[dict[str, Any]] | None:
    ours: dict[str, Any] | None = None
    for entry in entries:
        if entry.get("manager") == own and entry.get("operation") == "Apply":
            ours = entry
    merged = ours
    kept: list[dict[str, Any]] = []
    for entry in entries:
        if entry is ours:
            continue
        if not _is_foreign(entry, managers):
            kept.append(entry)
        elif merged is None:
            merged = {**entry, "manager": own, "operation": "Apply"}
        else:
            fields = merge_fields(merged.get("fieldsV1"), entry.get("fieldsV1"))
            merged = {**merged, "fieldsV1": fields}
    if merged is ours or merged is None:
        return None
    return [*kept, merged]


def _is_foreign(entry: Mapping[str, Any], managers: Sequence[Manager]) -> bool:
    if entry.get("subresource"):
        return False
    name, operation = str(entry.get("manager") or ""), entry.get("operation")
    return any(m.operation == operation and name.startswith(m.prefix) for m in managers)


def merge_fields(left: Any, right: Any) -> Any:
    """Unites two ``fieldsV1`` trees.

    A node is owned itself when it is empty or holds ``.``; what either side owns stays owned.
    """
    if not isinstance(left, dict):
        return right
    if not isinstance(right, dict):
        return left
    return _unite(left, right)


def _unite(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    united = dict(left)
    for key, child in right.items():
        if key not in united:
            united[key] = child
            continue
        node = _unite(united[key], child)
        if node and (not united[key] or not child):
            node.setdefault(".", {})
        united[key] = node
    return united
