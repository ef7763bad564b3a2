"""From a revision to Ready: what a Kustomization says while and after it is applied."""

from __future__ import annotations

from tests.support.cluster import config_map, namespace
from tests.support.kustomizations import CONFIG_MAP, World

R1, R2 = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40


async def test_a_revision_is_applied_and_told(world: World) -> None:
    await world.push(
        {"app/a.yaml": config_map("a", "new", x="1"), "app/n.yaml": namespace("new")}, revision=R1
    )
    await world.kustomization(path="./app")
    await world.settled()
    assert await world.data("a", "new") == {"x": "1"}
    status = await world.status()
    assert await world.conditions() == {
        "Ready": ("True", "ReconciliationSucceeded", f"Applied revision: {R1}")
    }
    assert status["lastAppliedRevision"] == status["lastAttemptedRevision"] == R1
    assert status["observedGeneration"] == 1
    assert await world.inventory() == ["_new__Namespace", "new_a__ConfigMap"]
    assert [(h["lastReconciledStatus"], h["metadata"]) for h in status["history"]] == [
        ("ReconciliationSucceeded", {"revision": R1})
    ]
    lines = world.told.lines()
    assert lines[0] == ("info Progressing: Namespace/new created\nConfigMap/new/a created")
    assert lines[1].startswith("info ReconciliationSucceeded: Reconciliation finished in ")
    assert lines[1].endswith(", next run in 10m0s")
    assert world.told.events[1].metadata == {
        "kustomize.toolkit.fluxcd.io/revision": R1,
        "kustomize.toolkit.fluxcd.io/commit_status": "update",
    }


async def test_a_new_revision_is_applied_at_once(world: World) -> None:
    await world.push({"a.yaml": config_map("a", x="1")}, revision=R1)
    await world.kustomization()
    await world.settled()
    await world.push({"a.yaml": config_map("a", x="2")}, revision=R2)
    await world.settled()
    assert await world.data("a") == {"x": "2"}
    assert (await world.ready())[2] == f"Applied revision: {R2}"


async def test_owner_labels_mark_what_was_applied(world: World) -> None:
    await world.push({"a.yaml": config_map("a")}, revision=R1)
    await world.kustomization(commonMetadata={"labels": {"team": "x"}})
    await world.settled()
    live = await world.get(CONFIG_MAP, "a")
    assert live["metadata"]["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        "team": "x",
    }
