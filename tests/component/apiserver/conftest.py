from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from steersman.kit.clock import SystemClock
from steersman.servers.apiserver.server import ApiServer
from tests.support.kubehttp import KubeHttp


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer(clock=SystemClock(), seed=1) as server:
        yield server


@pytest.fixture
async def kube(server: ApiServer) -> AsyncIterator[KubeHttp]:
    async with KubeHttp(server.url, server.token()) as client:
        yield client
