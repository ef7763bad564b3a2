"""The status of a Deployment: counts and the conditions that clients wait for.

Source of the rules and texts: ``k8s.io/kubernetes/pkg/controller/deployment``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steersman.objects.manifest import Manifest, metadata_of, name_of
from steersman.servers.nodes.workshop import Workshop

__all__ = ["deployment_status", "progress_deadline"]

_NEVER = 2**31 - 1


def _count(sets: Sequence[Manifest], field: str) -> int:
    return sum(int((one.get("status") or {}).get(field) or 0) for one in sets)


def deployment_status(
    work: Workshop,
    owner: Manifest,
    current: Manifest | None,
    sets: Sequence[Manifest],
    unavailable: int,
) -> dict[str, Any]:
    """Returns the status that a Deployment should have now."""
    wanted = int(owner["spec"].get("replicas") or 0)
    updated = [current] if current is not None else []
    total = _count(sets, "replicas")
    available = _count(sets, "availableReplicas")
    counts = {
        "replicas": total,
        "updatedReplicas": _count(updated, "replicas"),
        "readyReplicas": _count(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(
            sum(int(one["spec"].get("replicas") or 0) for one in sets) - available, 0
        ),
    }
    status: dict[str, Any] = {"observedGeneration": metadata_of(owner).get("generation", 1)}
    status |= {name: count for name, count in counts.items() if count}
    old = owner.get("status") or {}
    conditions = _Conditions(old.get("conditions") or (), work.now)
    _judge_progress(work, owner, current, old, status, conditions)
    if available >= wanted - unavailable:
        text = "Deployment has minimum availability."
        conditions.set("Available", "True", "MinimumReplicasAvailable", text)
    else:
        text = "Deployment does not have minimum availability."
        conditions.set("Available", "False", "MinimumReplicasUnavailable", text)
    _judge_failure(sets, conditions)
    status["conditions"] = conditions.items
    if old.get("collisionCount"):
        status["collisionCount"] = old["collisionCount"]
    return status


class _Conditions:
    """Conditions being brought up to date; unchanged ones stay as they are."""

    def __init__(self, old: Sequence[Mapping[str, Any]], now: str) -> None:
        self.items = [dict(one) for one in old]
        self._now = now

    def get(self, kind: str) -> Mapping[str, Any] | None:
        """Returns a condition."""
        return next((one for one in self.items if one["type"] == kind), None)

    def drop(self, kind: str) -> None:
        """Removes a condition."""
        self.items = [one for one in self.items if one["type"] != kind]

    def set(self, kind: str, status: str, reason: str, text: str, *, fresh: bool = False) -> None:
        """Sets a condition; ``fresh`` renews its update time even when nothing changed."""
        old = self.get(kind)
        if old is not None and old["status"] == status and old["reason"] == reason and not fresh:
            return
        transition = self._now
        if old is not None and old["status"] == status:
            transition = old["lastTransitionTime"]
        self.drop(kind)
        self.items.append(
            {
                "type": kind,
                "status": status,
                "lastUpdateTime": self._now,
                "lastTransitionTime": transition,
                "reason": reason,
                "message": text,
            }
        )


def _judge_failure(sets: Sequence[Manifest], conditions: _Conditions) -> None:
    for one in sets:
        for condition in (one.get("status") or {}).get("conditions") or ():
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
                reason, text = condition["reason"], condition["message"]
                conditions.set("ReplicaFailure", "True", reason, text)
                return
    conditions.drop("ReplicaFailure")


def _is_complete(owner: Manifest, status: Mapping[str, Any]) -> bool:
    wanted = int(owner["spec"].get("replicas") or 0)
    return all(
        status.get(name, 0) == wanted
        for name in ("updatedReplicas", "replicas", "availableReplicas")
    )


def _is_progressing(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    def older(status: Mapping[str, Any]) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return older(new) < older(old) or any(
        int(new.get(one, 0)) > int(old.get(one, 0)) for one in grown
    )


def _judge_progress(
    work: Workshop,
    owner: Manifest,
    current: Manifest | None,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    conditions: _Conditions,
) -> None:
    name = name_of(current) if current is not None else ""
    known = conditions.get("Progressing")
    done = known is not None and known["reason"] == "NewReplicaSetAvailable"
    if owner["spec"].get("paused"):
        if known is None or known["reason"] != "DeploymentPaused":
            text = "Deployment is paused"
            conditions.set("Progressing", "Unknown", "DeploymentPaused", text)
        return
    if known is None or (done and name and f'"{name}"' not in known["message"]):
        text = f'Created new replica set "{name}"'
        conditions.set("Progressing", "True", "NewReplicaSetCreated", text, fresh=True)
        done = False
    if _is_complete(owner, new):
        if not done:
            text = f'ReplicaSet "{name}" has successfully progressed.'
            conditions.set("Progressing", "True", "NewReplicaSetAvailable", text, fresh=True)
    elif _is_progressing(old, new):
        text = f'ReplicaSet "{name}" is progressing.'
        conditions.set("Progressing", "True", "ReplicaSetUpdated", text, fresh=True)
    elif _is_overdue(work, owner, conditions.get("Progressing")):
        text = f'ReplicaSet "{name}" has timed out progressing.'
        conditions.set("Progressing", "False", "ProgressDeadlineExceeded", text)


def _is_overdue(work: Workshop, owner: Manifest, known: Mapping[str, Any] | None) -> bool:
    limit = owner["spec"].get("progressDeadlineSeconds")
    if limit is None or limit >= _NEVER or known is None:
        return False
    if known["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return False
    return work.seconds_since(known["lastUpdateTime"]) >= int(limit)


def progress_deadline(work: Workshop, owner: Manifest, status: Mapping[str, Any]) -> float | None:
    """Returns the seconds until a rollout without progress is overdue; None when it is done."""
    limit = owner["spec"].get("progressDeadlineSeconds")
    if limit is None or limit >= _NEVER:
        return None
    for one in status["conditions"]:
        if one["type"] != "Progressing" or one["reason"] in (
            "NewReplicaSetAvailable",
            "ProgressDeadlineExceeded",
            "DeploymentPaused",
        ):
            continue
        return max(float(limit) - work.seconds_since(one["lastUpdateTime"]), 0.0) + 0.001
    return None
