"""Ends waits that have become hopeless: a newer source or spec is there.

Listens to the caches of a manager. A run that waits says for what it waits; a change that makes the
wait pointless rings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.runtime.cache import Cache, Change
from steersman.runtime.triggers import artifact_revision, own_change, revision_changed

__all__ = ["Interrupt", "Interrupts"]


@dataclass(slots=True, kw_only=True)
class Interrupt:
    """One run that may be interrupted.

    Args:
        source: the source it works on.
        revision: the revision it works on.
    """

    source: ObjectRef
    revision: str
    trigger: ObjectRef | None = None
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self, trigger: ObjectRef) -> None:
        """Says that something newer is there."""
        self.trigger = self.trigger or trigger
        self.rung.set()


class Interrupts:
    """The runs that may be interrupted, and what interrupts them."""

    def __init__(self) -> None:
        self._running: dict[ObjectRef, Interrupt] = {}
        self._heard: set[int] = set()
        self._caches: list[Cache] = []  # keeps the identities in `_heard` from being reused

    def listen_to(self, caches: Mapping[GroupVersionKind, Cache], own: GroupVersionKind) -> None:
        """Subscribes to caches, each once."""
        for kind, cache in caches.items():
            if id(cache) in self._heard:
                continue
            self._heard.add(id(cache))
            self._caches.append(cache)
            cache.subscribe(self._on_own_change if kind == own else self._on_source_change)

    @contextmanager
    def during(self, ref: ObjectRef, *, source: ObjectRef, revision: str) -> Iterator[Interrupt]:
        """Makes one run interruptible."""
        interrupt = self._running[ref] = Interrupt(source=source, revision=revision)
        try:
            yield interrupt
        finally:
            del self._running[ref]

    def _on_own_change(self, change: Change) -> None:
        interrupt = self._running.get(change.ref)
        if interrupt is not None and (change.new is None or own_change(change) is not None):
            interrupt.ring(change.ref)

    def _on_source_change(self, change: Change) -> None:
        if not revision_changed(change):
            return
        revision = artifact_revision(change.new)
        for interrupt in self._running.values():
            if interrupt.source == change.ref and interrupt.revision != revision:
                interrupt.ring(change.ref)
