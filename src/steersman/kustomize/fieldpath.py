"""Paths into a tree, as kustomize writes them."""

from __future__ import annotations

from collections.abc import Sequence

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.node import (
    MISSING,
    Tree,
    is_null,
    text_of,
    wrong_kind,
)

__all__ = [
    "clean",
    "is_list_step",
    "list_index",
    "lookup",
    "split_path",
    "split_smart",
    "split_step",
]


def split_path(path: str, delimiter: str = "/") -> list[str]:
    """Splits at delimiters that no backslash escapes; one leading delimiter is ignored."""
    parts = path.split(delimiter)
    if len(parts) > 1 and not parts[0]:
        parts = parts[1:]
    result = [parts[0]]
    for part in parts[1:]:
        if result[-1].endswith("\\"):
            result[-1] = result[-1][:-1] + delimiter + part
        else:
            result.append(part)
    return result


def split_smart(path: str, delimiter: str = ".") -> list[str]:
    """Splits as :func:`split_path`, keeping what stands in brackets together.

    ``[name=a.b]`` stays one part with its brackets, ``[a.b]`` loses them.
    """
    result: list[str] = []
    parts = iter(split_path(path, delimiter))
    for part in parts:
        if not part.startswith("[") or part.endswith("]"):
            result.append(part)
            continue
        held = [part]
        for following in parts:
            held.append(following)
            if following.endswith("]"):
                break
        whole = delimiter.join(held)
        result.append(whole if "=" in whole else whole.strip("[]"))
    return result


def clean(path: Sequence[str]) -> list[str]:
    """Trims parts and drops empty ones."""
    return [part for part in (part.strip() for part in path) if part]


def is_list_step(part: str) -> bool:
    """Whether a part selects list elements by a field: ``[name=nginx]``."""
    return part.startswith("[") and part.endswith("]")


def list_index(part: str) -> int | None:
    """Reads a part as a number, or returns None."""
    digits = part[1:] if part[:1] in ("-", "+") else part
    return int(part) if digits.isascii() and digits.isdigit() else None


def split_step(part: str) -> tuple[str, str]:
    """Splits ``[name=nginx]`` into name and value.

    Raises:
        BuildFailed: there is no ``=``.
    """
    name, equals, value = part.removesuffix("]").removeprefix("[").partition("=")
    if not equals:
        raise BuildFailed(
            "list path element must contain fieldName=fieldValue for element to match"
        )
    return name, value


def lookup(node: Tree, path: Sequence[str]) -> Tree:
    """Returns the node at a path, or MISSING.

    A part may be a field, an index, ``-`` for the last element, or ``[field=value]``.

    Raises:
        BuildFailed: a part does not fit the kind of its node.
    """
    for part in clean(path):
        if is_null(node):
            return MISSING
        node = _step(node, part)
        if node is MISSING:
            return MISSING
    return node


def _step(node: Tree, part: str) -> Tree:
    index = list_index(part)
    if index is not None:
        if index < 0:
            raise BuildFailed(f"array index {index} cannot be negative")
        return _element(node, index)
    if part == "-":
        return _element(node, -1)
    if part == "*":
        raise BuildFailed("wildcard is not supported in PathGetter")
    if is_list_step(part):
        name, value = split_step(part)
        return first_match(node, name, value)
    if not isinstance(node, dict):
        raise wrong_kind("MappingNode", node)
    return node.get(part, MISSING)


def _element(node: Tree, index: int) -> Tree:
    if not isinstance(node, list):
        raise wrong_kind("SequenceNode", node)
    if index < 0:
        if not node:
            raise BuildFailed("index out of range: the list is empty")
        return node[-1]
    return node[index] if index < len(node) else MISSING


def first_match(node: Tree, name: str, value: str) -> Tree:
    """Returns the first element whose field has the text, or the scalar with the text."""
    if not isinstance(node, list):
        raise wrong_kind("SequenceNode", node)
    for item in node:
        if not name:
            if not isinstance(item, dict | list) and text_of(item) == value:
                return item
        elif isinstance(item, dict) and name in item and text_of(item[name]) == value:
            return item
    return MISSING
