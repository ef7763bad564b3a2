"""The demo: its time cold and warm, a push until it is Ready, kustomize builds, resident memory."""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.table import Row
from steersman.fleet.content import INFRA
from steersman.kit.clock import SystemClock, VirtualClock
from steersman.kit.virtualloop import run_virtual
from steersman.kustomize import build
from steersman.kustomize.filesystem import MemoryFileSystem
from steersman.rehearsal.reporter import Recorder
from steersman.rehearsal.stage import Stage
from steersman.rehearsal.story import STAGING, tell_story
from steersman.rehearsal.world import WorldPlan

_PUSHES = 7
_BUILD_SECONDS = 2.0
_CHANGED_FILE = "components/monitoring/configs/base/network.yaml"
_BUILT = "components/monitoring/configs/base"


def run() -> list[Row]:
    """Measures."""
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-m", "bench.demo"], check=True, capture_output=True, text=True
    )
    cold = time.perf_counter() - began
    began = time.perf_counter()
    tell()
    warm = time.perf_counter() - began
    pushes, builds = asyncio.run(_live())
    return [
        Row("whole story, cold, interpreter included (budget 15 s)", f"{cold:.1f} s"),
        Row("whole story, warm", f"{warm:.1f} s"),
        Row("resident at most (budget 400 MB)", f"{told.stdout.strip()} MB"),
        Row("push to Ready on staging, median (budget 1 s)", f"{statistics.median(pushes):.2f} s"),
        Row("push to Ready on staging, slowest", f"{max(pushes):.2f} s"),
        Row("kustomize builds of one directory", f"{builds:.0f}/s"),
    ]


def tell() -> None:
    """Tells the whole story once, under virtual time."""

    async def story() -> None:
        with tempfile.TemporaryDirectory() as directory:
            clock = VirtualClock(asyncio.get_running_loop())
            await tell_story(Path(directory), clock=clock, reporter=Recorder())

    run_virtual(story)


async def _live() -> tuple[list[float], float]:
    """Seconds from each push to Ready by the real clock, and builds a second."""
    with tempfile.TemporaryDirectory() as directory:
        async with Stage(WorldPlan(directory=Path(directory), seed=1), clock=SystemClock()) as at:
            await at.settled()
            copy = at.world.workcopy(INFRA)
            await copy.clone()
            files = await copy.files("main")
            took = [await _push(at, files[_CHANGED_FILE], number) for number in range(_PUSHES)]
            return took, _builds_per_second(files)


async def _push(stage: Stage, before: bytes, number: int) -> float:
    copy = stage.world.workcopy(INFRA)
    await copy.clone()
    added = (
        "\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: pushed, namespace: monitoring}\n"
        f"data: {{number: '{number}'}}\n"
    )
    began = time.perf_counter()
    commit = await copy.commit("main", {_CHANGED_FILE: before + added.encode()}, message="Push")
    await stage.settled()
    took = time.perf_counter() - began
    report = await stage.status()
    reached = [item for item in report.items if item.cluster == STAGING and commit in item.revision]
    if not report.all_ready or not reached:
        raise RuntimeError("the push did not become Ready on staging")
    return took


def _builds_per_second(files: dict[str, bytes]) -> float:
    tree = MemoryFileSystem(files)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < _BUILD_SECONDS:
        build(tree, _BUILT)
        count += 1
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    tell()
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")
