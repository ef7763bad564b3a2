from __future__ import annotations

import asyncio
import threading

import pytest

from steersman.kit.story import Story
from steersman.kit.tasks import finish, run_blocking

pytestmark = pytest.mark.virtual_time


async def test_a_limiter_bounds_the_calls_that_run_at_once():
    limiter, lock = asyncio.Semaphore(2), threading.Lock()
    running = most = 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.005)
        with lock:
            running -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(run_blocking(work, limiter=limiter))
    assert most == 2


async def test_a_cancelled_call_asks_its_function_to_stop():
    stop = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await run_blocking(stop.wait, 5, cancel=stop.set)
    assert stop.is_set()


async def test_last_words_are_spoken_after_a_cancellation():
    said = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await finish(speak(), seconds=5)
            raise

    async def speak() -> None:
        await asyncio.sleep(1)
        said.append("goodbye")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await asyncio.sleep(1)
        task.cancel()
    assert said == ["goodbye"]
    assert task.cancelled()


async def test_last_words_are_bounded():
    with pytest.raises(TimeoutError):
        await finish(asyncio.sleep(60), seconds=5)


def test_a_story_keeps_its_last_lines():
    story = Story(limit=2)
    for at, event in enumerate(["queued", "started", "failed"]):
        story.note(at, "a", event)
    assert str(story) == "1.000 a: started\n2.000 a: failed"
    assert [line.event for line in story.of("a")] == ["started", "failed"]
