"""ReplicaSets: as many pods as wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import (
    Manifest,
    annotations_of,
    labels_of,
    metadata_of,
    name_of,
    namespace_of,
)
from steersman.servers.nodes.podstatus import is_active, is_ready, ready_since
from steersman.servers.nodes.workshop import Workshop, controller_reference

__all__ = ["ReplicaSets", "count_available", "pod_of", "set_condition"]

_GROUP: Final = "apps"
_RETRY: Final = 5.0


def pod_of(owner: Manifest, template: Mapping[str, Any], **metadata: Any) -> Manifest:
    """Builds a pod from a template; ``metadata`` is added to the template's."""
    given = template.get("metadata") or {}
    own: dict[str, Any] = {"namespace": namespace_of(owner), **metadata}
    labels = {**(given.get("labels") or {}), **(metadata.get("labels") or {})}
    if labels:
        own["labels"] = labels
    annotations = {**(given.get("annotations") or {}), **(metadata.get("annotations") or {})}
    if annotations:
        own["annotations"] = annotations
    own["ownerReferences"] = [controller_reference(owner)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": own, "spec": template["spec"]}


def count_available(
    work: Workshop, pods: Sequence[Manifest], minimum: int
) -> tuple[int, float | None]:
    """Counts pods that are ready for at least ``minimum`` seconds.

    Returns:
        The number, and the seconds until the next one counts.
    """
    available = 0
    soonest: float | None = None
    for pod in pods:
        if not is_ready(pod):
            continue
        left = minimum - work.seconds_since(ready_since(pod)) if minimum else 0
        if left <= 0:
            available += 1
        else:
            soonest = left if soonest is None else min(soonest, left)
    return available, soonest


def set_condition(
    conditions: Sequence[Mapping[str, Any]], new: Mapping[str, Any], now: str
) -> list[dict[str, Any]]:
    """Returns conditions with one set; its transition time changes with its status only."""
    result: list[dict[str, Any]] = []
    done = False
    for old in conditions:
        if old["type"] != new["type"]:
            result.append(dict(old))
            continue
        kept = old["status"] == new["status"]
        result.append({**new, "lastTransitionTime": old["lastTransitionTime"] if kept else now})
        done = True
    if not done:
        result.append({**new, "lastTransitionTime": now})
    return result


class ReplicaSets:
    """The controller of ReplicaSets.

    Args:
        work: access to the cluster.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work

    def look_at(self, namespace: str, name: str) -> None:
        """Creates or deletes pods, then tells how many there are."""
        owner = self._work.get(_GROUP, "replicasets", namespace, name)
        if owner is None:
            return
        pods = [pod for pod in self._work.owned("", "pods", owner) if is_active(pod)]
        failure = ""
        if not metadata_of(owner).get("deletionTimestamp"):
            failure = self._scale(owner, pods)
        pods = [pod for pod in self._work.owned("", "pods", owner) if is_active(pod)]
        self._tell(owner, pods, failure)

    def _scale(self, owner: Manifest, pods: Sequence[Manifest]) -> str:
        wanted = int(owner["spec"].get("replicas") or 0)
        for pod in _surplus(pods, len(pods) - wanted):
            self._work.delete("", "pods", pod)
        template = owner["spec"]["template"]
        for _ in range(wanted - len(pods)):
            pod = pod_of(owner, template, generateName=f"{name_of(owner)}-")
            try:
                self._work.create("", "pods", pod)
            except ApiError as error:
                if error.code == 404:
                    return ""
                self._look_again(_RETRY, "retry", owner)
                return error.message
        return ""

    def _look_again(self, seconds: float, why: str, owner: Manifest) -> None:
        namespace, name = namespace_of(owner), name_of(owner)
        key = (why, "replicasets", namespace, name)
        self._work.later(seconds, key, lambda: self.look_at(namespace, name))

    def _tell(self, owner: Manifest, pods: Sequence[Manifest], failure: str) -> None:
        spec, old = owner["spec"], owner.get("status") or {}
        minimum = int(spec.get("minReadySeconds") or 0)
        available, soonest = count_available(self._work, pods, minimum)
        wanted = labels_of(spec["template"])
        labelled = sum(wanted.items() <= labels_of(pod).items() for pod in pods)
        counts = {
            "replicas": len(pods),
            "fullyLabeledReplicas": labelled,
            "readyReplicas": sum(map(is_ready, pods)),
            "availableReplicas": available,
        }
        status: dict[str, Any] = {name: count for name, count in counts.items() if count}
        status["replicas"] = len(pods)
        status["observedGeneration"] = metadata_of(owner).get("generation", 1)
        conditions = [one for one in old.get("conditions") or () if one["type"] != "ReplicaFailure"]
        if failure:
            condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
            condition["message"] = failure
            conditions = set_condition(old.get("conditions") or (), condition, self._work.now)
        if conditions:
            status["conditions"] = conditions
        self._work.set_status(_GROUP, "replicasets", owner, status)
        if soonest is not None:
            self._look_again(soonest, "available", owner)


def _surplus(pods: Sequence[Manifest], count: int) -> Sequence[Manifest]:
    """Returns the pods to delete: the cheap and the least ready first, then the youngest."""
    if count <= 0:
        return ()

    def rank(pod: Manifest) -> tuple[int, int, bool]:
        cost = annotations_of(pod).get("controller.kubernetes.io/pod-deletion-cost", "0")
        number = int(cost) if cost.lstrip("-").isdecimal() else 0
        return (bool(pod["spec"].get("nodeName")), number, is_ready(pod))

    ranked = sorted(
        sorted(pods, key=lambda pod: metadata_of(pod).get("creationTimestamp") or "", reverse=True),
        key=rank,
    )
    return ranked[:count]
