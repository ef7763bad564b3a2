"""Structured merge does what its own tables of applies and updates expect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steersman.fieldmanager.elements import describe_path
from steersman.fieldmanager.fields import fields_of
from steersman.fieldmanager.fieldset import (
    LEAF,
    BadFields,
    from_fields_v1,
    from_paths,
    has,
    paths_of,
    to_fields_v1,
    union,
)
from steersman.fieldmanager.managers import ManagerId
from steersman.fieldmanager.merge import merge
from steersman.fieldmanager.remove import extract
from steersman.fieldmanager.types import DEDUCED, Type
from steersman.fieldmanager.updater import Conflicts, Sets, Typed, Updater
from steersman.fieldmanager.validate import TypeMismatch, validate
from tests.support.smd import SchemaTypes, element_of, set_of
from tests.support.tables import Row, table_rows

pytestmark = pytest.mark.conformance

# What the rows say of filters only by name.
IGNORED = {
    "TestIgnoreFilter/apply_does_not_own_ignored": {"v1": [["f:string"]]},
    "TestIgnoredFields/update_does_not_own_ignored": {"v1": [["f:string"]]},
    "TestIgnoredFields/update_does_not_own_deep_ignored": {"v1": [["f:obj"]]},
    "TestFilteredFieldsUsesVersions/update_does_not_steal_ignored": {
        "v2": [["f:mapOfMapsRecursive", "f:c"]]
    },
}


# The schema that one row lacks: an atomic type, made separable where it is referred to.
OVERRIDE = """
types:
- name: type
  map:
    fields:
    - name: separableMapReference
      type: {namedType: atomicMap, elementRelationship: separable}
- name: atomicMap
  map:
    fields:
    - {name: name, type: {scalar: string}}
    - {name: value, type: {scalar: numeric}}
    elementRelationship: atomic
"""


def type_of(parser: dict[str, str] | None, version: str) -> Type:
    if parser is None:
        return DEDUCED
    return SchemaTypes(parser["schema"]).named(parser["type"] or version)


def repeat_letters(value: Any, times: int) -> Any:
    """Converts between the versions of one table, where v3 writes each key three times."""
    if not isinstance(value, dict):
        return value
    return {key[0] * times: repeat_letters(item, times) for key, item in value.items()}


class State:
    """A live object and its owners, driven by the rows' operations."""

    def __init__(self, row: Row) -> None:
        parser = row["parser"]
        if row["parser_name"] == "overrideStructTypeParser":
            parser = {"schema": OVERRIDE, "type": "type"}
        self.type = type_of(parser, row["version"] or "v1")
        self.repeats = "RealConversion" in row["name"] or "UsesVersions" in row["name"]
        self.live: Any = {}
        self.sets: Sets = {}
        ignored = {
            version: from_paths(paths) for version, paths in IGNORED.get(row["name"], {}).items()
        }
        self.updater = Updater(self.convert, ignored)

    def convert(self, value: Any, version: str) -> Typed:
        if self.repeats:
            times = int(version[1:])
            value = {key: repeat_letters(item, times) for key, item in value.items()}
        return Typed(value, self.type)

    def run(self, op: dict[str, Any]) -> None:
        if op["op"] == "ChangeParser":
            self.type = type_of(op["parser"], "v1")
            return
        manager = ManagerId(op["manager"], "")
        new = Typed(op["object"], self.type)
        validate(*new, allow_duplicates=op["op"] == "Update")
        live = self.convert(self.live, op["version"])
        self.live = live.value
        if op["op"] == "Update":
            self.sets = self.updater.update(live, new, op["version"], self.sets, manager)
            self.live = op["object"]
            return
        if op["op"] == "ExtractApply":
            new = self._extracted(new, manager)
        force = op["op"] != "Apply"
        merged, self.sets = self.updater.apply(
            live, new, op["version"], self.sets, manager, force=force
        )
        self.live = self.live if merged is None else merged

    def _extracted(self, new: Typed, manager: ManagerId) -> Typed:
        owned = self.sets.get(manager)
        fields = LEAF if owned is None else owned.fields
        known = fields_of(self.live, self.type)
        keys = [
            (*path[: depth + 1], "f:" + name)
            for path in paths_of(fields)
            if has(known, path)
            for depth, element in enumerate(path)
            if element.startswith("k:")
            for name in json.loads(element[2:])
        ]
        kept = extract(self.live, union(fields, from_paths(keys)), self.type)
        return Typed(merge(kept or {}, new.value, self.type), self.type)


@pytest.mark.parametrize("row", table_rows("tables/ssa-merge.jsonl", lambda row: row["name"]))
def test_merge(row: Row) -> None:
    state = State(row)
    if "Errors" in row["name"]:
        with pytest.raises(TypeMismatch):
            state.run(row["ops"][0])
        return
    for op in row["ops"]:
        if "conflicts" not in op:
            state.run(op)
            continue
        with pytest.raises(Conflicts) as refused:
            state.run(op)
        expected = {
            (one["manager"], describe_path(map(element_of, one["path"]))) for one in op["conflicts"]
        }
        got = {(one.manager.manager, describe_path(one.path)) for one in refused.value.conflicts}
        assert got == expected
    if row["object"] is not None:
        assert state.live == row["object"]
    if row["managed"] is not None:
        got_sets = {
            manager.manager: (owned.api_version, owned.fields)
            for manager, owned in state.sets.items()
        }
        assert got_sets == {
            name: (entry["version"], set_of(entry["set"])) for name, entry in row["managed"].items()
        }


def set_rows(op: str) -> list[Any]:
    def name(row: Row) -> str:
        return str(row.get("row", {}).get("name") or row.get("lhs") or op)

    return table_rows("tables/ssa-sets.jsonl", name, lambda row: row["op"] == op)


@pytest.mark.parametrize("row", set_rows("roundtrip"))
def test_sets_round_trip(row: Row) -> None:
    written = to_fields_v1(from_fields_v1(json.loads(row["input"])))
    assert json.dumps(written, separators=(",", ":")) == row["input"]


@pytest.mark.parametrize("row", set_rows("parse-error"))
def test_what_is_no_set_is_refused(row: Row) -> None:
    with pytest.raises((BadFields, json.JSONDecodeError)):
        from_fields_v1(json.loads(row["input"]))


@pytest.mark.parametrize("row", set_rows("parse"))
def test_blanks_do_not_matter(row: Row) -> None:
    assert from_fields_v1(json.loads(row["input"]) or {}) in ({}, {"f:a": {}})


@pytest.mark.parametrize("row", set_rows("merge-deduced"))
def test_merge_of_deduced_types(row: Row) -> None:
    merged = merge(json.loads(row["lhs"]), json.loads(row["rhs"]), DEDUCED)
    assert merged == json.loads(row["expected"])
