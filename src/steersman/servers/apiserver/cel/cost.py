"""Estimates what a rule may cost at worst, as the real server does before it accepts a rule.

Only upper bounds are needed. Source of the model: ``github.com/google/cel-go/checker`` cost
estimation with the sizes of ``k8s.io/apiserver/pkg/cel``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from steersman.servers.apiserver.cel.ast import (
    Call,
    Comprehension,
    Const,
    CreateList,
    CreateMap,
    Expr,
    Ident,
    Select,
)
from steersman.servers.apiserver.cel.values import type_of
from steersman.servers.apiserver.crd.structural import ABSENT, Structural

__all__ = ["UNBOUNDED", "Estimator", "max_cardinality", "min_size"]

UNBOUNDED: Final = 2**64 - 1
"""What a cost or size is capped at, and what unknown sizes count as."""

_REQUEST: Final = 3 * 1024 * 1024
_TRAVERSAL: Final = 0.1
_REGEX: Final = 0.25
_LIST_COST: Final = 10
_MAP_COST: Final = 30
_TEXT_SIZES: Final = {"duration": 32, "date": 12, "date-time": 32}
_MIN_TEXT_SIZES: Final = {"duration": 3, "date": 12, "date-time": 21}
_TEXT_WORK: Final = frozenset(
    {
        "lowerAscii",
        "upperAscii",
        "trim",
        "reverse",
        "quantity",
        "isQuantity",
        "url",
        "isURL",
        "ip",
        "isIP",
        "cidr",
        "isCIDR",
        "charAt",
        "substring",
        "strings.quote",
        "validate",
    }
)
_LIST_WORK: Final = frozenset({"isSorted", "sum", "min", "max"})


def _capped(value: float) -> int:
    return UNBOUNDED if value >= UNBOUNDED else int(value)


def _scaled(size: int, factor: float) -> int:
    return UNBOUNDED if size >= UNBOUNDED else _capped(math.ceil(size * factor))


def min_size(schema: Structural) -> int:
    """Returns the fewest bytes of JSON that a value of a schema takes."""
    if schema.int_or_string:
        return 1
    match schema.type:
        case "string":
            return _MIN_TEXT_SIZES.get(schema.format, 2)
        case "boolean":
            return 4
        case "integer" | "number":
            return 1
        case "object" if schema.additional is None:
            size = 2
            for name in schema.required:
                below = schema.properties.get(name)
                if below is not None and below.default is ABSENT:
                    size += len(name) + min_size(below) + 4
            return size
        case "object" | "array":
            return 2
        case _:
            return 1


def max_cardinality(schema: Structural) -> int:
    """Returns how often a value of a schema fits into one request."""
    return _REQUEST // (min_size(schema) + 1)


def _max_size(schema: Structural | None) -> int | None:
    """Returns the most elements or characters of a declared value; None when it is not known."""
    if schema is None:
        return None
    if schema.int_or_string:
        return _REQUEST - 2
    match schema.type:
        case "string":
            if schema.max_length is not None:
                return max(schema.max_length, 0) * 4
            if schema.enum:
                return max((len(one) for one in schema.enum if isinstance(one, str)), default=0)
            return _TEXT_SIZES.get(schema.format, _REQUEST - 2)
        case "array":
            if schema.max_items is not None:
                return max(schema.max_items, 0)
            return (_REQUEST - 2) // ((min_size(schema.items) if schema.items else 1) + 1)
        case "object" if schema.additional is not None:
            if schema.max_properties is not None:
                return max(schema.max_properties, 0)
            return (_REQUEST - 2) // (min_size(schema.additional) + 6)
        case _:
            return 0


class Estimator:
    """Costs one expression.

    Args:
        types: the inferred schema of every part, by ``id``.
    """

    def __init__(self, types: Mapping[int, Structural | None]) -> None:
        self._types = types
        self._sizes: dict[int, int] = {}
        self._scope: dict[str, Expr] = {}

    def cost(self, expr: Expr) -> int:
        """Returns the upper bound of the cost of an expression."""
        return _capped(self._cost(expr))

    def _size(self, expr: Expr) -> int:
        known = self._sizes.get(id(expr))
        if known is not None:
            return known
        match expr:
            case Const(value=str() | bytes() as value):
                return len(value)
            case Const():
                return 1
            case CreateList(items=items):
                return len(items)
            case CreateMap(entries=entries):
                return len(entries)
        declared = _max_size(self._types.get(id(expr)))
        if declared is not None:
            return declared
        if isinstance(expr, Ident) and expr.name in self._scope:
            return self._size(self._scope[expr.name])
        return UNBOUNDED

    def _cost(self, expr: Expr) -> int:
        match expr:
            case Const():
                return 0
            case Ident():
                return 1
            case Select(operand=operand):
                typed = self._types.get(id(operand)) is not None
                return self._cost(operand) + (1 if typed or expr.test else 0)
            case CreateList(items=items):
                return _LIST_COST + sum(map(self._cost, items))
            case CreateMap(entries=entries):
                return _MAP_COST + sum(self._cost(k) + self._cost(v) for k, v in entries)
            case Comprehension():
                return self._comprehension(expr)
            case Call():
                return self._call(expr)

    def _comprehension(self, expr: Comprehension) -> int:
        total = self._cost(expr.iterated) + self._cost(expr.start)
        outer = self._scope
        self._scope = {**outer, expr.accumulator: expr.start}
        self._scope.pop(expr.variable, None)
        loop = self._cost(expr.condition) + self._cost(expr.step)
        total += self._cost(expr.result)
        self._scope = outer
        bound = isinstance(expr.iterated, CreateList) and not expr.iterated.items
        count = 0 if bound else self._size(expr.iterated)
        if isinstance(expr.start, CreateList | CreateMap):
            self._sizes[id(expr)] = count
        return _capped(total + count * loop)

    def _call(self, expr: Call) -> int:
        args = expr.args
        inner = sum(map(self._cost, args))
        if expr.function == "_?_:_" and len(args) == 3:
            self._sizes[id(expr)] = max(self._size(args[1]), self._size(args[2]))
            branches = max(self._cost(args[1]), self._cost(args[2]))
            return self._cost(args[0]) + branches
        if expr.function in ("_&&_", "_||_"):
            return inner
        if expr.target is not None:
            inner += self._cost(expr.target)
        return _capped(inner + self._work(expr))

    def _work(self, expr: Call) -> int:
        """Returns what the function itself costs, without its arguments."""
        args = expr.args
        name = expr.function
        subject = expr.target if expr.target is not None else (args[0] if args else None)
        match name:
            case "_+_" if len(args) == 2:
                return self._add(expr)
            case "_==_" | "_!=_" if len(args) == 2:
                return _scaled(min(self._size(args[0]), self._size(args[1])), _TRAVERSAL)
            case "_<_" | "_<=_" | "_>_" | "_>=_" if len(args) == 2:
                if {self._kind(args[0]), self._kind(args[1])} & {"string", "bytes"}:
                    return _scaled(min(self._size(args[0]), self._size(args[1])), _TRAVERSAL)
                return 1
            case "@in" | "_in_" if len(args) == 2:
                return 1 if self._kind(args[1]).startswith("map") else self._size(args[1])
            case "startsWith" | "endsWith" if args:
                return _scaled(self._size(args[0]), _TRAVERSAL)
            case "contains" if expr.target is not None and args:
                texts = _scaled(self._size(expr.target), _TRAVERSAL)
                return _capped(texts * _scaled(self._size(args[0]), _TRAVERSAL))
            case "matches" | "find" | "findAll" if args:
                target, pattern = (expr.target or args[0]), args[-1]
                texts = _scaled(_capped(self._size(target) + 1), _TRAVERSAL)
                return _capped(texts * _scaled(self._size(pattern), _REGEX))
            case "split" | "replace" | "join" | "format" if subject is not None:
                self._sizes[id(expr)] = self._size(subject)
                return _scaled(self._size(subject), _TRAVERSAL)
            case "sets.contains" | "sets.intersects" | "sets.equivalent" if len(args) == 2:
                pairs = self._size(args[0]) * self._size(args[1])
                return _capped(pairs * (2 if name == "sets.equivalent" else 1))
        if subject is not None and name in _TEXT_WORK:
            self._sizes[id(expr)] = self._size(subject)
            return _scaled(self._size(subject), _TRAVERSAL)
        if subject is not None and name in _LIST_WORK:
            return self._size(subject)
        return 1

    def _kind(self, expr: Expr) -> str:
        schema = self._types.get(id(expr))
        return type_of(schema) if schema is not None else ""

    def _add(self, expr: Call) -> int:
        left, right = expr.args
        size = _capped(self._size(left) + self._size(right))
        kinds = {self._kind(left), self._kind(right)}
        if kinds & {"int", "double"}:
            return 1
        self._sizes[id(expr)] = size
        if any(kind.startswith("list") for kind in kinds) or isinstance(right, CreateList):
            return 1
        return _scaled(size, _TRAVERSAL)
