"""What failed pods mean for the controller that owns them.

Source: behaviour of fluxcd/cli-utils pkg/kstatus/polling/statusreaders: a StatefulSet or a
ReplicaSet that is in progress has failed when one of its pods has, unless the pod is being deleted
or only waits for room on a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from steersman.health.fields import conditions_of, text_of
from steersman.health.kstatus import compute_health
from steersman.health.verdict import Health, Verdict
from steersman.objects.identity import GroupKind

__all__ = ["POD_CONTROLLERS", "judge_with_pods"]

POD_CONTROLLERS = frozenset({GroupKind("apps", "StatefulSet"), GroupKind("apps", "ReplicaSet")})
"""The kinds whose pods are looked at."""


def judge_with_pods(
    verdict: Verdict, pods: Iterable[Mapping[str, Any]], *, now: datetime
) -> Verdict:
    """Turns ``InProgress`` into ``Failed`` when pods have failed for good.

    Args:
        verdict: the controller's own verdict.
        pods: the pods that its selector selects.
        now: the current time.
    """
    if verdict.health is not Health.IN_PROGRESS:
        return verdict
    lost = [
        pod
        for pod in pods
        if compute_health(pod, now=now).health is Health.FAILED and not _may_recover(pod)
    ]
    if not lost:
        return verdict
    return Verdict(Health.FAILED, f"{len(lost)} pods have failed", "PodsFailed")


def _may_recover(pod: Mapping[str, Any]) -> bool:
    if text_of(pod, "metadata", "deletionTimestamp"):
        return True
    return any(
        c.type == "PodScheduled" and c.status == "False" and c.reason == "Unschedulable"
        for c in conditions_of(pod)
    )
