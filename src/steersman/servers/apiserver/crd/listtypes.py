"""Lists of type ``set`` and ``map`` hold no duplicates."""

from __future__ import annotations

from typing import Any

from steersman.servers.apiserver.crd.structural import Structural
from steersman.servers.apiserver.crd.values import item_key
from steersman.servers.apiserver.fielderrors import FieldError, duplicate, invalid, to_go_json

__all__ = ["validate_list_types"]


def validate_list_types(value: Any, schema: Structural, path: str = "") -> list[FieldError]:
    """Returns a problem for the first repetition of every repeated item."""
    match value:
        case dict():
            errors: list[FieldError] = []
            if schema.additional is not None:
                for name, one in value.items():
                    errors += validate_list_types(one, schema.additional, f"{path}[{name}]")
            for name, one in value.items():
                below = schema.properties.get(name)
                if below is not None:
                    where = f"{path}.{name}" if path else name
                    errors += validate_list_types(one, below, where)
            return errors
        case list():
            return _validate_list(value, schema, path)
        case _:
            return []


def _validate_list(values: list[Any], schema: Structural, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if schema.list_type == "set":
        keys = [to_go_json(one) for one in values]
        errors += [duplicate(f"{path}[{at}]", values[at]) for at in _repeated(keys)]
    elif schema.list_type == "map":
        errors += _validate_map(values, schema, path)
    if schema.items is not None:
        for index, one in enumerate(values):
            errors += validate_list_types(one, schema.items, f"{path}[{index}]")
    return errors


def _validate_map(values: list[Any], schema: Structural, path: str) -> list[FieldError]:
    for index, one in enumerate(values):
        if one is not None and not isinstance(one, dict):
            text = "must be an object for an array of list-type map"
            return [invalid(f"{path}[{index}]", one, text)]
    keys = [item_key(one, schema.map_keys) for one in values]
    return [
        duplicate(
            f"{path}[{at}]",
            {name: values[at][name] for name in schema.map_keys if name in (values[at] or {})},
        )
        for at in _repeated(keys)
    ]


def _repeated(keys: list[str]) -> list[int]:
    """Returns the index of the second occurrence of every repeated key."""
    seen: dict[str, int] = {}
    result = []
    for index, one in enumerate(keys):
        seen[one] = seen.get(one, 0) + 1
        if seen[one] == 2:
            result.append(index)
    return result
