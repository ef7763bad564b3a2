"""JSON patches and merge patches do what the tables of their Go libraries expect."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from steersman.kit.jsonpatch import (
    KUBERNETES,
    STANDARD,
    JsonPatchFailed,
    apply_json_patch,
    json_equal,
)
from steersman.kit.mergepatch import (
    apply_merge_patch,
    combine_merge_patches,
    create_three_way_merge_patch,
    filter_nulls,
)
from tests.support.tables import Row, table_rows

pytestmark = pytest.mark.conformance

JSON_PATCH = table_rows("tables/json-patch.jsonl", lambda row: f"{row['doc']} with {row['patch']}")


def merge_rows(op: str) -> list[Any]:
    return table_rows(
        "tables/json-merge-patch.jsonl",
        lambda row: row.get("description") or f"{row.get('doc', row.get('p1'))} with {op}",
        lambda row: row["op"] == op,
    )


@pytest.mark.parametrize("row", JSON_PATCH)
def test_json_patch(row: Row) -> None:
    dialect = replace(
        STANDARD if row["v5"] else KUBERNETES,
        allow_missing_on_remove=row.get("allowMissingPathOnRemove", False),
        ensure_path_on_add=row.get("ensurePathExistsOnAdd", False),
        copy_limit=100,
    )
    document, patch = json.loads(row["doc"]), json.loads(row["patch"])
    before = copy.deepcopy((document, patch))
    if row.get("error"):
        with pytest.raises(JsonPatchFailed):
            apply_json_patch(document, patch, dialect)
    else:
        result = apply_json_patch(document, patch, dialect)
        if "expected" in row:
            assert json_equal(result, json.loads(row["expected"]))
        if row.get("ordered"):
            assert json.dumps(result) == json.dumps(json.loads(row["expected"]))
    assert (document, patch) == before


@pytest.mark.parametrize("row", merge_rows("apply"))
def test_merge_patch(row: Row) -> None:
    document, patch = json.loads(row["doc"]), json.loads(row["patch"])
    assert json_equal(apply_merge_patch(document, patch), json.loads(row["expected"]))


@pytest.mark.parametrize("row", merge_rows("merge-patches"))
def test_combined_merge_patches(row: Row) -> None:
    combined = combine_merge_patches(json.loads(row["p1"]), json.loads(row["p2"]))
    assert json_equal(combined, json.loads(row["expected"]))


@pytest.mark.parametrize("row", merge_rows("filternull"))
def test_filtering_nulls(row: Row) -> None:
    assert filter_nulls(row["originalObj"], keep=True) == row["expectedWithNull"]
    assert filter_nulls(row["originalObj"], keep=False) == row["expectedWithoutNull"]


@pytest.mark.parametrize("row", merge_rows("threeway"))
def test_three_way_merge_patch(row: Row) -> None:
    patch = create_three_way_merge_patch(row.get("original"), row["modified"], row["current"])
    assert json_equal(patch, row["threeWay"])
    assert json_equal(apply_merge_patch(row["current"], patch), row["result"])
