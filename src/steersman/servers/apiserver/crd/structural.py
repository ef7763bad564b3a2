"""A structural schema, compiled for repeated use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import re2

from steersman.servers.apiserver.crd.formats import is_supported_format

__all__ = ["ABSENT", "Rule", "Structural", "compile_schema"]


class _Absent:
    """The type of :data:`ABSENT`."""


ABSENT: Final = _Absent()
"""No default."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One ``x-kubernetes-validations`` entry."""

    rule: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""
    field_path: str = ""
    optional_old_self: bool | None = None


@dataclass(slots=True)
class Structural:
    """One node of a schema.

    ``types`` is what a value may be: empty means anything; int-or-string has two.
    ``additional`` is the schema of values of undeclared keys; ``allows_any`` is
    ``additionalProperties: true``.
    """

    types: tuple[str, ...] = ()
    format: str = ""
    properties: dict[str, Structural] = field(default_factory=dict)
    additional: Structural | None = None
    allows_any: bool = False
    forbids_additional: bool = False
    items: Structural | None = None
    default: Any = ABSENT
    nullable: bool = False
    preserves: bool = False
    embedded: bool = False
    int_or_string: bool = False
    list_type: str = ""
    map_keys: tuple[str, ...] = ()
    map_type: str = ""
    required: tuple[str, ...] = ()
    enum: tuple[Any, ...] | None = None
    pattern: str = ""
    regex: Any = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    unique_items: bool = False
    all_of: tuple[Structural, ...] = ()
    any_of: tuple[Structural, ...] = ()
    one_of: tuple[Structural, ...] = ()
    not_: Structural | None = None
    rules: tuple[Rule, ...] = ()
    has_rules: bool = False
    has_defaults: bool = False

    @property
    def type(self) -> str:
        """The declared type, or an empty text."""
        return self.types[0] if len(self.types) == 1 else ""

    def children(self) -> Sequence[Structural]:
        """Every node right below, of the structure and of the value validation."""
        below = [*self.properties.values(), *self.all_of, *self.any_of, *self.one_of]
        return [*below, *(one for one in (self.additional, self.items, self.not_) if one)]


def _compile_pattern(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def _compile_rule(raw: Mapping[str, Any]) -> Rule:
    return Rule(
        rule=raw.get("rule") or "",
        message=raw.get("message") or "",
        message_expression=raw.get("messageExpression") or "",
        reason=raw.get("reason") or "",
        field_path=raw.get("fieldPath") or "",
        optional_old_self=raw.get("optionalOldSelf"),
    )


_SCALARS: Final = {
    "minimum": "minimum",
    "maximum": "maximum",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_items",
    "maxItems": "max_items",
    "minProperties": "min_properties",
    "maxProperties": "max_properties",
}
_FLAGS: Final = {
    "nullable": "nullable",
    "uniqueItems": "unique_items",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "x-kubernetes-preserve-unknown-fields": "preserves",
    "x-kubernetes-embedded-resource": "embedded",
    "x-kubernetes-int-or-string": "int_or_string",
}


def compile_schema(raw: Mapping[str, Any]) -> Structural:
    """Compiles an ``openAPIV3Schema``, or any schema inside one."""
    node = Structural()
    for name, attribute in _SCALARS.items():
        setattr(node, attribute, raw.get(name))
    for name, attribute in _FLAGS.items():
        setattr(node, attribute, bool(raw.get(name)))
    kind = raw.get("type") or ""
    node.types = ("integer", "string") if node.int_or_string else (kind,) if kind else ()
    if is_supported_format(node.type, raw.get("format") or ""):
        node.format = raw.get("format") or ""
    node.default = raw.get("default", ABSENT)
    if node.default is None:
        node.default = ABSENT
    node.list_type = raw.get("x-kubernetes-list-type") or ""
    node.map_keys = tuple(raw.get("x-kubernetes-list-map-keys") or ())
    node.map_type = raw.get("x-kubernetes-map-type") or ""
    node.required = tuple(raw.get("required") or ())
    node.enum = tuple(raw["enum"]) if raw.get("enum") is not None else None
    node.pattern = raw.get("pattern") or ""
    node.regex = _compile_pattern(node.pattern) if node.pattern else None
    node.rules = tuple(_compile_rule(one) for one in raw.get("x-kubernetes-validations") or ())
    _compile_below(node, raw)
    below = node.children()
    node.has_rules = bool(node.rules) or any(one.has_rules for one in below)
    node.has_defaults = node.default is not ABSENT or any(one.has_defaults for one in below)
    return node


def _compile_below(node: Structural, raw: Mapping[str, Any]) -> None:
    properties = raw.get("properties") or {}
    node.properties = {name: compile_schema(properties[name]) for name in sorted(properties)}
    additional = raw.get("additionalProperties")
    if isinstance(additional, dict):
        node.additional = compile_schema(additional)
    elif additional is True:
        node.allows_any = True
    elif additional is False:
        node.forbids_additional = True
    if isinstance(raw.get("items"), dict):
        node.items = compile_schema(raw["items"])
    node.all_of = tuple(compile_schema(one) for one in raw.get("allOf") or ())
    node.any_of = tuple(compile_schema(one) for one in raw.get("anyOf") or ())
    node.one_of = tuple(compile_schema(one) for one in raw.get("oneOf") or ())
    if isinstance(raw.get("not"), dict):
        node.not_ = compile_schema(raw["not"])
