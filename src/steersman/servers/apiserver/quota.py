"""Quotas: nothing is created beyond what a ResourceQuota of its namespace allows.

Counted are objects (``pods``, ``services.loadbalancers``, ``count/deployments.apps``, …) and what
pods request and may use of cpu, memory and ephemeral storage. Quotas with scopes count nothing:
they are reported by their absence from ``status.used``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import Manifest, name_of
from steersman.objects.quantity import Quantity, parse_quantity
from steersman.servers.apiserver.admission import Attempt
from steersman.servers.apiserver.answers import forbidden
from steersman.servers.apiserver.cluster import Cluster

__all__ = ["QuotaCheck", "used_in"]

_CORE_COUNTS: Final = (
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
)
ZERO: Final = parse_quantity(0)
ONE: Final = parse_quantity(1)
_FINISHED: Final = ("Failed", "Succeeded")


def _count_names(group: str, plural: str) -> tuple[str, ...]:
    qualified = f"count/{plural}.{group}" if group else f"count/{plural}"
    return (plural, qualified) if not group and plural in _CORE_COUNTS else (qualified,)


def _usage_of(group: str, plural: str, obj: Mapping[str, Any]) -> dict[str, Quantity]:
    """Returns what one object counts for, by the quota's names."""
    if not group and plural == "pods" and (obj.get("status") or {}).get("phase") in _FINISHED:
        return {"count/pods": ONE}
    usage = dict.fromkeys(_count_names(group, plural), ONE)
    spec = obj.get("spec") or {}
    if group:
        return usage
    if plural == "services":
        if spec.get("type") in ("NodePort", "LoadBalancer"):
            ports = len(spec.get("ports") or ())
            usage["services.nodeports"] = parse_quantity(ports)
        if spec.get("type") == "LoadBalancer":
            usage["services.loadbalancers"] = ONE
    elif plural == "persistentvolumeclaims":
        storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        if storage is not None:
            usage["requests.storage"] = parse_quantity(storage)
    elif plural == "pods":
        usage.update(_compute(spec))
    return usage


def _compute(spec: Mapping[str, Any]) -> dict[str, Quantity]:
    usage: dict[str, Quantity] = {}
    for side in ("requests", "limits"):
        for resource in ("cpu", "memory", "ephemeral-storage"):
            total = _pod_total(spec, side, resource)
            if total is None:
                continue
            usage[f"{side}.{resource}"] = total
            if side == "requests":
                usage[resource] = total
    return usage


def _pod_total(spec: Mapping[str, Any], side: str, resource: str) -> Quantity | None:
    """The sum over containers, or the largest init container where that is more."""

    def amounts(kind: str) -> Iterator[Quantity]:
        for container in spec.get(kind) or ():
            value = ((container.get("resources") or {}).get(side) or {}).get(resource)
            if value is not None:
                yield parse_quantity(value)

    total: Quantity | None = None
    for amount in amounts("containers"):
        total = amount if total is None else total.plus(amount)
    for amount in amounts("initContainers"):
        if total is None or amount.minus(total).nanos > 0:
            total = amount
    return total


def used_in(cluster: Cluster, namespace: str, names: Sequence[str]) -> dict[str, Quantity]:
    """Returns how much of each named resource a namespace uses now."""
    used = dict.fromkeys(names, ZERO)
    for group, plural in _counted(names):
        for obj in cluster.list(group, plural, namespace):
            for name, amount in _usage_of(group, plural, obj).items():
                if name in used:
                    used[name] = used[name].plus(amount)
    return used


def _counted(names: Sequence[str]) -> list[tuple[str, str]]:
    """Which resources must be looked at for some names."""
    found: dict[tuple[str, str], None] = {}
    for name in names:
        if name.startswith("count/"):
            plural, _, group = name.removeprefix("count/").partition(".")
            found[group, plural] = None
        elif name in _CORE_COUNTS:
            found["", name] = None
        elif name.startswith("services."):
            found["", "services"] = None
        elif name == "requests.storage":
            found["", "persistentvolumeclaims"] = None
        elif name.rpartition(".")[2] in ("cpu", "memory", "ephemeral-storage"):
            found["", "pods"] = None
    return list(found)


class QuotaCheck:
    """Refuses what a quota does not allow.

    Args:
        cluster: where quotas and what they count are looked up.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def mutate(self, attempt: Attempt, new: Manifest, old: Manifest | None) -> Manifest:
        """Changes nothing."""
        return new

    def validate(self, attempt: Attempt, new: Manifest | None, old: Manifest | None) -> None:
        """Refuses an object that would exceed a quota of its namespace."""
        target = attempt.target
        info = target.resource.info
        if new is None or target.subresource or not info.namespaced:
            return
        asked = _usage_of(info.group, info.plural, new)
        before = _usage_of(info.group, info.plural, old) if old is not None else {}
        wanted = {
            name: amount.minus(before.get(name, ZERO))
            for name, amount in asked.items()
            if amount.minus(before.get(name, ZERO)).nanos > 0
        }
        if not wanted:
            return
        for quota in self._cluster.list("", "resourcequotas", target.namespace):
            self._check(attempt, new, quota, wanted)

    def _check(
        self, attempt: Attempt, new: Manifest, quota: Manifest, wanted: Mapping[str, Quantity]
    ) -> None:
        spec = quota.get("spec") or {}
        if spec.get("scopes") or spec.get("scopeSelector"):
            return
        hard = {name: parse_quantity(text) for name, text in (spec.get("hard") or {}).items()}
        info = attempt.target.resource.info
        self._check_named(new, quota, hard, info.group, info.plural)
        names = sorted(name for name in hard if name in wanted)
        used = used_in(self._cluster, attempt.target.namespace, names)
        over = [name for name in names if used[name].plus(wanted[name]).minus(hard[name]).nanos > 0]
        if not over:
            return

        def listed(amounts: Mapping[str, Quantity]) -> str:
            return ",".join(f"{name}={amounts[name]}" for name in over)

        raise forbidden(
            info.group,
            info.plural,
            name_of(new),
            f"exceeded quota: {name_of(quota)}, requested: {listed(wanted)}, "
            f"used: {listed(used)}, limited: {listed(hard)}",
        )

    def _check_named(
        self,
        new: Manifest,
        quota: Manifest,
        hard: Mapping[str, Quantity],
        group: str,
        plural: str,
    ) -> None:
        """A pod must say how much it wants of what is limited."""
        if group or plural != "pods":
            return
        said = _compute(new.get("spec") or {})
        silent = sorted(
            name
            for name in hard
            if name.rpartition(".")[2] in ("cpu", "memory") and name not in said
        )
        if silent:
            containers = ",".join(
                str(one.get("name")) for one in (new.get("spec") or {}).get("containers") or ()
            )
            missing = "; ".join(f"{name} for: {containers}" for name in silent)
            raise forbidden(
                "", "pods", name_of(new), f"failed quota: {name_of(quota)}: must specify {missing}"
            )

    def warnings(
        self, attempt: Attempt, new: Manifest | None, old: Manifest | None
    ) -> Sequence[str]:
        """Has none."""
        return ()
