"""Checks an expression's fields against a schema, which the evaluator does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from steersman.servers.apiserver.cel.ast import (
    Call,
    Comprehension,
    Const,
    CreateList,
    CreateMap,
    Expr,
    Ident,
    Select,
    walk,
)
from steersman.servers.apiserver.cel.values import TEMPORAL_FORMATS, declared_fields, type_of
from steersman.servers.apiserver.crd.structural import Structural

__all__ = ["Checker", "uses_old_self"]

_Type: TypeAlias = Structural | None
_RELATIONS: Final = frozenset({"_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_"})
_SCALARS: Final = frozenset({"int", "double", "string", "bool", "bytes"})
_MIXED: Final = frozenset({"int", "double"})


def uses_old_self(tree: Expr) -> bool:
    """Says whether a rule looks at the old value."""
    return any(isinstance(one, Ident) and one.name in ("oldSelf", "_old") for one in walk(tree))


class Checker:
    """Infers the schema of every part of one expression.

    Args:
        source: the rule's text, for messages.
        schema: the schema of ``self``.
        root: ``self`` is the whole resource.

    Attributes:
        errors: compiler messages.
        temporal: a timestamp or duration is touched.
        types: the schema of every part, by ``id``.
    """

    def __init__(self, source: str, schema: Structural, *, root: bool) -> None:
        self._source = source
        self._self = schema
        self._root = root
        self.errors: list[str] = []
        self.temporal = False
        self.types: dict[int, _Type] = {}

    def check(self, tree: Expr) -> None:
        """Walks the expression."""
        self._infer(tree, {"self": self._self, "oldSelf": self._self, "_old": self._self})

    def _infer(self, expr: Expr, scope: Mapping[str, _Type]) -> _Type:
        found = self.types[id(expr)] = self._infer_one(expr, scope)
        if found is not None and found.format in TEMPORAL_FORMATS:
            self.temporal = True
        return found

    def _infer_one(self, expr: Expr, scope: Mapping[str, _Type]) -> _Type:
        match expr:
            case Ident(name=name):
                return scope.get(name)
            case Select():
                return self._select(expr, scope)
            case Call():
                return self._call(expr, scope)
            case CreateList(items=items):
                types = [self._infer(one, scope) for one in items]
                return Structural(types=("array",), items=types[0] if types else None)
            case CreateMap(entries=entries):
                for key, value in entries:
                    self._infer(key, scope)
                    self._infer(value, scope)
                return None
            case Comprehension():
                return self._comprehension(expr, scope)
            case Const(value=value):
                return _type_of_const(value)

    def _select(self, expr: Select, scope: Mapping[str, _Type]) -> _Type:
        operand = self._infer(expr.operand, scope)
        if operand is None:
            return None
        if operand.additional is not None:
            return operand.additional
        if operand.type != "object" and operand.types and not operand.int_or_string:
            kind = type_of(operand)
            if kind in _SCALARS:
                text = f"expression of type '{kind}' cannot be the operand of a select operation"
                self._fail(expr.at, text)
            return None
        root = self._root and operand is self._self
        fields = declared_fields(operand, root=root)
        if expr.field in fields:
            return fields[expr.field]
        free = operand.preserves and not operand.properties
        if (fields or operand.type == "object") and not free:
            self._fail(expr.at, f"undefined field '{expr.field}'")
        return None

    def _call(self, expr: Call, scope: Mapping[str, _Type]) -> _Type:
        if expr.target is not None:
            self._infer(expr.target, scope)
        args = [self._infer(one, scope) for one in expr.args]
        if expr.function in _RELATIONS and len(args) == 2:
            self._compare(expr, args[0], args[1])
        if expr.function == "_[_]" and args and args[0] is not None:
            return args[0].items or args[0].additional
        if expr.function == "_?_:_" and len(args) == 3:
            return args[1]
        return None

    def _compare(self, expr: Call, left: _Type, right: _Type) -> None:
        if left is None or right is None:
            return
        kinds = type_of(left), type_of(right)
        if kinds[0] == kinds[1] or not {*kinds} <= _SCALARS:
            return
        if {*kinds} == _MIXED and expr.function not in ("_==_", "_!=_"):
            return
        if left.format in TEMPORAL_FORMATS or right.format in TEMPORAL_FORMATS:
            return
        applied = f"'({kinds[0]}, {kinds[1]})'"
        self._fail(
            expr.at, f"found no matching overload for '{expr.function}' applied to {applied}"
        )

    def _comprehension(self, expr: Comprehension, scope: Mapping[str, _Type]) -> _Type:
        iterated = self._infer(expr.iterated, scope)
        inner = dict(scope)
        inner[expr.variable] = _element(iterated)
        start = self._infer(expr.start, scope)
        inner[expr.accumulator] = start
        self._infer(expr.condition, inner)
        self._infer(expr.step, inner)
        if isinstance(expr.start, CreateList):
            # filter keeps the items it iterates over; what map collects is not followed.
            return iterated if _keeps_items(expr) else None
        return self._infer(expr.result, inner)

    def _fail(self, at: int, text: str) -> None:
        before = self._source[:at]
        line = before.count("\n") + 1
        column = at - (before.rfind("\n") + 1)
        shown = self._source.split("\n")[line - 1] if self._source else ""
        dots = "." * column
        self.errors.append(f"ERROR: <input>:{line}:{column + 1}: {text}\n | {shown}\n | {dots}^")


def _keeps_items(expr: Comprehension) -> bool:
    step = expr.step
    if not isinstance(step, Call) or step.function != "_?_:_" or len(step.args) != 3:
        return False
    added = step.args[1]
    return (
        isinstance(added, Call)
        and added.function == "_+_"
        and isinstance(added.args[1], CreateList)
        and [*map(type, added.args[1].items)] == [Ident]
        and isinstance(added.args[1].items[0], Ident)
        and added.args[1].items[0].name == expr.variable
    )


def _element(iterated: _Type) -> _Type:
    if iterated is None:
        return None
    if iterated.items is not None:
        return iterated.items
    if iterated.additional is not None or iterated.properties:
        return Structural(types=("string",))
    return None


def _type_of_const(value: object) -> _Type:
    match value:
        case bool():
            return Structural(types=("boolean",))
        case int():
            return Structural(types=("integer",))
        case float():
            return Structural(types=("number",))
        case str():
            return Structural(types=("string",))
        case _:
            return None
