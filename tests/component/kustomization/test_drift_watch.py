"""Drift is seen by watching metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from steersman.apply.inventory import Entry
from steersman.apply.takeover import default_managers
from steersman.clients.kube.request import PatchType
from steersman.controllers.driftwatch import DriftWatch, Live, digest_of_desired
from steersman.objects.identity import GroupVersionKind, ObjectRef
from tests.support.cluster import Cluster, a_cluster, config_map

OWN = "kustomize-controller"
OWNER = ObjectRef("kustomize.toolkit.fluxcd.io", "Kustomization", "flux-system", "apps")
CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
REF = ObjectRef("", "ConfigMap", "default", "a")


class Watched(NamedTuple):
    cluster: Cluster
    drift: DriftWatch
    told: list[tuple[ObjectRef, ObjectRef]]

    async def apply(self, **data: str) -> None:
        manifest = config_map("a", **data)
        manifest["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "apps"}
        live = await self.cluster.client.apply(manifest, field_manager=OWN)
        desired = digest_of_desired(manifest)
        self.drift.expect(OWNER, {Entry(REF, "v1"): Live(live, desired)})
        await self.cluster.clock.sleep(1)

    async def patch(self, body: dict[str, Any], manager: str = "somebody") -> None:
        await self.cluster.client.patch(
            CONFIG_MAP, "a", "default", body, type=PatchType.MERGE, field_manager=manager
        )
        await self.cluster.clock.sleep(1)


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    told: list[tuple[ObjectRef, ObjectRef]] = []
    async with a_cluster() as cluster:
        drift = DriftWatch(
            cluster.client,
            clock=cluster.clock,
            own=OWN,
            managers=default_managers(OWN),
            on_drift=lambda owner, ref: told.append((owner, ref)),
        )
        async with drift:
            yield Watched(cluster, drift, told)


async def test_what_was_applied_is_unchanged(watched: Watched) -> None:
    assert not watched.drift.is_unchanged(OWNER)
    await watched.apply(x="1")
    assert watched.drift.is_unchanged(OWNER)
    assert watched.told == []


async def test_a_change_of_our_field_is_told_once(watched: Watched) -> None:
    await watched.apply(x="1")
    await watched.patch({"data": {"x": "2"}})
    await watched.patch({"data": {"x": "3"}})
    assert watched.told == [(OWNER, REF)]
    assert not watched.drift.is_unchanged(OWNER)


async def test_another_apply_settles_it(watched: Watched) -> None:
    await watched.apply(x="1")
    await watched.patch({"data": {"x": "2"}})
    await watched.apply(x="1")
    assert watched.drift.is_unchanged(OWNER)


async def test_a_deletion_is_drift(watched: Watched) -> None:
    await watched.apply(x="1")
    await watched.cluster.client.delete(CONFIG_MAP, "a", "default")
    await watched.cluster.clock.sleep(1)
    assert watched.told == [(OWNER, REF)]


async def test_fields_of_others_are_no_drift(watched: Watched) -> None:
    await watched.apply(x="1")
    await watched.patch({"data": {"y": "1"}, "metadata": {"annotations": {"a": "b"}}})
    assert watched.told == []
    assert watched.drift.is_unchanged(OWNER)


async def test_fields_of_kubectl_are_drift_since_we_take_them_over(watched: Watched) -> None:
    await watched.apply(x="1")
    await watched.patch({"data": {"y": "1"}}, manager="kubectl-edit")
    assert watched.told == [(OWNER, REF)]


async def test_losing_the_owner_label_is_drift(watched: Watched) -> None:
    await watched.apply(x="1")
    await watched.patch({"metadata": {"labels": None}})
    assert watched.told == [(OWNER, REF)]


async def test_a_bell_rings_for_any_change(watched: Watched) -> None:
    await watched.apply(x="1")
    with watched.drift.listen({REF}) as bell:
        assert await bell.wait(1) == set()
        await watched.patch({"data": {"y": "1"}})
        assert await bell.wait(1) == {REF}
        assert await bell.wait(1) == set()
    assert watched.drift.follows(REF)


async def test_a_forgotten_owner_expects_nothing(watched: Watched) -> None:
    await watched.apply(x="1")
    watched.drift.forget(OWNER)
    await watched.patch({"data": {"x": "2"}})
    assert watched.told == []
    assert not watched.drift.is_unchanged(OWNER)
