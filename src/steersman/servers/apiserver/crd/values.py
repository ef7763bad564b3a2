"""Checks values against a structural schema, in the words of the real server.

Source of the rules: ``k8s.io/kube-openapi/pkg/validation`` and the ratcheting validator of
``k8s.io/apiextensions-apiserver``. Where the real server's order is that of a Go map, ours is the
alphabet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from steersman.servers.apiserver.crd.formats import matches_format
from steersman.servers.apiserver.crd.structural import ABSENT, Structural
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    format_number,
    invalid,
    not_supported,
    required,
    to_go_json,
    too_long,
    too_many,
    type_invalid,
)

__all__ = ["NO_FIELD", "correlated_items", "is_same", "validate_value"]

NO_FIELD: Final = "<nil>"
"""The field of errors that the real server cannot place."""

_INT_RANGES: Final = {"int32": (-(2**31), 2**31 - 1), "": (-(2**63), 2**63 - 1)}


def is_same(one: Any, other: Any) -> bool:
    """Deep equality that tells booleans from numbers."""
    if one is other:
        return True
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(is_same(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, list):
        return (
            isinstance(other, list)
            and len(one) == len(other)
            and all(is_same(*pair) for pair in zip(one, other, strict=True))
        )
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def validate_value(
    value: Any, schema: Structural, path: str, errors: list[FieldError], old: Any = ABSENT
) -> int:
    """Appends what is wrong with a value.

    Args:
        value: the value.
        schema: its schema.
        path: its field path; empty at the root.
        errors: receives the problems.
        old: the value it replaces; what did not change is not judged again (ratcheting).

    Returns:
        How many checks were made, by which ``anyOf`` picks its best failure.
    """
    if old is not ABSENT and is_same(value, old):
        return 1
    if value is None:
        return _validate_null(schema, path, errors)
    count = 2
    kind = _kind_of(value)
    if schema.types and not _check_type(value, kind, schema, path, errors):
        count -= 1
    if schema.all_of or schema.any_of or schema.one_of or schema.not_ is not None:
        count += _validate_junctors(value, schema, path, errors, old)
    match kind:
        case "string":
            _validate_string(value, schema, path, errors)
        case "integer" | "number":
            _validate_number(value, schema, path, errors)
        case "array":
            count += _validate_array(value, schema, path, errors, old)
    if schema.enum is not None:
        _validate_enum(value, schema.enum, path, errors)
    if kind == "object":
        count += _validate_object(value, schema, path, errors, old)
    return count


def _field(path: str) -> str:
    return path.removeprefix(".") or NO_FIELD


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _wrong_type(path: str, wanted: str, found: str) -> FieldError:
    text = f'{path} in body must be of type {wanted}: "{found}"'
    return type_invalid(_field(path), found, text)


def _validate_null(schema: Structural, path: str, errors: list[FieldError]) -> int:
    if schema.types and not schema.nullable:
        errors.append(_wrong_type(path, ",".join(schema.types), "null"))
    if schema.enum is not None:
        _validate_enum(None, schema.enum, path, errors)
    return 1


def _check_type(
    value: Any, kind: str, schema: Structural, path: str, errors: list[FieldError]
) -> bool:
    types = schema.types
    if kind in types or (kind == "integer" and "number" in types):
        return True
    if kind == "number" and "integer" in types and value.is_integer():
        return True
    if schema.format and kind in ("string", "array") and not ({"number", "integer"} & {*types}):
        return True
    errors.append(_wrong_type(path, ",".join(types), kind))
    return False


def _validate_string(value: str, schema: Structural, path: str, errors: list[FieldError]) -> None:
    field = _field(path)
    if schema.max_length is not None and len(value) > schema.max_length:
        noun = "byte" if schema.max_length == 1 else "bytes"
        errors.append(too_long(field, f"may not be more than {schema.max_length} {noun}"))
    elif schema.min_length is not None and len(value) < schema.min_length:
        text = f"{path} in body should be at least {schema.min_length} chars long"
        errors.append(invalid(field, value, text))
    elif schema.regex is not None and not schema.regex.search(value):
        text = f"{path} in body should match '{schema.pattern}'"
        errors.append(invalid(field, value, text))
    if schema.format and not matches_format(schema.format, value):
        text = f'{path} in body must be of type {schema.format}: "{value}"'
        errors.append(type_invalid(field, value, text))


def _validate_number(value: float, schema: Structural, path: str, errors: list[FieldError]) -> None:
    _check_range(value, schema, path, errors)
    field = _field(path)
    if schema.multiple_of is not None and schema.multiple_of > 0:
        factor = schema.multiple_of
        if abs(value / factor - round(value / factor)) > 1e-9:
            text = f"{path} in body should be a multiple of {format_number(factor)}"
            errors.append(invalid(field, value, text))
    low, high = schema.minimum, schema.maximum
    if low is not None and (value <= low if schema.exclusive_minimum else value < low):
        words = "greater than" if schema.exclusive_minimum else "greater than or equal to"
        text = f"{path} in body should be {words} {format_number(low)}"
        errors.append(invalid(field, value, text))
    if high is not None and (value >= high if schema.exclusive_maximum else value > high):
        words = "less than" if schema.exclusive_maximum else "less than or equal to"
        text = f"{path} in body should be {words} {format_number(high)}"
        errors.append(invalid(field, value, text))


def _check_range(value: float, schema: Structural, path: str, errors: list[FieldError]) -> None:
    if schema.type != "integer":
        return
    low, high = _INT_RANGES["int32" if schema.format == "int32" else ""]
    if not (float(value).is_integer() and low <= value <= high):
        form = f"with format {schema.format}" if schema.format else "(default format)"
        text = f"Checked value must be of type integer {form} in {path}"
        errors.append(invalid(NO_FIELD, "", text))


def _validate_enum(value: Any, enum: Iterable[Any], path: str, errors: list[FieldError]) -> None:
    if any(is_same(value, one) for one in enum):
        return
    supported = [one if isinstance(one, str) else to_go_json(one) for one in enum]
    errors.append(not_supported(_field(path), value, supported))


def correlated_items(values: list[Any], olds: Any, schema: Structural) -> list[Any]:
    """Returns, for every item, the old item of the same key, or :data:`ABSENT`.

    Only lists of type ``map`` correlate; the first old item of a key counts.
    """
    if not isinstance(olds, list) or schema.list_type != "map" or not schema.map_keys:
        return [ABSENT] * len(values)
    by_key: dict[str, Any] = {}
    for old in olds:
        by_key.setdefault(item_key(old, schema.map_keys), old)
    return [by_key.get(item_key(value, schema.map_keys), ABSENT) for value in values]


def item_key(item: Any, keys: tuple[str, ...]) -> str:
    """Returns a text that is equal for items of the same keys."""
    if not isinstance(item, dict):
        return "{}"
    return to_go_json({name: item[name] for name in keys if name in item})


def _validate_array(
    values: list[Any], schema: Structural, path: str, errors: list[FieldError], old: Any
) -> int:
    count = 1
    if schema.items is not None:
        olds = correlated_items(values, old, schema)
        for index, value in enumerate(values):
            where = f"{path}[{index}]"
            count += validate_value(value, schema.items, where, errors, olds[index])
    size = len(values)
    if schema.min_items is not None and size < schema.min_items:
        text = f"{path} in body should have at least {schema.min_items} items"
        errors.append(invalid(_field(path), size, text))
    if schema.max_items is not None and size > schema.max_items:
        errors.append(too_many(_field(path), size, schema.max_items))
    return count


def _validate_object(
    value: dict[str, Any], schema: Structural, path: str, errors: list[FieldError], old: Any
) -> int:
    size = len(value)
    if schema.min_properties is not None and size < schema.min_properties:
        text = f"{path} in body should have at least {schema.min_properties} properties"
        errors.append(invalid(_field(path), size, text))
    if schema.max_properties is not None and size > schema.max_properties:
        errors.append(too_many(_field(path), size, schema.max_properties))
    olds = old if isinstance(old, dict) else {}
    count = 0
    properties = schema.properties
    if schema.additional is not None or schema.forbids_additional:
        count += _validate_additional(value, schema, path, errors, olds)
    for name, one in properties.items():
        if name in value:
            where = f"{path}.{name}" if path else name
            count += validate_value(value[name], one, where, errors, olds.get(name, ABSENT))
    errors += [required(_field(f"{path}.{name}")) for name in schema.required if name not in value]
    return count


def _validate_additional(
    value: dict[str, Any],
    schema: Structural,
    path: str,
    errors: list[FieldError],
    olds: dict[str, Any],
) -> int:
    count = 0
    for name in sorted(value):
        if name in schema.properties:
            continue
        if schema.additional is None:
            text = f"{path}.{name} in body is a forbidden property"
            errors.append(invalid(_field(path), "", text))
            continue
        where = f"{path}.{name}"
        old = olds.get(name, ABSENT)
        count += validate_value(value[name], schema.additional, where, errors, old)
    return count


def _validate_junctors(
    value: Any, schema: Structural, path: str, errors: list[FieldError], old: Any
) -> int:
    count = 1
    if schema.any_of:
        best = _best_failure(value, schema.any_of, path, old)
        if best is not None:
            text = f'"{path}" must validate at least one schema (anyOf)'
            errors.append(invalid(NO_FIELD, "", text))
            errors += best
    if schema.one_of:
        _validate_one_of(value, schema, path, errors, old)
    if schema.all_of:
        valid = 0
        for one in schema.all_of:
            before = len(errors)
            count += validate_value(value, one, path, errors, old)
            valid += len(errors) == before
        if valid != len(schema.all_of):
            tail = "" if valid else ". None validated"
            text = f'"{path}" must validate all the schemas (allOf){tail}'
            errors.append(invalid(NO_FIELD, "", text))
    if schema.not_ is not None:
        found: list[FieldError] = []
        validate_value(value, schema.not_, path, found)
        if not found:
            text = f'"{path}" must not validate the schema (not)'
            errors.append(invalid(NO_FIELD, "", text))
    return count


def _best_failure(
    value: Any, schemas: Iterable[Structural], path: str, old: Any
) -> list[FieldError] | None:
    """Returns the problems of the alternative that got furthest; None when one is met."""
    best: tuple[int, list[FieldError]] | None = None
    for one in schemas:
        found: list[FieldError] = []
        count = validate_value(value, one, path, found, old)
        if not found:
            return None
        if best is None or count > best[0]:
            best = (count, found)
    return best[1] if best else []


def _validate_one_of(
    value: Any, schema: Structural, path: str, errors: list[FieldError], old: Any
) -> None:
    valid = 0
    for one in schema.one_of:
        found: list[FieldError] = []
        validate_value(value, one, path, found, old)
        valid += not found
    if valid == 1:
        return
    tail = f"Found {valid} valid alternatives" if valid else "Found none valid"
    text = f'"{path}" must validate one and only one schema (oneOf). {tail}'
    errors.append(invalid(NO_FIELD, "", text))
    if not valid:
        errors += _best_failure(value, schema.one_of, path, old) or []
