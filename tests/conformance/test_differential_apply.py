"""Random applies and updates change objects and owners as on a real kube-apiserver."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from steersman.kit.clock import SystemClock
from steersman.servers.apiserver.server import ApiServer
from tests.support.applysequences import DEFINITION, KINDS, apply_sequence
from tests.support.differential import Difference, Operation, Side, differences, report
from tests.support.kubehttp import KubeHttp
from tests.support.oracle import RealServer, real_server

pytestmark = [pytest.mark.conformance, pytest.mark.slow, pytest.mark.timeout(3600)]

NAMESPACE = "fuzz"
OPERATIONS = int(os.environ.get("STEERSMAN_APPLY_OPERATIONS", "4000"))
SEED = int(os.environ.get("STEERSMAN_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
CHOSEN = os.environ.get("STEERSMAN_KINDS", ",".join(KINDS)).split(",")
LENGTH = 12
AT_ONCE = 6
SHOWN = 5


class Pair(NamedTuple):
    ours: KubeHttp
    real: KubeHttp


@pytest.fixture(scope="module")
def oracle() -> Iterator[RealServer]:
    with real_server() as server:
        yield server


@pytest.fixture
async def pair(oracle: RealServer) -> AsyncIterator[Pair]:
    async with (
        ApiServer(clock=SystemClock(), seed=1) as server,
        KubeHttp(server.url, server.token()) as ours,
        KubeHttp(oracle.url, oracle.token, verify=False) as real,
    ):
        for side in (ours, real):
            await side.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
            crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            await side.post(crds, DEFINITION)
            for version in ("v1", "v2"):
                path = f"/apis/fuzz.example.com/{version}/namespaces/{NAMESPACE}/widgets"
                for _ in range(100):
                    if (await side.get(path)).status == 200:
                        break
                    await asyncio.sleep(0.1)
        yield Pair(ours, real)


def keep(found: list[str]) -> None:
    """Writes all differences to the file that ``STEERSMAN_FOUND`` names."""
    name = os.environ.get("STEERSMAN_FOUND")
    if name:
        Path(name).write_text("\n\nsequence ".join(found))


async def _differences(pair: Pair, sequence: list[Operation]) -> list[Difference]:
    # Warnings are judged with the kinds that give them.
    ours, real = Side(pair.ours, warnings=False), Side(pair.real, warnings=False)
    return await differences(ours, real, sequence)


async def test_applies_and_updates(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    found: list[str] = []
    numbers = iter(range(OPERATIONS // LENGTH))
    started = time.perf_counter()

    async def worker() -> None:
        for number in numbers:
            seed = SEED * 1_000_000 + number
            sequence = apply_sequence(seed, NAMESPACE, CHOSEN[number % len(CHOSEN)], LENGTH)
            for one in await _differences(pair, sequence):
                found.append(report(seed, one, sequence))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())
    with capsys.disabled():
        time.perf_counter() - started
    keep(found)
    found.sort(key=lambda text: text.count("\n"))
    assert not found, "\n\n".join(found[:SHOWN])
