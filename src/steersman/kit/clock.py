"""Time as a value: nothing below reads the wall clock except through a :class:`Clock`."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "SystemClock", "VirtualClock", "format_rfc3339", "parse_rfc3339"]


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Returns the current time in UTC, with microseconds."""
        ...

    def monotonic(self) -> float:
        """Returns seconds from an arbitrary point; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits; a virtual clock makes this cost nothing."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Returns the wall clock in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may

    def monotonic(self) -> float:
        """Returns the machine's monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits in real time."""
        await asyncio.sleep(seconds)


class VirtualClock:
    """The running loop's time, told as dates from a fixed start.

    Under :class:`steersman.kit.virtualloop.VirtualEventLoop` the loop's time jumps to the next
    timer when there is nothing else to do, so this clock never makes anybody wait.

    Args:
        loop: the event loop whose time is read.
        start: the date at the loop's time zero.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> datetime:
        """Returns the start plus the loop's seconds."""
        return self._start + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        """Returns the loop's seconds."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Waits in the loop's time."""
        await asyncio.sleep(seconds)


def format_rfc3339(moment: datetime) -> str:
    """Formats as Kubernetes' ``metav1.Time``: UTC, whole seconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """Parses ``metav1.Time`` and ``MicroTime``; raises ``ValueError`` on anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"`{text}` has no time zone")
    return moment.astimezone(UTC)
