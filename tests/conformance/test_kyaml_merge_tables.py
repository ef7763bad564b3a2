"""Three-way merges and directives of patches beside kustomize's tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steersman.kit.yaml import load_all
from steersman.kustomize.merge import _mapping_directive, _sequence_directive
from steersman.kustomize.merge3 import merge_three
from steersman.kustomize.node import MISSING, is_null, to_plain
from steersman.kustomize.schema import built_in_schema
from tests.support.tools import conformance_data

pytestmark = pytest.mark.conformance

BY_COMMENT = {
    "no infer merge keys merge using explicit schema as line comment'",
    "no infer merge keys merge using explicit schema as head comment'",
    "no infer merge keys merge using explicit schema to parent field header'",
}
"""Rows whose merge keys stand in comments, which are not read."""

ACTIONS = {1: "replace", 2: "delete", 3: "merge"}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in conformance_data("tables", name).read_text().splitlines()]


def tree(text: str) -> Any:
    documents = load_all(text, "kyaml")
    return documents[0].value if documents else MISSING


def plain(node: Any) -> Any:
    return None if node is MISSING or is_null(node) else to_plain(node)


def test_three_way_merges_give_what_kustomizes_give() -> None:
    failures = []
    for row in rows("kyaml-merge3.jsonl"):
        if row["description"] in BY_COMMENT:
            continue
        found = merge_three(
            tree(row["local"]), tree(row["origin"]), tree(row["update"]),
            built_in_schema(), infer=bool(row.get("infer")),
        )  # fmt: skip
        wanted = plain(tree(row["expected"]))
        if plain(found) != wanted:
            failures.append(f"{row['description']}:\n  found  {plain(found)}\n  wanted {wanted}")
    assert not failures, "\n".join(failures)


def test_directives_are_read_and_removed() -> None:
    checked = 0
    for row in rows("kyaml-merge2.jsonl"):
        value = row.get("value")
        if value is None or "errExpected" in value or "expected" not in value:
            continue
        patch = tree(value["patch"])
        read = _mapping_directive if isinstance(patch, dict) else _sequence_directive
        action, rest = read(patch)
        assert (action, plain(rest)) == (ACTIONS[value["expected"]], plain(tree(value["elided"])))
        checked += 1
    assert checked >= 4
