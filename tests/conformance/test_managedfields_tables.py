"""Managed fields behave as the Go library's tables expect."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from steersman.fieldmanager.conflict import ApplyConflict
from steersman.fieldmanager.elements import UnknownElement, canonical_element
from steersman.fieldmanager.lastapplied import LAST_APPLIED
from steersman.fieldmanager.manager import FieldManager
from steersman.fieldmanager.managers import Managed
from steersman.fieldmanager.scale import owners_from_scale, owners_to_scale
from steersman.fieldmanager.typesource import TypeSource
from steersman.objects.identity import GroupVersionKind
from steersman.schemas.catalogue import load_catalogue
from tests.support.gotables import go_rows, managed_fields_entry, path_of

pytestmark = pytest.mark.conformance

INTERNAL = "managedfields/pkg__util__managedfields__internal__"
SCALE = "managedfields/pkg__util__managedfields__scalehandler_test.go.json"
TYPES = TypeSource.from_catalogue(load_catalogue())
NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


@pytest.mark.parametrize(
    "text", go_rows(INTERNAL + "pathelement_test.go.json", "TestPathElementRoundTrip", "tests")
)
def test_path_elements_round_trip(text: str) -> None:
    assert canonical_element(text) == text


@pytest.mark.parametrize(
    "text", go_rows(INTERNAL + "pathelement_test.go.json", "TestNewPathElementError", "tests")
)
def test_what_is_no_path_element(text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 (whatever cannot be read)
        canonical_element(text)
    assert not isinstance(refused.value, UnknownElement)


@pytest.mark.parametrize(
    "text", go_rows(INTERNAL + "managedfields_test.go.json", "TestRoundTripManagedFields", "tests")
)
def test_entries_round_trip(text: str) -> None:
    entries = json.loads(json.dumps(yaml.safe_load(text), default=str))
    for entry in entries or ():
        if "time" in entry:
            entry["time"] = entry["time"].replace(" ", "T").replace("+00:00", "Z")
    assert Managed.read(entries).entries() == (entries or [])


def applied_config(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    original, config = yaml.safe_load(row["original"]), yaml.safe_load(row["applied"])
    last = row.get("lastApplied", row["original"])
    text = json.dumps(yaml.safe_load(last) if isinstance(last, str) else None) if last else ""
    annotations = {**original["metadata"].get("annotations", {}), LAST_APPLIED: text}
    original["metadata"]["annotations"] = annotations
    return original, config


LAST_APPLIED_ROWS = [
    param
    for test in (
        "TestApplyUsingLastAppliedAnnotation",
        "TestServiceApply",
        "TestReplicationControllerApply",
        "TestPodApply",
    )
    for param in go_rows(INTERNAL + "lastappliedmanager_test.go.json", test, "tests")
]


@pytest.mark.parametrize("row", LAST_APPLIED_ROWS)
def test_moving_from_client_side_apply(row: dict[str, Any]) -> None:
    original, config = applied_config(row)
    manager = FieldManager(TYPES, GroupVersionKind.of(original))
    live = manager.update(None, original, manager="test_client_side_apply", now=NOW)
    live["metadata"]["uid"] = "1"

    def apply(force: bool) -> Any:
        name = row["fieldManager"]
        return manager.apply(live, config, manager=name, force=force, now=LATER)

    if "expectConflictSet" not in row:
        apply(force=False)
        return
    with pytest.raises(ApplyConflict) as refused:
        apply(force=False)
    expected = {path_of(node) for node in row["expectConflictSet"]["args"]}
    assert {conflict.path for conflict in refused.value.conflicts} == expected
    apply(force=True)


def entries_of(nodes: Any) -> list[dict[str, Any]]:
    return [managed_fields_entry(node) for node in nodes or ()]


PATHS = {"apps/v1": ("f:spec", "f:replicas")}


@pytest.mark.parametrize("row", go_rows(SCALE, "TestTransformManagedFieldsToSubresource", "tests"))
def test_owners_to_scale(row: dict[str, Any]) -> None:
    assert owners_to_scale(entries_of(row["input"]), PATHS) == entries_of(row["expected"])


@pytest.mark.parametrize("row", go_rows(SCALE, "TestTransformingManagedFieldsToParent", "tests"))
def test_owners_from_scale(row: dict[str, Any]) -> None:
    after = owners_from_scale(
        entries_of(row["parent"]), entries_of(row["subresource"]), "apps/v1", PATHS
    )
    assert after == entries_of(row["expected"])


@pytest.mark.parametrize(
    "row", go_rows(SCALE, "TestTransformingManagedFieldsToParentMultiVersion", "tests")
)
def test_owners_from_scale_of_several_versions(row: dict[str, Any]) -> None:
    version = row["groupVersion"]
    after = owners_from_scale(
        entries_of(row["parent"]),
        entries_of(row["subresource"]),
        f"{version['Group']}/{version['Version']}",
        {name: path_of(node) if node else None for name, node in row["mappings"].items()},
    )
    assert after == entries_of(row["expected"])
