"""Entries of managed fields: order, what is refused, and what outsiders read."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.fieldmanager.managers import BadManagedFields, Managed
from steersman.fieldmanager.ownership import owned_fields, owners_of
from steersman.fieldmanager.scale import owners_from_scale, owners_to_scale


def entry(manager: str, operation: str = "Update", time: str = "", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"manager": manager, "operation": operation, "apiVersion": "v1"}
    made |= {"time": time} if time else {}
    return made | {"fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}} | more


def test_appliers_come_first_then_the_oldest_then_by_name() -> None:
    ordered = [
        entry("z", "Apply"),
        entry("a", "Apply", "2026-01-01T00:00:01Z"),
        entry("u"),
        entry("c", time="2026-01-01T00:00:01Z"),
        entry("c", time="2026-01-01T00:00:01Z", apiVersion="v2"),
        entry("c", time="2026-01-01T00:00:01Z", apiVersion="v2", subresource="status"),
        entry("b", time="2026-01-01T00:00:02Z"),
    ]
    assert Managed.read(list(reversed(ordered))).entries() == ordered


def test_times_are_written_in_utc_to_the_second() -> None:
    read = Managed.read([entry("a", time="2026-01-01T01:00:00.5+01:00")])
    assert read.entries() == [entry("a", time="2026-01-01T00:00:00Z")]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        pytest.param(
            {"operation": "Merge"}, "operation must be `Apply` or `Update`", id="operation"
        ),
        pytest.param({"apiVersion": ""}, "apiVersion must not be empty", id="version"),
        pytest.param(
            {"fieldsType": ""}, "missing fieldsType in managed fields entry 0", id="no type"
        ),
        pytest.param(
            {"fieldsType": "FieldsV2"},
            'invalid fieldsType "FieldsV2" in managed fields entry 0',
            id="another type",
        ),
        pytest.param({"fieldsV1": {"data": {}}}, "missing colon: data", id="no element"),
    ],
)
def test_malformed_entries(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(BadManagedFields, match=message):
        Managed.read([{**entry("a"), **broken}])


def test_outsiders_read_what_a_manager_owns() -> None:
    manifest = {
        "metadata": {
            "managedFields": [
                entry("a", "Apply", fieldsV1={"f:data": {"f:x": {}}}),
                entry("a", "Update", fieldsV1={"f:data": {"f:y": {}}}),
                entry("a", "Apply", subresource="status"),
            ]
        }
    }
    assert owned_fields(manifest, "a") == {"f:data": {"f:x": {}}}
    assert owned_fields(manifest, "a", "Update") == {"f:data": {"f:y": {}}}
    assert owned_fields(manifest, "b") == {}
    assert owners_of(manifest) == [
        ("a", "Apply", ""),
        ("a", "Update", ""),
        ("a", "Apply", "status"),
    ]


def test_scaling_moves_the_replicas_to_whoever_scaled() -> None:
    paths = {"apps/v1": ("f:spec", "f:replicas")}
    replicas = {"f:spec": {"f:replicas": {}}}
    owner = entry(
        "m", "Apply", apiVersion="apps/v1", fieldsV1={"f:spec": {"f:replicas": {}, "f:x": {}}}
    )
    scaled = entry("hpa", apiVersion="autoscaling/v1", fieldsV1=replicas, subresource="scale")
    assert owners_to_scale([owner], paths) == [
        {**owner, "apiVersion": "autoscaling/v1", "fieldsV1": replicas}
    ]
    assert owners_from_scale([owner], [scaled], "apps/v1", paths) == [
        {**owner, "fieldsV1": {"f:spec": {"f:x": {}}}},
        {**scaled, "apiVersion": "apps/v1"},
    ]
