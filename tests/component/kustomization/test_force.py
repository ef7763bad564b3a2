"""Objects whose change the API refuses are recreated only on request."""

from __future__ import annotations

from typing import Any

from tests.support.cluster import config_map
from tests.support.kustomizations import CONFIG_MAP, World

R1, R2, R3 = (f"main@sha1:{digit * 40}" for digit in "123")
FORCE = "kustomize.toolkit.fluxcd.io/force"


def fixed(x: str, **metadata: Any) -> dict[str, Any]:
    manifest = {**config_map("a", x=x), "immutable": True}
    return {**manifest, "metadata": {**manifest["metadata"], **metadata}}


async def uid(world: World) -> str:
    return str((await world.get(CONFIG_MAP, "a"))["metadata"]["uid"])


async def test_without_force_the_change_is_refused_with_advice(world: World) -> None:
    await world.push({"a.yaml": fixed("1")}, revision=R1)
    await world.kustomization()
    await world.settled()
    await world.push({"a.yaml": fixed("2")}, revision=R2)
    await world.settled()
    status, reason, message = await world.ready()
    lines = message.splitlines()
    assert (status, reason) == ("False", "ReconciliationFailed")
    assert lines[0].startswith("ConfigMap/default/a dry-run failed (Invalid): ConfigMap ")
    assert lines[1:] == [
        "from a.yaml:1",
        (
            "correct the named field; if it cannot be changed in place, set spec.force or label"
            " the object kustomize.toolkit.fluxcd.io/force: enabled"
        ),
    ]
    assert await world.data("a") == {"x": "1"}


async def test_with_force_the_object_is_recreated(world: World) -> None:
    await world.push({"a.yaml": fixed("1")}, revision=R1)
    await world.kustomization(force=True)
    await world.settled()
    before = await uid(world)
    await world.push({"a.yaml": fixed("2")}, revision=R2)
    await world.settled()
    assert await world.data("a") == {"x": "2"}
    assert await uid(world) != before
    assert "info Progressing: ConfigMap/default/a created" in world.told.lines()


async def test_one_object_can_ask_for_it(world: World) -> None:
    await world.push({"a.yaml": fixed("1")}, revision=R1)
    await world.kustomization()
    await world.settled()
    forced = fixed("2", annotations={FORCE: "Enabled"})
    await world.push({"a.yaml": forced}, revision=R2)
    await world.settled()
    assert await world.data("a") == {"x": "2"}


async def test_nothing_is_recreated_while_another_object_is_refused(world: World) -> None:
    await world.push({"a.yaml": fixed("1")}, revision=R1)
    await world.kustomization(force=True)
    await world.settled()
    before = await uid(world)
    bad = config_map("b", "nowhere")
    await world.push({"a.yaml": fixed("2"), "b.yaml": bad}, revision=R2)
    await world.settled()
    assert await uid(world) == before
    assert (await world.ready())[1] == "ReconciliationFailed"
