"""What differs between two versions of an object, without showing secrets.

Used to say why something drifted and to show plans; deciding whether something drifted is
:mod:`steersman.apply.drift`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from steersman.kit.jsonpatch import json_equal
from steersman.kit.jsonpointer import format_pointer
from steersman.objects.manifest import api_version_of, kind_of

__all__ = ["MISSING", "Difference", "diff_objects", "mask_secret"]

MASK = "***"
MASK_BEFORE = "*** (before)"
MASK_AFTER = "*** (after)"
_SECRET_FIELDS = ("data", "stringData")
_SERVER_FIELDS = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
"""Stands for the absent side of a difference."""


class Difference(NamedTuple):
    """One place where two objects differ.

    Args:
        pointer: JSON pointer of the place.
        old: the value before, or :data:`MISSING`.
        new: the value after, or :data:`MISSING`.
    """

    pointer: str
    old: Any
    new: Any


def diff_objects(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Lists the differences in the order of the new object, then what only the old one has.

    What only the server writes (versions, uid, managed fields, status) is left out; the values of
    Secrets are masked, yet still differ where they differ.
    """
    old, new = _masked_pair(_visible(old), _visible(new))
    return tuple(_differences((), old, new))


def mask_secret(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy whose secret values are hidden; other kinds are returned as they are."""
    return _masked_pair(manifest, manifest)[1]


def _masked_pair(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    left, right = dict(old), dict(new)
    if not _is_secret(old) and not _is_secret(new):
        return left, right
    for field in _SECRET_FIELDS:
        before, after = old.get(field), new.get(field)
        before = before if isinstance(before, dict) else {}
        after = after if isinstance(after, dict) else {}
        changed = {key for key in before if key in after and before[key] != after[key]}
        if field in old:
            left[field] = {key: MASK_BEFORE if key in changed else MASK for key in before}
        if field in new:
            right[field] = {key: MASK_AFTER if key in changed else MASK for key in after}
    return left, right


def _is_secret(manifest: Mapping[str, Any]) -> bool:
    return kind_of(manifest) == "Secret" and api_version_of(manifest) == "v1"


def _visible(manifest: Mapping[str, Any]) -> dict[str, Any]:
    visible = {key: value for key, value in manifest.items() if key != "status"}
    metadata = visible.get("metadata")
    if isinstance(metadata, dict):
        visible["metadata"] = {k: v for k, v in metadata.items() if k not in _SERVER_FIELDS}
    return visible


def _differences(path: tuple[str | int, ...], old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in new.items():
            yield from _differences((*path, key), old.get(key, MISSING), value)
        for key, value in old.items():
            if key not in new:
                yield Difference(format_pointer((*path, key)), value, MISSING)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            left = old[index] if index < len(old) else MISSING
            right = new[index] if index < len(new) else MISSING
            yield from _differences((*path, index), left, right)
    elif not json_equal(old, new):
        yield Difference(format_pointer(path), old, new)
