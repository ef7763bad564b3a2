"""``status.history``: what was tried, newest first."""

from __future__ import annotations

from tests.support.cluster import config_map
from tests.support.kustomizations import World


def revision(index: int) -> str:
    return f"main@sha1:{index:040d}"


async def test_equal_configurations_share_a_record_and_five_are_kept(world: World) -> None:
    await world.push({"a.yaml": config_map("a", x="1")}, revision=revision(1))
    await world.kustomization()
    await world.settled()
    await world.push({"a.yaml": config_map("a", x="1"), "readme": "x"}, revision=revision(2))
    await world.settled()
    first = (await world.status())["history"]
    assert [(h["totalReconciliations"], h["metadata"]["revision"]) for h in first] == [
        (2, revision(2))
    ]
    assert first[0]["firstReconciled"] <= first[0]["lastReconciled"]
    assert first[0]["digest"].startswith("sha256:")

    for index in range(3, 9):
        await world.push({"a.yaml": config_map("a", x=str(index))}, revision=revision(index))
        await world.settled()
    later = (await world.status())["history"]
    assert [h["metadata"]["revision"] for h in later] == [revision(i) for i in (8, 7, 6, 5, 4)]


async def test_failures_have_records_of_their_own(world: World) -> None:
    bad = {**config_map("b"), "kind": "ConfigMop"}
    await world.push({"b.yaml": bad}, revision=revision(1))
    await world.kustomization()
    await world.settled()
    await world.wait(61)
    history = (await world.status())["history"]
    assert [(h["lastReconciledStatus"], h["totalReconciliations"]) for h in history] == [
        ("ReconciliationFailed", 2)
    ]
