"""Owner references: what belongs to nothing goes, and deletions wait or let go as they were asked.

Source of the rules: ``k8s.io/kubernetes/pkg/controller/garbagecollector``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from steersman.objects.identity import GroupVersionKind, split_api_version
from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.controllers.reactor import Reactor
from steersman.servers.apiserver.controllers.system import System
from steersman.servers.apiserver.deletes import FOREGROUND, ORPHAN
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.storage import Change, Store

__all__ = ["GarbageCollector"]


class _Place(NamedTuple):
    bucket: str
    key: str


class GarbageCollector:
    """Follows every commit and keeps the graph of owners.

    Args:
        system: writes on our behalf.
        reactor: runs our work.
        store: what is followed.
    """

    def __init__(self, system: System, reactor: Reactor, store: Store) -> None:
        self._system = system
        self._reactor = reactor
        self._store = store
        self._dependents: dict[str, dict[_Place, None]] = {}
        self._resources: dict[str, Resource] = {}
        self._revision = -1
        for bucket in list(store.buckets()):
            for stored in store.scan(bucket):
                self._note(_Place(bucket, stored.key), None, stored.manifest)
        self._cancel = store.subscribe(self._on_change)

    def close(self) -> None:
        """Stops following."""
        self._cancel()

    def _on_change(self, change: Change) -> None:
        place = _Place(change.bucket, change.key)
        old = change.old.manifest if change.old else None
        new = change.new.manifest
        if change.deleted:
            self._note(place, old, None)
            for dependent in self._dependents.get(metadata_of(new)["uid"], ()):
                self._look_at(dependent)
            for reference in _references(new):
                self._look_at_owner(reference, new)
            return
        self._note(place, old, new)
        metadata = metadata_of(new)
        if metadata.get("ownerReferences") or metadata.get("deletionTimestamp"):
            self._look_at(place)
        if old is not None and metadata.get("deletionTimestamp"):
            self._wake_waiting_owners(new)

    def _wake_waiting_owners(self, obj: Manifest) -> None:
        for reference in _references(obj):
            self._look_at_owner(reference, obj)

    def _look_at_owner(self, reference: Mapping[str, Any], dependent: Manifest) -> None:
        owner = self._owner(reference, dependent)
        if owner is not None and owner is not _UNKNOWN:
            place, manifest = owner
            if metadata_of(manifest).get("deletionTimestamp"):
                self._look_at(place)

    def _note(self, place: _Place, old: Manifest | None, new: Manifest | None) -> None:
        before = {one["uid"] for one in _references(old)} if old else set()
        after = {one["uid"] for one in _references(new)} if new else set()
        for uid in before - after:
            held = self._dependents.get(uid)
            if held is not None:
                held.pop(place, None)
                if not held:
                    del self._dependents[uid]
        for uid in after - before:
            self._dependents.setdefault(uid, {})[place] = None

    def _look_at(self, place: _Place) -> None:
        self._reactor.post(("garbage", *place), lambda: self._process(place))

    # one object

    def _process(self, place: _Place) -> None:
        stored = self._store.get(place.bucket, place.key)
        resource = self._resource(place.bucket)
        if stored is None or resource is None:
            return
        obj = stored.manifest
        metadata = metadata_of(obj)
        finalizers = metadata.get("finalizers") or ()
        if metadata.get("deletionTimestamp"):
            if ORPHAN in finalizers:
                self._orphan(resource, obj)
            elif FOREGROUND in finalizers:
                self._delete_dependents(resource, obj)
            return
        if metadata.get("ownerReferences"):
            self._judge(resource, obj)

    def _orphan(self, resource: Resource, obj: Manifest) -> None:
        uid = metadata_of(obj)["uid"]
        for place in list(self._dependents.get(uid, ())):
            dependent, found = self._resource(place.bucket), self._store.get(*place)
            if dependent is not None and found is not None:
                self._system.change(
                    dependent, found.manifest, lambda current: _without_owners(current, {uid})
                )
        self._system.change(resource, obj, lambda current: _without_finalizer(current, ORPHAN))

    def _delete_dependents(self, resource: Resource, obj: Manifest) -> None:
        uid = metadata_of(obj)["uid"]
        blocking = False
        for place in list(self._dependents.get(uid, ())):
            found = self._store.get(*place)
            if found is None:
                continue
            if any(
                one["uid"] == uid and one.get("blockOwnerDeletion")
                for one in _references(found.manifest)
            ):
                blocking = True
            if not metadata_of(found.manifest).get("deletionTimestamp"):
                self._look_at(place)
        if not blocking:
            self._system.change(
                resource, obj, lambda current: _without_finalizer(current, FOREGROUND)
            )

    def _judge(self, resource: Resource, obj: Manifest) -> None:
        solid, waiting, dangling = False, set(), set()
        for reference in _references(obj):
            owner = self._owner(reference, obj)
            if owner is _UNKNOWN:
                return
            if owner is None:
                dangling.add(reference["uid"])
                continue
            metadata = metadata_of(owner[1])
            if metadata.get("deletionTimestamp") and FOREGROUND in (
                metadata.get("finalizers") or ()
            ):
                waiting.add(reference["uid"])
            else:
                solid = True
        if solid:
            if waiting or dangling:
                gone = waiting | dangling
                self._system.change(resource, obj, lambda current: _without_owners(current, gone))
            return
        if not waiting and not dangling:
            return
        finalizers = metadata_of(obj).get("finalizers") or ()
        has_dependents = metadata_of(obj)["uid"] in self._dependents
        if (waiting and has_dependents) or FOREGROUND in finalizers:
            policy = "Foreground"
        else:
            policy = "Orphan" if ORPHAN in finalizers else "Background"
        self._system.delete(resource, obj, policy)

    # owners

    def _owner(
        self, reference: Mapping[str, Any], dependent: Manifest
    ) -> tuple[_Place, Manifest] | None:
        """Finds an owner; :data:`_UNKNOWN` when its kind is not served."""
        group, version = split_api_version(reference.get("apiVersion", ""))
        gvk = GroupVersionKind(group, version, reference.get("kind", ""))
        resource = self._system.cluster.table.of_kind(gvk)
        if resource is None:
            return _UNKNOWN
        namespace = metadata_of(dependent).get("namespace", "")
        if resource.info.namespaced and not namespace:
            return _UNKNOWN
        key = resource.key(namespace, reference.get("name", ""))
        stored = self._store.get(resource.bucket, key)
        if stored is None or metadata_of(stored.manifest)["uid"] != reference.get("uid"):
            return None
        return _Place(resource.bucket, key), stored.manifest

    def _resource(self, bucket: str) -> Resource | None:
        table = self._system.cluster.table
        if self._revision != table.revision:
            self._resources = {one.bucket: one for one in table.storage_resources()}
            self._revision = table.revision
        return self._resources.get(bucket)


_UNKNOWN: tuple[_Place, Manifest] = (_Place("", ""), {})


def _references(obj: Manifest | None) -> Iterator[Mapping[str, Any]]:
    if obj is not None:
        for reference in metadata_of(obj).get("ownerReferences") or ():
            if isinstance(reference, dict) and reference.get("uid"):
                yield reference


def _without_owners(obj: Manifest, uids: set[str]) -> Manifest:
    metadata = dict(metadata_of(obj))
    kept = [one for one in metadata.get("ownerReferences") or () if one.get("uid") not in uids]
    metadata.pop("ownerReferences", None)
    if kept:
        metadata["ownerReferences"] = kept
    return {**obj, "metadata": metadata}


def _without_finalizer(obj: Manifest, name: str) -> Manifest:
    metadata = dict(metadata_of(obj))
    kept = [one for one in metadata.get("finalizers") or () if one != name]
    metadata.pop("finalizers", None)
    if kept:
        metadata["finalizers"] = kept
    return {**obj, "metadata": metadata}
