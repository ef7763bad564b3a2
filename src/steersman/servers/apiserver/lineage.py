"""What an object keeps from version to version, and the order in which it is written."""

from __future__ import annotations

from typing import Any

from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.resources import Resource

__all__ = ["SERVER_OWNED", "is_finished", "keep_identity", "ordered"]

SERVER_OWNED = frozenset(
    (
        "selfLink",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    )
)


def keep_identity(obj: Manifest, current: Manifest) -> Manifest:
    """Takes over what only the server sets."""
    old, given = metadata_of(current), metadata_of(obj)
    metadata: dict[str, Any] = {}
    for field in _IDENTITY:
        if field in old:
            metadata[field] = old[field]
    if given.get("uid", metadata["uid"]) != metadata["uid"]:
        metadata["uid"] = given["uid"]
    for field, value in given.items():
        if field not in metadata and field not in SERVER_OWNED and field != "generation":
            metadata[field] = value
    return {**obj, "metadata": metadata}


_IDENTITY = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def is_finished(obj: Manifest, current: Manifest) -> bool:
    """Says whether the last finalizer of a deleted object was removed."""
    metadata = metadata_of(obj)
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if obj.get("kind") == "Namespace" and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not metadata.get("deletionGracePeriodSeconds") and bool(
        metadata_of(current).get("finalizers") or obj.get("kind") == "Namespace"
    )


_METADATA_ORDER = {
    name: index
    for index, name in enumerate(
        (
            *_IDENTITY,
            "labels",
            "annotations",
            "ownerReferences",
            "finalizers",
            "managedFields",
        )
    )
}


def ordered(resource: Resource, obj: Manifest) -> Manifest:
    """Puts keys into the order of the real server's answers: Go's structs, or the alphabet."""
    metadata = metadata_of(obj)
    if resource.custom:
        ranked = {name: metadata[name] for name in sorted(metadata)}
        return {name: ranked if name == "metadata" else obj[name] for name in sorted(obj)}
    rank = _METADATA_ORDER
    names = sorted(metadata, key=lambda name: rank.get(name, len(rank)))
    result: Manifest = {"kind": obj["kind"], "apiVersion": obj["apiVersion"]}
    result["metadata"] = {name: metadata[name] for name in names}
    for name, value in obj.items():
        if name not in result:
            result[name] = _null_lists(value) if name == "spec" else value
    return _null_lists(result)


def _null_lists(obj: dict[str, Any]) -> dict[str, Any]:
    """Turns empty lists that must be printed into null.

    The real server stores protobuf, in which an empty list is an absent one.
    """
    if not isinstance(obj, dict) or [] not in obj.values():
        return obj
    return {name: None if value == [] else value for name, value in obj.items()}
