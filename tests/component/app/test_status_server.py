"""What a running engine says about itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from steersman.apis.crds import definitions
from steersman.app.endpoints import StatusServer
from steersman.clients.kube import KubeClient, PatchType, parse_kubeconfig
from steersman.kit.clock import SystemClock
from steersman.objects.identity import GroupVersionKind
from steersman.servers.apiserver.server import ApiServer
from tests.support.liveclusters import a_kustomization, ready


@pytest.fixture
async def client() -> AsyncIterator[KubeClient]:
    clock = SystemClock()
    async with ApiServer(clock=clock, name="one") as server:
        connection = parse_kubeconfig(server.kubeconfig())
        async with KubeClient(connection, user_agent="test", clock=clock) as client:
            for manifest in definitions():
                await client.create(manifest, field_manager="test")
            namespace = {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": "flux-system"},
            }
            await client.create(namespace, field_manager="test")
            yield client


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_probes_tell_alive_from_ready(client: KubeClient) -> None:
    manifest = a_kustomization("infra")
    async with StatusServer({"one": client}, CollectorRegistry()) as server:
        assert await get(f"{server.url}/healthz") == (200, "ok\n")
        assert await get(f"{server.url}/readyz") == (200, "0 objects are Ready\n")
        await client.create(manifest, field_manager="test")
        assert await get(f"{server.url}/readyz") == (
            503,
            "one: Kustomization/flux-system/infra: waiting to be reconciled\n",
        )
        await client.patch(
            GroupVersionKind.of(manifest),
            "infra",
            "flux-system",
            {"status": ready("main@sha1:0")},
            type=PatchType.MERGE,
            field_manager="test",
            subresource="status",
        )
        assert await get(f"{server.url}/readyz") == (200, "1 objects are Ready\n")


async def test_status_is_the_report_of_get(client: KubeClient) -> None:
    async with (
        StatusServer({"one": client}, CollectorRegistry()) as server,
        aiohttp.ClientSession() as session,
        session.get(f"{server.url}/status") as answer,
    ):
        assert await answer.json() == {
            "apiVersion": "steersman/v1",
            "kind": "StatusReport",
            "summary": {"total": 0, "ready": 0, "notReady": 0, "suspended": 0},
            "items": [],
            "failures": [],
        }


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("pushes", "Pushes.", registry=registry).inc()
    async with StatusServer({}, registry) as server:
        status, text = await get(f"{server.url}/metrics")
    assert status == 200
    assert "pushes_total 1.0" in text
