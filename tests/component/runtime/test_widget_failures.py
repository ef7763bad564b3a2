"""What a run can end with, and what the object, the queue and the people learn of it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from steersman.errors import InvalidSpec, NetworkFailed, SourceNotReady
from steersman.objects.identity import GroupVersionKind
from steersman.runtime import Context, Later, Settled
from tests.support.clusters import conditions_of
from tests.support.widgets import WIDGET, Widgets, a_widget, widgets_at_work

_EVENT = GroupVersionKind("", "v1", "Event")
WORKING = ("Progressing", "working")


async def start(ctx: Context) -> None:
    ctx.status.mark_reconciling(*WORKING)
    ctx.status.mark_unknown("Ready", "Progressing", "Reconciliation in progress")
    await ctx.progress()


def offsets(widgets: Widgets) -> list[float]:
    times = [at for _, at in widgets.calls]
    return [round(at - times[0], 2) for at in times]


async def test_a_passing_failure_is_tried_again_ever_more_slowly_until_it_passes():
    async def work(ctx: Context) -> Settled:
        await start(ctx)
        if len(widgets.calls) < 5:
            raise NetworkFailed("no route to host")
        ctx.status.mark_ready("Succeeded", "done")
        return Settled(600)

    widgets = Widgets(work)
    async with widgets_at_work(widgets) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        failed = await cluster.get(WIDGET, "w")
        await cluster.clock.sleep(30)
        healed = await cluster.get(WIDGET, "w")
    assert conditions_of(failed) == {
        "Reconciling": ("True", "ProgressingWithRetry", "working"),
        "Ready": ("False", "NetworkFailed", "no route to host"),
    }
    assert failed["status"].get("observedGeneration") is None
    assert offsets(widgets) == [0, 0.75, 2.25, 5.25, 11.25]
    assert conditions_of(healed) == {"Ready": ("True", "Succeeded", "done")}


async def test_a_kind_with_a_fixed_retry_interval_keeps_to_it():
    async def work(ctx: Context) -> Settled:
        raise NetworkFailed("no route to host")

    widgets = Widgets(work, fixed_retry=120)
    async with widgets_at_work(widgets) as (cluster, _, _sink):
        await cluster.create(a_widget())
        await cluster.clock.sleep(400)
    assert offsets(widgets) == [0, 120, 240, 360]


async def test_a_failure_is_told_as_an_event_and_a_handled_request_is_noted():
    async def work(ctx: Context) -> Settled:
        ctx.events.add_metadata({"example.com/revision": "main@sha1:1"})
        raise NetworkFailed("no route to host")

    widget = a_widget()
    widget["metadata"]["annotations"] = {
        "reconcile.fluxcd.io/requestedAt": "now",
        "event.toolkit.fluxcd.io/team": "ours",
        "other": "x",
    }
    async with widgets_at_work(Widgets(work, fixed_retry=3600)) as (cluster, manager, sink):
        created = await cluster.create(widget)
        await manager.settled()
        failed = await cluster.get(WIDGET, "w")
        events = await cluster.client.list(_EVENT, "default")
    assert failed["status"]["lastHandledReconcileAt"] == "now"
    [event] = sink.events
    metadata = {"event.toolkit.fluxcd.io/team": "ours", "example.com/revision": "main@sha1:1"}
    wire = event.to_wire()
    assert wire["involvedObject"].pop("resourceVersion")
    assert wire == {
        "involvedObject": {
            "kind": "Widget",
            "namespace": "default",
            "name": "w",
            "uid": created["metadata"]["uid"],
            "apiVersion": "example.com/v1",
        },
        "severity": "error",
        "timestamp": wire["timestamp"],
        "message": "no route to host",
        "reason": "NetworkFailed",
        "metadata": metadata,
        "reportingController": "widget-controller",
        "reportingInstance": "",
    }
    [written] = events.items
    assert written["metadata"]["annotations"] == metadata
    assert (written["type"], written["reason"], written["message"], written["count"]) == (
        "Warning",
        "NetworkFailed",
        "no route to host",
        1,
    )


async def test_a_failure_told_again_raises_the_count_of_its_event():
    async def work(ctx: Context) -> Settled:
        raise NetworkFailed("no route to host")

    async with widgets_at_work(Widgets(work, fixed_retry=60)) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        await cluster.clock.sleep(130)
        await manager.settled()
        [event] = (await cluster.client.list(_EVENT, "default")).items
    assert event["count"] == 3
    assert event["firstTimestamp"] < event["lastTimestamp"]


async def test_who_waits_looks_again_after_a_fixed_delay_and_tells_nobody():
    async def work(ctx: Context) -> Settled:
        raise SourceNotReady("source `a` has no artifact", after=30)

    widgets = Widgets(work)
    async with widgets_at_work(widgets) as (cluster, _, sink):
        await cluster.create(a_widget())
        await cluster.clock.sleep(100)
        widget = await cluster.get(WIDGET, "w")
    assert offsets(widgets) == [0, 30, 60, 90]
    ready = ("False", "SourceNotReady", "source `a` has no artifact")
    assert conditions_of(widget) == {"Ready": ready}
    assert sink.events == []


async def test_a_stalled_object_waits_for_a_change_of_its_spec_or_a_request():
    async def work(ctx: Context) -> Settled:
        await start(ctx)
        if not ctx.spec.get("url"):
            raise InvalidSpec("spec.url is empty", reason="InvalidURL")
        ctx.status.mark_ready("Succeeded", "done")
        return Settled(600)

    widgets = Widgets(work)
    async with widgets_at_work(widgets) as (cluster, manager, _):
        await cluster.create(a_widget())
        await cluster.clock.sleep(36_000)
        stalled = await cluster.get(WIDGET, "w")
        annotations = {"reconcile.fluxcd.io/requestedAt": "now"}
        await cluster.merge(WIDGET, "w", {"metadata": {"annotations": annotations}})
        await manager.settled()
        await cluster.merge(WIDGET, "w", {"spec": {"url": "https://x"}})
        await manager.settled()
        healed = await cluster.get(WIDGET, "w")
    assert conditions_of(stalled) == {
        "Stalled": ("True", "InvalidURL", "spec.url is empty"),
        "Ready": ("False", "InvalidURL", "spec.url is empty"),
    }
    assert stalled["status"]["observedGeneration"] == 1
    assert len(widgets.calls) == 3
    assert conditions_of(healed) == {"Ready": ("True", "Succeeded", "done")}


async def test_a_bug_is_shown_without_its_values_and_harms_nobody_else(
    caplog: pytest.LogCaptureFixture,
):
    password = "hunter2"

    async def work(ctx: Context) -> Settled:
        if ctx.ref.name == "bad":
            raise KeyError(password)
        ctx.status.mark_ready("Succeeded", "done")
        return Settled(600)

    with caplog.at_level(logging.DEBUG):
        async with widgets_at_work(Widgets(work)) as (cluster, manager, sink):
            await cluster.create(a_widget("bad"), a_widget("good"))
            await manager.settled()
            bad, good = await cluster.get(WIDGET, "bad"), await cluster.get(WIDGET, "good")
    status, reason, message = conditions_of(bad)["Ready"]
    assert (status, reason) == ("False", "InternalError")
    assert message.startswith("internal error: KeyError in test_widget_failures.py:")
    assert conditions_of(good) == {"Ready": ("True", "Succeeded", "done")}
    assert "in work" in caplog.text
    told = caplog.text + repr([event.to_wire() for event in sink.events]) + repr(bad)
    assert password not in told


async def test_a_run_cancelled_from_within_is_a_bug():
    async def work(ctx: Context) -> Settled:
        raise asyncio.CancelledError

    async with widgets_at_work(Widgets(work)) as (cluster, manager, _):
        await cluster.create(a_widget())
        await manager.settled()
        widget = await cluster.get(WIDGET, "w")
    ready = ("False", "InternalError", "internal error: the run was cancelled from within")
    assert conditions_of(widget) == {"Ready": ready}


async def test_the_last_observation_of_a_run_survives_the_end_of_the_manager():
    begun = asyncio.Event()

    async def work(ctx: Context) -> Settled:
        ctx.status.mark_reconciling("Progressing", "installing")
        ctx.status.mark_unknown("Ready", "Progressing", "Reconciliation in progress")
        ctx.status.set("inventory", ["a"])
        begun.set()
        await ctx.clock.sleep(3600)
        return Settled(600)

    async with widgets_at_work(Widgets(work)) as (cluster, manager, _):
        await cluster.create(a_widget())
        await begun.wait()
        await manager.__aexit__(None, None, None)
        widget = await cluster.get(WIDGET, "w")
    assert widget["status"]["inventory"] == ["a"]
    assert conditions_of(widget)["Reconciling"] == ("True", "Progressing", "installing")


async def test_a_run_that_asks_to_be_repeated_concludes_nothing():
    async def work(ctx: Context) -> Settled | Later:
        if len(widgets.calls) < 3:
            ctx.status.mark_not_ready("HealthCheckCanceled", "New reconciliation triggered")
            return Later(0)
        ctx.status.mark_ready("Succeeded", "done")
        return Settled(600)

    widgets = Widgets(work)
    async with widgets_at_work(widgets) as (cluster, manager, sink):
        await cluster.create(a_widget())
        await manager.settled()
        widget = await cluster.get(WIDGET, "w")
    assert len(widgets.calls) == 3
    assert conditions_of(widget) == {"Ready": ("True", "Succeeded", "done")}
    assert sink.events == []
