"""Field sets: which parts of an object somebody owns, as nested dicts.

The form is that of ``fieldsV1``: a key is a path element, its value the set below it. A node is a
member when it is empty or holds ``"."``; a node that is neither only leads to members. ``{}`` at
the root is the empty set. Sets are never changed once made, so they share their parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from steersman.fieldmanager.elements import (
    Element,
    Path,
    UnknownElement,
    canonical_element,
    sort_key,
)

__all__ = [
    "LEAF",
    "BadFields",
    "FieldSet",
    "difference",
    "from_fields_v1",
    "from_paths",
    "has",
    "intersection",
    "is_member",
    "paths_of",
    "recursive_difference",
    "to_fields_v1",
    "union",
]

FieldSet: TypeAlias = dict[str, Any]
"""A node: element → node. See the module for what makes a member."""

LEAF: FieldSet = {}
SELF = "."


class BadFields(ValueError):
    """A ``fieldsV1`` that cannot be read."""


def is_member(node: FieldSet) -> bool:
    """Says whether a node itself belongs to the set, not only parts of it."""
    return not node or SELF in node


def as_member(node: FieldSet) -> FieldSet:
    """Returns the node made a member."""
    return node if not node or SELF in node else {SELF: LEAF, **node}


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Returns what belongs to either set."""
    if left is right or not right:
        return left
    if not left:
        return right
    result = left.copy()
    for element, node in right.items():
        mine = result.get(element)
        if mine is None:
            result[element] = node
        elif mine is not node:
            result[element] = _union_nodes(mine, node)
    return result


def _union_nodes(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left:
        return as_member(right)
    if not right:
        return as_member(left)
    return union(left, right)


def _tidy(node: FieldSet) -> FieldSet | None:
    """Normalises a node that lost parts: None when nothing is left, a leaf when only itself."""
    if not node:
        return None
    return LEAF if len(node) == 1 and SELF in node else node


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Returns the members of ``left`` that are not members of ``right``.

    Removing a parent does not remove its children, nor the other way round.
    """
    if not left or not right:
        return left
    if left is right:
        return LEAF
    result: FieldSet = {}
    for element, node in left.items():
        other = right.get(element)
        if other is None:
            result[element] = node
            continue
        kept = _subtract_node(node, other)
        if kept is not None:
            result[element] = kept
    return result


def _subtract_node(node: FieldSet, other: FieldSet) -> FieldSet | None:
    if not node:
        return None if is_member(other) else LEAF
    if not other:
        if SELF not in node:
            return node
        return _tidy({element: child for element, child in node.items() if element != SELF})
    return _tidy(difference(node, other))


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Returns the members of both sets."""
    if not left or not right:
        return LEAF
    if left is right:
        return left
    result: FieldSet = {}
    if len(right) < len(left):
        left, right = right, left
    for element, node in left.items():
        other = right.get(element)
        if other is None:
            continue
        kept = _common_node(node, other)
        if kept is not None:
            result[element] = kept
    return result


def _common_node(node: FieldSet, other: FieldSet) -> FieldSet | None:
    if not node:
        return LEAF if is_member(other) else None
    if not other:
        return LEAF if SELF in node else None
    return _tidy(intersection(node, other))


def recursive_difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Returns ``left`` without the members of ``right`` and everything below them."""
    if not left or not right:
        return left
    result: FieldSet = {}
    for element, node in left.items():
        other = right.get(element)
        if other is None:
            result[element] = node
        elif not is_member(other):
            kept = node if not node else _tidy(recursive_difference(node, other))
            if kept is not None:
                result[element] = kept
    return result


def has(fields: FieldSet, path: Path) -> bool:
    """Says whether a path is a member."""
    node = fields
    for element in path:
        found = node.get(element)
        if found is None:
            return False
        node = found
    return bool(path) and is_member(node)


def paths_of(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """Yields the members in order: those of a level first, then those below."""
    elements = sorted((element for element in fields if element != SELF), key=sort_key)
    for element in elements:
        if is_member(fields[element]):
            yield (*prefix, element)
    for element in elements:
        yield from paths_of(fields[element], (*prefix, element))


def from_paths(paths: Iterable[Iterable[Element]]) -> FieldSet:
    """Builds a set from its members."""
    root: FieldSet = {}
    for path in paths:
        node = root
        for element in path:
            node = node.setdefault(element, {})
        if node is not root:
            node[SELF] = LEAF
    return _collapse(root)


def _collapse(node: FieldSet) -> FieldSet:
    return {
        element: LEAF if child.keys() == {SELF} else _collapse(child)
        for element, child in node.items()
    }


def to_fields_v1(fields: FieldSet) -> FieldSet:
    """Returns the set with its keys in the order in which Kubernetes writes them."""
    if len(fields) < 2:
        return {element: to_fields_v1(node) if node else LEAF for element, node in fields.items()}
    return {
        element: to_fields_v1(fields[element]) if fields[element] else LEAF
        for element in sorted(fields, key=sort_key)
    }


def from_fields_v1(fields: object) -> FieldSet:
    """Reads a ``fieldsV1`` written by anybody; elements of unknown kinds are dropped.

    Raises:
        BadFields: not an object of objects, or an element that cannot be read.
    """
    if not isinstance(fields, Mapping):
        raise BadFields("fieldsV1 is not an object")
    result: FieldSet = {}
    for key, value in fields.items():
        if key == SELF:
            continue
        try:
            element = canonical_element(key)
        except UnknownElement:
            continue
        except ValueError as error:
            raise BadFields(f"parsing key as path element: {error}") from error
        node = from_fields_v1(value)
        if node and SELF in value:
            node = {SELF: LEAF, **node}
        result[element] = _union_nodes(result[element], node) if element in result else node
    return result
