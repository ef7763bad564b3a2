"""A manager behind a network that refuses, delays and cuts: it must converge, and break nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest

from steersman.clients.kube import KubeClient
from steersman.objects.manifest import name_of
from steersman.runtime import Context, Manager, RuntimeSettings, Settled
from tests.support.clusters import a_cluster, check, conditions_of
from tests.support.unreliable import Relay, Weather
from tests.support.widgets import CONTRACT, WIDGET, Widgets, a_widget, definition

BAD = Weather(refused=0.2, cut=0.3, most_bytes=8_000, delay_seconds=2.0)


class OneAtATime:
    """A reconciler's work that counts what must never be: two runs of one object at once."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.overlaps: list[str] = []

    async def __call__(self, ctx: Context) -> Settled:
        if ctx.ref.name in self.running:
            self.overlaps.append(ctx.ref.name)
        self.running.add(ctx.ref.name)
        try:
            ctx.status.mark_reconciling("Progressing", "working")
            ctx.status.mark_unknown("Ready", "Progressing", "Reconciliation in progress")
            await ctx.progress()
            await ctx.clock.sleep(1)
            ctx.status.mark_ready("Succeeded", f"size {ctx.spec.get('size')}")
            return Settled(1200)
        finally:
            self.running.discard(ctx.ref.name)


@pytest.mark.parametrize("seed", range(4))
async def test_it_converges_and_the_caches_are_true(seed: int, no_leaked_files: None):
    random, work = Random(seed), OneAtATime()
    widgets = Widgets(work)
    async with a_cluster() as cluster:
        await cluster.install([definition(WIDGET)])
        async with Relay(cluster.server.url, seed=seed) as relay:
            relay.weather = BAD
            connection = replace(cluster.client.connection, server=relay.url)
            async with KubeClient(connection, user_agent="test", clock=cluster.clock) as client:
                manager = Manager(
                    client,
                    [widgets],
                    clock=cluster.clock,
                    settings=RuntimeSettings(jitter_percentage=0),
                    random=random,
                )
                async with manager:
                    for number in range(12):
                        await cluster.create(a_widget(f"w{number}", size=0))
                    for turn in range(1, 6):
                        await asyncio.sleep(random.uniform(1, 60))
                        relay.cut_all()
                        name = f"w{random.randrange(12)}"
                        await cluster.merge(WIDGET, name, {"spec": {"size": turn}})
                    relay.weather = Weather()
                    await cluster.clock.sleep(3600)
                    await manager.settled()
                    listed = await cluster.client.list(WIDGET)
                    cached = sorted(manager.caches[WIDGET].objects(), key=name_of)
                    assert cached == sorted(listed.items, key=name_of)
    assert work.overlaps == []
    check(listed.items, CONTRACT)
    for widget in listed.items:
        size = f"size {widget['spec']['size']}"
        assert conditions_of(widget) == {"Ready": ("True", "Succeeded", size)}
