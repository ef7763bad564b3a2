"""When nothing changed: nothing is written, nothing is tried. When something drifted: healed."""

from __future__ import annotations

from typing import Any

from steersman.apis.kustomization import GVK
from steersman.clients.kube.request import PatchType
from tests.support.cluster import config_map
from tests.support.kustomizations import CONFIG_MAP, FLUX, World

R1 = "main@sha1:" + "1" * 40


async def patch(world: World, body: dict[str, Any], manager: str = "person") -> None:
    await world.cluster.client.patch(
        CONFIG_MAP, "a", "default", body, type=PatchType.MERGE, field_manager=manager
    )
    await world.settled()


async def applied(world: World, **spec: Any) -> None:
    await world.push({"a.yaml": config_map("a", x="1")}, revision=R1)
    await world.kustomization(**spec)
    await world.settled()


def versions(live: dict[str, Any]) -> str:
    return str(live["metadata"]["resourceVersion"])


async def test_an_interval_costs_no_write_and_no_dry_run(world: World) -> None:
    await applied(world)
    before = await world.cluster.client.get(GVK, "apps", FLUX)
    runs = sum(d.runs for d in world.manager.dispatchers.values())
    sent = world.cluster.client.requests_sent
    events = len(world.told.events)
    for _ in range(6):
        await world.wait(660)
    assert sum(d.runs for d in world.manager.dispatchers.values()) == runs + 6
    # Watches are opened anew every five minutes; nothing else was asked.
    reflectors = len(world.manager.reflectors) + 1
    assert world.cluster.client.requests_sent - sent <= reflectors * (6 * 660 / 200 + 1)
    after = await world.cluster.client.get(GVK, "apps", FLUX)
    assert versions(after) == versions(before)
    assert len(world.told.events) == events


async def test_drift_is_healed_at_once(world: World) -> None:
    await applied(world)
    await patch(world, {"data": {"x": "2"}})
    assert await world.data("a") == {"x": "1"}
    assert "info Progressing: ConfigMap/default/a configured" in world.told.lines()


async def test_a_deleted_object_comes_back_at_once(world: World) -> None:
    await applied(world)
    await world.cluster.client.delete(CONFIG_MAP, "a", "default")
    await world.settled()
    assert await world.data("a") == {"x": "1"}


async def test_what_others_add_stays(world: World) -> None:
    await applied(world)
    await patch(world, {"data": {"y": "1"}})
    await world.wait(660)
    assert await world.data("a") == {"x": "1", "y": "1"}


async def test_what_kubectl_adds_goes(world: World) -> None:
    await applied(world)
    await patch(world, {"data": {"y": "1"}}, manager="kubectl-edit")
    assert await world.data("a") == {"x": "1"}


async def test_what_another_controller_sets_in_an_ignored_field_stays(world: World) -> None:
    await applied(world, ignore=[{"paths": ["/data/x"], "target": {"kind": "ConfigMap"}}])
    await patch(world, {"data": {"x": "2"}})
    await world.wait(660)
    assert await world.data("a") == {"x": "2"}


async def test_a_request_is_answered_with_a_full_run(world: World) -> None:
    await applied(world)
    await world.cluster.client.patch(
        GVK,
        "apps",
        FLUX,
        {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}},
        type=PatchType.MERGE,
        field_manager="person",
    )
    await world.settled()
    status = await world.status()
    assert status["lastHandledReconcileAt"] == "now"
    assert [h["totalReconciliations"] for h in status["history"]] == [2]


async def test_a_suspended_kustomization_is_left_alone(world: World) -> None:
    await applied(world)
    await world.kustomization(suspend=True)
    await world.settled()
    events = len(world.told.events)
    await world.push({"a.yaml": config_map("a", x="2")}, revision=R1.replace("1", "2"))
    await world.wait(660)
    assert await world.data("a") == {"x": "1"}
    assert len(world.told.events) == events
    await world.kustomization(suspend=False)
    await world.settled()
    assert await world.data("a") == {"x": "2"}
