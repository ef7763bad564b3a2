"""A failure that is seen while waiting is one error, as one that is there at the first look."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from steersman.app.actions import ReconcileFailed
from steersman.app.arrival import Arrival, wait_for_arrival
from steersman.clients.kube import KubeClient, parse_kubeconfig
from steersman.kit.clock import SystemClock
from tests.support.liveclusters import LiveClusters, a_kustomization, condition, ready

OLD = "production@sha1:" + "0" * 40
NEW = "f" * 40


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveClusters]:
    with LiveClusters(tmp_path).running(["prod"]) as live:
        live.put("prod", a_kustomization("infra", ready(OLD)))
        yield live


def test_a_failure_seen_by_the_watch_comes_out_alone(live: LiveClusters) -> None:
    connection = parse_kubeconfig(live.kubeconfig("prod").read_text())
    failed = condition("Ready", "False", "BuildFailed", "a.yaml:1: broken")
    status = {"lastAttemptedRevision": f"production@sha1:{NEW}", "conditions": [failed]}

    def fail_now(_: Arrival) -> None:
        live.set_status("prod", a_kustomization("infra"), status)

    async def wait() -> None:
        async with KubeClient(connection, user_agent="tests", clock=SystemClock()) as client:
            await wait_for_arrival(
                client,
                "prod",
                Arrival("production", NEW),
                timeout=timedelta(seconds=60),
                on_change=fail_now,
            )

    with pytest.raises(ReconcileFailed, match=r"infra: a\.yaml:1: broken"):
        asyncio.run(wait())
