"""An object from its creation to its end, as the envelope takes it there."""

from __future__ import annotations

import pytest

from steersman.clients.kube import PatchType
from steersman.errors import NetworkFailed
from steersman.objects.apistatus import ApiError
from steersman.runtime import Context, Later, Settled
from tests.support.clusters import conditions_of
from tests.support.widgets import FINALIZER, WIDGET, Widgets, a_widget, ref, widgets_at_work

pytestmark = pytest.mark.usefixtures("no_leaked_files")


async def test_a_new_object_gets_its_finalizer_first_and_then_its_status():
    seen: list[list[str]] = []

    async def work(ctx: Context) -> Settled:
        seen.append(ctx.obj["metadata"].get("finalizers", []))
        ctx.status.mark_ready("Succeeded", "done")
        return Settled(600)

    async with widgets_at_work(Widgets(work)) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        widget = await cluster.get(WIDGET, "w")
    assert seen == [[FINALIZER]]
    assert widget["metadata"]["finalizers"] == [FINALIZER]
    assert conditions_of(widget) == {"Ready": ("True", "Succeeded", "done")}
    assert widget["status"]["observedGeneration"] == 1
    [field] = [f for f in widget["metadata"]["managedFields"] if f.get("subresource") == "status"]
    assert (field["manager"], field["operation"]) == ("gotk-widget-controller", "Update")


async def test_an_object_costs_two_writes_at_first_and_none_while_nothing_changes():
    widgets = Widgets()
    async with widgets_at_work(widgets) as (cluster, manager, _):
        before = manager._client.requests_sent
        await cluster.create(a_widget())
        await manager.settled()
        assert manager._client.requests_sent - before == 2
        version = (await cluster.get(WIDGET, "w"))["metadata"]["resourceVersion"]
        await cluster.clock.sleep(3 * 600 + 1)
        assert len(widgets.calls) == 4
        assert manager._client.requests_sent - before <= 2 + 12  # watches opened again meanwhile
        assert (await cluster.get(WIDGET, "w"))["metadata"]["resourceVersion"] == version


async def test_an_object_is_looked_at_again_after_its_interval():
    widgets = Widgets()
    async with widgets_at_work(widgets) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        await cluster.clock.sleep(1800)
    times = [at for _, at in widgets.calls]
    assert [round(at - times[0]) for at in times] == [0, 600, 1200, 1800][: len(times)]
    assert len(times) >= 3


async def test_a_new_generation_is_worked_off_and_observed():
    async with widgets_at_work(Widgets()) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        await cluster.merge(WIDGET, "w", {"spec": {"size": 2}})
        await manager.settled()
        widget = await cluster.get(WIDGET, "w")
    assert conditions_of(widget) == {"Ready": ("True", "Succeeded", "generation 2")}
    assert widget["status"]["observedGeneration"] == 2


async def test_labels_and_status_of_others_do_not_trigger():
    widgets = Widgets()
    async with widgets_at_work(widgets) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        await cluster.merge(WIDGET, "w", {"metadata": {"labels": {"a": "b"}}})
        await manager.settled()
    assert len(widgets.calls) == 1


async def test_a_request_is_handled_and_noted():
    widgets = Widgets()
    async with widgets_at_work(widgets) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        annotations = {"reconcile.fluxcd.io/requestedAt": "now"}
        await cluster.merge(WIDGET, "w", {"metadata": {"annotations": annotations}})
        await manager.settled()
        widget = await cluster.get(WIDGET, "w")
    assert len(widgets.calls) == 2
    assert widget["status"]["lastHandledReconcileAt"] == "now"


async def test_a_suspended_object_is_left_alone_until_it_resumes():
    widgets = Widgets()
    async with widgets_at_work(widgets) as (cluster, manager, sink):
        await cluster.create(a_widget(suspend=True))
        await manager.settled()
        await cluster.clock.sleep(3600)
        assert (widgets.calls, sink.events) == ([], [])
        await cluster.merge(WIDGET, "w", {"spec": {"suspend": None}})
        await manager.settled()
    assert len(widgets.calls) == 1


async def test_a_deleted_object_is_finalized_and_then_gone():
    cleaned = []

    async def cleanup(ctx: Context) -> None:
        cleaned.append(ctx.ref.name)

    async with widgets_at_work(Widgets(cleanup=cleanup)) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        labels = {"kind": "Widget", "name": "w", "namespace": "default"}
        metric = "gotk_reconcile_duration_seconds_count"
        assert manager.metrics.registry.get_sample_value(metric, labels) == 2
        await cluster.client.delete(WIDGET, "w", "default")
        await manager.settled()
        assert await cluster.client.find(WIDGET, "w", "default") is None
        assert manager.metrics.registry.get_sample_value(metric, labels) is None
        assert manager.caches[WIDGET].get(ref()) is None
    assert cleaned == ["w"]


async def test_an_object_that_cannot_be_cleaned_up_stays_and_is_tried_again():
    failures = 3

    async def cleanup(ctx: Context) -> None:
        nonlocal failures
        failures -= 1
        if failures:
            raise NetworkFailed("no route")

    widgets = Widgets(cleanup=cleanup)
    async with widgets_at_work(widgets) as (cluster, manager, sink):
        await cluster.create(a_widget())
        await manager.settled()
        await cluster.client.delete(WIDGET, "w", "default")
        await manager.settled()
        stuck = await cluster.get(WIDGET, "w")
        assert conditions_of(stuck)["Ready"] == ("False", "NetworkFailed", "no route")
        await cluster.clock.sleep(60)
        await manager.settled()
        assert await cluster.client.find(WIDGET, "w", "default") is None
    times = [at for name, at in widgets.calls if name.startswith("finalize")]
    assert [round(at - times[0], 2) for at in times] == [0, 0.75, 2.25]
    assert [event.message for event in sink.events] == ["no route", "no route"]


async def test_an_object_that_waits_for_its_cleanup_is_asked_again():
    turns = 0

    async def cleanup(ctx: Context) -> Later | None:
        nonlocal turns
        turns += 1
        return Later(2) if turns < 3 else None

    widgets = Widgets(cleanup=cleanup)
    async with widgets_at_work(widgets) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        await cluster.client.delete(WIDGET, "w", "default")
        await cluster.clock.sleep(10)
        assert await cluster.client.find(WIDGET, "w", "default") is None
    times = [at for name, at in widgets.calls if name.startswith("finalize")]
    assert [round(at - times[0], 2) for at in times] == [0, 2, 4]


async def test_an_object_deleted_before_we_saw_it_is_not_touched():
    widgets = Widgets()
    async with widgets_at_work(widgets) as (cluster, manager, _):
        foreign = a_widget()
        foreign["metadata"]["finalizers"] = ["example.org/other"]
        await cluster.create(foreign)
        await cluster.client.delete(WIDGET, "w", "default")
        await manager.settled()
        await cluster.merge(WIDGET, "w", {"metadata": {"finalizers": None}})
        await manager.settled()
    assert [name for name, _ in widgets.calls if name.startswith("finalize")] in (
        [],
        ["finalize w"],
    )


async def test_conditions_and_fields_of_others_survive():
    condition = {
        "type": "Foreign",
        "status": "True",
        "reason": "Because",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }

    async def work(ctx: Context) -> Settled:
        # Somebody writes while we work: our patch conflicts, and is made again.
        await ctx.client.patch(
            WIDGET,
            ctx.ref.name,
            ctx.ref.namespace,
            {"status": {"theirs": 1, "conditions": [condition]}},
            type=PatchType.MERGE,
            field_manager="other",
            subresource="status",
        )
        ctx.status.mark_ready("Succeeded", "done")
        ctx.status.set("ours", {"list": [1, 2]})
        return Settled(600)

    async with widgets_at_work(Widgets(work)) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        widget = await cluster.get(WIDGET, "w")
    assert conditions_of(widget) == {
        "Ready": ("True", "Succeeded", "done"),
        "Foreign": ("True", "Because", ""),
    }
    assert (widget["status"]["theirs"], widget["status"]["ours"]) == (1, {"list": [1, 2]})


async def test_an_object_that_vanishes_while_we_work_is_forgotten():
    async def work(ctx: Context) -> Settled:
        await cluster.merge(WIDGET, "w", {"metadata": {"finalizers": None}})
        await cluster.client.delete(WIDGET, "w", "default")
        await ctx.progress()
        ctx.status.mark_ready("Succeeded", "too late")
        return Settled(600)

    widgets = Widgets(work)
    async with widgets_at_work(widgets) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        await cluster.clock.sleep(3600)
        with pytest.raises(ApiError):
            await cluster.get(WIDGET, "w")
    assert len(widgets.calls) == 1
