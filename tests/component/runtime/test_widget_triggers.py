"""Objects that depend on others, and a world that is not always there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from steersman.clients.kube import PatchType
from steersman.errors import DependencyNotReady
from steersman.kit.virtualloop import run_virtual
from steersman.objects.identity import ObjectRef
from steersman.objects.manifest import Manifest
from steersman.runtime import Context, Later, Manager, RuntimeSettings, Settled, Watch
from steersman.runtime.triggers import became_ready, dependents, revision_changed
from tests.support.clusters import Cluster, a_cluster
from tests.support.widgets import (
    GADGET,
    WIDGET,
    Widgets,
    a_widget,
    definition,
    ref,
    widgets_at_work,
)


def source_of(manifest: Manifest) -> Iterable[ObjectRef]:
    name = manifest["spec"].get("source")
    return [ref(name, GADGET)] if name else []


def needs_of(manifest: Manifest) -> Iterable[ObjectRef]:
    return [ref(name) for name in manifest["spec"].get("needs", ())]


ON_SOURCE = Watch(
    kind=GADGET, when=revision_changed, select=dependents("source"), reason="source changed"
)
ON_DEPENDENCY = Watch(
    kind=WIDGET, when=became_ready, select=dependents("needs"), reason="dependency ready"
)


async def publish(cluster: Cluster, name: str, revision: str) -> None:
    await cluster.client.patch(
        GADGET,
        name,
        "default",
        {"status": {"artifact": {"revision": revision}}},
        type=PatchType.MERGE,
        field_manager="test",
        subresource="status",
    )


async def test_a_new_revision_of_a_source_reaches_its_dependents_at_once():
    widgets = Widgets(watches=[ON_SOURCE], indexes={"source": source_of})
    async with widgets_at_work(widgets) as (cluster, manager, _):
        await cluster.create(a_widget("g", kind=GADGET), a_widget("h", kind=GADGET))
        await cluster.create(a_widget("a", source="g"), a_widget("b", source="h"))
        await manager.settled()
        widgets.calls.clear()
        asked = cluster.clock.monotonic()
        await publish(cluster, "g", "main@sha1:1")
        await manager.settled()
        await publish(cluster, "g", "main@sha1:1")
        await manager.settled()
    assert widgets.calls == [("a", asked)]


async def test_a_dependent_runs_as_soon_as_its_dependency_is_ready():
    async def work(ctx: Context) -> Settled | Later:
        for needed in needs_of(ctx.obj):
            other = ctx.caches[WIDGET].get(needed)
            conditions = (other or {}).get("status", {}).get("conditions", ())
            if not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
                raise DependencyNotReady(f"dependency `{needed}` is not ready", after=30)
        await ctx.clock.sleep(2)
        ctx.status.mark_ready("Succeeded", "done")
        return Settled(600)

    widgets = Widgets(work, watches=[ON_DEPENDENCY], indexes={"needs": needs_of})
    async with widgets_at_work(widgets) as (cluster, _, _sink):
        await cluster.create(a_widget("c", needs=["b"]), a_widget("b", needs=["a"]), a_widget("a"))
        began = cluster.clock.monotonic()
        await cluster.until(
            WIDGET,
            "c",
            "default",
            when=lambda w: (
                "conditions" in w.get("status", {})
                and any(c["status"] == "True" for c in w["status"]["conditions"])
            ),
        )
        assert cluster.clock.monotonic() - began == pytest.approx(6, abs=0.1)


async def test_no_more_objects_are_worked_on_at_once_than_allowed():
    running = most = 0

    async def work(ctx: Context) -> Settled:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await ctx.clock.sleep(1)
        running -= 1
        return Settled(600)

    async with widgets_at_work(Widgets(work, concurrency=3)) as (cluster, manager, _):
        await cluster.create(*[a_widget(f"w{n}") for n in range(10)])
        await manager.settled()
    assert most == 3


async def test_who_is_asked_for_overtakes_the_first_look_at_everything():
    widgets = Widgets(concurrency=1)
    async with a_cluster() as cluster:
        await cluster.install([definition(WIDGET)])
        await cluster.create(*[a_widget(f"w{n}") for n in range(5)])

        async def work(ctx: Context) -> Settled:
            if len(widgets.calls) == 1:
                annotations = {"reconcile.fluxcd.io/requestedAt": "now"}
                await cluster.merge(WIDGET, "w4", {"metadata": {"annotations": annotations}})
                await ctx.clock.sleep(1)
            return Settled(600)

        widgets.work = work
        async with cluster.a_client() as client:
            async with Manager(client, [widgets], clock=cluster.clock, random=Random(1)) as manager:
                await manager.settled()
    names = [name for name, _ in widgets.calls]
    assert names.index("w4") == 1


async def test_a_kind_that_is_defined_later_is_picked_up():
    widgets = Widgets()
    async with a_cluster() as cluster, cluster.a_client() as client:
        async with Manager(client, [widgets], clock=cluster.clock, random=Random(1)) as manager:
            await cluster.clock.sleep(100)
            await cluster.install([definition(WIDGET)])
            await cluster.create(a_widget())
            await cluster.clock.sleep(60)
            await manager.settled()
    assert [name for name, _ in widgets.calls] == ["w"]


async def test_a_server_that_comes_back_is_followed_again(tmp_path: Path):
    widgets = Widgets()
    async with a_cluster(data_dir=tmp_path) as cluster:
        await cluster.install([definition(WIDGET)])
        await cluster.create(a_widget("a"))
        async with cluster.a_client() as client:
            async with Manager(client, [widgets], clock=cluster.clock, random=Random(1)) as manager:
                await manager.settled()
                await cluster.server.__aexit__(None, None, None)
                await cluster.clock.sleep(100)
                cluster.server._closing = asyncio.Event()
                async with a_cluster(data_dir=tmp_path) as again:
                    assert again.server.url == cluster.server.url
                    await again.create(a_widget("b"))
                    await again.clock.sleep(60)
                    await manager.settled()
    assert {name for name, _ in widgets.calls} == {"a", "b"}


def test_two_runs_of_one_world_are_the_same():
    async def a_story() -> list[object]:
        widgets = Widgets(watches=[ON_SOURCE], indexes={"source": source_of})
        settings = RuntimeSettings(jitter_percentage=5)
        async with widgets_at_work(widgets, settings=settings) as (cluster, manager, _):
            await cluster.create(a_widget("g", kind=GADGET))
            await cluster.create(*[a_widget(f"w{n}", source="g") for n in range(5)])
            await publish(cluster, "g", "main@sha1:1")
            await cluster.clock.sleep(3000)
            await manager.settled()
            stories = [str(d.story) for d in manager.dispatchers.values()]
            return [widgets.calls, stories, (await cluster.client.list(WIDGET)).items]

    assert run_virtual(a_story) == run_virtual(a_story)
