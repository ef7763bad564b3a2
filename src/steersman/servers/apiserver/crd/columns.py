"""The table of a custom resource: its printer columns, or name and age."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.printers.age import age_since
from steersman.servers.apiserver.printers.jsonpath import find, print_value
from steersman.servers.apiserver.printers.layout import Layout
from steersman.servers.apiserver.strategy import Column

__all__ = ["column_layout"]

_AGE = {
    "name": "Age",
    "type": "date",
    "description": "Time since the object was created",
    "jsonPath": ".metadata.creationTimestamp",
}


def column_layout(columns: Sequence[Mapping[str, Any]] | None) -> Layout:
    """Builds the layout from ``additionalPrinterColumns``."""
    defined = list(columns or (_AGE,))

    def cells(obj: Manifest, now: datetime) -> Sequence[Any]:
        return [_cell(one["type"], one["jsonPath"], obj, now) for one in defined]

    return Layout(tuple(_column(one) for one in defined), cells)


def _column(raw: Mapping[str, Any]) -> Column:
    path = raw["jsonPath"]
    return Column(
        raw["name"],
        raw["type"],
        raw.get("format") or "",
        raw.get("description") or f"Custom resource definition column (in JSONPath format): {path}",
        raw.get("priority") or 0,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "integer": lambda value: int(value) if _is_number(value) else None,
    "number": lambda value: value if _is_number(value) else None,
    "boolean": lambda value: value if isinstance(value, bool) else None,
    "string": print_value,
}


def _cell(kind: str, path: str, obj: Manifest, now: datetime) -> Any:
    found = find(path, obj)
    if not found:
        return None
    value = found[0]
    if kind == "date":
        return age_since(value, now) if isinstance(value, str) else None
    if value is None and kind != "string":
        return None
    return _READ[kind](value)
