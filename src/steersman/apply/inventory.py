"""The record of the objects we own: ``status.inventory``.

An entry's id is ``<namespace>_<name>_<group>_<kind>``; colons in the names of RBAC objects are
written as two underscores. The version is kept beside the id and is not part of identity.

Source: behaviour of fluxcd/cli-utils pkg/object and fluxcd/kustomize-controller
internal/inventory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from steersman.errors import Stalled
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.order import reconcile_key

__all__ = ["Entry", "InvalidInventoryId", "Inventory", "format_id", "parse_id"]

_RBAC_GROUP = "rbac.authorization.k8s.io"
_RBAC_KINDS = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})


class InvalidInventoryId(Stalled):
    """An entry of the status cannot be read; somebody must repair it."""

    default_reason = "ReconciliationFailed"


class Entry(NamedTuple):
    """One object we own.

    Args:
        ref: which object.
        version: the API version it was last applied with.
    """

    ref: ObjectRef
    version: str

    @property
    def gvk(self) -> GroupVersionKind:
        """The exact type to ask the API for."""
        return GroupVersionKind(self.ref.group, self.version, self.ref.kind)


def format_id(ref: ObjectRef) -> str:
    """Writes the id of an object."""
    name = ref.name
    if ref.group == _RBAC_GROUP and ref.kind in _RBAC_KINDS:
        name = name.replace(":", "__")
    return f"{ref.namespace}_{name}_{ref.group}_{ref.kind}"


def parse_id(text: str) -> ObjectRef:
    """Reads an id.

    Raises:
        InvalidInventoryId: it has fewer or more than four fields.
    """
    namespace, found, rest = text.partition("_")
    rest, has_kind, kind = rest.rpartition("_")
    name, has_group, group = rest.rpartition("_")
    if not (found and has_kind and has_group):
        raise InvalidInventoryId(f"unable to parse stored object metadata: {text}")
    name = name.replace("__", ":")
    if "_" in name:
        raise InvalidInventoryId(f"too many fields within: {text}")
    return ObjectRef(group, kind, namespace, name)


class Inventory:
    """Entries in apply order; equal ids are kept once, the first one.

    Args:
        entries: the entries.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[ObjectRef, Entry] = {}
        for entry in entries:
            self._entries.setdefault(entry.ref, entry)

    @classmethod
    def from_status(cls, status: Mapping[str, Any] | None) -> Inventory:
        """Reads ``status.inventory``; a missing one is empty.

        Raises:
            InvalidInventoryId: an entry does not parse.
        """
        rows = (status or {}).get("entries") or ()
        return cls(Entry(parse_id(str(row["id"])), str(row["v"])) for row in rows)

    def to_status(self) -> dict[str, Any]:
        """Writes ``status.inventory``."""
        return {
            "entries": [
                {"id": format_id(entry.ref), "v": entry.version} for entry in self._entries.values()
            ]
        }

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, ref: object) -> bool:
        return ref in self._entries

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Inventory) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Inventory({[format_id(entry.ref) for entry in self]})"

    def merged_with(self, entries: Iterable[Entry]) -> Inventory:
        """Returns this inventory with the entries appended that it lacks."""
        return Inventory((*self, *entries))

    def missing_from(self, other: Inventory) -> tuple[Entry, ...]:
        """Returns the entries whose object the other one lacks, in apply order.

        Group, kind, namespace and name count; a change of version alone is no difference.
        """
        missing = (entry for entry in self if entry.ref not in other)
        return tuple(sorted(missing, key=lambda entry: reconcile_key(entry.ref)))
