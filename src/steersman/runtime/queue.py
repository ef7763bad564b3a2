"""The keyed queue: what is to be reconciled, and when.

Rules
    * A key is in the queue at most once. Asking again keeps the earlier time, the higher priority
      and all reasons.
    * A key that is being worked on is not handed out again; what is asked meanwhile is kept and
      comes back when the work is done.
    * Among keys that are due, the highest priority goes first, then the one that waited longest.

Requests carry a reference and reasons, never a change: merging them loses nothing but time.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, NamedTuple

from steersman.kit.clock import Clock
from steersman.objects.identity import ObjectRef

__all__ = ["HIGH", "LOW", "NORMAL", "KeyedQueue", "Request"]

LOW: Final = -100
"""The first look at everything after a start: new work overtakes it."""

NORMAL: Final = 0

HIGH: Final = 100
"""Somebody waits for the answer."""

_MOST_REASONS: Final = 8


class Request(NamedTuple):
    """One object to reconcile, and why."""

    ref: ObjectRef
    reasons: tuple[str, ...]
    priority: int


@dataclass(slots=True)
class _Entry:
    due: float
    priority: int
    order: int
    reasons: tuple[str, ...]


class KeyedQueue:
    """A queue with one consumer. See the module for its rules.

    Args:
        clock: its monotonic seconds are the queue's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[ObjectRef, _Entry] = {}
        self._waiting: list[tuple[float, int, ObjectRef]] = []
        self._due: list[tuple[int, float, int, ObjectRef]] = []
        self._running: set[ObjectRef] = set()
        self._order = count()
        self._changed = asyncio.Event()
        self.adds = 0

    def __len__(self) -> int:
        """The number of keys that wait, due or not."""
        return len(self._entries)

    def __iter__(self) -> Iterator[ObjectRef]:
        return iter(self._entries)

    @property
    def depth(self) -> int:
        """The number of keys that are due and not being worked on."""
        now = self._clock.monotonic()
        return sum(
            entry.due <= now and ref not in self._running for ref, entry in self._entries.items()
        )

    @property
    def running(self) -> int:
        """The number of keys being worked on."""
        return len(self._running)

    def has_due(self) -> bool:
        """Says whether a key is due and not being worked on."""
        while self._due and not self._is_current(self._due[0][3], self._due[0][2]):
            heapq.heappop(self._due)
        return bool(self._due) or self._until_next() == 0.0

    def due_of(self, ref: ObjectRef) -> float | None:
        """Returns when a key comes up, in the clock's monotonic seconds; None if it does not."""
        entry = self._entries.get(ref)
        return None if entry is None else entry.due

    def add(
        self, ref: ObjectRef, *, after: float = 0.0, priority: int = NORMAL, reason: str = ""
    ) -> None:
        """Asks for a key.

        Args:
            ref: the key.
            after: seconds from now.
            priority: higher goes first.
            reason: why, for logs.
        """
        self.adds += 1
        due = self._clock.monotonic() + max(after, 0.0)
        known = self._entries.get(ref)
        reasons: tuple[str, ...] = (reason,) if reason else ()
        if known is not None:
            if reason and reason not in known.reasons:
                known.reasons = (*known.reasons, reason)[:_MOST_REASONS]
            if due >= known.due and priority <= known.priority:
                return
            due, priority = min(due, known.due), max(priority, known.priority)
            reasons = known.reasons
        order = next(self._order)
        self._entries[ref] = _Entry(due, priority, order, reasons)
        if ref not in self._running:
            heapq.heappush(self._waiting, (due, order, ref))
            self._changed.set()

    def remove(self, ref: ObjectRef) -> None:
        """Forgets a key; does not stop work on it."""
        self._entries.pop(ref, None)

    async def get(self) -> Request:
        """Waits for the next key that is due and hands it out; :meth:`done` must follow."""
        while True:
            self._changed.clear()
            request = self._take()
            if request is not None:
                return request
            wait = self._until_next()
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def done(self, ref: ObjectRef) -> None:
        """Says that work on a key has ended; what was asked meanwhile comes up now."""
        self._running.discard(ref)
        entry = self._entries.get(ref)
        if entry is not None:
            heapq.heappush(self._waiting, (entry.due, entry.order, ref))
            self._changed.set()

    def _is_current(self, ref: ObjectRef, order: int) -> bool:
        entry = self._entries.get(ref)
        return entry is not None and entry.order == order and ref not in self._running

    def _take(self) -> Request | None:
        now = self._clock.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            due, order, ref = heapq.heappop(self._waiting)
            if self._is_current(ref, order):
                heapq.heappush(self._due, (-self._entries[ref].priority, due, order, ref))
        while self._due:
            _, _, order, ref = heapq.heappop(self._due)
            if self._is_current(ref, order):
                entry = self._entries.pop(ref)
                self._running.add(ref)
                return Request(ref, entry.reasons, entry.priority)
        return None

    def _until_next(self) -> float | None:
        while self._waiting and not self._is_current(self._waiting[0][2], self._waiting[0][1]):
            heapq.heappop(self._waiting)
        if not self._waiting:
            return None
        return max(0.0, self._waiting[0][0] - self._clock.monotonic())
