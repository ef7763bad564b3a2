"""A push costs what it changes: nothing is built, tried or written twice."""

from __future__ import annotations

from typing import Any

from steersman.objects.identity import GroupVersionKind
from tests.support.cluster import config_map
from tests.support.kustomizations import CONFIG_MAP, World

R1, R2, R3 = (f"main@sha1:{digit * 40}" for digit in "123")
NAMESPACE = GroupVersionKind("", "v1", "Namespace")
PUSH_REQUESTS = 2
STATUS, EVENT, DRY_RUN, WRITE = 1, 1, 1, 1


async def sent_by(world: World, files: dict[str, Any], revision: str) -> int:
    """Returns how many requests a push caused besides its own."""
    before = world.cluster.client.requests_sent
    await world.push(files, revision=revision)
    await world.settled()
    return world.cluster.client.requests_sent - before - PUSH_REQUESTS


async def test_a_push_to_other_directories_costs_one_status_and_one_event(world: World) -> None:
    files = {f"app/{name}.yaml": config_map(name) for name in "abcdef"}
    await world.push(files, revision=R1)
    await world.kustomization(path="app")
    await world.settled()
    assert await sent_by(world, {**files, "other/x.yaml": "x"}, R2) == STATUS + EVENT
    assert (await world.ready())[2] == f"Applied revision: {R2}"


async def test_a_push_costs_a_dry_run_and_a_write_for_each_changed_object(
    world: World,
) -> None:
    files = {f"{name}.yaml": config_map(name, x="1") for name in "abcdef"}
    await world.push(files, revision=R1)
    await world.kustomization()
    await world.settled()
    changed = {**files, "a.yaml": config_map("a", x="2")}
    # Announced and concluded; the change and the end are told.
    expected = 2 * STATUS + DRY_RUN + WRITE + 2 * EVENT
    assert await sent_by(world, changed, R2) == expected
    assert await world.data("a") == {"x": "2"}


async def test_an_object_that_drifted_is_tried_again_with_any_push(world: World) -> None:
    files = {f"{name}.yaml": config_map(name, x="1") for name in "ab"}
    await world.push(files, revision=R1)
    await world.kustomization()
    await world.settled()
    await world.cluster.client.delete(CONFIG_MAP, "b", "default")
    await world.push({**files, "a.yaml": config_map("a", x="2")}, revision=R2)
    await world.settled()
    assert await world.data("a") == {"x": "2"}
    assert await world.data("b") == {"x": "1"}


async def test_what_a_failed_push_wrote_is_not_taken_for_what_was_there_before(
    world: World,
) -> None:
    def space(color: str) -> dict[str, Any]:
        labels = {"color": color}
        return {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "new", "labels": labels},
        }

    await world.push({"n.yaml": space("blue")}, revision=R1)
    await world.kustomization()
    await world.settled()
    bad = {**config_map("b"), "kind": "ConfigMop"}
    await world.push({"n.yaml": space("red"), "b.yaml": bad}, revision=R2)
    await world.settled()
    live = await world.cluster.client.get(NAMESPACE, "new")
    assert live["metadata"]["labels"]["color"] == "red"
    await world.push({"n.yaml": space("blue")}, revision=R3)
    await world.settled()
    live = await world.cluster.client.get(NAMESPACE, "new")
    assert live["metadata"]["labels"]["color"] == "blue"


async def test_a_file_that_appears_in_a_built_directory_is_built(world: World) -> None:
    await world.push({"app/a.yaml": config_map("a")}, revision=R1)
    await world.kustomization(path="app")
    await world.settled()
    await world.push({"app/a.yaml": config_map("a"), "app/b/b.yaml": config_map("b")}, revision=R2)
    await world.settled()
    assert await world.get(CONFIG_MAP, "b") is not None
