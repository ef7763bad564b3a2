from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from steersman.kit.tasks import run_blocking
from steersman.kit.virtualloop import VirtualEventLoop, busy, run_virtual

pytestmark = pytest.mark.virtual_time


def loop_time() -> float:
    return asyncio.get_running_loop().time()


async def test_an_hour_of_waiting_takes_no_time_and_is_an_hour():
    began = time.monotonic()
    await asyncio.sleep(3600)
    assert loop_time() == 3600
    assert time.monotonic() - began < 1


async def test_timers_fire_in_the_order_of_their_dates():
    fired = []

    async def fire(after: float) -> None:
        await asyncio.sleep(after)
        fired.append((after, loop_time()))

    async with asyncio.TaskGroup() as group:
        for after in (3.0, 1.0, 2.0, 0.001):
            group.create_task(fire(after))
    assert fired == [(0.001, 0.001), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


async def test_time_stands_still_while_a_thread_works():
    ticks = []

    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            ticks.append(loop_time())

    async with asyncio.TaskGroup() as group:
        ticker = group.create_task(tick())
        await run_blocking(time.sleep, 0.05)
        assert ticks == []
        ticker.cancel()


async def test_time_stands_still_while_an_abandoned_thread_works():
    let_go = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await run_blocking(let_go.wait, 5)
    threading.Timer(0.05, let_go.set).start()
    began = time.monotonic()
    await asyncio.sleep(10)
    assert time.monotonic() - began >= 0.04
    assert loop_time() == 10


async def test_a_call_cancelled_before_its_thread_began_holds_nothing():
    let_go = threading.Event()
    loop = asyncio.get_running_loop()
    waiting = [loop.run_in_executor(None, let_go.wait, 5) for _ in range(64)]
    waiting[-1].cancel()
    let_go.set()
    await asyncio.wait(waiting)
    await asyncio.sleep(100)
    assert loop_time() == 100


async def test_children_that_end_at_once_do_not_hold_time_for_ever():
    """A child may be gone before its transport is ready; its token was once kept for good."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualEventLoop)
    for _ in range(100):
        process = await asyncio.create_subprocess_exec("true", stdin=subprocess.PIPE)
        await process.wait()
    began = time.monotonic()
    await asyncio.sleep(3600)
    assert time.monotonic() - began < 1


async def test_a_child_whose_end_is_told_before_its_transport_gives_its_token_back(
    monkeypatch: pytest.MonkeyPatch,
):
    make = asyncio.SelectorEventLoop._make_subprocess_transport

    async def make_late(loop: Any, *args: Any, **kwargs: Any) -> Any:
        transport = await make(loop, *args, **kwargs)
        await transport._wait()
        return transport

    monkeypatch.setattr(asyncio.SelectorEventLoop, "_make_subprocess_transport", make_late)
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    began = time.monotonic()
    await asyncio.sleep(3600)
    assert time.monotonic() - began < 1


async def test_time_stands_still_while_a_subprocess_runs():
    code = "import time; time.sleep(0.05); print('done')"
    began = loop_time()
    async with asyncio.timeout(0.01):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
    assert (out, loop_time() - began) == (b"done\n", 0)
    await asyncio.sleep(60)
    assert loop_time() - began == 60


async def test_a_busy_token_blocks_until_it_is_given_back():
    loop = asyncio.get_running_loop()
    foreign = asyncio.Event()
    with busy():
        timer = threading.Timer(0.05, loop.call_soon_threadsafe, [foreign.set])
        timer.start()
        async with asyncio.timeout(0.001):
            await foreign.wait()
    assert loop_time() == 0


async def test_a_busy_outsider_who_waits_for_a_timer_gets_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("steersman.kit.virtualloop._PATIENCE_SECONDS", 0.01)
    with busy():
        await asyncio.sleep(0.02)
    assert loop_time() == pytest.approx(0.02, abs=0.001)


class Server:
    """A small server whose answer takes virtual time."""

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_get("/slow/{seconds}", self.slow)
        app.router.add_get("/stream", self.stream)
        app.router.add_get("/big", self.big)
        self.runner = web.AppRunner(app, handler_cancellation=True)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        host, port = self.runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()

    async def slow(self, request: web.Request) -> web.Response:
        await asyncio.sleep(float(request.match_info["seconds"]))
        return web.json_response({"at": loop_time()})

    async def big(self, request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 8_000_000)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await asyncio.sleep(60)
            await response.write(f"{loop_time()}\n".encode())
        return response


async def test_a_client_sees_the_virtual_time_of_the_server(no_leaked_files: None):
    async with Server() as url, aiohttp.ClientSession() as session:
        for seconds, expected in ((30, 30), (90, 120)):
            async with session.get(f"{url}/slow/{seconds}") as answer:
                assert await answer.json() == {"at": expected}


async def test_a_client_times_out_in_virtual_time():
    timeout = aiohttp.ClientTimeout(total=20)
    began = time.monotonic()
    async with Server() as url, aiohttp.ClientSession(timeout=timeout) as session:
        with pytest.raises(TimeoutError):
            await session.get(f"{url}/slow/3600")
        assert loop_time() == pytest.approx(20, abs=1)
    assert time.monotonic() - began < 2


async def test_idle_connections_are_kept_and_then_dropped():
    async with Server() as url, aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.get(f"{url}/slow/0") as answer:
                await answer.read()
            await asyncio.sleep(600)
        assert loop_time() == 1800


async def test_no_jump_overtakes_bytes_between_a_server_and_a_client():
    timeout = aiohttp.ClientTimeout(total=None, sock_read=61)
    async with Server() as url, aiohttp.ClientSession(timeout=timeout) as session:
        seen = []
        async with session.get(f"{url}/stream") as answer:
            async for line in answer.content:
                seen.append((float(line), loop_time()))
    assert seen == [(60.0 * n, 60.0 * n) for n in range(1, 51)]


async def test_large_bodies_arrive_before_time_moves():
    async with Server() as url, aiohttp.ClientSession() as session:
        async with asyncio.timeout(0.001), session.get(f"{url}/big") as answer:
            assert len(await answer.read()) == 8_000_000
        assert loop_time() == 0


def a_run() -> tuple[list[str], int]:
    lines: list[str] = []

    async def main() -> int:
        async with Server() as url, aiohttp.ClientSession() as session:

            async def ask(name: str, every: float) -> None:
                for turn in range(20):
                    async with session.get(f"{url}/slow/{every}") as answer:
                        at = (await answer.json())["at"]
                    lines.append(f"{name} {turn} {at:.6f}")

            async with asyncio.TaskGroup() as group:
                for name, every in (("a", 0.3), ("b", 0.7), ("c", 1.1)):
                    group.create_task(ask(name, every))
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualEventLoop)
        return loop.jumps

    return lines, run_virtual(main)


@pytest.mark.real_time
def test_two_runs_are_the_same():
    assert a_run() == a_run()


@pytest.mark.real_time
def test_a_run_that_never_ends_is_ended_by_its_limit():
    async def forever() -> None:
        for _ in itertools.count():
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        run_virtual(forever, limit=3600)
