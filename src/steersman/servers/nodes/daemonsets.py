"""DaemonSets: one pod on every node that fits.

Source of the rules: ``k8s.io/kubernetes/pkg/controller/daemon``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import (
    Manifest,
    annotations_of,
    labels_of,
    metadata_of,
    name_of,
    namespace_of,
)
from steersman.servers.nodes.podstatus import is_active, is_ready
from steersman.servers.nodes.replicas import count_available, pod_of
from steersman.servers.nodes.revisions import REVISION_LABEL, revision_of
from steersman.servers.nodes.workshop import Workshop

__all__ = ["DaemonSets"]

_GROUP: Final = "apps"
_GENERATION: Final = "deprecated.daemonset.template.generation"
_HOSTNAME: Final = "kubernetes.io/hostname"


class DaemonSets:
    """The controller of DaemonSets.

    Args:
        work: access to the cluster.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work

    def look_at(self, namespace: str, name: str) -> None:
        """Creates or deletes pods, then tells how many there are."""
        owner = self._work.get(_GROUP, "daemonsets", namespace, name)
        if owner is None:
            return
        revision = revision_of(self._work, owner).removeprefix(f"{name}-")
        nodes = self._nodes(owner)
        if not metadata_of(owner).get("deletionTimestamp"):
            self._step(owner, nodes, revision)
        self._tell(owner, nodes, revision)

    def _nodes(self, owner: Manifest) -> list[str]:
        wanted: Mapping[str, str] = owner["spec"]["template"]["spec"].get("nodeSelector") or {}
        return [
            name_of(node)
            for node in self._work.every("", "nodes")
            if wanted.items() <= labels_of(node).items()
        ]

    def _pods(self, owner: Manifest) -> dict[str, Manifest]:
        return {_node_of(pod): pod for pod in self._work.owned("", "pods", owner) if is_active(pod)}

    def _step(self, owner: Manifest, nodes: Sequence[str], revision: str) -> None:
        pods = self._pods(owner)
        for node, pod in pods.items():
            if node not in nodes:
                self._work.delete("", "pods", pod)
        going = [_node_of(pod) for pod in self._work.owned("", "pods", owner) if not is_active(pod)]
        for node in nodes:
            if node not in pods and node not in going:
                self._create(owner, node, revision)
        strategy = owner["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        pods = self._pods(owner)
        allowed = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        budget = _budget(allowed, len(nodes)) - (len(nodes) - sum(map(is_ready, pods.values())))
        for pod in pods.values():
            if labels_of(pod).get(REVISION_LABEL) == revision:
                continue
            if not is_ready(pod):
                self._work.delete("", "pods", pod)
            elif budget > 0:
                budget -= 1
                self._work.delete("", "pods", pod)

    def _create(self, owner: Manifest, node: str, revision: str) -> None:
        labels = {REVISION_LABEL: revision}
        generation = annotations_of(owner).get(_GENERATION)
        if generation:
            labels["pod-template-generation"] = generation
        template = owner["spec"]["template"]
        spec = {**template["spec"], "nodeSelector": {**_selector(template), _HOSTNAME: node}}
        pod = pod_of(
            owner,
            {**template, "spec": spec},
            generateName=f"{name_of(owner)}-",
            labels=labels,
        )
        self._work.ensure("", "pods", pod)

    def _tell(self, owner: Manifest, nodes: Sequence[str], revision: str) -> None:
        pods = [pod for node, pod in self._pods(owner).items() if node in nodes]
        minimum = int(owner["spec"].get("minReadySeconds") or 0)
        available, soonest = count_available(self._work, pods, minimum)
        updated = sum(labels_of(pod).get(REVISION_LABEL) == revision for pod in pods)
        status: dict[str, Any] = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": len(nodes),
            "numberReady": sum(map(is_ready, pods)),
            "observedGeneration": metadata_of(owner).get("generation", 1),
        }
        counts = {
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": len(nodes) - available,
        }
        status |= {name: count for name, count in counts.items() if count}
        self._work.set_status(_GROUP, "daemonsets", owner, status)
        if soonest is not None:
            namespace, name = namespace_of(owner), name_of(owner)
            key = ("available", "daemonsets", namespace, name)
            self._work.later(soonest, key, lambda: self.look_at(namespace, name))


def _node_of(pod: Manifest) -> str:
    return str((pod["spec"].get("nodeSelector") or {}).get(_HOSTNAME) or "")


def _selector(template: Mapping[str, Any]) -> Mapping[str, str]:
    return template["spec"].get("nodeSelector") or {}


def _budget(value: Any, total: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return max(-(-int(value[:-1]) * total // 100), 1)
    return int(value or 0)
