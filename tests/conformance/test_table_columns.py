"""Tables have the columns of the real server, and fresh objects the recorded cells."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from steersman.schemas.catalogue import ResourceInfo, load_catalogue
from steersman.servers.apiserver.strategies.registry import for_resource
from tests.support.tables import conformance_root

pytestmark = pytest.mark.conformance

KUBE_API = conformance_root() / "kube-api"
CUSTOM = ("b.c", "t.io")


def resource(path: str) -> ResourceInfo | None:
    parts = path.strip("/").split("/")
    group, version, plural = ("", *parts[1:]) if parts[0] == "api" else tuple(parts[1:4])
    catalogue = load_catalogue()
    return next(
        (
            info
            for info in catalogue.resources
            if (info.group, info.version, info.plural) == (group, version, plural)
        ),
        None,
    )


def recorded_columns() -> list[Any]:
    file = KUBE_API / "table-columns.json"
    if not file.exists():
        return [pytest.param("", [], marks=pytest.mark.skip("no table-columns"), id="columns")]
    rows = json.loads(file.read_text())
    return [
        pytest.param(path, columns, id=path.removeprefix("/api").strip("/"))
        for path, columns in rows.items()
        if path.split("/")[2] not in CUSTOM
    ]


@pytest.mark.parametrize(("path", "columns"), recorded_columns())
def test_columns_of_a_built_in_kind(path: str, columns: list[list[Any]]) -> None:
    info = resource(path)
    assert info is not None
    table = for_resource(info, load_catalogue()).table([], "2026-01-01T00:00:00Z")
    assert [[one.name, one.type, one.format, one.priority] for one in table.columns] == columns


CELLS: dict[str, list[Any]] = {
    "Pod": ["x", "0/2", "Pending", "0", "6m13s", "<none>", "<none>", "<none>", "<none>"],
    "Service": ["en", "ExternalName", "<none>", "a.b", "<none>", "6m13s", "<none>"],
    "Deployment": ["x", "0/1", 0, 0, "6m13s", "a", "nginx", "a=b"],
    "ReplicaSet": ["x", 0, 0, 0, "6m13s", "a", "nginx", "a=b"],
    "StatefulSet": ["x", "0/0", "6m13s", "a", "nginx"],
    "DaemonSet": ["x", 0, 0, 0, 0, 0, "<none>", "6m13s", "a", "nginx", "a=b"],
    "CronJob": ["x", "0 0 1 1 *", "<none>", "False", 0, "<none>", "6m13s", "a", "nginx", "<none>"],
    "Ingress": ["x", "<none>", "*", "", "80", "6m13s"],
    "IngressClass": ["x", "a/b", "A/b", "6m13s"],
    "NetworkPolicy": ["x", "<none>", "6m13s"],
    "PodDisruptionBudget": ["x", "N/A", "N/A", 0, "6m13s"],
    "HorizontalPodAutoscaler": [
        "x",
        "Deployment/d",
        "cpu: <unknown>/80%",
        "1",
        2,
        0,
        "6m13s",
    ],
    "PersistentVolumeClaim": ["x", "Pending", "", "", "", "", "<unset>", "6m13s", "Filesystem"],
    "PersistentVolume": [
        *("x", "1Gi", "RWO", "Retain", "Pending", "", "", "<unset>", "", "6m13s", "Filesystem")
    ],
    "StorageClass": ["x", "a", "Delete", "Immediate", "false", "6m13s"],
    "Secret": ["x", "Opaque", 1, "6m13s"],
    "RoleBinding": ["x", "Role/d", "6m13s", "u", "g", "/u"],
    "PriorityClass": ["x", 1, False, "6m13s", "PreemptLowerPriority"],
    "Node": [
        "x",
        *("Unknown", "<none>", "6m13s", "", "<none>", "<none>"),
        *("<unknown>", "<unknown>", "<unknown>"),
    ],
    "ReplicationController": ["x", 0, 0, 0, "6m13s", "a", "nginx", "a=b"],
    "PodTemplate": ["x", "a", "nginx", "a=b"],
    "Endpoints": ["x9", "1.2.3.4:80", "6m13s"],
    "EndpointSlice": ["x9", "IPv4", "80", "1.2.3.4", "6m13s"],
}


def recorded_objects() -> list[Any]:
    file = KUBE_API / "p6-defaults.jsonl.gz"
    if not file.exists():
        return [pytest.param({}, marks=pytest.mark.skip("no recording p6"), id="p6")]
    rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    stored = {row["stored"]["kind"]: row["stored"] for row in rows if "stored" in row}
    first = next(row["stored"] for row in rows if row["stored"]["kind"] == "Deployment")
    external = next(row["stored"] for row in rows if row["stored"]["metadata"]["name"] == "en")
    stored |= {"Deployment": first, "Service": external}
    return [pytest.param(stored[kind], id=kind) for kind in CELLS]


@pytest.mark.parametrize("obj", recorded_objects())
def test_cells_of_a_fresh_object(obj: dict[str, Any]) -> None:
    group, _, version = obj["apiVersion"].rpartition("/")
    info = next(
        info
        for info in load_catalogue().resources
        if (info.group, info.version, info.kind) == (group, version, obj["kind"])
    )
    created = {**obj["metadata"], "creationTimestamp": "2026-01-01T00:00:00Z"}
    table = for_resource(info, load_catalogue()).table(
        [{**obj, "metadata": created}], "2026-01-01T00:06:13Z"
    )
    assert list(table.rows[0].cells) == CELLS[obj["kind"]]
