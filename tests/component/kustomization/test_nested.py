"""A Kustomization that applies Kustomizations, as every fleet repository does."""

from __future__ import annotations

from steersman.apis.kustomization import GVK
from steersman.apis.meta import FINALIZER
from tests.support.cluster import config_map
from tests.support.kustomizations import FLUX, World, a_kustomization

R1 = "main@sha1:" + "1" * 40


async def test_a_parent_leaves_the_finalizers_of_its_children_alone(world: World) -> None:
    child = a_kustomization("child", path="./child")
    await world.push(
        {"parent/child.yaml": child, "child/a.yaml": config_map("a", x="1")}, revision=R1
    )
    await world.kustomization("parent", path="./parent")
    await world.settled()
    runs = sum(d.runs for d in world.manager.dispatchers.values())
    # Each object gets its finalizer, then is reconciled; the status of the child is no drift.
    assert runs == 4
    live = await world.cluster.client.get(GVK, "child", FLUX)
    assert live["metadata"]["finalizers"] == [FINALIZER]
    assert await world.data("a") == {"x": "1"}
    await world.wait(1400)
    after = await world.cluster.client.get(GVK, "child", FLUX)
    assert after["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
