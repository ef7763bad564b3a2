"""Quantities read and print as the Go library's tables expect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steersman.objects.quantity import (
    BadQuantity,
    Quantity,
    QuantityFormat,
    canonical_quantity,
    parse_quantity,
)
from tests.support.tables import conformance_root

pytestmark = pytest.mark.conformance
FILE = "upstream-tables/quantity/pkg__api__resource__quantity_test.go.json"
NAMED_SCALES = {"Nano": -9, "Micro": -6, "Milli": -3, "Kilo": 3, "Mega": 6, "Giga": 9}


def rows(test: str, variable: str) -> list[Any]:
    path = conformance_root() / FILE
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{FILE} is not here"))]
    tables = json.loads(path.read_text())["tables"]
    found = [t["rows"] for t in tables if (t["test"], t["var"]) == (test, variable)]
    return [pytest.param(row, id=json.dumps(row)[:70]) for row in found[0]]


def number(node: Any) -> int:
    """Evaluates the integers that the tables build with Go calls."""
    if isinstance(node, (int, float)):
        return int(node)
    name, arguments = node["$call"], node["args"]
    if name in ("big.NewInt", "inf.Scale", "int64", "infScale"):
        return number(arguments[0])
    pytest.skip(f"the row needs Go: {name}")


def quantity(node: Any) -> Quantity:
    form = QuantityFormat(node["Format"])
    if "d" in node and node["d"].get("Dec") is not None:
        call = node["d"]["Dec"]
        unscaled, scale = number(call["args"][0]), -number(call["args"][1])
    else:
        amount = node.get("i", {"value": 0, "scale": 0})
        unscaled, scale = amount["value"], amount["scale"]
    finer = max(0, -9 - scale)
    return Quantity(-(-unscaled * 10 ** (9 + scale + finer) // 10**finer), form)


@pytest.mark.parametrize("row", rows("TestQuantityParse", "table"))
def test_parse(row: Any) -> None:
    expected = quantity(row["expect"])
    for sign in ("", "+", "-"):
        parsed = parse_quantity(sign + row["input"])
        factor = -1 if sign == "-" else 1
        assert (parsed.nanos, parsed.format) == (factor * expected.nanos, expected.format)


@pytest.mark.parametrize("text", rows("TestQuantityParse", "invalid"))
def test_invalid(text: str) -> None:
    with pytest.raises(BadQuantity):
        parse_quantity(text)


@pytest.mark.parametrize("row", rows("TestQuantityString", "table"))
def test_string(row: Any) -> None:
    assert str(quantity(row["in"])) == row["expect"]
    if row.get("alternate"):
        assert parse_quantity(row["alternate"]).canonical() == row["expect"]


@pytest.mark.parametrize("row", rows("TestQuantityParseEmit", "table"))
def test_parse_and_emit(row: Any) -> None:
    assert canonical_quantity(row["in"]) == row["expect"]


@pytest.mark.parametrize("row", rows("TestQuantityCmp", "table"))
def test_compare(row: Any) -> None:
    left, right = parse_quantity(row["x"]).nanos, parse_quantity(row["y"]).nanos
    assert (left > right) - (left < right) == row["expect"]


@pytest.mark.parametrize("row", rows("TestJSONWhitespace", "testCases"))
def test_whitespace(row: Any) -> None:
    assert canonical_quantity(json.loads(row["in"])) == row["expect"]


@pytest.mark.parametrize(
    ("test", "sign"),
    [pytest.param("TestAdd", 1, id="sums"), pytest.param("TestSub", -1, id="differences")],
)
def test_arithmetic(test: str, sign: int) -> None:
    for param in rows(test, "tests"):
        row = param.values[0]
        if row is None:
            pytest.skip(f"{FILE} is not here")
        left, right, expected = map(quantity_or_zero, (row["a"], row["b"], row["expected"]))
        result = left.plus(right) if sign == 1 else left.minus(right)
        assert (result.nanos, str(result)) == (expected.nanos, str(expected))


def quantity_or_zero(node: Any) -> Quantity:
    return quantity(node) if "Format" in node else Quantity(0)
