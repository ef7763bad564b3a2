from __future__ import annotations

import asyncio

import pytest

from steersman.kit.clock import VirtualClock
from steersman.objects.identity import ObjectRef
from steersman.runtime.queue import HIGH, LOW, KeyedQueue, Request

pytestmark = pytest.mark.virtual_time


def key(name: str) -> ObjectRef:
    return ObjectRef("", "Thing", "", name)


def a_queue() -> KeyedQueue:
    return KeyedQueue(VirtualClock(asyncio.get_running_loop()))


def now() -> float:
    return asyncio.get_running_loop().time()


async def taken(queue: KeyedQueue, number: int) -> list[tuple[str, float]]:
    names = []
    for _ in range(number):
        request = await queue.get()
        names.append((request.ref.name, now()))
        queue.done(request.ref)
    return names


async def test_a_key_asked_for_twice_comes_once_with_both_reasons():
    queue = a_queue()
    queue.add(key("a"), reason="created")
    queue.add(key("a"), reason="spec changed")
    queue.add(key("a"), reason="created")
    assert await queue.get() == Request(key("a"), ("created", "spec changed"), 0)
    assert len(queue) == 0


async def test_the_earlier_time_wins_in_either_order():
    queue = a_queue()
    queue.add(key("a"), after=60)
    queue.add(key("a"), after=10)
    queue.add(key("b"), after=20)
    queue.add(key("b"), after=90)
    assert await taken(queue, 2) == [("a", 10), ("b", 20)]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await queue.get()


async def test_the_highest_priority_goes_first_then_who_waited_longest():
    queue = a_queue()
    queue.add(key("low"), priority=LOW)
    queue.add(key("first"))
    queue.add(key("second"))
    queue.add(key("high"), priority=HIGH)
    names = [name for name, _ in await taken(queue, 4)]
    assert names == ["high", "first", "second", "low"]


async def test_a_higher_priority_is_kept_when_asked_again():
    queue = a_queue()
    queue.add(key("a"), priority=LOW)
    queue.add(key("b"))
    queue.add(key("a"), priority=HIGH)
    queue.add(key("a"), priority=LOW)
    assert await queue.get() == Request(key("a"), (), HIGH)


async def test_a_priority_does_not_make_a_key_come_earlier():
    queue = a_queue()
    queue.add(key("a"), after=10, priority=HIGH)
    queue.add(key("b"), after=5, priority=LOW)
    assert await taken(queue, 2) == [("b", 5), ("a", 10)]


async def test_a_key_being_worked_on_is_not_handed_out_again():
    queue = a_queue()
    queue.add(key("a"))
    await queue.get()
    queue.add(key("a"), reason="meanwhile")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await queue.get()
    queue.done(key("a"))
    assert await queue.get() == Request(key("a"), ("meanwhile",), 0)


async def test_a_delay_counts_from_when_it_was_asked_for():
    queue = a_queue()
    queue.add(key("a"))
    await queue.get()
    queue.add(key("a"), after=10)
    await asyncio.sleep(4)
    queue.done(key("a"))
    assert await taken(queue, 1) == [("a", 10)]


async def test_a_removed_key_does_not_come():
    queue = a_queue()
    queue.add(key("a"), after=1)
    queue.add(key("b"), after=2)
    queue.remove(key("a"))
    assert await taken(queue, 1) == [("b", 2)]


async def test_a_waiting_consumer_is_woken_by_a_new_key():
    queue = a_queue()
    queue.add(key("late"), after=3600)

    async def ask() -> None:
        await asyncio.sleep(5)
        queue.add(key("a"))

    async with asyncio.TaskGroup() as group:
        group.create_task(ask())
        assert await taken(queue, 1) == [("a", 5)]


async def test_the_depth_counts_what_is_due_and_not_running():
    queue = a_queue()
    queue.add(key("a"))
    queue.add(key("b"))
    queue.add(key("c"), after=10)
    assert (queue.depth, queue.running) == (2, 0)
    request = await queue.get()
    queue.add(request.ref)
    assert (queue.depth, queue.running) == (1, 1)
    queue.done(request.ref)
    assert (queue.depth, queue.running, queue.due_of(key("c"))) == (2, 0, 10)


async def test_whether_a_key_is_due_is_known_without_counting():
    queue = a_queue()
    assert not queue.has_due()
    queue.add(key("a"), after=10)
    assert not queue.has_due()
    queue.add(key("b"))
    assert queue.has_due()
    request = await queue.get()
    queue.add(request.ref)
    assert not queue.has_due()
    queue.done(request.ref)
    assert queue.has_due()
    queue.remove(request.ref)
    assert not queue.has_due()
