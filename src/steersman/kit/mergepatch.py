"""JSON merge patches (RFC 7396), applied as Kubernetes does, and made from two or three objects."""

from __future__ import annotations

from typing import Any

from steersman.kit.jsonpatch import json_equal

__all__ = [
    "apply_merge_patch",
    "combine_merge_patches",
    "create_merge_patch",
    "create_three_way_merge_patch",
]


def apply_merge_patch(document: Any, patch: Any) -> Any:
    """Returns the patched document; neither argument is changed.

    Nulls delete keys. Beyond the RFC, nulls also vanish from objects inside added lists.
    """
    if not isinstance(patch, dict):
        return _without_nulls(patch)
    if not isinstance(document, dict):
        return _without_nulls(patch)
    return _merge(document, patch)


def _merge(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    result = document.copy()
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
            continue
        current = result.get(key)
        if isinstance(current, dict):
            result[key] = _merge(current, value) if isinstance(value, dict) else value
        else:
            result[key] = _without_nulls(value)
    return result


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def combine_merge_patches(first: Any, second: Any) -> Any:
    """Returns one patch with the effect of ``first`` and then ``second``."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    result = first.copy()
    for key, value in second.items():
        current = result.get(key)
        both = isinstance(current, dict) and isinstance(value, dict)
        result[key] = combine_merge_patches(current, value) if both else value
    return result


def create_merge_patch(original: dict[str, Any], modified: dict[str, Any]) -> dict[str, Any]:
    """Returns the patch that turns ``original`` into ``modified``."""
    patch: dict[str, Any] = {}
    for key, value in modified.items():
        if key not in original:
            patch[key] = value
            continue
        current = original[key]
        if isinstance(current, dict) and isinstance(value, dict):
            inner = create_merge_patch(current, value)
            if inner:
                patch[key] = inner
        elif not json_equal(current, value):
            patch[key] = value
    patch.update({key: None for key in original if key not in modified})
    return patch


def create_three_way_merge_patch(
    original: dict[str, Any] | None, modified: dict[str, Any], current: dict[str, Any]
) -> dict[str, Any]:
    """Returns the patch of a client-side apply.

    Args:
        original: what was applied last, if known.
        modified: what is applied now.
        current: what the server has.

    Returns:
        Changes from ``current`` to ``modified``, and deletions of what ``original`` had and
        ``modified`` has no more.
    """
    changes = filter_nulls(create_merge_patch(current, modified), keep=False)
    deletions = filter_nulls(create_merge_patch(original or {}, modified), keep=True)
    return _merge(deletions, changes)


def filter_nulls(patch: dict[str, Any], *, keep: bool) -> dict[str, Any]:
    """Returns only the nulls of a patch (``keep``), or everything but them.

    Objects that this empties go too, objects that were empty stay among the rest.
    """
    result: dict[str, Any] = {}
    for key, value in patch.items():
        match value:
            case None:
                if keep:
                    result[key] = None
            case dict() if value:
                inner = filter_nulls(value, keep=keep)
                if inner:
                    result[key] = inner
            case _:
                if not keep:
                    result[key] = value
    return result
