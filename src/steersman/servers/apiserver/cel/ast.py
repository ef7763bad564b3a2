"""The syntax tree of a compiled expression, read from its serialized form.

The evaluator gives its tree only as a ``cel.expr.CheckedExpr`` message; the few fields that matter
are read by their published numbers (``cel/expr/syntax.proto``, Apache-2.0).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

__all__ = [
    "Call",
    "Comprehension",
    "Const",
    "CreateList",
    "CreateMap",
    "Expr",
    "Ident",
    "Select",
    "read_checked_expr",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: Any
    at: int = 0


@dataclass(frozen=True, slots=True)
class Ident:
    """A variable."""

    name: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Select:
    """``operand.field``; ``test`` for ``has(operand.field)``."""

    operand: Expr
    field: str
    test: bool = False
    at: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A function, method or operator (``_+_``)."""

    target: Expr | None
    function: str
    args: tuple[Expr, ...]
    at: int = 0


@dataclass(frozen=True, slots=True)
class CreateList:
    """A list literal."""

    items: tuple[Expr, ...]
    at: int = 0


@dataclass(frozen=True, slots=True)
class CreateMap:
    """A map literal: keys and values."""

    entries: tuple[tuple[Expr, Expr], ...] = field(default=())
    at: int = 0


@dataclass(frozen=True, slots=True)
class Comprehension:
    """What macros such as ``all`` and ``map`` become."""

    variable: str
    iterated: Expr
    accumulator: str
    start: Expr
    condition: Expr
    step: Expr
    result: Expr
    at: int = 0


Expr: TypeAlias = Const | Ident | Select | Call | CreateList | CreateMap | Comprehension
_Field: TypeAlias = tuple[int, Any]
_NULL: Final = Const(None)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yields the expression and everything in it."""
    yield expr
    match expr:
        case Select(operand=operand):
            yield from walk(operand)
        case Call(target=target, args=args):
            if target is not None:
                yield from walk(target)
            for one in args:
                yield from walk(one)
        case CreateList(items=items):
            for one in items:
                yield from walk(one)
        case CreateMap(entries=entries):
            for key, value in entries:
                yield from walk(key)
                yield from walk(value)
        case Comprehension():
            for one in (expr.iterated, expr.start, expr.condition, expr.step, expr.result):
                yield from walk(one)
        case Const() | Ident():
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def _fields(data: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value: Any
                value, at = _varint(data, at)
            case 1:
                value, at = data[at : at + 8], at + 8
            case 2:
                length, at = _varint(data, at)
                value, at = data[at : at + length], at + length
            case _:
                value, at = data[at : at + 4], at + 4
        yield key >> 3, value


def _all(data: bytes) -> dict[int, list[Any]]:
    result: dict[int, list[Any]] = {}
    for number, value in _fields(data):
        result.setdefault(number, []).append(value)
    return result


def read_checked_expr(data: bytes) -> Expr:
    """Reads a ``CheckedExpr`` wrapped in an ``Any``."""
    checked = _all(_all(data)[2][0])
    positions: dict[int, int] = {}
    for info in checked.get(5, ()):
        for entry in _all(info).get(4, ()):
            pair = _all(entry)
            positions[pair[1][0]] = pair.get(2, [0])[0]
    return _expr(checked[4][0], positions)


def _expr(data: bytes, positions: Mapping[int, int]) -> Expr:
    parts = _all(data)
    at = positions.get(parts.get(2, [0])[0], 0)

    def below(raw: bytes) -> Expr:
        return _expr(raw, positions)

    if 3 in parts:
        return _const(parts[3][0], at)
    if 4 in parts:
        return Ident(_text(_all(parts[4][0]), 1), at)
    if 5 in parts:
        raw = _all(parts[5][0])
        return Select(below(raw[1][0]), _text(raw, 2), bool(raw.get(3)), at)
    if 6 in parts:
        raw = _all(parts[6][0])
        target = below(raw[1][0]) if 1 in raw else None
        return Call(target, _text(raw, 2), tuple(map(below, raw.get(3, ()))), at)
    if 7 in parts:
        return CreateList(tuple(map(below, _all(parts[7][0]).get(1, ()))), at)
    if 8 in parts:
        entries = [_all(entry) for entry in _all(parts[8][0]).get(2, ())]
        pairs = tuple(
            (below(one[3][0]) if 3 in one else Const(_text(one, 2)), below(one[4][0]))
            for one in entries
        )
        return CreateMap(pairs, at)
    if 9 in parts:
        raw = _all(parts[9][0])
        start, condition, step, result = (below(raw[number][0]) for number in (4, 5, 6, 7))
        iterated = below(raw[2][0])
        return Comprehension(
            _text(raw, 1), iterated, _text(raw, 3), start, condition, step, result, at
        )
    return replace(_NULL, at=at)


def _text(parts: Mapping[int, list[Any]], number: int) -> str:
    return str(parts[number][0].decode()) if number in parts else ""


def _const(data: bytes, at: int) -> Const:
    for number, value in _fields(data):
        match number:
            case 2:
                return Const(bool(value), at)
            case 3 | 4:
                signed = value - (1 << 64) if number == 3 and value >= 1 << 63 else value
                return Const(signed, at)
            case 5:
                return Const(struct.unpack("<d", value)[0], at)
            case 6:
                return Const(value.decode(), at)
            case 7:
                return Const(value, at)
    return Const(None, at)
