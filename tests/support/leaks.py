"""Fails a test that leaves a task, a file descriptor or a child process behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

FDS = Path("/proc/self/fd")


def open_files() -> dict[str, str]:
    """Descriptors and what they point at; epoll, pipes of the loop and sockets included."""
    found = {}
    for entry in FDS.iterdir() if FDS.exists() else ():
        try:
            found[entry.name] = str(entry.readlink())
        except OSError:
            continue
    return found


@pytest_asyncio.fixture
async def _no_tasks_left_in_loop() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    left = [t for t in asyncio.all_tasks() - before if t is not asyncio.current_task()]
    assert not left, f"tasks left behind: {left}"


@pytest.fixture(autouse=True)
def _no_leaked_tasks(request: pytest.FixtureRequest) -> None:
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_no_tasks_left_in_loop")


@pytest.fixture
def no_leaked_files() -> Iterator[None]:
    """For tests that start servers: the set of open descriptors is the same afterwards."""
    gc.collect()
    before = open_files()
    yield
    gc.collect()
    after = open_files()
    left = {fd: to for fd, to in after.items() if before.get(fd) != to}
    assert not left, f"files left open: {left}"
