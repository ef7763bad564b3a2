"""Go table tests that were taken as JSON: finding rows and evaluating what they build."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steersman.fieldmanager.elements import Path, field_element, item_element, value_element
from tests.support.tables import conformance_root


def go_rows(file: str, test: str, variable: str) -> list[Any]:
    """Returns the rows of one table as parameters, or one skipped by name."""
    path = conformance_root() / "upstream-tables" / file
    if not path.exists():
        reason = f"conformance data {file} is not here (STEERSMAN_CONFORMANCE)"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason), id=file)]
    tables = json.loads(path.read_text())["tables"]
    (rows,) = [one["rows"] for one in tables if (one["test"], one["var"]) == (test, variable)]
    return [pytest.param(row, id=_name(row, index)) for index, row in enumerate(rows)]


def _name(row: Any, index: int) -> str:
    if isinstance(row, dict):
        return str(row.get("name") or row.get("desc") or f"row {index}")
    return f"row {index}: {row}"[:60].replace("\n", " ")


def go_constant(node: Any) -> Any:
    """Returns the text of a named constant of the tables."""
    names = {
        "metav1.ManagedFieldsOperationApply": "Apply",
        "metav1.ManagedFieldsOperationUpdate": "Update",
    }
    return names[node["$go"]] if isinstance(node, dict) else node


def managed_fields_entry(node: dict[str, Any]) -> dict[str, Any]:
    """Returns an entry of managed fields."""
    entry: dict[str, Any] = {}
    for key, name in (("Manager", "manager"), ("APIVersion", "apiVersion")):
        if node.get(key):
            entry[name] = node[key]
    if "Operation" in node:
        entry["operation"] = go_constant(node["Operation"])
    if node.get("Time"):
        # The tables parse one moment with Go; which one does not matter.
        entry["time"] = "2001-02-03T04:05:06Z"
    if "FieldsType" in node:
        entry["fieldsType"] = node["FieldsType"]
    if "FieldsV1" in node:
        entry["fieldsV1"] = json.loads(node["FieldsV1"]["args"][0])
    if node.get("Subresource"):
        entry["subresource"] = node["Subresource"]
    return entry


def path_of(node: dict[str, Any]) -> Path:
    """Returns a path built by ``fieldpath.MakePathOrDie``."""
    elements = []
    for part in node["args"]:
        match part:
            case str():
                elements.append(field_element(part))
            case {"$call": "fieldpath.KeyByFields", "args": args}:
                pairs = zip(args[::2], args[1::2], strict=True)
                elements.append(item_element(sorted(pairs)))
            case {"$call": _, "args": [value]}:
                elements.append(value_element(value))
            case _:
                pytest.skip(f"the row needs Go: {part}")
    return tuple(elements)
