"""Our apply decisions against the tables of Flux's own library."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.apply.force import is_immutable_error
from steersman.apply.normalise import Normaliser
from steersman.health.jobs import has_time_to_live
from steersman.objects.apistatus import ApiError
from steersman.objects.ignore_rules import ObjectSelector, compile_selector
from steersman.schemas.catalogue import load_catalogue
from tests.support.upstreamrows import go_table

pytestmark = pytest.mark.conformance


def test_immutable_errors() -> None:
    rows = go_table("fluxcd-pkg", "ssa__errors__immutable_test.go", "TestIsImmutableError")
    actual = {
        row["name"]: is_immutable_error(ApiError(403, "", row["err"]["$error"])) for row in rows
    }
    assert actual == {row["name"]: row["match"] for row in rows}


def selector_of(row: dict[str, Any]) -> ObjectSelector:
    fields = {
        "Group": "group",
        "Version": "version",
        "Kind": "kind",
        "Name": "name",
        "Namespace": "namespace",
        "LabelSelector": "label_selector",
        "AnnotationSelector": "annotation_selector",
    }
    given = row["selector"] or {}
    return ObjectSelector(**{ours: given.get(theirs, "") for theirs, ours in fields.items()})


def test_selectors() -> None:
    file, test = "ssa__jsondiff__selector_test.go", "TestSelectorRegex_MatchUnstructured"
    rows = go_table("fluxcd-pkg", file, test)
    actual = {
        row["name"]: compile_selector(selector_of(row)).matches(row["u"].get("Object", {}))
        for row in rows
    }
    assert actual == {row["name"]: row.get("want", False) for row in rows}


def without_zero_values(value: Any) -> Any:
    """Typed clients also send fields at their zero value; the API drops those again."""
    if isinstance(value, dict):
        pruned = {key: without_zero_values(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in (None, {}, [], "", 0)}
    if isinstance(value, list):
        return [without_zero_values(item) for item in value]
    return value


def test_normal_forms() -> None:
    normaliser = Normaliser(load_catalogue())
    wrong = []
    rows = go_table("fluxcd-pkg", "ssa__normalize__normalize_test.go", "TestNormalizeUnstructured")
    for row in rows:
        before, want = row["object"]["Object"], row["want"]["Object"]
        if "$" in str(before) or "$" in str(want):
            continue
        actual = without_zero_values(normaliser.normalise(before))
        if actual != without_zero_values(want):
            wrong.append((row["name"], actual, want))
    assert wrong == []
    assert has_time_to_live({"kind": "Job", "apiVersion": "batch/v1", "spec": {}}) is False
