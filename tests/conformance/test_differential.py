"""Random sequences of requests are answered as by a real kube-apiserver."""

from __future__ import annotations

import asyncio
import os
import random
import sys
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
from tests.support.sequences import sequence

pytestmark = [pytest.mark.conformance, pytest.mark.slow, pytest.mark.timeout(3600)]

NAMESPACE = "fuzz"
# 1,500 sequences; a fixed seed makes a failure one of the change, 0 asks for a random one.
OPERATIONS = int(os.environ.get("STEERSMAN_APPLY_OPERATIONS", "18000"))
SEED = int(os.environ.get("STEERSMAN_SEED", "1")) or random.SystemRandom().randrange(2, 10**6)
# Not run by default: texts of validation and what controllers add differ still.
SEQUENCES = int(os.environ.get("STEERSMAN_SEQUENCES", "0"))
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


async def compare(pair: Pair, sequences: Iterator[tuple[int, list[Operation]]], what: str) -> None:
    """Runs sequences on both servers, several at once, and fails with the shortest differences."""
    found: list[str] = []
    count = 0
    started = time.perf_counter()

    async def worker() -> None:
        nonlocal count
        for number, steps in sequences:
            count += len(steps)
            for one in await _differences(pair, steps):
                found.append(report(number, one, steps))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())
    seconds = time.perf_counter() - started
    sys.__stdout__.write(
        f"\n{what}: {count} requests, seed {SEED}, {len(found)} sequences differ, {seconds:.0f} s\n"
    )
    keep(found)
    found.sort(key=lambda text: text.count("\n"))
    assert not found, "\n\n".join(found[:SHOWN])


async def test_applies_and_updates(pair: Pair) -> None:
    def sequences() -> Iterator[tuple[int, list[Operation]]]:
        for number in range(OPERATIONS // LENGTH):
            seed = SEED * 1_000_000 + number
            yield seed, apply_sequence(seed, NAMESPACE, CHOSEN[number % len(CHOSEN)], LENGTH)

    await compare(pair, sequences(), "applies and updates")


@pytest.mark.skipif(not SEQUENCES, reason="set STEERSMAN_SEQUENCES to the number of sequences")
async def test_requests_of_every_sort(pair: Pair) -> None:
    def sequences() -> Iterator[tuple[int, list[Operation]]]:
        for number in range(SEQUENCES):
            seed = SEED * 1_000_000 + 500_000 + number
            yield seed, sequence(seed, NAMESPACE)

    await compare(pair, sequences(), "requests of every sort")
