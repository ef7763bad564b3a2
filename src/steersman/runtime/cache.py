"""What we know of the objects of a kind: a store with indexes, fed by a reflector.

A relist replaces everything at once: readers never see half of it. An object that we wrote
ourselves is put in from the server's answer, so that the next run reads its own writes; older news
from the watch do not take it back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from steersman.clients.kube.request import ListOptions
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import Manifest, resource_version_of, uid_of

__all__ = ["Cache", "Caches", "Change", "IndexFunction", "Listener"]

_log = logging.getLogger(__name__)

IndexFunction: TypeAlias = Callable[[Manifest], Iterable[Hashable]]
"""Gives the keys under which an object is to be found; must not raise."""


class Change(NamedTuple):
    """An object before and after; None for not there."""

    ref: ObjectRef
    old: Manifest | None
    new: Manifest | None
    initial: bool = False
    """Part of the first list: the object is new to us, not to the world."""


Listener: TypeAlias = Callable[[Change], None]


def _version(manifest: Manifest) -> int:
    """Resource versions of one kind are comparable numbers; anything else compares as oldest."""
    text = resource_version_of(manifest)
    return int(text) if text.isascii() and text.isdigit() else -1


class Cache:
    """The objects of one kind.

    Args:
        kind: of the objects.
    """

    def __init__(self, kind: GroupVersionKind) -> None:
        self.kind = kind
        self.synced = asyncio.Event()
        self._objects: dict[ObjectRef, Manifest] = {}
        self._pending: dict[ObjectRef, Manifest] | None = None
        self._functions: dict[str, IndexFunction] = {}
        self._indexes: dict[str, dict[Hashable, dict[ObjectRef, None]]] = {}
        self._listeners: list[Listener] = []

    def __len__(self) -> int:
        """The number of objects."""
        return len(self._objects)

    def get(self, ref: ObjectRef) -> Manifest | None:
        """Returns an object; it must not be changed."""
        return self._objects.get(ref)

    def find(self, namespace: str, name: str) -> Manifest | None:
        """Returns the object of a name; it must not be changed."""
        return self._objects.get(ObjectRef(self.kind.group, self.kind.kind, namespace, name))

    def objects(self) -> tuple[Manifest, ...]:
        """Returns all objects in the order in which they were first seen."""
        return tuple(self._objects.values())

    def by_index(self, index: str, key: Hashable) -> tuple[Manifest, ...]:
        """Returns the objects that an index function filed under a key."""
        return tuple(self._objects[ref] for ref in self._indexes[index].get(key, ()))

    def add_index(self, index: str, function: IndexFunction) -> None:
        """Files objects, present and future, under keys of their own."""
        self._functions[index] = function
        self._indexes[index] = {}
        for ref, manifest in self._objects.items():
            self._file(index, ref, None, manifest)

    def subscribe(self, listener: Listener) -> None:
        """Tells every change from now on; listeners are called in turn and must not block."""
        self._listeners.append(listener)

    # What the reflector says.

    def begin(self) -> None:
        """A list begins; what follows replaces everything when it is complete."""
        self._pending = {}

    def stage(self, manifest: Manifest) -> None:
        """One object of the list."""
        if self._pending is not None:
            self._pending[ObjectRef.of(manifest)] = manifest

    def unstage(self, manifest: Manifest) -> None:
        """An object of the list was deleted before the list was complete."""
        if self._pending is not None:
            self._pending.pop(ObjectRef.of(manifest), None)

    def commit(self, resource_version: str) -> None:
        """The list is complete as of a resource version: swap, then tell what differs."""
        pending, self._pending = self._pending or {}, None
        listed = int(resource_version) if resource_version.isdigit() else -1
        initial = not self.synced.is_set()
        changes = []
        for ref, old in tuple(self._objects.items()):
            if ref not in pending and (listed < 0 or _version(old) <= listed):
                changes.append(self._swap(ref, None))
        for ref, new in pending.items():
            known = self._objects.get(ref)
            if known is None or self._is_news(known, new):
                changes.append(self._swap(ref, new, initial=initial))
        self.synced.set()
        for change in changes:
            self._tell(change)

    def apply(self, manifest: Manifest) -> None:
        """An object was created or changed."""
        ref = ObjectRef.of(manifest)
        old = self._objects.get(ref)
        if old is None or self._is_news(old, manifest):
            self._tell(self._swap(ref, manifest))

    def delete(self, manifest: Manifest) -> None:
        """An object was deleted."""
        ref = ObjectRef.of(manifest)
        old = self._objects.get(ref)
        if old is not None and uid_of(old) == uid_of(manifest):
            self._tell(self._swap(ref, None))

    # What we say ourselves.

    def put(self, manifest: Manifest) -> None:
        """Takes the server's answer to a write of ours, if the object is known and this is newer.

        An object that is not known was deleted meanwhile; its ghost must not come back.
        """
        if ObjectRef.of(manifest) in self._objects:
            self.apply(manifest)

    @staticmethod
    def _is_news(old: Manifest, new: Manifest) -> bool:
        if uid_of(old) != uid_of(new):
            return True
        before, after = _version(old), _version(new)
        if before < 0 or after < 0:
            return resource_version_of(old) != resource_version_of(new)
        return after > before

    def _swap(self, ref: ObjectRef, new: Manifest | None, *, initial: bool = False) -> Change:
        old = self._objects.get(ref)
        for index in self._functions:
            self._file(index, ref, old, new)
        if new is None:
            del self._objects[ref]
        else:
            self._objects[ref] = new
        return Change(ref, old, new, initial)

    def _file(self, index: str, ref: ObjectRef, old: Manifest | None, new: Manifest | None) -> None:
        filed = self._indexes[index]
        before = self._keys(index, old)
        after = self._keys(index, new)
        for key in before.keys() - after.keys():
            refs = filed[key]
            del refs[ref]
            if not refs:
                del filed[key]
        for key in after:
            filed.setdefault(key, {})[ref] = None

    def _keys(self, index: str, manifest: Manifest | None) -> dict[Hashable, None]:
        if manifest is None:
            return {}
        try:
            return dict.fromkeys(self._functions[index](manifest))
        except Exception:
            # A strange object must not stop the news of all others.
            _log.exception("an index failed", extra={"kind": self.kind.kind, "index": index})
            return {}

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            try:
                listener(change)
            except Exception:
                _log.exception("a listener failed", extra={"kind": self.kind.kind})


class Caches(Mapping[GroupVersionKind, Cache]):
    """The caches of a manager: one for each kind, and for each narrower view of one.

    Looked up by kind, it gives the cache of all objects of that kind that this process may see.
    """

    def __init__(self) -> None:
        self._plain: dict[GroupVersionKind, tuple[ListOptions, Cache]] = {}
        self._narrow: dict[tuple[GroupVersionKind, ListOptions], Cache] = {}

    def require(self, kind: GroupVersionKind, options: ListOptions) -> Cache:
        """Returns the cache of a kind; the first who asks says which objects it holds."""
        return self._plain.setdefault(kind, (options, Cache(kind)))[1]

    def require_view(self, kind: GroupVersionKind, options: ListOptions) -> Cache:
        """Returns the cache of a narrower view, apart from that of the kind."""
        return self._narrow.setdefault((kind, options), Cache(kind))

    def all(self) -> Iterator[tuple[Cache, ListOptions]]:
        """Yields every cache and what it holds."""
        for options, cache in self._plain.values():
            yield cache, options
        for (_, options), cache in self._narrow.items():
            yield cache, options

    def __getitem__(self, kind: GroupVersionKind) -> Cache:
        return self._plain[kind][1]

    def __iter__(self) -> Iterator[GroupVersionKind]:
        return iter(self._plain)

    def __len__(self) -> int:
        """The number of kinds."""
        return len(self._plain)
