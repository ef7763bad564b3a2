"""What a manager owns, for whoever looks at objects from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.fieldmanager.fieldset import LEAF, FieldSet, from_fields_v1, union
from steersman.objects.manifest import metadata_of

__all__ = ["owned_fields", "owners_of"]


def owned_fields(
    manifest: Mapping[str, Any], manager: str, operation: str = "Apply", subresource: str = ""
) -> FieldSet:
    """Returns the fields that a manager owns; the empty set when it owns none.

    Args:
        manifest: an object from the API.
        manager: its name.
        operation: ``Apply`` or ``Update``.
        subresource: ``status``, ``scale``, or empty for what was written to the object itself.

    Raises:
        BadFields: an entry cannot be read.
    """
    fields = LEAF
    for entry in metadata_of(manifest).get("managedFields") or ():
        if (
            entry.get("manager") == manager
            and entry.get("operation") == operation
            and (entry.get("subresource") or "") == subresource
        ):
            fields = union(fields, from_fields_v1(entry.get("fieldsV1") or {}))
    return fields


def owners_of(manifest: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Returns manager, operation and subresource of every entry, in the object's order."""
    return [
        (entry.get("manager") or "", entry.get("operation") or "", entry.get("subresource") or "")
        for entry in metadata_of(manifest).get("managedFields") or ()
    ]
