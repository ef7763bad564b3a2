"""Ignored fields when an object must be written for another reason.

Our manifest still names the field, so writing it would undo what somebody else set. A field that
another manager applies is left out of what we send; else the live value is sent.

Source: behaviour of fluxcd/pkg ssa (computeDriftedPaths).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from steersman.kit.jsonpatch import Dialect, apply_json_patch, json_equal
from steersman.kit.jsonpointer import BadPointer, parse_pointer, resolve
from steersman.objects.ignore_rules import IgnoreRules
from steersman.objects.manifest import Manifest, metadata_of

__all__ = ["respect_ignored"]

_LENIENT = Dialect(allow_missing_on_remove=True)
_ABSENT = object()


def respect_ignored(
    desired: Manifest,
    *,
    live: Mapping[str, Any],
    dry_run: Mapping[str, Any],
    rules: IgnoreRules,
    own: str,
) -> Manifest:
    """Returns the manifest to send.

    Args:
        desired: our manifest.
        live: the object as it is.
        dry_run: the API's answer to applying ``desired`` without writing.
        rules: which fields are left to others.
        own: our manager's name.
    """
    patch: list[dict[str, Any]] = []
    for pointer in rules.pointers_for(dry_run):
        value = _value_at(live, pointer)
        if value is not _ABSENT and json_equal(value, _value_at(dry_run, pointer)):
            continue
        if _value_at(desired, pointer) is _ABSENT:
            continue
        if value is _ABSENT or _is_applied_by_another(live, pointer, own):
            patch.append({"op": "remove", "path": pointer})
        else:
            patch.append({"op": "replace", "path": pointer, "value": value})
    if not patch:
        return desired
    result = apply_json_patch(desired, patch, _LENIENT)
    assert isinstance(result, dict)
    return result


def _value_at(manifest: Mapping[str, Any], pointer: str) -> Any:
    try:
        return resolve(manifest, pointer)
    except BadPointer:
        return _ABSENT


def _is_applied_by_another(live: Mapping[str, Any], pointer: str, own: str) -> bool:
    trees = [
        (entry.get("manager"), entry.get("fieldsV1"))
        for entry in metadata_of(live).get("managedFields") or ()
        if entry.get("operation") == "Apply" and not entry.get("subresource")
    ]
    return any(
        manager != own and isinstance(tree, dict) and _owns(tree, live, parse_pointer(pointer))
        for manager, tree in trees
    )


def _owns(tree: Mapping[str, Any], live: Any, tokens: Sequence[str]) -> bool:
    """Follows a pointer through a ``fieldsV1`` tree, with the live object to name list items."""
    for token in tokens:
        if isinstance(live, list):
            index = int(token) if token.isdecimal() else len(live)
            live = live[index] if index < len(live) else None
            step = _item_key(tree, live)
        else:
            live = live.get(token) if isinstance(live, dict) else None
            step = f"f:{token}"
        if step is None or step not in tree:
            return False
        tree = tree[step]
    return True


def _item_key(tree: Mapping[str, Any], item: Any) -> str | None:
    for key in tree:
        if not key.startswith("k:") or not isinstance(item, dict):
            continue
        wanted = json.loads(key[2:])
        if all(item.get(name) == value for name, value in wanted.items()):
            return key
    return None
