"""Versions and ranges against the library whose dialect they speak."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steersman.kit.semver import (
    InvalidConstraint,
    InvalidVersion,
    by_precedence,
    parse_range,
    parse_version,
)
from tests.support.tools import conformance_data


def _fails(kind: type[ValueError], action: Any) -> bool:
    try:
        action()
    except kind:
        return True
    return False


def _answer(row: dict[str, Any]) -> object:
    match row["op"]:
        case "check":
            bounds = parse_range(row["constraint"], include_prereleases=row["include_prerelease"])
            return bounds.is_satisfied_by(parse_version(row["version"]))
        case "reason":
            bounds = parse_range(row["constraint"], include_prereleases=row["include_prerelease"])
            return bounds.objections(parse_version(row["version"]))[0]
        case "constraint-string":
            return str(parse_range(row["constraint"]))
        case "parse-constraint":
            return _fails(InvalidConstraint, lambda: parse_range(row["constraint"]))
        case "parse":
            return _fails(InvalidVersion, lambda: parse_version(row["version"], coerce=False))
        case "parse-strict":
            return _fails(InvalidVersion, lambda: parse_version(row["version"], strict=True))
        case "coerce":
            return str(parse_version(row["version"]))
        case "compare":
            return parse_version(row["a"]).compare(parse_version(row["b"]))
        case "inc":
            version = parse_version(row["version"])
            return str(getattr(version, f"next_{row['how']}")())
    raise AssertionError(row["op"])


@pytest.mark.conformance
def test_every_row_of_the_table_of_masterminds_semver_holds() -> None:
    wrong = []
    for line in conformance_data("tables", "semver.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row.get("constraint") == "":
            continue  # rows about a single comparison; a whole range may not be empty
        expected = row.get("expected", row.get("error"))
        if _answer(row) != expected:
            wrong.append((row, _answer(row)))
    assert wrong == []


def test_leading_zeros_are_accepted_as_flux_accepts_them() -> None:
    assert str(parse_version("v2026.01.03")) == "2026.1.3"


def test_versions_sort_by_precedence() -> None:
    texts = ["1.0.0", "1.0.0-rc.10", "1.0.0-rc.9", "1.0.0-rc", "0.9.0", "1.0.0-alpha.beta"]
    ordered = sorted((parse_version(text) for text in texts), key=by_precedence)
    assert [str(version) for version in ordered] == [
        "0.9.0",
        "1.0.0-alpha.beta",
        "1.0.0-rc",
        "1.0.0-rc.9",
        "1.0.0-rc.10",
        "1.0.0",
    ]


@pytest.mark.parametrize("text", ["", "  ", ">=1 ||", "1.2.3.4", "a"])
def test_what_is_not_a_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidConstraint):
        parse_range(text)


@pytest.mark.parametrize("text", ["1" * 5000 + "!", " " * 900 + "!", "1 " * 500 + "!"])
def test_a_long_hostile_range_is_refused_quickly(text: str) -> None:
    with pytest.raises(InvalidConstraint):
        parse_range(text)
