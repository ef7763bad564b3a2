"""Types of structured merge's own schema language, and a driver for its tables of operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from steersman.fieldmanager.elements import field_element, item_element, value_element
from steersman.fieldmanager.fieldset import FieldSet, from_paths
from steersman.fieldmanager.types import DEDUCED, Field, ListType, MapType, Type


class SchemaTypes:
    """Compiles a schema written as YAML."""

    def __init__(self, text: str) -> None:
        self._atoms = {entry["name"]: entry for entry in yaml.safe_load(text)["types"]}
        self._types: dict[Any, Type] = {}

    def named(self, name: str, relation: str | None = None) -> Type:
        key = (name, relation)
        if key not in self._types:
            made = self._types[key] = Type(name)
            made.become(**self._forms(self._atoms[name], relation))
        return self._types[key]

    def _ref(self, ref: Mapping[str, Any] | None) -> Type | None:
        if not ref:
            return None
        if "namedType" in ref:
            return self.named(ref["namedType"], ref.get("elementRelationship"))
        made = Type()
        made.become(**self._forms(ref, None))
        return made

    def _forms(self, atom: Mapping[str, Any], relation: str | None) -> dict[str, Any]:
        forms: dict[str, Any] = {"scalar": atom.get("scalar"), "list": None, "map": None}
        if "map" in atom:
            spec = atom["map"] or {}
            fields = {
                field["name"]: Field(self._ref(field["type"]) or DEDUCED, field.get("default"))
                for field in spec.get("fields", ())
            }
            atomic = (relation or spec.get("elementRelationship")) == "atomic"
            forms["map"] = MapType(fields, self._ref(spec.get("elementType")), atomic=atomic)
        if "list" in atom:
            spec = atom["list"]
            atomic = (relation or spec.get("elementRelationship")) == "atomic"
            element = self._ref(spec["elementType"])
            assert element is not None
            forms["list"] = ListType(element, atomic=atomic, keys=tuple(spec.get("keys", ())))
        return forms


def element_of(node: Mapping[str, Any]) -> str:
    match node:
        case {"f": name}:
            return field_element(name)
        case {"k": keys}:
            return item_element(sorted(keys.items()))
        case {"v": value}:
            return value_element(value)
    return f"i:{node['i']}"


def set_of(paths: list[list[Mapping[str, Any]]]) -> FieldSet:
    return from_paths([map(element_of, path) for path in paths])
