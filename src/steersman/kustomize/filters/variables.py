"""``$(VAR)`` in the fields that may hold variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from steersman.kit.yaml import Scalar, format_float
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters.fields import change_fields
from steersman.kustomize.node import Tree, is_null, number, text_of

__all__ = ["ValueOf", "counting", "expand", "expand_fields"]

ValueOf: TypeAlias = Callable[[str], Any]
"""Returns the value of a variable, or the reference itself when there is none."""


def counting(values: Mapping[str, Any], counts: dict[str, int]) -> ValueOf:
    """Returns a mapping that counts which variables were used."""

    def value_of(name: str) -> Any:
        value = values.get(name)
        if isinstance(value, str | int | float | bool):
            counts[name] = counts.get(name, 0) + 1
            return value
        return f"$({name})"

    return value_of


def expand(text: str, value_of: ValueOf) -> Any:
    """Expands ``$(VAR)``; ``$$`` is a dollar. A text that is one reference keeps its type."""
    out: list[str] = []
    cursor = checkpoint = 0
    while cursor < len(text):
        if text[cursor] == "$" and cursor + 1 < len(text):
            out.append(text[checkpoint:cursor])
            name, is_variable, advance = _read_name(text[cursor + 1 :])
            if is_variable:
                value = value_of(name)
                if text == f"$({name})":
                    return value
                out.append(_shown(value))
            else:
                out.append(name)
            cursor += advance
            checkpoint = cursor + 1
        cursor += 1
    return "".join(out) + text[checkpoint:]


def _read_name(text: str) -> tuple[str, bool, int]:
    if text[0] == "$":
        return "$", False, 1
    if text[0] != "(":
        return "$" + text[0], False, 1
    close = text.find(")")
    if close < 0:
        return "$(", False, 1
    return text[1:close], True, close + 1


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_float(value) if isinstance(value, float) else str(value)


def _scalar(value: Any) -> Tree:
    if isinstance(value, bool):
        return Scalar("!!bool", _shown(value), value)
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float):
        return Scalar("!!float", repr(value), value)
    return value


def expand_fields(tree: Tree, specs: Iterable[FieldSpec], value_of: ValueOf) -> Tree:
    """Expands variables in texts, in the values of maps and in lists of texts."""

    def one(node: Tree) -> Tree:
        if not isinstance(node, str) or "$" not in node:
            return node
        return _scalar(expand(node, value_of))

    def change(node: Tree) -> Tree:
        if is_null(node):
            return node
        if isinstance(node, dict):
            for key in node:
                if not isinstance(key, str):
                    raise BuildFailed(f"invalid map key: value='{text_of(key)}', tag='{key.tag}'")
            return {key: one(value) for key, value in node.items()}
        if isinstance(node, list):
            if not all(isinstance(item, str) for item in node):
                raise BuildFailed("invalid value type expect a string")
            return [one(item) for item in node]
        return one(node)

    return change_fields(tree, specs, change)
