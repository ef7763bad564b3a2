"""Laws of the queue for any course of events, under virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from steersman.kit.clock import VirtualClock
from steersman.kit.virtualloop import run_virtual
from steersman.objects.identity import ObjectRef
from steersman.runtime.queue import KeyedQueue

ADD = st.tuples(
    st.integers(0, 20),  # when
    st.sampled_from("abcd"),  # key
    st.integers(0, 30),  # after
    st.integers(-1, 1),  # priority
)


@given(st.lists(ADD, max_size=40), st.integers(1, 3), st.integers(0, 9))
def test_laws(adds: list[tuple[int, str, int, int]], workers: int, work_seconds: int):
    asked: dict[str, list[tuple[float, float]]] = defaultdict(list)
    runs: dict[str, list[tuple[float, float]]] = defaultdict(list)

    async def main() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        queue = KeyedQueue(clock)
        free = asyncio.Semaphore(workers)

        async def ask() -> None:
            for when, name, after, priority in sorted(adds):
                await asyncio.sleep(when - clock.monotonic())
                queue.add(ObjectRef("", "T", "", name), after=after, priority=priority)
                asked[name].append((clock.monotonic(), clock.monotonic() + after))

        async def work(ref: ObjectRef) -> None:
            began = clock.monotonic()
            await asyncio.sleep(work_seconds)
            runs[ref.name].append((began, clock.monotonic()))
            queue.done(ref)
            free.release()

        async def consume(group: asyncio.TaskGroup) -> None:
            while True:
                await free.acquire()
                request = await queue.get()
                group.create_task(work(request.ref))

        async with asyncio.TaskGroup() as group:
            consumer = group.create_task(consume(group))
            await ask()
            await asyncio.sleep(1000)
            assert (len(queue), queue.running) == (0, 0)
            consumer.cancel()

    run_virtual(main)
    for name, requests in asked.items():
        intervals = sorted(runs[name])
        # Nothing is lost: every request is followed by a run that begins after it was asked.
        for at, _due in requests:
            assert any(began >= at for began, _ in intervals)
        # Nothing is early: a run begins only once some request was due.
        for began, _ in intervals:
            assert any(due <= began for _, due in requests)
        # Nothing is done more often than asked, and never twice at once.
        assert len(intervals) <= len(requests)
        for (_, ended), (began, _) in itertools.pairwise(intervals):
            assert began >= ended
