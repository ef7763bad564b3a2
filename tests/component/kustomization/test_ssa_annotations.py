"""Labels and annotations by which an object says how it is to be applied."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.clients.kube.request import PatchType
from tests.support.cluster import config_map
from tests.support.kustomizations import CONFIG_MAP, World

R1, R2 = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40
SSA = "kustomize.toolkit.fluxcd.io/ssa"
RECONCILE = "kustomize.toolkit.fluxcd.io/reconcile"


def marked(x: str, field: str, key: str, value: str) -> dict[str, Any]:
    manifest = config_map("a", x=x)
    manifest["metadata"][field] = {key: value}
    return manifest


@pytest.mark.parametrize("field", ["labels", "annotations"])
@pytest.mark.parametrize(("key", "value"), [(SSA, "Ignore"), (RECONCILE, "disabled")])
async def test_an_ignored_object_is_neither_applied_nor_pruned(
    world: World, field: str, key: str, value: str
) -> None:
    await world.push({"a.yaml": config_map("a", x="1")}, revision=R1)
    await world.kustomization()
    await world.settled()
    await world.cluster.client.patch(
        CONFIG_MAP,
        "a",
        "default",
        {"metadata": {field: {key: value}}, "data": {"x": "2"}},
        type=PatchType.MERGE,
        field_manager="person",
    )
    await world.wait(660)
    assert await world.data("a") == {"x": "2"}
    assert await world.inventory() == ["default_a__ConfigMap"]
    await world.push({}, revision=R2)
    await world.settled()
    assert await world.data("a") == {"x": "2"}


async def test_if_not_present_creates_and_never_updates(world: World) -> None:
    once = marked("1", "annotations", SSA, "IfNotPresent")
    await world.push({"a.yaml": once}, revision=R1)
    await world.kustomization()
    await world.settled()
    assert await world.data("a") == {"x": "1"}
    await world.push({"a.yaml": marked("2", "annotations", SSA, "IfNotPresent")}, revision=R2)
    await world.settled()
    assert await world.data("a") == {"x": "1"}
    assert await world.inventory() == ["default_a__ConfigMap"]
    assert (await world.ready())[2] == f"Applied revision: {R2}"


async def test_merge_keeps_what_kubectl_set(world: World) -> None:
    await world.cluster.client.apply(config_map("a", y="1"), field_manager="kubectl")
    await world.push({"a.yaml": marked("1", "labels", SSA, "merge")}, revision=R1)
    await world.kustomization()
    await world.settled()
    assert await world.data("a") == {"x": "1", "y": "1"}


async def test_otherwise_what_kubectl_set_is_taken_over(world: World) -> None:
    by_hand = config_map("a", y="1")
    by_hand["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    await world.cluster.client.create(by_hand, field_manager="kubectl-client-side-apply")
    await world.push({"a.yaml": config_map("a", x="1")}, revision=R1)
    await world.kustomization()
    await world.settled()
    live = await world.get(CONFIG_MAP, "a")
    assert live["data"] == {"x": "1"}
    assert "annotations" not in live["metadata"]
    managers = [(m["manager"], m["operation"]) for m in live["metadata"]["managedFields"]]
    assert managers == [("kustomize-controller", "Apply")]
