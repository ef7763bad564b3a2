"""JSON patches: what the messages say and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.kit.jsonpatch import JsonPatchFailed, apply_json_patch
from steersman.kit.jsonpointer import BadPointer, format_pointer, parse_pointer, resolve


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        pytest.param(
            {}, {"op": "replace", "path": "/a", "value": 1}, {"a": 1}, id="replace adds a key"
        ),
        pytest.param(
            {"a": [1, 2]},
            {"op": "add", "path": "/a/-1", "value": 3},
            {"a": [1, 2, 3]},
            id="a negative index counts from behind the end",
        ),
        pytest.param(
            {"a/b": {"~": 1}},
            {"op": "remove", "path": "/a~1b/~0"},
            {"a/b": {}},
            id="tokens are unescaped",
        ),
        pytest.param(
            {"a": {"x": [1]}, "b": 0},
            {"op": "copy", "from": "/a", "path": "/b"},
            {"a": {"x": [1]}, "b": {"x": [1]}},
            id="copy replaces",
        ),
    ],
)
def test_an_operation(document: Any, operation: Any, expected: Any) -> None:
    assert apply_json_patch(document, [operation]) == expected


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        pytest.param(
            {"op": "remove", "path": "/x"},
            "error in remove for path: '/x': Unable to remove nonexistent key: x: missing value",
            id="a missing key",
        ),
        pytest.param(
            {"op": "add", "path": "/m/n/o", "value": 1},
            'add operation does not apply: doc is missing path: "/m/n/o": missing value',
            id="a missing parent",
        ),
        pytest.param(
            {"op": "test", "path": "/a", "value": [1.0]},
            "testing value /a failed: test failed",
            id="a test that tells integers from floats",
        ),
        pytest.param({"op": "jump", "path": ""}, "Unexpected kind: jump", id="an unknown kind"),
    ],
)
def test_a_refusal_says_why(operation: Any, message: str) -> None:
    with pytest.raises(JsonPatchFailed) as refused:
        apply_json_patch({"a": [1]}, [operation])
    assert refused.value.message == message


def test_a_copied_value_lives_its_own_life() -> None:
    original: Any = {"a": {"x": 1}}
    patch: Any = [
        {"op": "add", "path": "/a/y", "value": 2},
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "replace", "path": "/b/x", "value": 9},
    ]
    assert apply_json_patch(original, patch) == {"a": {"x": 1, "y": 2}, "b": {"x": 9, "y": 2}}
    assert original == {"a": {"x": 1}}


def test_pointers_round_trip_and_resolve() -> None:
    pointer = "/metadata/annotations/example.com~1a~0b"
    assert format_pointer(parse_pointer(pointer)) == pointer
    document = {"metadata": {"annotations": {"example.com/a~b": [1, 2]}}}
    assert resolve(document, pointer + "/1") == 2
    with pytest.raises(BadPointer):
        resolve(document, "/metadata/x")
