"""The end of namespaces, and what every living one holds from its first moment."""

from __future__ import annotations

from typing import Any

from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.controllers.reactor import Reactor
from steersman.servers.apiserver.controllers.system import System
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.storage import Change, Store

__all__ = ["NamespaceController"]

_BUCKET = "/namespaces"
_ROOT_CA = "kube-root-ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)
_LIFE = {"/serviceaccounts": "default", "/configmaps": _ROOT_CA}


class NamespaceController:
    """Empties terminating namespaces and furnishes the others.

    Args:
        system: writes on our behalf.
        reactor: runs our work.
        store: what is followed.
        root_ca: the cluster's certificate, PEM.
    """

    def __init__(self, system: System, reactor: Reactor, store: Store, root_ca: str) -> None:
        self._system = system
        self._reactor = reactor
        self._store = store
        self._root_ca = root_ca
        self._terminating: set[str] = set()
        for stored in store.scan(_BUCKET):
            self._look_at(stored.key)
            if metadata_of(stored.manifest).get("deletionTimestamp"):
                self._terminating.add(stored.key)
        self._cancel = store.subscribe(self._on_change)

    def close(self) -> None:
        """Stops following."""
        self._cancel()

    def _on_change(self, change: Change) -> None:
        if change.bucket == _BUCKET:
            if change.deleted:
                self._terminating.discard(change.key)
                return
            if metadata_of(change.new.manifest).get("deletionTimestamp"):
                self._terminating.add(change.key)
            elif change.old is not None:
                return
            self._look_at(change.key)
            return
        if not change.deleted:
            return
        namespace, slash, name = change.key.partition("/")
        if slash and (namespace in self._terminating or _LIFE.get(change.bucket) == name):
            self._look_at(namespace)

    def _look_at(self, name: str) -> None:
        self._reactor.post(("namespace", name), lambda: self._process(name))

    def _process(self, name: str) -> None:
        stored = self._store.get(_BUCKET, name)
        if stored is None:
            return
        if metadata_of(stored.manifest).get("deletionTimestamp"):
            self._terminate(name, stored.manifest)
        else:
            self._furnish(name)

    def _furnish(self, name: str) -> None:
        if self._store.get("/configmaps", f"{name}/{_ROOT_CA}") is None:
            self._system.create(
                "",
                "configmaps",
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {
                        "name": _ROOT_CA,
                        "namespace": name,
                        "annotations": {"kubernetes.io/description": _DESCRIPTION},
                    },
                    "data": {"ca.crt": self._root_ca},
                },
            )
        if self._store.get("/serviceaccounts", f"{name}/default") is None:
            account = {"name": "default", "namespace": name}
            self._system.create(
                "",
                "serviceaccounts",
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
            )

    def _terminate(self, name: str, namespace: Manifest) -> None:
        if "kubernetes" not in ((namespace.get("spec") or {}).get("finalizers") or ()):
            return
        remaining: dict[str, int] = {}
        held: dict[str, int] = {}
        for resource in self._contents():
            for stored in self._store.scan(resource.bucket, f"{name}/"):
                self._system.delete(resource, stored.manifest, "Background")
            left = self._store.scan(resource.bucket, f"{name}/")
            if left:
                info = resource.info
                remaining[info.group_resource] = len(left)
                for stored in left:
                    for finalizer in metadata_of(stored.manifest).get("finalizers") or ():
                        held[finalizer] = held.get(finalizer, 0) + 1
                if resource.bucket == "/pods":
                    break
        own = self._system.cluster.resource("", "namespaces")
        assert own is not None
        if remaining:
            conditions = _conditions(remaining, held, self._system.cluster.now)
            self._system.change(
                own, namespace, lambda now: _with_conditions(now, conditions), "status"
            )
            return
        self._system.change(own, namespace, _finalized, "finalize")

    def _contents(self) -> list[Resource]:
        """The namespaced resources, pods first: they may still need the rest."""
        found = [one for one in self._system.cluster.table.storage_resources() if _held(one)]
        return sorted(found, key=lambda one: (one.bucket != "/pods", one.bucket))


def _held(resource: Resource) -> bool:
    return resource.info.namespaced and "delete" in resource.info.verbs


def _finalized(namespace: Manifest) -> Manifest:
    spec = dict(namespace.get("spec") or {})
    kept = [one for one in spec.get("finalizers") or () if one != "kubernetes"]
    spec.pop("finalizers", None)
    if kept:
        spec["finalizers"] = kept
    return {**namespace, "spec": spec}


def _condition(kind: str, status: bool, reason: str, message: str, now: str) -> dict[str, str]:
    return {
        "type": kind,
        "status": "True" if status else "False",
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def _conditions(remaining: dict[str, int], held: dict[str, int], now: str) -> list[dict[str, str]]:
    has = ", ".join(
        f"{plural} has {count} resource instances" for plural, count in sorted(remaining.items())
    )
    finalizers = ", ".join(
        f"{name} in {count} resource instances" for name, count in sorted(held.items())
    )
    return [
        _condition(
            "NamespaceDeletionDiscoveryFailure",
            False,
            "ResourcesDiscovered",
            "All resources successfully discovered",
            now,
        ),
        _condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            False,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
            now,
        ),
        _condition(
            "NamespaceDeletionContentFailure",
            False,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
            now,
        ),
        _condition(
            "NamespaceContentRemaining",
            True,
            "SomeResourcesRemain",
            f"Some resources are remaining: {has}",
            now,
        ),
        _condition(
            "NamespaceFinalizersRemaining",
            bool(held),
            "SomeFinalizersRemain" if held else "ContentHasNoFinalizers",
            f"Some content in the namespace has finalizers remaining: {finalizers}"
            if held
            else "All content-preserving finalizers finished",
            now,
        ),
    ]


def _with_conditions(namespace: Manifest, conditions: list[dict[str, str]]) -> Manifest:
    status: dict[str, Any] = dict(namespace.get("status") or {})
    before = {one["type"]: one for one in status.get("conditions") or ()}
    merged = []
    for condition in conditions:
        known = before.get(condition["type"])
        if known and known["status"] == condition["status"]:
            condition = {**condition, "lastTransitionTime": known["lastTransitionTime"]}
        merged.append(condition)
    return {**namespace, "status": {**status, "conditions": merged}}
