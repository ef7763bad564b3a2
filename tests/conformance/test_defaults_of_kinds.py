"""New objects of the built-in kinds look as the real server stores them (recording p6)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any

import pytest

from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import load_catalogue
from steersman.servers.apiserver.strategies.registry import for_resource
from steersman.servers.apiserver.strategy import WriteContext
from tests.support.tables import conformance_root

pytestmark = pytest.mark.conformance

UID = "00000000-0000-4000-8000-000000000000"
NOW = "2026-11-24T03:22:56Z"
VENDOR_CLAIM = "openshift-service-ca.crt"


class NothingThere:
    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        return None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        return ()


def recordings() -> list[Any]:
    file = conformance_root() / "kube-api" / "p6-defaults.jsonl.gz"
    if not file.exists():
        return [pytest.param({}, marks=pytest.mark.skip("no recording p6"), id="p6")]
    rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    return [
        pytest.param(row, id=f"{row['stored']['kind']} {row['stored']['metadata']['name']}")
        for row in rows
        if isinstance(row.get("stored"), dict) and row["stored"].get("kind") != "Status"
    ]


def masked(value: Any) -> Any:
    """Replaces what differs from run to run, and what the recorded vendor adds."""
    text = json.dumps(value)
    match = value.get("metadata", {}).get("uid")
    if match:
        text = text.replace(match, UID)
    obj = json.loads(text)
    metadata = obj["metadata"]
    for name in ("resourceVersion", "creationTimestamp", "managedFields"):
        metadata.pop(name, None)
    spec = obj.get("spec")
    if obj["kind"] == "Pod":
        mask_token(spec)
    if obj["kind"] == "Service" and spec.get("clusterIP", "None") != "None":
        spec["clusterIP"] = "ADDRESS"
        spec["clusterIPs"] = ["ADDRESS"]
        for port in spec.get("ports", ()):
            if "nodePort" in port:
                port["nodePort"] = 0
    return obj


def mask_token(spec: dict[str, Any]) -> None:
    for volume in spec.get("volumes", ()):
        if volume["name"].startswith("kube-api-access-"):
            volume["name"] = "kube-api-access"
            sources = volume["projected"]["sources"]
            volume["projected"]["sources"] = [
                one for one in sources if one.get("configMap", {}).get("name") != VENDOR_CLAIM
            ]
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        for mount in container.get("volumeMounts", ()):
            if mount["name"].startswith("kube-api-access-"):
                mount["name"] = "kube-api-access"


@pytest.mark.parametrize("row", recordings())
def test_a_new_object_is_stored_as_recorded(row: dict[str, Any]) -> None:
    stored = row["stored"]
    catalogue = load_catalogue()
    group, _, version = stored["apiVersion"].rpartition("/")
    info = catalogue.resource_of(GroupVersionKind(group, version, stored["kind"]))
    assert info is not None
    strategy = for_resource(info, catalogue)
    sent = row["sent"]
    metadata = {**sent["metadata"], "uid": UID}
    if info.namespaced:
        metadata["namespace"] = stored["metadata"]["namespace"]
    ctx = WriteContext(now=stored["metadata"]["creationTimestamp"], cluster=NothingThere())
    obj = strategy.prepare_create(strategy.decode({**sent, "metadata": metadata}).obj, ctx)
    assert masked(json.loads(json.dumps(obj))) == masked(stored)
    assert strategy.validate_create(obj, ctx) == []
