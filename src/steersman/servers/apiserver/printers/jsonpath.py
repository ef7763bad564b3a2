r"""The simple JSONPath of printer columns, scale paths and selectable fields.

Fields (``.a.b``, ``['a.b']``, ``.a\.b``), indexes, ``[*]``, slices and filters such as
``[?(@.type=="Ready")]``. Source of the grammar: ``k8s.io/client-go/util/jsonpath``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

__all__ = ["BadPath", "find", "parse_path", "print_value"]

_Step: TypeAlias = Callable[[Any], Iterable[Any]]
_NAME: Final = re.compile(r"(?:\\.|[^.\[\]\\\s])+")
_QUOTED: Final = re.compile(r"\[\s*'((?:\\.|[^'\\])*)'\s*\]|\[\s*\"((?:\\.|[^\"\\])*)\"\s*\]")
_INDEX: Final = re.compile(r"\[\s*(-?\d+)\s*\]")
_SLICE: Final = re.compile(r"\[\s*(-?\d+)?\s*:\s*(-?\d+)?\s*\]")
_FILTER: Final = re.compile(
    r"\[\?\(\s*@((?:\.[\w\\./-]+)*)\s*(?:(==|!=|<=|>=|<|>)\s*(\"[^\"]*\"|'[^']*'|[^)]+?)\s*)?\)\]"
)


class BadPath(ValueError):
    """The path cannot be read."""


def _field(name: str) -> _Step:
    def step(value: Any) -> Iterable[Any]:
        return [value[name]] if isinstance(value, dict) and name in value else []

    return step


def _every(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else []


def _index(at: int) -> _Step:
    def step(value: Any) -> Iterable[Any]:
        return [value[at]] if isinstance(value, list) and -len(value) <= at < len(value) else []

    return step


def _slice(start: int | None, end: int | None) -> _Step:
    def step(value: Any) -> Iterable[Any]:
        return value[start:end] if isinstance(value, list) else []

    return step


_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": lambda one, other: bool(one == other),
    "!=": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


def _literal(text: str) -> Any:
    if text[0] in "\"'":
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _filter(path: str, operator: str | None, text: str | None) -> _Step:
    steps = parse_path(path) if path else ()
    wanted = _literal(text) if text else None

    def holds(value: Any) -> bool:
        found = _run(steps, value)
        if operator is None:
            return bool(found)
        try:
            return bool(found) and _OPERATORS[operator](found[0], wanted)
        except TypeError:
            return False

    def step(value: Any) -> Iterable[Any]:
        return [one for one in value if holds(one)] if isinstance(value, list) else []

    return step


@lru_cache(maxsize=2048)
def parse_path(path: str) -> Sequence[_Step]:
    """Reads a path, with or without braces.

    Raises:
        BadPath: the path cannot be read.
    """
    text = path.strip().removeprefix("{").removesuffix("}").strip().removeprefix("$")
    steps: list[_Step] = []
    at = 0
    while at < len(text):
        step, at = _parse_step(text, at)
        if step is not None:
            steps.append(step)
    return tuple(steps)


def _parse_step(text: str, at: int) -> tuple[_Step | None, int]:
    if text[at] == ".":
        if at + 1 == len(text):
            return None, at + 1
        if text[at + 1] == "*":
            return _every, at + 2
        if text[at + 1] == "[":
            return None, at + 1
        match = _NAME.match(text, at + 1)
        if match is None:
            raise BadPath(text)
        return _field(re.sub(r"\\(.)", r"\1", match.group())), match.end()
    if text.startswith("[*]", at):
        return _every, at + 3
    if match := _QUOTED.match(text, at):
        name = match[1] if match[1] is not None else match[2]
        return _field(re.sub(r"\\(.)", r"\1", name)), match.end()
    if match := _INDEX.match(text, at):
        return _index(int(match[1])), match.end()
    if match := _SLICE.match(text, at):
        start, end = (int(one) if one else None for one in match.groups())
        return _slice(start, end), match.end()
    if match := _FILTER.match(text, at):
        return _filter(match[1], match[2], match[3]), match.end()
    if at == 0 and (match := _NAME.match(text)):
        return _field(match.group()), match.end()
    raise BadPath(text)


def _run(steps: Sequence[_Step], value: Any) -> list[Any]:
    values = [value]
    for step in steps:
        values = [found for one in values for found in step(one)]
    return values


def find(path: str, value: Any) -> list[Any]:
    """Returns what a path points to, in order; empty when nothing is there.

    Raises:
        BadPath: the path cannot be read.
    """
    return _run(parse_path(path), value)


def print_value(value: Any) -> str:
    """Prints one result as text."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case dict() | list():
            return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)
