"""The smallest merge patch that brings a status from what was read to what we concluded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.conditions.contract import StatusContract
from steersman.conditions.edit import StatusEditor, read_conditions, to_wire
from steersman.objects.manifest import Manifest, resource_version_of

__all__ = ["merge_diff", "status_patch"]


def merge_diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the RFC 7396 patch from one mapping to another; empty when they are equal."""
    patch: dict[str, Any] = {}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            inner = merge_diff(old, value)
            if inner:
                patch[key] = inner
        elif key not in before or old != value:
            patch[key] = value
    patch.update(dict.fromkeys(before.keys() - after.keys()))
    return patch


def status_patch(
    live: Manifest, status: StatusEditor, contract: StatusContract
) -> dict[str, Any] | None:
    """Returns the merge patch for the ``status`` subresource; None when nothing differs.

    Merge patches replace lists as a whole. So that conditions of others survive, ours are laid
    over those of the live object, and the patch then carries its resource version: should somebody
    write in between, the server answers 409, and the patch is made again from the newer object.

    Args:
        live: the newest object that we know.
        status: what we concluded; its fields are compared with what was read or last written, so
            that fields of others survive as well.
        contract: whose conditions are ours.
    """
    before = live.get("status")
    before = before if isinstance(before, dict) else {}
    patch = merge_diff(status.written_fields, status.fields)
    owned = frozenset(contract.owned)
    theirs = read_conditions(before)
    ours = {found.type: found for found in status.conditions if found.type in owned}
    if {type: found for type, found in theirs.items() if type in owned} != ours:
        kept = [found for type, found in theirs.items() if type not in owned]
        patch["conditions"] = to_wire([*kept, *ours.values()])
        return {"metadata": {"resourceVersion": resource_version_of(live)}, "status": patch}
    return {"status": patch} if patch else None
