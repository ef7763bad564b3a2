"""Embedded Kubernetes API: requests a second with one request in flight, start, memory."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from bench.table import Row
from steersman.kit.clock import SystemClock
from steersman.servers.apiserver.server import ApiServer

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def run() -> list[Row]:
    """Measures."""
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    rows = []
    start = time.perf_counter()
    server = ApiServer(clock=SystemClock())
    async with server:
        await server.wait_settled()
        rows.append(Row("start", f"{(time.perf_counter() - start) * 1000:.0f} ms"))
        headers = {"Authorization": f"Bearer {server.token()}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as session:
            rows += await _rates(session)
            rows.append(await _fan_out(session))
            rows.append(await _many(server, session))
    return rows


async def _rates(session: aiohttp.ClientSession) -> list[Row]:
    async def send(method: str, path: str, body: object = None, media: str = "") -> None:
        data = None if body is None else json.dumps(body)
        kind = {"Content-Type": media or "application/json"}
        async with session.request(method, path, data=data, headers=kind) as answer:
            await answer.read()
            assert answer.status < 300, await answer.text()

    apply = "application/apply-patch+yaml"

    def config(name: str, value: str) -> dict[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
            "data": {"a": value},
        }

    def deployment(name: str) -> dict[str, object]:
        labels = {"app": name}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "c", "image": "i:1"}]},
                },
            },
        }

    works: dict[str, Callable[[int], Awaitable[None]]] = {
        "create of a ConfigMap": lambda n: send("POST", MAPS, config(f"c{n}", "1")),
        "get": lambda n: send("GET", f"{MAPS}/c1"),
        "apply of a new ConfigMap": lambda n: send(
            "PATCH", f"{MAPS}/a{n}?fieldManager=b", config(f"a{n}", "1"), apply
        ),
        "apply without a change": lambda n: send(
            "PATCH", f"{MAPS}/a1?fieldManager=b", config("a1", "1"), apply
        ),
        "apply of a change": lambda n: send(
            "PATCH", f"{MAPS}/a1?fieldManager=b", config("a1", str(n)), apply
        ),
        "apply of a new Deployment": lambda n: send(
            "PATCH", f"{DEPLOYMENTS}/d{n}?fieldManager=b", deployment(f"d{n}"), apply
        ),
    }
    rows = []
    for what, work in works.items():
        rate = await _rate(work, 600)
        rows.append(Row(what, f"{rate:.0f}/s"))
    return rows


async def _rate(work: Callable[[int], Awaitable[None]], count: int) -> float:
    start = time.perf_counter()
    for number in range(count):
        await work(number)
    return count / (time.perf_counter() - start)


async def _fan_out(session: aiohttp.ClientSession, watchers: int = 50, changes: int = 100) -> Row:
    body = {"metadata": {"name": "fan"}, "data": {}}
    async with session.post(MAPS, json=body) as answer:
        version = (await answer.json())["metadata"]["resourceVersion"]
    path = f"{MAPS}?watch=1&resourceVersion={version}&fieldSelector=metadata.name=fan"

    async def follow() -> None:
        async with session.get(path) as stream:
            seen = 0
            async for _ in stream.content:
                seen += 1
                if seen == changes:
                    return

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(watchers):
            group.create_task(follow())
        await asyncio.sleep(0.2)
        start = time.perf_counter()
        for number in range(changes):
            patch = {"data": {"n": str(number)}}
            kind = {"Content-Type": "application/merge-patch+json"}
            async with session.patch(f"{MAPS}/fan", json=patch, headers=kind) as answer:
                await answer.read()
    rate = watchers * changes / (time.perf_counter() - start)
    return Row(f"events to {watchers} watchers", f"{rate:.0f}/s")


async def _many(server: ApiServer, session: aiohttp.ClientSession, count: int = 10_000) -> Row:
    gc.collect()
    for number in range(count):
        body = {"metadata": {"name": f"m{number}"}, "data": {"key": "value" * 20}}
        async with session.post(MAPS, json=body) as answer:
            await answer.read()
    gc.collect()
    return Row(f"resident with {count:,} objects", f"{_resident():.0f} MB")


def _resident() -> float:
    """Megabytes of this process in memory, the client of the measurement included."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
