"""Finds every node that a replacement's target path matches, making missing ones if asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldpath import is_list_step, list_index, split_step
from steersman.kustomize.node import (
    MISSING,
    UNTYPED,
    Tree,
    contents,
    is_null,
    untagged,
    wrong_kind,
)
from steersman.kustomize.pattern import matches_somewhere

__all__ = ["Made", "Route", "find"]

Made: TypeAlias = Literal["", "MappingNode", "SequenceNode", "ScalarNode"]
"""The kind of node to make at the end of a path; empty makes nothing."""

Route: TypeAlias = tuple[str | int, ...]


def find(tree: Tree, path: Sequence[str], *, create: Made = "") -> tuple[Tree, list[Route]]:
    """Returns the tree, with what had to be made, and the routes to all matches.

    A part may be a field, an index, ``*`` for every element, or ``[field=pattern]``.

    Raises:
        BuildFailed: a part does not fit the kind of its node, or an index is out of range.
    """
    return _find(tree, tuple(path), create)


def _find(node: Tree, path: Sequence[str], create: Made) -> tuple[Tree, list[Route]]:
    if not path:
        return node, [()]
    part = path[0]
    index = list_index(part)
    if index is not None and index >= 0:
        return _at_index(node, index, path, create)
    if is_list_step(part):
        return _matching(node, path, create)
    if part == "*":
        return _each(node, range(len(_elements(node))), path, create)
    return _field(node, path, create)


def _elements(node: Tree) -> list[Tree]:
    if is_null(node):
        return []
    if not isinstance(node, list):
        raise wrong_kind("SequenceNode", node)
    return node


def _new(path: Sequence[str], create: Made) -> Tree:
    """Makes the node that the rest of a path needs."""
    kind = create
    if path:
        index = list_index(path[0])
        sequence = is_list_step(path[0]) or (index is not None and index >= 0)
        kind = "SequenceNode" if sequence else "MappingNode"
    return {"MappingNode": {}, "SequenceNode": []}.get(kind, UNTYPED)


def _field(node: Tree, path: Sequence[str], create: Made) -> tuple[Tree, list[Route]]:
    name, rest = path[0], path[1:]
    if is_null(node):
        return node, []
    if not isinstance(node, dict):
        raise wrong_kind("MappingNode", node)
    value = node.get(name, MISSING)
    if value is MISSING:
        if not create:
            return node, []
        value = _new(rest, create)
    if rest and not isinstance(value, dict | list) and not is_null(value):
        # A text that holds YAML or JSON is entered elsewhere; what is found here is a copy.
        raise wrong_kind("MappingNode", value)
    new, routes = _find(value, rest, create)
    if new is not node.get(name, MISSING):
        node = {**node, name: new}
    return node, [(name, *route) for route in routes]


def _at_index(
    node: Tree, index: int, path: Sequence[str], create: Made
) -> tuple[Tree, list[Route]]:
    elements = _elements(node)
    if len(elements) == index and create:
        elements = [*elements, _new(path[1:], create)]
        node = elements
    if len(elements) <= index:
        raise BuildFailed(f"index {index} specified but only {len(elements)} elements found")
    return _each(node, [index], path, create)


def _matching(node: Tree, path: Sequence[str], create: Made) -> tuple[Tree, list[Route]]:
    name, pattern = split_step(path[0])
    matches = matches_somewhere(pattern)
    elements = _elements(node)
    chosen = [index for index, element in enumerate(elements) if _fits(element, name, matches)]
    if name:
        new, routes = _each(node, chosen, path, create)
    else:
        new, routes = node, [(index,) for index in chosen]
    if routes or not create:
        return new, routes
    added = {name: untagged(pattern)} if name else untagged(pattern)
    if not _fits(added, name, matches):
        raise BuildFailed(f'failed to create element for "{path[0]}"')
    return _matching([*elements, added], path, create)


def _fits(element: Tree, name: str, matches: object) -> bool:
    assert callable(matches)
    if not name:
        return bool(matches(contents(element).strip()))
    if not isinstance(element, dict) or name not in element:
        return False
    return bool(matches(contents(element[name]).strip()))


def _each(
    node: Tree, indices: Sequence[int], path: Sequence[str], create: Made
) -> tuple[Tree, list[Route]]:
    routes: list[Route] = []
    elements = list(_elements(node))
    changed = False
    for index in indices:
        new, found = _find(elements[index], path[1:], create)
        changed = changed or new is not elements[index]
        elements[index] = new
        routes.extend((index, *route) for route in found)
    return (elements if changed else node), routes
