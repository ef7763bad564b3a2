"""Applying sets of objects to an embedded cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from steersman.apply.plan import ApplyOptions
from steersman.clients.kube.request import PatchType
from steersman.controllers.kustomization_apply import Applied, StagedApply
from steersman.controllers.kustomization_health import HealthReader
from steersman.health.expressions import compile_rules
from steersman.objects.identity import GroupVersionKind
from tests.support.cluster import Cluster, a_cluster, config_map, namespace

CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WL"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
WIDGET = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "w", "namespace": "default"},
    "spec": {"size": 1},
}


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with a_cluster() as running:
        yield running


async def apply(cluster: Cluster, *manifests: dict[str, Any], **options: Any) -> Applied:
    reader = HealthReader(cluster.client, clock=cluster.clock, rules=compile_rules([]))
    staged = StagedApply(
        cluster.client,
        clock=cluster.clock,
        options=ApplyOptions(**options),
        reader=reader,
        place_of=lambda _: "apps/x.yaml:3",
    )
    return await staged.run(manifests)


def summary(applied: Applied) -> list[str]:
    assert applied.failure is None, applied.failure
    return applied.changes.summary().splitlines()


async def version_of(cluster: Cluster, name: str) -> str:
    live = await cluster.client.get(CONFIG_MAP, name, "default")
    return str(live["metadata"]["resourceVersion"])


async def test_a_namespace_comes_before_what_lives_in_it(cluster: Cluster) -> None:
    applied = await apply(cluster, config_map("a", "new"), namespace("new"))
    assert summary(applied) == ["Namespace/new created", "ConfigMap/new/a created"]


async def test_a_definition_comes_before_its_objects(cluster: Cluster) -> None:
    applied = await apply(cluster, WIDGET, WIDGETS)
    assert summary(applied) == [
        "CustomResourceDefinition/widgets.example.com created",
        "Widget/default/w created",
    ]


async def test_nothing_is_written_when_nothing_differs(cluster: Cluster) -> None:
    await apply(cluster, config_map("a", x="1"))
    before = await version_of(cluster, "a")
    applied = await apply(cluster, config_map("a", x="1"))
    assert summary(applied) == ["ConfigMap/default/a unchanged"]
    assert await version_of(cluster, "a") == before


async def test_drift_is_corrected(cluster: Cluster) -> None:
    await apply(cluster, config_map("a", x="1"))
    await cluster.client.patch(
        CONFIG_MAP,
        "a",
        "default",
        {"data": {"x": "2"}},
        type=PatchType.MERGE,
        field_manager="somebody",
    )
    assert summary(await apply(cluster, config_map("a", x="1"))) == [
        "ConfigMap/default/a configured"
    ]


async def test_one_refused_object_keeps_its_stage_from_being_written(cluster: Cluster) -> None:
    unknown = {**WIDGET, "kind": "Gadget"}
    applied = await apply(cluster, namespace("new"), config_map("a", "new"), unknown)
    assert applied.changes.summary() == "Namespace/new created"
    assert applied.failure is not None
    assert applied.failure.message == (
        'Gadget/default/w dry-run failed: no matches for kind "Gadget" in version'
        ' "example.com/v1"\nfrom apps/x.yaml:3'
    )
    assert await cluster.client.find(CONFIG_MAP, "a", "new") is None


async def test_every_refused_object_is_told(cluster: Cluster) -> None:
    applied = await apply(cluster, config_map("a", "nowhere"), config_map("b", ""))
    assert applied.failure is not None
    assert applied.failure.message == (
        "ConfigMap/b namespace not specified: the server could not find the requested resource\n"
        "from apps/x.yaml:3\n"
        'ConfigMap/nowhere/a not found: namespaces "nowhere" not found\nfrom apps/x.yaml:3'
    )


async def test_fields_of_kubectl_are_taken_over(cluster: Cluster) -> None:
    by_hand = config_map("a", x="1", y="1")
    await cluster.client.apply(by_hand, field_manager="kubectl")
    applied = await apply(cluster, config_map("a", x="1"))
    assert summary(applied) == ["ConfigMap/default/a configured"]
    live = await cluster.client.get(CONFIG_MAP, "a", "default")
    assert live["data"] == {"x": "1"}
    managers = [entry["manager"] for entry in live["metadata"]["managedFields"]]
    assert managers == ["kustomize-controller"]


async def test_fields_of_kubectl_are_kept_when_the_object_merges(cluster: Cluster) -> None:
    await cluster.client.apply(config_map("a", x="1", y="1"), field_manager="kubectl")
    merging = config_map("a", x="2")
    merging["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}
    await apply(cluster, merging)
    live = await cluster.client.get(CONFIG_MAP, "a", "default")
    assert live["data"] == {"x": "2", "y": "1"}
