"""What leaves the source leaves the cluster, unless it is somebody else's."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.apis.kustomization import GVK
from steersman.clients.kube.request import PatchType
from tests.support.cluster import config_map
from tests.support.kustomizations import CONFIG_MAP, FLUX, World, a_kustomization

R1, R2, R3 = (f"main@sha1:{digit * 40}" for digit in "123")
PRUNE = "kustomize.toolkit.fluxcd.io/prune"


async def two_then_one(world: World, **spec: Any) -> None:
    await world.push({"a.yaml": config_map("a"), "b.yaml": config_map("b")}, revision=R1)
    await world.kustomization(**spec)
    await world.settled()
    assert await world.inventory() == ["default_a__ConfigMap", "default_b__ConfigMap"]


async def test_an_object_that_left_the_source_is_deleted(world: World) -> None:
    await two_then_one(world)
    await world.push({"a.yaml": config_map("a")}, revision=R2)
    await world.settled()
    assert await world.get(CONFIG_MAP, "b") is None
    assert await world.inventory() == ["default_a__ConfigMap"]
    assert "info Progressing: ConfigMap/default/b deleted" in world.told.lines()


async def test_without_prune_it_stays_and_is_forgotten(world: World) -> None:
    await two_then_one(world, prune=False)
    await world.push({"a.yaml": config_map("a")}, revision=R2)
    await world.settled()
    assert await world.get(CONFIG_MAP, "b") is not None
    await world.kustomization(prune=True)
    await world.settled()
    assert await world.get(CONFIG_MAP, "b") is not None


@pytest.mark.parametrize("field", ["labels", "annotations"])
async def test_a_live_object_can_ask_to_stay(world: World, field: str) -> None:
    await two_then_one(world)
    await world.cluster.client.patch(
        CONFIG_MAP,
        "b",
        "default",
        {"metadata": {field: {PRUNE: "Disabled"}}},
        type=PatchType.MERGE,
        field_manager="person",
    )
    await world.push({"a.yaml": config_map("a")}, revision=R2)
    await world.settled()
    assert await world.get(CONFIG_MAP, "b") is not None
    assert await world.inventory() == ["default_a__ConfigMap"]


async def test_an_object_that_moved_to_another_kustomization_stays(world: World) -> None:
    await world.push(
        {
            "one/a.yaml": config_map("a"),
            "one/b.yaml": config_map("b"),
            "two/c.yaml": config_map("c"),
        },
        revision=R1,
    )
    await world.kustomization("one", path="one")
    await world.kustomization("two", path="two")
    await world.settled()
    await world.push(
        {
            "one/a.yaml": config_map("a"),
            "two/b.yaml": config_map("b"),
            "two/c.yaml": config_map("c"),
        },
        revision=R2,
    )
    await world.settled()
    live = await world.get(CONFIG_MAP, "b")
    assert live["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "two"


async def test_an_empty_source_deletes_everything(world: World) -> None:
    await two_then_one(world)
    await world.push({"readme.md": "nothing"}, revision=R2)
    await world.settled()
    assert await world.get(CONFIG_MAP, "a") is None
    assert await world.inventory() == []
    assert (await world.ready())[0] == "True"


DELETION = [
    ("Delete", False, True),
    ("WaitForTermination", False, True),
    ("MirrorPrune", True, True),
    ("Orphan", True, False),
    ("MirrorPrune", False, False),
]


@pytest.mark.parametrize(("policy", "prune", "deleted"), DELETION)
async def test_deletion_policies(world: World, policy: str, prune: bool, deleted: bool) -> None:
    await two_then_one(world, prune=prune, deletionPolicy=policy)
    await world.cluster.client.delete(GVK, "apps", FLUX)
    await world.settled()
    assert await world.get(GVK, "apps", FLUX) is None
    assert (await world.get(CONFIG_MAP, "a") is None) is deleted


async def test_deleting_a_suspended_kustomization_deletes_nothing(world: World) -> None:
    await two_then_one(world)
    await world.kustomization(suspend=True)
    await world.cluster.client.delete(GVK, "apps", FLUX)
    await world.settled()
    assert await world.get(GVK, "apps", FLUX) is None
    assert await world.get(CONFIG_MAP, "a") is not None


async def test_without_its_service_account_it_goes_and_its_objects_stay(world: World) -> None:
    await two_then_one(world)
    await world.kustomization(serviceAccountName="gone")
    await world.settled()
    await world.cluster.client.delete(GVK, "apps", FLUX)
    await world.settled()
    assert await world.get(GVK, "apps", FLUX) is None
    assert await world.get(CONFIG_MAP, "a") is not None
    assert a_kustomization()["metadata"]["name"] == "apps"


async def test_what_cannot_be_deleted_stays_in_the_inventory(world: World) -> None:
    held = {**config_map("b"), "metadata": {**config_map("b")["metadata"]}}
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await world.push({"a.yaml": config_map("a"), "b.yaml": held}, revision=R1)
    await world.kustomization()
    await world.settled()
    await world.push({"a.yaml": config_map("a")}, revision=R2)
    await world.settled()
    # The deletion is under way: confirmed by the API, finished by whoever holds the finalizer.
    live = await world.get(CONFIG_MAP, "b")
    assert live["metadata"]["deletionTimestamp"]
    assert (await world.ready())[0] == "True"
