"""Walks the path of a field spec through a tree and changes what is at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec, Step
from steersman.kustomize.ids import Gvk, ResId, split_version
from steersman.kustomize.node import (
    EMPTY_NULL,
    MISSING,
    Tree,
    is_empty,
    is_null,
    retexted,
    text_of,
    untagged,
    wrong_kind,
)

__all__ = [
    "Change",
    "Creation",
    "change_field",
    "change_fields",
    "id_of",
    "set_entry",
    "set_scalar",
]

Change: TypeAlias = Callable[[Tree], Tree]
Creation: TypeAlias = Literal["", "scalar", "text", "number", "mapping"]
"""What to make of a missing field; empty for nothing."""

_CREATED: dict[Creation, Tree] = {"scalar": "", "text": "", "number": "", "mapping": {}}


def id_of(tree: Tree) -> ResId:
    """Reads the id of a tree for messages."""
    metadata = tree.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    gvk = Gvk(*split_version(text_of(tree.get("apiVersion", ""))), text_of(tree.get("kind", "")))
    name, namespace = metadata.get("name", MISSING), metadata.get("namespace", MISSING)
    return ResId(
        gvk,
        "" if is_empty(name) else text_of(name),
        "" if is_empty(namespace) else text_of(namespace),
    )


def change_fields(
    tree: Tree, specs: Iterable[FieldSpec], change: Change, *, create: Creation = ""
) -> Tree:
    """Applies every spec that matches the object's kind."""
    gvk = Gvk(*split_version(text_of(tree.get("apiVersion", ""))), text_of(tree.get("kind", "")))
    for spec in specs:
        if spec.matches(gvk):
            tree = change_field(tree, spec, change, create=create)
    return tree


def change_field(tree: Tree, spec: FieldSpec, change: Change, *, create: Creation = "") -> Tree:
    """Changes the field of one spec, whatever the object's kind.

    Args:
        tree: the object.
        spec: the field; lists on the way are entered element by element.
        change: returns the new node; nulls are handed to it, missing fields are not.
        create: what to make of a missing field, if the spec asks for that.

    Raises:
        BuildFailed: naming field and object, with the reason.
    """
    made: Creation = create if spec.create else ""
    try:
        return _descend(tree, spec.steps, change, made)
    except BuildFailed as error:
        id = id_of(tree)
        prefixed = error.within(f"considering field '{spec.path}' of object {id}")
        prefixed.object, prefixed.field = str(id), spec.path
        raise prefixed from None


def _descend(node: Tree, steps: Sequence[Step], change: Change, create: Creation) -> Tree:
    if not steps:
        return change(node)
    if is_null(node):
        return node
    if isinstance(node, dict):
        return _descend_map(node, steps, change, create)
    if isinstance(node, list):
        return _descend_list(node, steps, change, create)
    raise BuildFailed("expected sequence or mapping node")


def _descend_list(
    node: list[Tree], steps: Sequence[Step], change: Change, create: Creation
) -> Tree:
    try:
        items = [_descend(item, steps, change, create) for item in node]
    except BuildFailed as error:
        shown = " ".join(step.name + ("[]" if step.sequence else "") for step in steps)
        raise error.within(f"visit traversal on path: [{shown}]") from None
    if all(new is old for new, old in zip(items, node, strict=True)):
        return node
    return items


def _descend_map(
    node: dict[str, Tree], steps: Sequence[Step], change: Change, create: Creation
) -> Tree:
    step, rest = steps[0], steps[1:]
    if not step.name:
        raise BuildFailed("cannot set or create an empty field name")
    old = node.get(step.name, MISSING)
    made = _made(step, rest, create)
    if old is MISSING:
        if made is MISSING or made == []:
            return node
        return {**node, step.name: _descend(made, rest, change, create)}
    start = old
    if is_null(old) and made is not MISSING:
        start = made
    new = _descend(start, rest, change, create)
    return node if new is old else {**node, step.name: new}


def _made(step: Step, rest: Sequence[Step], create: Creation) -> Tree:
    """What a missing (or null) field becomes on the way; MISSING leaves it alone."""
    if step.sequence:
        return []
    if not create:
        return MISSING
    if rest:
        return {}
    return _CREATED[create]


def set_scalar(text: str, tag: str = "") -> Change:
    """Returns a change that writes a scalar: of type ``tag``, or as the old one was quoted."""

    def change(node: Tree) -> Tree:
        if isinstance(node, dict | list):
            raise wrong_kind("ScalarNode", node)
        if tag == "!!str":
            return text
        if tag:
            return retexted(untagged("0") if tag == "!!int" else EMPTY_NULL, text)
        if isinstance(node, str) and node and not isinstance(untagged(node), str):
            return text
        return untagged(text)

    return change


def set_entry(key: str, text: str) -> Change:
    """Returns a change that writes a text entry of a mapping."""

    def change(node: Tree) -> Tree:
        if is_null(node):
            return node
        if not isinstance(node, dict):
            raise wrong_kind("MappingNode", node)
        if key in node:
            return node if node[key] == text else {**node, key: text}
        # A key such as 2 is no text, but the same key to whoever sets it.
        same = next((held for held in node if text_of(held) == key), key)
        return {**node, same: text}

    return change
