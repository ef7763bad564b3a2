"""Adds a value to a field, or a part to a file path in it (the ``ValueAddTransformer``)."""

from __future__ import annotations

from collections.abc import Sequence

from steersman.kustomize.filters.fields import set_scalar
from steersman.kustomize.node import MISSING, Tree, is_null, text_of, wrong_kind

__all__ = ["add_value"]


def add_value(tree: Tree, value: str, field_path: str, *, position: int = 0) -> Tree:
    """Writes ``value`` at ``field_path``; a position above 0 inserts it into the path there."""
    return _descend(tree, _split(field_path), value, position)


def _split(path: str) -> list[str]:
    fields: list[str] = []
    for part in path.split("/"):
        if fields and fields[-1].endswith("\\"):
            fields[-1] = fields[-1][:-1] + "/" + part
        else:
            fields.append(part)
    return [field for field in (field.strip() for field in fields) if field]


def _descend(node: Tree, fields: Sequence[str], value: str, position: int) -> Tree:
    if not fields:
        if isinstance(node, dict | list):
            raise wrong_kind("ScalarNode", node)
        held = "" if is_null(node) else text_of(node)
        return set_scalar(_inserted(held, position - 1, value) if position > 0 else value)(node)
    if not isinstance(node, dict):
        raise wrong_kind("MappingNode", node)
    start = node.get(fields[0], MISSING)
    if start is MISSING or (is_null(start) and len(fields) > 1):
        start = {} if len(fields) > 1 else ""
    return {**node, fields[0]: _descend(start, fields[1:], value, position)}


def _inserted(path: str, index: int, part: str) -> str:
    rooted = path.startswith("/")
    parts = [piece for piece in path.split("/") if piece]
    parts.insert(max(0, min(index, len(parts))), part)
    return ("/" if rooted else "") + "/".join(parts)
