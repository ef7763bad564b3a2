"""watch: the state first where asked for, then every change, with bookmarks.

A watch never loses a change: it subscribes before it reads the state, and the store publishes
inside each commit. Source of the rules: recorded answers of kube-apiserver 1.36 and
``k8s.io/apiserver/pkg/storage/cacher``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.answers import expired, internal
from steersman.servers.apiserver.encoding import Encoder
from steersman.servers.apiserver.options import ListOptions
from steersman.servers.apiserver.reads import parse_version
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.selection import Selection
from steersman.servers.apiserver.storage import Change, Compacted, Store, Stored

__all__ = ["BOOKMARK_INTERVAL", "DEFAULT_TIMEOUT", "Watch"]

_encode = msgspec.json.Encoder().encode

BOOKMARK_INTERVAL = 60.0
"""Seconds between bookmarks that tell how far the watch has come."""

DEFAULT_TIMEOUT = 45 * 60
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Watch:
    """One running watch, an iterator of encoded events.

    Args:
        store: what is watched.
        resource: the resource, in the version the client asked for.
        namespace: only objects in it; empty for all.
        options: selectors, resource version, bookmarks.
        encoder: writes the objects.

    Raises:
        ApiError: 400 for selectors, 500 for a resource version that is no number.
    """

    def __init__(
        self,
        store: Store,
        resource: Resource,
        namespace: str,
        options: ListOptions,
        encoder: Encoder,
    ) -> None:
        self._store = store
        self._resource = resource
        self._prefix = f"{namespace}/" if namespace else ""
        self._options = options
        self._encoder = encoder
        self._selection = Selection(resource, options.labels, options.fields)
        try:
            self._from = parse_version(options.resource_version)
        except ValueError as error:
            raise internal(str(error)) from error
        self._pending: deque[Change] = deque()
        self._woken = asyncio.Event()
        self.closed = False
        self._first = True
        self._seen = store.rv
        self._cancel: Callable[[], None] = store.subscribe(self._on_change, resource.bucket)

    def close(self) -> None:
        """Ends the subscription."""
        self.closed = True
        self._cancel()
        self._woken.set()

    def _on_change(self, change: Change) -> None:
        if change.key.startswith(self._prefix):
            self._pending.append(change)
            self._woken.set()

    def start(self) -> bytes:
        """Returns the events to begin with: the state, missed changes, the first bookmark."""
        options = self._options
        chunks: list[bytes] = []
        with_state = options.initial_events is True or (
            options.initial_events is None and self._from == 0
        )
        if with_state:
            selected = self._selection.matches
            chunks += [
                self._event("ADDED", stored)
                for stored in self._store.scan(self._resource.bucket, self._prefix)
                if not self._selection or selected(stored.manifest)
            ]
            self._from = max(self._from, self._store.rv)
            wants_end = options.initial_events is True or not options.resource_version
            if options.bookmarks and wants_end:
                chunks.append(self._bookmark(initial_events_end=True))
        elif self._from:
            try:
                missed = self._store.changes_since(self._resource.bucket, self._from)
            except Compacted:
                return self._too_old()
            for change in missed:
                if change.key.startswith(self._prefix):
                    chunks.extend(self._events(change))
            self._from = max(self._from, self._store.rv)
        else:
            self._from = self._store.rv
        return b"".join(chunks)

    def _too_old(self) -> bytes:
        error = expired(f"too old resource version: {self._from} ({self._store.oldest_rv})")
        self._first = False
        self.close()
        return _line("ERROR", _encode(error.to_status()))

    def drain(self) -> bytes:
        """Returns the events that have come since the last call."""
        chunks: list[bytes] = []
        while self._pending:
            change = self._pending.popleft()
            if change.rv > self._from:
                chunks.extend(self._events(change))
        self._woken.clear()
        return b"".join(chunks)

    async def wait(self, seconds: float) -> None:
        """Returns at the next change, or after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    def bookmark(self) -> bytes:
        """Returns a bookmark when the store has moved since the last one, else nothing."""
        if not self._options.bookmarks or self._seen == self._store.rv:
            return b""
        return self._bookmark()

    def _events(self, change: Change) -> Iterator[bytes]:
        if not self._selection:
            if change.deleted:
                yield self._event("DELETED", change.new)
            else:
                yield self._event("MODIFIED" if change.old else "ADDED", change.new)
            return
        matches = self._selection.matches
        before = change.old is not None and matches(change.old.manifest)
        after = not change.deleted and matches(change.new.manifest)
        if change.deleted:
            if before:
                yield self._event("DELETED", change.new)
        elif after:
            yield self._event("MODIFIED" if before else "ADDED", change.new)
        elif before and change.old is not None:
            yield self._event("DELETED", _as_of(change.old, change.rv))

    def _event(self, kind: str, stored: Stored) -> bytes:
        body = self._encoder.event_object(stored, first=self._first)
        self._first = False
        return _line(kind, body)

    def _bookmark(self, *, initial_events_end: bool = False) -> bytes:
        self._seen = self._store.rv
        metadata: dict[str, Any] = {"resourceVersion": str(self._store.rv)}
        if initial_events_end:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        obj: Manifest = {
            "kind": self._resource.info.kind,
            "apiVersion": self._resource.api_version,
            "metadata": metadata,
        }
        return _line("BOOKMARK", self._encoder.bookmark(obj))


def _line(kind: str, body: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), body)


def _as_of(stored: Stored, rv: int) -> Stored:
    manifest = stored.manifest
    metadata = {**manifest["metadata"], "resourceVersion": str(rv)}
    changed = {**manifest, "metadata": metadata}
    return Stored(stored.key, rv, _encode(changed), changed)
