"""The tree that a build works on, and how to read it.

A tree is made of ``dict``, ``list``, ``str``, :class:`~steersman.kit.yaml.Scalar` (numbers,
booleans, timestamps with their text) and nulls: ``None`` is a null that was written out,
:data:`EMPTY_NULL` one that was left blank; strategic merge tells them apart. Trees are never
mutated: every change makes new containers along its path, so files, caches and resources share.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from steersman.kit.yaml import Scalar, dump, format_float, resolve_plain
from steersman.kustomize.failure import BuildFailed

__all__ = [
    "EMPTY_NULL",
    "MISSING",
    "UNTYPED",
    "Tree",
    "container_kind",
    "contents",
    "edit_at",
    "encode_base64",
    "from_plain",
    "is_empty",
    "is_null",
    "kind_of_node",
    "number",
    "retexted",
    "string_map",
    "text_of",
    "to_json",
    "to_plain",
    "untagged",
    "wrong_kind",
]

Tree: TypeAlias = Any

EMPTY_NULL: Final = Scalar("!!null", "", None)


UNTYPED: Final = Scalar("", "", None)
"""A scalar that was just made: it takes the type of the text it is given."""


class _Missing:
    """Stands for a field that is not there."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


def is_null(node: Tree) -> bool:
    """Whether the node is a null (not whether it is missing)."""
    return node is None or (node.__class__ is Scalar and node.tag == "!!null")


def is_empty(node: Tree) -> bool:
    """Whether the node is missing, null, or an empty container."""
    return node is MISSING or is_null(node) or (node.__class__ in (dict, list) and not node)


def text_of(node: Tree) -> str:
    """Returns the text of a scalar; containers, nulls left blank and missing nodes have none."""
    if node.__class__ is str:
        return str(node)
    if isinstance(node, Scalar):
        return node.text
    return "null" if node is None else ""


def kind_of_node(node: Tree) -> str:
    """Returns ``MappingNode``, ``SequenceNode`` or ``ScalarNode``."""
    if isinstance(node, dict):
        return "MappingNode"
    return "SequenceNode" if isinstance(node, list) else "ScalarNode"


def container_kind(node: Tree) -> str:
    """Returns the kind of a node, or an empty text for nulls and missing nodes."""
    return "" if node is MISSING or is_null(node) else kind_of_node(node)


def contents(node: Tree) -> str:
    """Writes a node as it stands, keys in their order."""
    return dump(node, sort_keys=False)


def wrong_kind(expected: str, node: Tree) -> BuildFailed:
    """Builds the failure for a node of another kind than expected."""
    return BuildFailed(
        f"wrong node kind: expected {expected} but got {kind_of_node(node)}: "
        f"node contents:\n{contents(node)}"
    )


def number(value: int) -> Scalar:
    """Makes an integer scalar."""
    return Scalar("!!int", str(value), value)


def untagged(text: str) -> Tree:
    """Makes the scalar that an unquoted, untagged text means."""
    tag, value = resolve_plain(text, "kyaml")
    if tag == "!!str":
        return text
    if tag == "!!null":
        return None if text else EMPTY_NULL
    return Scalar(tag, text, value)


def retexted(node: Tree, text: str) -> Tree:
    """Gives a scalar another text and keeps its type."""
    if node.__class__ is str:
        return text
    tag = "!!null" if node is None else node.tag
    if tag == "!!str":
        return text
    if not tag:
        return untagged(text)
    found, value = resolve_plain(text, "kyaml")
    if found == tag:
        return Scalar(tag, text, value)
    if tag == "!!float" and found == "!!int":
        return Scalar(tag, text, float(value))
    return Scalar(tag, text, _Unreadable(found, text, tag))


class _Unreadable:
    """The value of a scalar whose text does not fit its type; fails when it is written."""

    def __init__(self, found: str, text: str, tag: str) -> None:
        self.problem = f"yaml: cannot decode {found} `{text}` as a {tag}"


def edit_at(tree: Tree, path: Sequence[str | int], change: Callable[[Tree], Tree]) -> Tree:
    """Returns the tree with the node at an existing path changed."""
    if not path:
        return change(tree)
    step = path[0]
    old = tree[step]
    new = edit_at(old, path[1:], change)
    if new is old:
        return tree
    copy = tree.copy()
    copy[step] = new
    return copy


def string_map(node: Tree) -> dict[str, str]:
    """Reads a mapping as texts, as Go reads labels and annotations."""
    if not isinstance(node, dict):
        return {}
    return {text_of(key): text_of(value) for key, value in node.items()}


def to_plain(node: Tree) -> Any:
    """Decodes a tree to plain JSON values.

    Raises:
        BuildFailed: a key is no text, or a number has no JSON form.
    """
    kind = node.__class__
    if kind is str:
        return node
    if kind is dict:
        result = {}
        for key, value in node.items():
            if key.__class__ is not str:
                raise BuildFailed("json: unsupported type: map[interface {}]interface {}")
            result[key] = value if value.__class__ is str else to_plain(value)
        return result
    if kind is list:
        return [to_plain(item) for item in node]
    if kind is Scalar:
        value = node.value
        if isinstance(value, _Unreadable):
            raise BuildFailed(value.problem)
        if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
            shown = "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
            raise BuildFailed(f"json: unsupported value: {shown}")
        return value
    return node


def from_plain(value: Any) -> Tree:
    """Makes a tree from JSON values, numbers as Go's JSON decoder and YAML encoder leave them."""
    if isinstance(value, dict):
        return {key: from_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if isinstance(value, bool):
        return Scalar("!!bool", "true" if value else "false", value)
    if isinstance(value, int):
        if -1_000_000 < value < 1_000_000:
            return number(value)
        return _real(float(value))
    if isinstance(value, float):
        return number(int(value)) if value.is_integer() and abs(value) < 1e6 else _real(value)
    return value


def _real(value: float) -> Scalar:
    return Scalar("!!float", format_float(value), value)


def to_json(node: Tree) -> str:
    """Writes a tree as Go's JSON encoder does: sorted keys, ``<>&`` escaped, no spaces."""
    shown = json.dumps(to_plain(node), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char, escape in _JSON_ESCAPES:
        if char in shown:
            shown = shown.replace(char, escape)
    return shown


_JSON_ESCAPES = (
    ("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"),
    ("\u2028", "\\u2028"), ("\u2029", "\\u2029"),
)  # fmt: skip


def encode_base64(data: bytes) -> str:
    """Encodes bytes in lines of 70 characters when they do not fit one, as kustomize does."""
    text = base64.b64encode(data).decode("ascii")
    if len(text) < 70:
        return text
    return "".join(text[start : start + 70] + "\n" for start in range(0, len(text), 70))
