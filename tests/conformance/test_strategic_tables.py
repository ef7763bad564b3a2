"""Strategic merge patches do what the tables of the Go library expect."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from steersman.kit.jsonpatch import json_equal
from steersman.objects.apistatus import ApiError
from steersman.schemas.strategicmerge import apply_strategic
from tests.support.tables import Row, table_rows

pytestmark = pytest.mark.conformance

ITEM: dict[str, Any] = {"$ref": "MergeItem"}
STRING = {"type": "string"}
INTEGERS = {"type": "array", "items": {"type": "integer"}}
ITEMS = {"type": "array", "items": ITEM}
MERGE = {"x-kubernetes-patch-strategy": "merge"}
BY_NAME = {"x-kubernetes-patch-merge-key": "name"}
SCALARS = {"name": STRING, "value": STRING, "other": STRING}
STRINGS = {"type": "object", "additionalProperties": STRING}
DEFINITIONS: dict[str, dict[str, Any]] = {
    "RetainKeysMergeItem": {
        "type": "object",
        "properties": {
            **SCALARS,
            "simpleMap": STRINGS,
            "mergingIntList": {**INTEGERS, **MERGE},
            "mergingList": {**ITEMS, **MERGE, **BY_NAME},
            "nonMergingList": ITEMS,
        },
    },
    "MergeItem": {
        "type": "object",
        "properties": {
            **SCALARS,
            "mergingList": {**ITEMS, **MERGE, **BY_NAME},
            "nonMergingList": ITEMS,
            "mergingIntList": {**INTEGERS, **MERGE},
            "nonMergingIntList": INTEGERS,
            "mergeItemPtr": {**ITEM, **MERGE, **BY_NAME},
            "simpleMap": STRINGS,
            "replacingItem": {"type": "object", "x-kubernetes-patch-strategy": "replace"},
            "retainKeysMap": {
                "$ref": "RetainKeysMergeItem",
                "x-kubernetes-patch-strategy": "retainKeys",
            },
            "retainKeysMergingList": {
                **ITEMS,
                **BY_NAME,
                "x-kubernetes-patch-strategy": "merge,retainKeys",
            },
        },
    },
}


def applied(current: Any, patch: Any) -> Any:
    before = copy.deepcopy((current, patch))
    try:
        return apply_strategic(current, patch, DEFINITIONS["MergeItem"], DEFINITIONS.__getitem__)
    finally:
        assert (current, patch) == before


ROWS = table_rows("tables/strategic-merge-patch.jsonl", lambda row: row["description"])


@pytest.mark.parametrize("row", ROWS)
def test_two_way(row: Row) -> None:
    if row.get("expectedError"):
        with pytest.raises(ApiError, match=re.escape(row["expectedError"])):
            applied(row["original"], row["twoWay"])
        return
    expected = row.get("twoWayResult", row["modified"])
    assert json_equal(applied(row["original"], row["twoWay"]), expected)


@pytest.mark.parametrize("row", [param for param in ROWS if "threeWay" in param.values[0]])
def test_three_way(row: Row) -> None:
    assert json_equal(applied(row["current"], row["threeWay"]), row["result"])
