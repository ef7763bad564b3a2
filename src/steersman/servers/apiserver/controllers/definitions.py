"""Custom resource definitions come to life: names, endpoints, and the end of their objects."""

from __future__ import annotations

from collections.abc import Iterable

from steersman.fieldmanager.typesource import TypeSource
from steersman.objects.manifest import Manifest, metadata_of
from steersman.schemas.catalogue import Catalogue
from steersman.servers.apiserver.codec import Codec
from steersman.servers.apiserver.controllers.reactor import Reactor
from steersman.servers.apiserver.controllers.system import System
from steersman.servers.apiserver.crd.definition import (
    ServedVersion,
    is_established,
    served_versions,
    storage_version,
)
from steersman.servers.apiserver.crd.establish import CLEANUP_FINALIZER, established_status
from steersman.servers.apiserver.crd.strategy import CustomStrategy
from steersman.servers.apiserver.discovery import storage_version_hash, version_rank
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.storage import Change, Store

__all__ = ["DefinitionController"]

GROUP, PLURAL = "apiextensions.k8s.io", "customresourcedefinitions"
BUCKET = f"{GROUP}/{PLURAL}"


class DefinitionController:
    """Follows the definitions.

    Args:
        system: writes on our behalf.
        reactor: runs our work.
        store: what is followed.
        catalogue: types of ``metadata``.
        codec: reads ``metadata``.
    """

    def __init__(
        self,
        system: System,
        reactor: Reactor,
        store: Store,
        catalogue: Catalogue,
        codec: Codec,
    ) -> None:
        self._system = system
        self._reactor = reactor
        self._store = store
        self._catalogue = catalogue
        self._codec = codec
        self._served: dict[str, tuple[object, tuple[tuple[str, str, str], ...]]] = {}
        self._terminating: dict[str, str] = {}
        for stored in store.scan(BUCKET):
            if is_established(stored.manifest):
                self._serve(stored.key, stored.manifest)
            self._look_at(stored.key)
        self._cancel = store.subscribe(self._on_change)

    def close(self) -> None:
        """Stops following."""
        self._cancel()

    def _on_change(self, change: Change) -> None:
        if change.bucket == BUCKET:
            if change.deleted:
                self._withdraw(change.key)
                self._terminating.pop(change.key, None)
                self._look_at_all()
            else:
                self._look_at(change.key)
        elif change.deleted and self._terminating:
            for name, bucket in self._terminating.items():
                if bucket == change.bucket:
                    self._look_at(name)

    def _look_at(self, name: str) -> None:
        self._reactor.post(("definition", name), lambda: self._process(name))

    def _look_at_all(self) -> None:
        """Names may have become free."""
        for stored in self._store.scan(BUCKET):
            if not is_established(stored.manifest):
                self._look_at(stored.key)

    def _process(self, name: str) -> None:
        stored = self._store.get(BUCKET, name)
        resource = self._system.cluster.resource(GROUP, PLURAL)
        if stored is None or resource is None:
            return
        crd = stored.manifest
        if metadata_of(crd).get("deletionTimestamp"):
            self._terminate(resource, crd)
            return
        now = self._system.cluster.now
        others = (one.manifest for one in self._store.scan(BUCKET))
        status = established_status(crd, others, now)
        if status is not None:
            self._system.change(
                resource,
                crd,
                lambda current: {**current, "status": status},
                "status",
                "kube-apiserver",
            )
            stored = self._store.get(BUCKET, name)
            if stored is None:
                return
            crd = stored.manifest
        if is_established(crd):
            self._serve(name, crd)

    # endpoints

    def _serve(self, name: str, crd: Manifest) -> None:
        fingerprint = (crd["spec"], (crd.get("status") or {}).get("acceptedNames"))
        kept = self._served.get(name)
        if kept is not None and kept[0] == fingerprint:
            return
        table = self._system.cluster.table
        versions = sorted(
            served_versions(crd), key=lambda one: version_rank(one.info.version), reverse=True
        )
        types = TypeSource.from_crd(crd, self._catalogue)
        keys = []
        for version in versions:
            resource = self._resource(crd, version, types)
            table.add(resource)
            keys.append((version.info.group, version.info.version, version.info.plural))
        for key in kept[1] if kept else ():
            if key not in keys:
                table.remove(*key)
        self._served[name] = (fingerprint, tuple(keys))

    def _resource(self, crd: Manifest, version: ServedVersion, types: TypeSource) -> Resource:
        info = version.info
        stored = storage_version(crd)
        names = crd["spec"]["names"]
        return Resource(
            info=info,
            strategy=CustomStrategy(version, self._codec),
            storage_version=f"{info.group}/{stored}",
            custom=True,
            list_kind=names.get("listKind") or f"{info.kind}List",
            storage_version_hash=storage_version_hash(info.group, stored, info.kind),
            schema=version.schema,
            types=types,
        )

    def _withdraw(self, name: str) -> None:
        kept = self._served.pop(name, None)
        for key in kept[1] if kept else ():
            self._system.cluster.table.remove(*key)

    # the end

    def _terminate(self, resource: Resource, crd: Manifest) -> None:
        if CLEANUP_FINALIZER not in (metadata_of(crd).get("finalizers") or ()):
            return
        name = metadata_of(crd)["name"]
        served = self._system.cluster.table.of_group_resource(
            crd["spec"]["group"], crd["spec"]["names"]["plural"]
        )
        if served is not None:
            self._terminating[name] = served.bucket
            for obj in self._objects(served):
                self._system.delete(served, obj)
            if self._store.count(served.bucket):
                return
        self._system.change(resource, crd, _without_cleanup)

    def _objects(self, resource: Resource) -> Iterable[Manifest]:
        return [stored.manifest for stored in self._store.scan(resource.bucket)]


def _without_cleanup(crd: Manifest) -> Manifest:
    metadata = dict(metadata_of(crd))
    kept = [one for one in metadata.get("finalizers") or () if one != CLEANUP_FINALIZER]
    metadata.pop("finalizers", None)
    if kept:
        metadata["finalizers"] = kept
    return {**crd, "metadata": metadata}
