"""Embedded resources are objects: they have a version, a kind and sound metadata."""

from __future__ import annotations

from typing import Any

from steersman.servers.apiserver.crd.structural import Structural
from steersman.servers.apiserver.fielderrors import FieldError, invalid, required
from steersman.servers.apiserver.validation.names import dns_label_1035, name_is_path_segment
from steersman.servers.apiserver.validation.objectmeta import validate_metadata

__all__ = ["validate_embedded"]


def validate_embedded(
    value: Any, schema: Structural, path: str = "", *, root: bool = False
) -> list[FieldError]:
    """Checks every embedded resource of a value; the root is one itself."""
    match value:
        case dict():
            errors = _validate_resource(value, path) if schema.embedded or root else []
            for name, one in value.items():
                below = schema.properties.get(name)
                if below is not None:
                    where = f"{path}.{name}" if path else name
                    errors += validate_embedded(one, below, where)
                elif schema.additional is not None:
                    errors += validate_embedded(one, schema.additional, f"{path}[{name}]")
            return errors
        case list() if schema.items is not None:
            return [
                error
                for index, one in enumerate(value)
                for error in validate_embedded(one, schema.items, f"{path}[{index}]")
            ]
        case _:
            return []


def _validate_resource(value: dict[str, Any], path: str) -> list[FieldError]:
    prefix = f"{path}." if path else ""
    errors = [required(f"{prefix}{name}") for name in ("apiVersion", "kind") if name not in value]
    for name, one in value.items():
        field = f"{prefix}{name}"
        if name == "metadata":
            metadata = {"name": "fakename", **one} if isinstance(one, dict) else {}
            errors += validate_metadata(
                {"metadata": metadata},
                namespaced=bool(metadata.get("namespace")),
                name_rule=name_is_path_segment,
                path=field,
                builtin=False,
            )
        elif name in ("apiVersion", "kind"):
            errors += _validate_name(name, one, field)
    return errors


def _validate_name(name: str, value: Any, field: str) -> list[FieldError]:
    if not isinstance(value, str):
        return [invalid(field, value, "must be a string")]
    if not value:
        return [invalid(field, value, "must not be empty")]
    if name == "apiVersion":
        if value.count("/") > 1:
            return [invalid(field, value, f"unexpected GroupVersion string: {value}")]
        return []
    texts = dns_label_1035(value.lower())
    if not texts:
        return []
    text = f"may have mixed case, but should otherwise match: {','.join(texts)}"
    return [invalid(field, value, text)]
