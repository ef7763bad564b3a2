"""Structural schemas: what a definition's schema must look like before anything is served.

Source of the rules and texts: ``k8s.io/apiextensions-apiserver/pkg/apiserver/schema``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import re2

from steersman.servers.apiserver.fielderrors import FieldError, forbidden, invalid, required

__all__ = ["validate_structure"]

_Raw: TypeAlias = Mapping[str, Any]
_INT_OR_STRING: Final = [{"type": "integer"}, {"type": "string"}]
_NOT_EMPTY: Final = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_EITHER: Final = "x-kubernetes-int-or-string"
_FORBIDDEN_BELOW: Final = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (_PRESERVE, "must be false to be structural"),
    (_EMBEDDED, "must be false to be structural"),
    (_EITHER, "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)


def validate_structure(schema: _Raw, path: str) -> list[FieldError]:
    """Returns why a schema is not structural, ordered by text; empty when it is."""
    errors = _invariants(schema, "root", path) + _completeness(schema, schema, path, path)
    return sorted(errors, key=str)


def _invariants(schema: _Raw, level: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = schema.get("type") or ""
    items = schema.get("items")
    if kind == "array" and items is None:
        errors.append(required(f"{path}.items", "must be specified"))
    if isinstance(items, dict):
        errors += _invariants(items, "item", f"{path}.items")
    for name, below in (schema.get("properties") or {}).items():
        errors += _invariants(below, "field", f"{path}.properties[{name}]")
    additional = schema.get("additionalProperties")
    if additional is not None:
        if level == "root":
            errors.append(forbidden(f"{path}.additionalProperties", "must not be used at the root"))
        if isinstance(additional, dict):
            errors += _invariants(additional, "field", f"{path}.additionalProperties")
    errors += _extensions(schema, path)
    errors += _value_validation(schema, path)
    errors += _typing(schema, kind, level, path)
    return errors + _metadata(schema, level, path)


def _extensions(schema: _Raw, path: str) -> list[FieldError]:
    text = "must be false if x-kubernetes-int-or-string is true"
    return [
        invalid(f"{path}.{name}", True, text)
        for name in (_PRESERVE, _EMBEDDED)
        if schema.get(_EITHER) and schema.get(name)
    ]


def _typing(schema: _Raw, kind: str, level: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    embedded = bool(schema.get(_EMBEDDED))
    if embedded and kind != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        field = f"{path}.type"
        errors.append(invalid(field, kind, text) if kind else required(field, text))
    elif not kind and not schema.get(_EITHER) and not schema.get(_PRESERVE):
        errors.append(required(f"{path}.type", _NOT_EMPTY[level]))
    if embedded and schema.get("additionalProperties") is not None:
        text = "must not be used if x-kubernetes-embedded-resource is set"
        errors.append(forbidden(f"{path}.additionalProperties", text))
    if level == "root" and kind and kind != "object":
        errors.append(invalid(f"{path}.type", kind, "must be object at the root"))
    if embedded and not schema.get(_PRESERVE) and not schema.get("properties"):
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields"
        )
        errors.append(required(f"{path}.properties", text))
    return errors


def _metadata(schema: _Raw, level: str, path: str) -> list[FieldError]:
    properties: Mapping[str, Any] = schema.get("properties") or {}
    errors: list[FieldError] = []
    if level == "root" or schema.get(_EMBEDDED):
        for name in ("kind", "apiVersion"):
            if name in properties and properties[name].get("type") != "string":
                field = f"{path}.properties[{name}].type"
                errors.append(invalid(field, properties[name].get("type") or "", "must be string"))
        if "metadata" in properties and properties["metadata"].get("type") != "object":
            field = f"{path}.properties[metadata].type"
            shown = properties["metadata"].get("type") or ""
            errors.append(invalid(field, shown, "must be object"))
    if level == "root" and "metadata" in properties and not _is_plain(properties["metadata"]):
        text = (
            "must not specify anything other than name and generateName, but metadata is "
            "implicitly specified"
        )
        errors.append(forbidden(f"{path}.properties[metadata]", text))
    return errors


def _is_plain(metadata: _Raw) -> bool:
    """Says whether ``metadata`` declares at most its names."""
    rest = {
        name: value
        for name, value in metadata.items()
        if name not in ("type", "description", "default", "properties")
    }
    names = set(metadata.get("properties") or {})
    return not rest and names <= {"name", "generateName"}


def _value_validation(schema: _Raw, path: str, *, skip_any: bool = False) -> list[FieldError]:
    errors: list[FieldError] = []
    any_of: Sequence[_Raw] = schema.get("anyOf") or ()
    if not (skip_any or list(any_of) == _INT_OR_STRING):
        for index, below in enumerate(any_of):
            errors += _nested(below, f"{path}.anyOf[{index}]")
    for index, below in enumerate(schema.get("allOf") or ()):
        either = index == 0 and list(below.get("anyOf") or ()) == _INT_OR_STRING
        errors += _nested(below, f"{path}.allOf[{index}]", skip_any=either)
    for index, below in enumerate(schema.get("oneOf") or ()):
        errors += _nested(below, f"{path}.oneOf[{index}]")
    if isinstance(schema.get("not"), dict):
        errors += _nested(schema["not"], f"{path}.not")
    pattern = schema.get("pattern") or ""
    if pattern and (problem := _pattern_problem(pattern)):
        text = f"must be a valid regular expression, but isn't: {problem}"
        errors.append(invalid(f"{path}.pattern", pattern, text))
    return errors


def _pattern_problem(pattern: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0] if error.args else ""
        said = text.decode() if isinstance(text, bytes) else str(text)
        return f"error parsing regexp: {said}"
    return ""


def _nested(schema: _Raw, path: str, *, skip_any: bool = False) -> list[FieldError]:
    errors = _value_validation(schema, path, skip_any=skip_any)
    if isinstance(schema.get("items"), dict):
        errors += _nested(schema["items"], f"{path}.items")
    for name, below in (schema.get("properties") or {}).items():
        errors += _nested(below, f"{path}.properties[{name}]")
    for name, text in _FORBIDDEN_BELOW:
        value = schema.get(name)
        if name == "x-kubernetes-validations" and ".allOf[" in path:
            continue
        if value or (value is not None and name in ("additionalProperties", "default")):
            errors.append(forbidden(f"{path}.{name}", text))
    if "metadata" in (schema.get("properties") or {}):
        text = "must not be specified in a nested context"
        errors.append(forbidden(f"{path}.properties[metadata]", text))
    return errors


def _completeness(
    nested: _Raw, schema: _Raw | None, path: str, nested_path: str
) -> list[FieldError]:
    """What value validation speaks of must be declared by the structure."""
    if schema is None:
        return [required(path, f"because it is defined in {nested_path}")]
    errors: list[FieldError] = []
    for name in ("allOf", "anyOf", "oneOf"):
        for index, below in enumerate(nested.get(name) or ()):
            errors += _nested_completeness(below, schema, path, f"{nested_path}.{name}[{index}]")
    if isinstance(nested.get("not"), dict):
        errors += _nested_completeness(nested["not"], schema, path, f"{nested_path}.not")
    return errors


def _nested_completeness(
    nested: _Raw, schema: _Raw | None, path: str, nested_path: str
) -> list[FieldError]:
    if schema is None:
        return [required(path, f"because it is defined in {nested_path}")]
    errors = _completeness(nested, schema, path, nested_path)
    if isinstance(nested.get("items"), dict):
        items = schema.get("items")
        below = items if isinstance(items, dict) else None
        where = f"{nested_path}.items"
        errors += _nested_completeness(nested["items"], below, f"{path}.items", where)
    declared: Mapping[str, Any] = schema.get("properties") or {}
    for name, one in (nested.get("properties") or {}).items():
        field, where = f"{path}.properties[{name}]", f"{nested_path}.properties[{name}]"
        if name in declared:
            errors += _nested_completeness(one, declared[name], field, where)
        else:
            errors.append(required(field, f"because it is defined in {where}"))
    return errors
