"""``status`` of ResourceQuotas: what is allowed and what is used."""

from __future__ import annotations

from steersman.objects.manifest import metadata_of
from steersman.servers.apiserver.controllers.reactor import Reactor
from steersman.servers.apiserver.controllers.system import System
from steersman.servers.apiserver.quota import used_in
from steersman.servers.apiserver.storage import Change, Store

__all__ = ["QuotaController"]

BUCKET = "/resourcequotas"


class QuotaController:
    """Counts again whenever something in a namespace with a quota comes, changes or goes.

    Args:
        system: writes on our behalf.
        reactor: runs our work.
        store: what is followed.
    """

    def __init__(self, system: System, reactor: Reactor, store: Store) -> None:
        self._system = system
        self._reactor = reactor
        self._store = store
        self._namespaces: dict[str, int] = {}
        for stored in store.scan(BUCKET):
            self._count(stored.key, 1)
            self._look_at(stored.key)
        self._cancel = store.subscribe(self._on_change)

    def close(self) -> None:
        """Stops following."""
        self._cancel()

    def _count(self, key: str, step: int) -> None:
        namespace = key.partition("/")[0]
        count = self._namespaces.get(namespace, 0) + step
        self._namespaces[namespace] = count
        if not count:
            del self._namespaces[namespace]

    def _on_change(self, change: Change) -> None:
        if change.bucket == BUCKET:
            if change.deleted:
                self._count(change.key, -1)
            else:
                self._count(change.key, change.old is None)
                self._look_at(change.key)
            return
        namespace, slash, _ = change.key.partition("/")
        if slash and namespace in self._namespaces:
            for stored in self._store.scan(BUCKET, f"{namespace}/"):
                self._look_at(stored.key)

    def _look_at(self, key: str) -> None:
        self._reactor.post(("quota", key), lambda: self._process(key))

    def _process(self, key: str) -> None:
        stored = self._store.get(BUCKET, key)
        resource = self._system.cluster.resource("", "resourcequotas")
        if stored is None or resource is None:
            return
        quota = stored.manifest
        spec = quota.get("spec") or {}
        hard = spec.get("hard") or {}
        if spec.get("scopes") or spec.get("scopeSelector") or not hard:
            return
        namespace = metadata_of(quota)["namespace"]
        used = used_in(self._system.cluster, namespace, sorted(hard))
        status = {"hard": hard, "used": {name: str(amount) for name, amount in used.items()}}
        if (quota.get("status") or {}) != status:
            self._system.change(
                resource, quota, lambda current: {**current, "status": status}, "status"
            )
