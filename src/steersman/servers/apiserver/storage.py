"""The object store: one global resource version, a bounded history for watches, a journal.

Everything happens synchronously on one thread, so a read-modify-write inside one function is a
transaction; there is no conflict to retry. Objects are kept as encoded JSON beside their decoded
form, so reads and watches copy bytes and never encode.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import msgspec

from steersman.objects.manifest import Manifest

__all__ = ["Bucket", "Change", "Compacted", "Journal", "NoJournal", "Store", "Stored"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

HISTORY_EVENTS = 20_000
HISTORY_BYTES = 48 * 1024 * 1024


class Compacted(Exception):
    """A resource version older than the kept history was asked for."""


class Stored:
    """One version of one object. Its manifest must not be changed."""

    __slots__ = ("_manifest", "data", "key", "rv")

    def __init__(self, key: str, rv: int, data: bytes, manifest: Manifest | None = None) -> None:
        self.key = key
        self.rv = rv
        self.data = data
        self._manifest = manifest

    @property
    def manifest(self) -> Manifest:
        """The decoded object, decoded again when its cache was dropped."""
        manifest = self._manifest
        if manifest is None:
            manifest = self._manifest = _decode(self.data)
        return manifest

    def forget_manifest(self) -> None:
        """Drops the decoded form: history keeps bytes only."""
        self._manifest = None


class Change(NamedTuple):
    """One commit. ``new`` is the last state of a deleted object, under the deletion's version."""

    rv: int
    bucket: str
    key: str
    new: Stored
    old: Stored | None
    deleted: bool


class Journal(Protocol):
    """Where commits are made durable before they are acknowledged."""

    def load(self) -> tuple[int, Iterable[tuple[str, str, int, bytes]]]:
        """Returns the last resource version and every (bucket, key, rv, data)."""
        ...

    def write(self, bucket: str, key: str, rv: int, data: bytes) -> None:
        """Keeps an object."""
        ...

    def remove(self, bucket: str, key: str, rv: int) -> None:
        """Forgets an object."""
        ...

    def close(self) -> None:
        """Releases the files."""
        ...


class NoJournal:
    """Memory only."""

    def load(self) -> tuple[int, Iterable[tuple[str, str, int, bytes]]]:
        """Returns an empty store."""
        return 0, ()

    def write(self, bucket: str, key: str, rv: int, data: bytes) -> None:
        """Does nothing."""

    def remove(self, bucket: str, key: str, rv: int) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


class Bucket:
    """All objects of one resource, ordered by key (``namespace/name``, or ``name``)."""

    __slots__ = ("keys", "objects", "subscribers")

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.keys: list[str] = []
        self.subscribers: dict[int, Callable[[Change], None]] = {}

    def between(self, prefix: str) -> list[str]:
        """Returns the ordered keys that start with ``prefix``."""
        if not prefix:
            return list(self.keys)
        start = bisect_left(self.keys, prefix)
        return self.keys[start : bisect_left(self.keys, prefix[:-1] + chr(ord(prefix[-1]) + 1))]


class Store:
    """Objects by bucket and key, with one counter for all of them.

    Args:
        journal: made durable before a commit returns.
        first_rv: the counter's start in an empty store.
    """

    def __init__(self, journal: Journal | None = None, *, first_rv: int = 1) -> None:
        self._journal: Journal = journal or NoJournal()
        self._buckets: dict[str, Bucket] = {}
        self._subscribers: dict[int, Callable[[Change], None]] = {}
        self._next_subscriber = 0
        self._log: list[Change] = []
        self._log_bytes = 0
        last, rows = self._journal.load()
        self.rv = max(last, first_rv)
        for bucket, key, rv, data in rows:
            self._bucket(bucket).objects[key] = Stored(key, rv, data)
        for bucket_ in self._buckets.values():
            bucket_.keys = sorted(bucket_.objects)
        self.oldest_rv = self.rv

    def _bucket(self, name: str) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket()
        return bucket

    def close(self) -> None:
        """Closes the journal."""
        self._journal.close()

    # reading

    def get(self, bucket: str, key: str) -> Stored | None:
        """Returns the current version of an object."""
        return self._bucket(bucket).objects.get(key)

    def scan(self, bucket: str, prefix: str = "") -> list[Stored]:
        """Returns the objects whose key starts with ``prefix``, in key order."""
        held = self._bucket(bucket)
        return [held.objects[key] for key in held.between(prefix)]

    def scan_at(self, bucket: str, rv: int, prefix: str = "") -> list[Stored]:
        """Returns what :meth:`scan` returned at ``rv``; raises :class:`Compacted`."""
        if rv >= self.rv:
            return self.scan(bucket, prefix)
        if rv < self.oldest_rv:
            raise Compacted
        held = self._bucket(bucket)
        then = {key: held.objects[key] for key in held.between(prefix)}
        for change in reversed(self._log):
            if change.rv <= rv:
                break
            if change.bucket == bucket and change.key.startswith(prefix):
                if change.old is None:
                    then.pop(change.key, None)
                else:
                    then[change.key] = change.old
        return [then[key] for key in sorted(then)]

    def count(self, bucket: str) -> int:
        """Returns how many objects a bucket holds."""
        return len(self._bucket(bucket).objects)

    def buckets(self) -> Iterator[str]:
        """Yields the names of buckets that hold objects."""
        return (name for name, bucket in self._buckets.items() if bucket.objects)

    def changes_since(self, bucket: str, rv: int) -> list[Change]:
        """Returns the bucket's changes after ``rv``; raises :class:`Compacted`."""
        if rv < self.oldest_rv:
            raise Compacted
        start = bisect_left(self._log, rv + 1, key=lambda change: change.rv)
        return [change for change in self._log[start:] if change.bucket == bucket]

    # writing

    def put(self, bucket: str, key: str, manifest: Manifest) -> Stored:
        """Commits a new version of an object and gives it the next resource version.

        ``manifest["metadata"]`` is replaced by one that carries the new version.
        """
        held = self._bucket(bucket)
        old = held.objects.get(key)
        rv = self.rv + 1
        kept = _with_version(manifest, rv)
        stored = Stored(key, rv, _encode(kept), kept)
        self._journal.write(bucket, key, rv, stored.data)
        self.rv = rv
        held.objects[key] = stored
        if old is None:
            insort(held.keys, key)
        else:
            old.forget_manifest()
        self._publish(held, Change(rv, bucket, key, stored, old, False))
        return stored

    def delete(self, bucket: str, key: str, manifest: Manifest | None = None) -> Stored:
        """Commits a deletion; returns the last state under the deletion's version.

        Args:
            bucket: the resource.
            key: the object, which must exist.
            manifest: its last state when that differs from the stored one.
        """
        held = self._bucket(bucket)
        old = held.objects[key]
        rv = self.rv + 1
        kept = _with_version(manifest or old.manifest, rv)
        stored = Stored(key, rv, _encode(kept), kept)
        self._journal.remove(bucket, key, rv)
        self.rv = rv
        del held.objects[key]
        del held.keys[bisect_left(held.keys, key)]
        self._publish(held, Change(rv, bucket, key, stored, old, True))
        return stored

    def _publish(self, held: Bucket, change: Change) -> None:
        self._log.append(change)
        self._log_bytes += len(change.new.data)
        if len(self._log) > HISTORY_EVENTS or self._log_bytes > HISTORY_BYTES:
            self._compact(len(self._log) // 2)
        for subscriber in list(held.subscribers.values()):
            subscriber(change)
        for subscriber in list(self._subscribers.values()):
            subscriber(change)

    def _compact(self, count: int) -> None:
        dropped = self._log[:count]
        self._log = self._log[count:]
        self._log_bytes -= sum(len(change.new.data) for change in dropped)
        self.oldest_rv = dropped[-1].rv

    def compact(self) -> None:
        """Forgets all history: older resource versions answer 410 from now on."""
        if self._log:
            self._compact(len(self._log))
        self.oldest_rv = self.rv

    # watching

    def subscribe(
        self, callback: Callable[[Change], None], bucket: str | None = None
    ) -> Callable[[], None]:
        """Calls ``callback`` at every commit, in order, inside the commit.

        Args:
            callback: must be quick and must not commit.
            bucket: only this resource's commits; ``None`` for all.

        Returns:
            A function that ends the subscription.
        """
        number = self._next_subscriber
        self._next_subscriber += 1
        table = self._subscribers if bucket is None else self._bucket(bucket).subscribers
        table[number] = callback

        def cancel() -> None:
            table.pop(number, None)

        return cancel


def _with_version(manifest: Manifest, rv: int) -> dict[str, Any]:
    metadata = dict(manifest["metadata"])
    if "resourceVersion" in metadata:
        metadata["resourceVersion"] = str(rv)
        return {**manifest, "metadata": metadata}
    ordered: dict[str, Any] = {}
    for name, value in metadata.items():
        if "resourceVersion" not in ordered and name not in _BEFORE_VERSION:
            ordered["resourceVersion"] = str(rv)
        ordered[name] = value
    ordered.setdefault("resourceVersion", str(rv))
    return {**manifest, "metadata": ordered}


_BEFORE_VERSION = frozenset(("name", "generateName", "namespace", "selfLink", "uid"))
