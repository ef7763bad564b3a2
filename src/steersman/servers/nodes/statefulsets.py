"""StatefulSets: numbered pods with claims of their own, updated from the last to the first.

Source of the rules: ``k8s.io/kubernetes/pkg/controller/statefulset``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import (
    Manifest,
    labels_of,
    metadata_of,
    name_of,
    namespace_of,
)
from steersman.servers.nodes.podstatus import is_active, is_ready
from steersman.servers.nodes.replicas import count_available, pod_of
from steersman.servers.nodes.revisions import REVISION_LABEL, revision_of
from steersman.servers.nodes.workshop import Workshop

__all__ = ["StatefulSets"]

_GROUP: Final = "apps"
_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
_POD_INDEX: Final = "apps.kubernetes.io/pod-index"


class StatefulSets:
    """The controller of StatefulSets.

    Args:
        work: access to the cluster.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work

    def look_at(self, namespace: str, name: str) -> None:
        """Takes the next step and tells about it."""
        owner = self._work.get(_GROUP, "statefulsets", namespace, name)
        if owner is None:
            return
        update = revision_of(self._work, owner)
        status = owner.get("status") or {}
        current = status.get("currentRevision") or update
        if not metadata_of(owner).get("deletionTimestamp"):
            self._step(owner, current, update)
        owner = self._work.get(_GROUP, "statefulsets", namespace, name)
        if owner is not None:
            self._tell(owner, current, update)

    def _pods(self, owner: Manifest) -> dict[int, Manifest]:
        pods = {}
        for pod in self._work.owned("", "pods", owner):
            ordinal = name_of(pod).rpartition("-")[2]
            if ordinal.isdecimal():
                pods[int(ordinal)] = pod
        return pods

    def _ordinals(self, owner: Manifest) -> range:
        start = int((owner["spec"].get("ordinals") or {}).get("start") or 0)
        return range(start, start + int(owner["spec"].get("replicas") or 0))

    def _step(self, owner: Manifest, current: str, update: str) -> None:
        pods = self._pods(owner)
        ordinals = self._ordinals(owner)
        in_order = owner["spec"].get("podManagementPolicy") != "Parallel"
        for ordinal in ordinals:
            pod = pods.get(ordinal)
            if pod is None:
                self._create(owner, ordinal, self._revision_for(owner, ordinal, current, update))
            elif (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
                self._work.delete("", "pods", pod)
            if in_order and (pod is None or not is_ready(pod)):
                if pod is not None and self._is_outdated(owner, ordinal, pod, update):
                    break
                return
        for ordinal in sorted(set(pods) - set(ordinals), reverse=True):
            if not metadata_of(pods[ordinal]).get("deletionTimestamp"):
                self._work.delete("", "pods", pods[ordinal])
            if in_order:
                return
        self._update(owner, pods, ordinals, update)

    def _partition(self, owner: Manifest) -> int:
        strategy = owner["spec"].get("updateStrategy") or {}
        return int((strategy.get("rollingUpdate") or {}).get("partition") or 0)

    def _revision_for(self, owner: Manifest, ordinal: int, current: str, update: str) -> str:
        return update if ordinal >= self._partition(owner) else current

    def _is_outdated(self, owner: Manifest, ordinal: int, pod: Manifest, update: str) -> bool:
        strategy = owner["spec"].get("updateStrategy") or {}
        return (
            strategy.get("type") != "OnDelete"
            and ordinal >= self._partition(owner)
            and not update.endswith(f"-{labels_of(pod).get(REVISION_LABEL)}")
        )

    def _update(
        self, owner: Manifest, pods: Mapping[int, Manifest], ordinals: range, update: str
    ) -> None:
        for ordinal in reversed(ordinals):
            pod = pods.get(ordinal)
            if pod is None or metadata_of(pod).get("deletionTimestamp"):
                return
            if self._is_outdated(owner, ordinal, pod, update):
                self._work.delete("", "pods", pod)
                return
            if not is_ready(pod):
                return

    def _create(self, owner: Manifest, ordinal: int, revision: str) -> None:
        name = f"{name_of(owner)}-{ordinal}"
        template = dict(owner["spec"]["template"])
        spec = dict(template["spec"])
        spec["hostname"] = name
        spec["subdomain"] = owner["spec"].get("serviceName") or ""
        volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
        for claim in owner["spec"].get("volumeClaimTemplates") or ():
            claim_name = self._claim(owner, claim, name)
            source = {"claimName": claim_name}
            volumes[name_of(claim)] = {"name": name_of(claim), "persistentVolumeClaim": source}
        if volumes:
            spec["volumes"] = list(volumes.values())
        template["spec"] = spec
        labels = {
            _POD_INDEX: str(ordinal),
            REVISION_LABEL: revision.removeprefix(f"{name_of(owner)}-"),
            _POD_NAME: name,
        }
        self._work.ensure("", "pods", pod_of(owner, template, name=name, labels=labels))

    def _claim(self, owner: Manifest, template: Manifest, pod: str) -> str:
        name = f"{name_of(template)}-{pod}"
        labels = {
            **labels_of(template),
            **(owner["spec"]["selector"].get("matchLabels") or {}),
        }
        claim: Manifest = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace_of(owner), "labels": labels},
            "spec": template["spec"],
        }
        if self._work.get("", "persistentvolumeclaims", namespace_of(owner), name) is None:
            self._work.ensure("", "persistentvolumeclaims", claim)
        return name

    # telling

    def _tell(self, owner: Manifest, current: str, update: str) -> None:
        pods = [pod for pod in self._pods(owner).values() if is_active(pod)]
        minimum = int(owner["spec"].get("minReadySeconds") or 0)
        available, soonest = count_available(self._work, pods, minimum)
        updated = _of_revision(pods, update)
        ready = sum(map(is_ready, pods))
        wanted = len(self._ordinals(owner))
        if len(updated) == wanted == ready == len(pods) and not self._partition(owner):
            current = update
        counts = {
            "replicas": len(pods),
            "readyReplicas": ready,
            "currentReplicas": len(_of_revision(pods, current)),
            "updatedReplicas": len(updated),
        }
        status: dict[str, Any] = {
            "observedGeneration": metadata_of(owner).get("generation", 1),
            "replicas": len(pods),
        }
        status |= {name: count for name, count in counts.items() if count}
        status["currentRevision"] = current
        status["updateRevision"] = update
        status["collisionCount"] = 0
        status["availableReplicas"] = available
        self._work.set_status(_GROUP, "statefulsets", owner, status)
        if soonest is not None:
            namespace, name = namespace_of(owner), name_of(owner)
            key = ("available", "statefulsets", namespace, name)
            self._work.later(soonest, key, lambda: self.look_at(namespace, name))


def _of_revision(pods: Sequence[Manifest], revision: str) -> list[Manifest]:
    return [pod for pod in pods if revision.endswith(f"-{labels_of(pod).get(REVISION_LABEL)}")]
