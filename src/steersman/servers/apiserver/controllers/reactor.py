"""Turns commits into work, one key at a time, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

__all__ = ["Reactor"]

_log = logging.getLogger(__name__)

JOBS_PER_TURN = 50
"""Jobs done before other work of the loop gets its turn."""


class Reactor:
    """A queue of jobs by key; a key waits at most once.

    Must be made inside a running event loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: dict[tuple[str, ...], Callable[[], None]] = {}
        self._timers: dict[tuple[str, ...], asyncio.TimerHandle] = {}
        self._scheduled: asyncio.Handle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def post(self, key: tuple[str, ...], job: Callable[[], None]) -> None:
        """Does a job in a later turn, unless one of that key waits already."""
        if self._closed or key in self._jobs:
            return
        self._jobs[key] = job
        self._idle.clear()
        if self._scheduled is None:
            self._scheduled = self._loop.call_soon(self._run)

    def post_later(self, seconds: float, key: tuple[str, ...], job: Callable[[], None]) -> None:
        """Does a job after some time; a later call with the same key replaces the timer."""
        if self._closed:
            return
        previous = self._timers.pop(key, None)
        if previous is not None:
            previous.cancel()

        def fire() -> None:
            self._timers.pop(key, None)
            self.post(key, job)

        self._timers[key] = self._loop.call_later(seconds, fire)

    def _run(self) -> None:
        self._scheduled = None
        for _ in range(JOBS_PER_TURN):
            if not self._jobs:
                break
            key = next(iter(self._jobs))
            job = self._jobs.pop(key)
            try:
                job()
            except Exception:
                _log.exception("a controller of the API server failed", extra={"key": key})
        if self._jobs:
            self._scheduled = self._loop.call_soon(self._run)
        else:
            self._idle.set()

    async def settled(self) -> None:
        """Returns when no job waits; timers do not count."""
        while not self._idle.is_set():
            await self._idle.wait()

    def close(self) -> None:
        """Drops everything that waits."""
        self._closed = True
        self._jobs.clear()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._scheduled is not None:
            self._scheduled.cancel()
        self._idle.set()
