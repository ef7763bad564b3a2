"""Checks a definition's schema beyond its structure: types, list types, rules and their cost.

Source of the rules and texts: ``k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from steersman.servers.apiserver.cel.cost import UNBOUNDED, Estimator, max_cardinality
from steersman.servers.apiserver.cel.typecheck import Checker
from steersman.servers.apiserver.crd.rules import compile_rule
from steersman.servers.apiserver.crd.structural import Rule, Structural, compile_schema
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    GoText,
    forbidden,
    invalid,
    not_supported,
    required,
    to_go_json,
)

__all__ = ["CostBudget", "SchemaCheck"]

_Raw: TypeAlias = Mapping[str, Any]
_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_REASONS: Final = (
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
)
_RULE_LIMIT: Final = 10_000_000
_TOTAL_LIMIT: Final = 100_000_000
_NEWLINE: Final = re.compile(r"[\n\r]+")
_MOST_NAMED: Final = 4
_UNSUPPORTED: Final = (
    ("id", "id is not supported"),
    ("additionalItems", "additionalItems is not supported"),
    ("patternProperties", "patternProperties is not supported"),
    ("definitions", "definitions is not supported"),
    ("dependencies", "dependencies is not supported"),
    ("$ref", "$ref is not supported"),
)


@dataclass(slots=True)
class CostBudget:
    """What the rules of one schema cost together."""

    total: int = 0
    expensive: list[tuple[int, str]] = field(default_factory=list)

    def add(self, path: str, cost: int) -> None:
        """Counts a rule."""
        self.total = min(self.total + cost, UNBOUNDED)
        if cost >= _TOTAL_LIMIT // 100:
            self.expensive.append((cost, path))

    def errors(self, path: str) -> list[FieldError]:
        """Returns the problems of a schema that is too expensive as a whole."""
        if self.total <= _TOTAL_LIMIT:
            return []
        worst = sorted(self.expensive, key=lambda one: -one[0])[:_MOST_NAMED]
        text = (
            "contributed to estimated rule cost total exceeding cost limit for entire "
            "OpenAPIv3 schema"
        )
        name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        return [
            *(forbidden(where, text) for _, where in worst),
            forbidden(path, _cost_text(name, self.total, _TOTAL_LIMIT)),
        ]


def _cost_text(name: str, cost: int, limit: int) -> str:
    factor = cost / limit
    if factor > 100:
        shown = "more than 100x"
    elif factor < 1.5:
        shown = f"{factor:f}x"
    else:
        shown = f"{factor:.1f}x"
    return (
        f"{name} exceeds budget by factor of {shown} (try simplifying the rule, or adding "
        "maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the check is.

    Attributes:
        path: the field.
        root: the whole schema.
        judged: rules are judged here; not inside value validation.
        cardinality: how often the place can occur in one object; None when unbounded.
        no_defaults: why defaults are forbidden; empty when they are allowed.
        uncorrelated: the list within which old values cannot be found.
        metadata: inside the metadata of a resource.
    """

    path: str
    root: bool = False
    judged: bool = True
    cardinality: int | None = 1
    no_defaults: str = ""
    uncorrelated: str = ""
    metadata: bool = False


class SchemaCheck:
    """Checks one schema.

    Args:
        judge_rules: compile and cost the rules; off when the structure is broken already.
        known: texts of rules that were accepted before; their cost is not judged again.
    """

    def __init__(self, *, judge_rules: bool, known: frozenset[str] = frozenset()) -> None:
        self._judge_rules = judge_rules
        self._known = known
        self.budget = CostBudget()
        self.schema_errors: list[FieldError] = []
        self.rule_errors: list[FieldError] = []
        self.unjudged: list[str] = []

    def check(self, schema: _Raw, path: str) -> list[FieldError]:
        """Returns every problem, those of rules last."""
        self._walk(schema, _Place(path, root=True))
        return [*self.schema_errors, *self.rule_errors, *self.budget.errors(path)]

    def _walk(self, schema: _Raw, at: _Place) -> None:
        before = len(self.schema_errors)
        self._plain(schema, at)
        self._below(schema, at)
        self._list_types(schema, at.path)
        rules = schema.get("x-kubernetes-validations") or ()
        for index, rule in enumerate(rules):
            self._rule_form(rule, f"{at.path}.x-kubernetes-validations[{index}]")
        clean = len(self.schema_errors) == before
        if rules and clean and self._judge_rules and at.judged:
            self._rules(schema, at)

    def _plain(self, schema: _Raw, at: _Place) -> None:
        errors, path = self.schema_errors, at.path
        kind = schema.get("type") or ""
        if kind and kind not in _TYPES:
            errors.append(not_supported(f"{path}.type", kind, _TYPES))
        if schema.get("default") is not None and at.no_defaults:
            errors.append(forbidden(f"{path}.default", f"must not be set {at.no_defaults}"))
        errors += [
            forbidden(f"{path}.{name}", text) for name, text in _UNSUPPORTED if schema.get(name)
        ]
        if isinstance(schema.get("items"), list):
            text = "items must be a schema object and not an array"
            errors.append(forbidden(f"{path}.items", text))
        if at.metadata and schema.get("x-kubernetes-embedded-resource"):
            text = "must not be used inside of resource meta"
            errors.append(forbidden(f"{path}.x-kubernetes-embedded-resource", text))
        if schema.get("uniqueItems"):
            text = (
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            )
            errors.append(forbidden(f"{path}.uniqueItems", text))
        additional = schema.get("additionalProperties")
        if schema.get("properties") and (additional is False or isinstance(additional, dict)):
            text = "additionalProperties and properties are mutual exclusive"
            errors.append(forbidden(f"{path}.additionalProperties", text))
        if schema.get("x-kubernetes-preserve-unknown-fields") is False:
            field_path = f"{path}.x-kubernetes-preserve-unknown-fields"
            errors.append(invalid(field_path, False, "must be true or undefined"))

    def _below(self, schema: _Raw, at: _Place) -> None:
        path = at.path
        inner = _multiplied(at.cardinality, schema)
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            where = f"{path}.additionalProperties"
            self._walk(additional, replace(at, path=where, root=False, cardinality=inner))
        for name in sorted(schema.get("properties") or {}):
            below = schema["properties"][name]
            place = replace(at, path=f"{path}.properties[{name}]", root=False, cardinality=inner)
            resource = at.root or schema.get("x-kubernetes-embedded-resource")
            if resource and name in ("metadata", "kind", "apiVersion"):
                place = replace(place, metadata=True)
                if at.root:
                    place = replace(place, no_defaults=f"in top-level {name}")
            self._walk(below, place)
        for name in ("allOf", "oneOf", "anyOf"):
            for index, below in enumerate(schema.get(name) or ()):
                self._walk(below, replace(at, path=f"{path}.{name}[{index}]", judged=False))
        if isinstance(schema.get("not"), dict):
            self._walk(schema["not"], replace(at, path=f"{path}.not", judged=False))
        if isinstance(schema.get("items"), dict):
            place = replace(at, path=f"{path}.items", root=False, cardinality=inner)
            if schema.get("x-kubernetes-list-type") != "map" and not at.uncorrelated:
                place = replace(place, uncorrelated=path)
            self._walk(schema["items"], place)

    # list and map types

    def _list_types(self, schema: _Raw, path: str) -> None:
        kind = schema.get("type") or ""
        for name, wanted, values in (
            ("x-kubernetes-map-type", "object", ("atomic", "granular")),
            ("x-kubernetes-list-type", "array", ("atomic", "set", "map")),
        ):
            value = schema.get(name)
            if value is None:
                continue
            if kind != wanted:
                text = f"must be {wanted} if {name} is specified"
                where = f"{path}.type"
                self.schema_errors.append(
                    invalid(where, kind, text) if kind else required(where, text)
                )
            if value not in values:
                self.schema_errors.append(not_supported(f"{path}.{name}", value, values))
        items = schema.get("items")
        if schema.get("x-kubernetes-list-type") == "set" and isinstance(items, dict):
            self._set_items(items, path)
        self._map_keys(schema, path)

    def _set_items(self, items: _Raw, path: str) -> None:
        text = "must be atomic as item of a list with x-kubernetes-list-type=set"
        if items.get("type") == "array" and items.get("x-kubernetes-list-type") not in (
            None,
            "atomic",
        ):
            where = f"{path}.items.x-kubernetes-list-type"
            self.schema_errors.append(invalid(where, items["x-kubernetes-list-type"], text))
        elif items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
            where = f"{path}.items.x-kubernetes-map-type"
            self.schema_errors.append(invalid(where, items.get("x-kubernetes-list-type"), text))

    def _map_keys(self, schema: _Raw, path: str) -> None:
        errors = self.schema_errors
        keys: Sequence[str] = schema.get("x-kubernetes-list-map-keys") or ()
        kind = schema.get("x-kubernetes-list-type")
        if keys and kind != "map":
            text = "must be map if x-kubernetes-list-map-keys is non-empty"
            where = f"{path}.x-kubernetes-list-type"
            errors.append(required(where, text) if kind is None else invalid(where, kind, text))
        items = schema.get("items")
        if kind in ("set", "map") and isinstance(items, dict) and items.get("nullable"):
            text = f"cannot be nullable when x-kubernetes-list-type is {kind}"
            errors.append(forbidden(f"{path}.items.nullable", text))
        if kind != "map":
            return
        if not keys:
            text = "must not be empty if x-kubernetes-list-type is map"
            errors.append(required(f"{path}.x-kubernetes-list-map-keys", text))
        if items is None:
            text = "must have a schema if x-kubernetes-list-type is map"
            errors.append(required(f"{path}.items", text))
        if not isinstance(items, dict):
            return
        if items.get("type") != "object":
            text = "must be object if parent array's x-kubernetes-list-type is map"
            errors.append(invalid(f"{path}.items.type", items.get("type") or "", text))
            return
        for index, name in enumerate(keys):
            self._map_key(name, keys[:index], items, path, keys)

    def _map_key(
        self, name: str, before: Sequence[str], items: _Raw, path: str, keys: Sequence[str]
    ) -> None:
        errors = self.schema_errors
        where = f"{path}.items.properties[{name}]"
        below = (items.get("properties") or {}).get(name)
        all_keys = f"{path}.x-kubernetes-list-map-keys"
        if below is None:
            text = "entries must all be names of item properties"
            errors.append(invalid(all_keys, list(keys), text))
        elif below.get("type") in ("array", "object"):
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            errors.append(invalid(f"{where}.type", items["type"], text))
        if name in before:
            errors.append(invalid(all_keys, list(keys), "must not contain duplicate entries"))
        if below is None:
            return
        if name not in (items.get("required") or ()) and below.get("default") is None:
            text = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be "
                "a required property"
            )
            errors.append(required(f"{where}.default", text))
        if below.get("nullable"):
            text = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
            errors.append(forbidden(f"{where}.nullable", text))

    # rules

    def _rule_form(self, rule: _Raw, path: str) -> None:
        errors = self.schema_errors
        text, message = str(rule.get("rule") or ""), str(rule.get("message") or "")
        if not text.strip():
            errors.append(required(f"{path}.rule", "rule is not specified"))
        elif message and not message.strip():
            errors.append(invalid(f"{path}.message", message, "must be non-empty if specified"))
        elif _NEWLINE.search(message.strip()):
            errors.append(invalid(f"{path}.message", message, "must not contain line breaks"))
        elif _NEWLINE.search(text.strip()) and not message.strip():
            detail = "message must be specified if rule contains line breaks"
            errors.append(required(f"{path}.message", detail))
        expression = str(rule.get("messageExpression") or "")
        if expression and not expression.strip():
            detail = "messageExpression must be non-empty if specified"
            errors.append(required(f"{path}.messageExpression", detail))
        reason = rule.get("reason")
        if reason is not None and reason not in _REASONS:
            errors.append(not_supported(f"{path}.reason", reason, _REASONS))
        where = str(rule.get("fieldPath") or "")
        if where and not where.strip():
            errors.append(invalid(f"{path}.fieldPath", where, "must be non-empty if specified"))
        if _NEWLINE.search(where):
            errors.append(invalid(f"{path}.fieldPath", where, "must not contain line breaks"))

    def _rules(self, schema: _Raw, at: _Place) -> None:
        compiled = compile_schema(schema)
        for index, rule in enumerate(compiled.rules):
            path = f"{at.path}.x-kubernetes-validations[{index}]"
            self._rule(rule, compiled, at, path)

    def _rule(self, rule: Rule, schema: Structural, at: _Place, path: str) -> None:
        ready = compile_rule(rule, schema, root=at.root)
        shown = GoText(_shown(rule))
        if ready.error:
            detail = f"compilation failed: {ready.error}"
            self.rule_errors.append(invalid(f"{path}.rule", shown, detail))
            return
        if ready.unjudged:
            self.unjudged.append(f"{path}.rule: cannot be judged here: {ready.unjudged}")
        if ready.program is not None and rule.rule not in self._known:
            self._cost(rule, schema, at, f"{path}.rule", ready.program.tree)
        if ready.uses_old and at.uncorrelated:
            detail = (
                "oldSelf cannot be used on the uncorrelatable portion of the schema within "
                f"{at.uncorrelated}"
            )
            self.rule_errors.append(invalid(f"{path}.rule", rule.rule, detail))
        elif not ready.uses_old and rule.optional_old_self is not None:
            detail = "may not be set if oldSelf is not used in rule"
            self.rule_errors.append(
                invalid(f"{path}.optionalOldSelf", rule.optional_old_self, detail)
            )

    def _cost(self, rule: Rule, schema: Structural, at: _Place, path: str, tree: Any) -> None:
        checker = Checker(rule.rule, schema, root=at.root)
        checker.check(tree)
        cost = Estimator(checker.types).cost(tree)
        often = max_cardinality(schema) if at.cardinality is None else at.cardinality
        total = min(cost * often, UNBOUNDED)
        if total > _RULE_LIMIT:
            text = _cost_text("estimated rule cost", total, _RULE_LIMIT)
            self.rule_errors.append(forbidden(path, text))
        self.budget.add(path, total)


def _multiplied(cardinality: int | None, schema: _Raw) -> int | None:
    if cardinality is None:
        return None
    kind = schema.get("type")
    if kind == "array":
        bound = schema.get("maxItems")
    elif kind == "object" and schema.get("additionalProperties") is not None:
        bound = schema.get("maxProperties")
    else:
        bound = 1
    return None if bound is None else cardinality * max(int(bound), 0)


def _shown(rule: Rule) -> str:
    """Prints a rule as the real server prints its own type."""
    return (
        "{"
        + ",".join(
            f'"{name}":{to_go_json(value)}'
            for name, value in (
                ("Rule", rule.rule),
                ("Message", rule.message),
                ("MessageExpression", rule.message_expression),
                ("Reason", rule.reason or None),
                ("FieldPath", rule.field_path),
                ("OptionalOldSelf", rule.optional_old_self),
            )
        )
        + "}"
    )
