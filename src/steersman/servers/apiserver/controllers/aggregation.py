"""Cluster roles that are made of others: their rules are the sum of the roles they select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.objects.manifest import Manifest, labels_of, name_of
from steersman.objects.selectors import LabelSelector
from steersman.servers.apiserver.controllers.reactor import Reactor
from steersman.servers.apiserver.controllers.system import System
from steersman.servers.apiserver.storage import Change, Store

__all__ = ["RoleAggregation"]

GROUP, PLURAL = "rbac.authorization.k8s.io", "clusterroles"
BUCKET = f"{GROUP}/{PLURAL}"


class RoleAggregation:
    """Follows the cluster roles.

    Args:
        system: writes on our behalf.
        reactor: runs our work.
        store: what is followed.
    """

    def __init__(self, system: System, reactor: Reactor, store: Store) -> None:
        self._system = system
        self._reactor = reactor
        self._store = store
        self._look()
        self._cancel = store.subscribe(self._on_change, BUCKET)

    def close(self) -> None:
        """Stops following."""
        self._cancel()

    def _on_change(self, change: Change) -> None:
        self._look()

    def _look(self) -> None:
        self._reactor.post(("aggregation",), self._process)

    def _process(self) -> None:
        resource = self._system.cluster.resource(GROUP, PLURAL)
        if resource is None:
            return
        roles = [stored.manifest for stored in self._store.scan(BUCKET)]
        for role in roles:
            rule = role.get("aggregationRule")
            if not rule:
                continue
            wanted = _rules(role, rule, roles)
            if wanted != (role.get("rules") or []):
                config = {
                    "apiVersion": f"{GROUP}/v1",
                    "kind": "ClusterRole",
                    "metadata": {"name": name_of(role)},
                    "rules": wanted,
                }
                self._system.apply(resource, config, "clusterrole-aggregation-controller")


def _rules(
    role: Manifest, aggregation: Mapping[str, Any], roles: list[Manifest]
) -> list[Mapping[str, Any]]:
    selectors = [
        LabelSelector.from_object(one) for one in aggregation.get("clusterRoleSelectors") or ()
    ]
    rules: list[Mapping[str, Any]] = []
    for other in roles:
        if name_of(other) == name_of(role):
            continue
        if any(one is not None and one.matches(labels_of(other)) for one in selectors):
            rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules
