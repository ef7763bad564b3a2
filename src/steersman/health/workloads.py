"""kstatus' rules for the controllers of pods.

Source: behaviour of fluxcd/cli-utils pkg/kstatus/status; messages and reasons are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.health.fields import conditions_of, field_of, integer_of, text_of
from steersman.health.verdict import Verdict, current, failed, in_progress

__all__ = ["check_daemon_set", "check_deployment", "check_replica_set", "check_stateful_set"]

_NO_DEADLINE = 2**31 - 1


def check_deployment(manifest: Mapping[str, Any]) -> Verdict:
    """A Deployment is current when all replicas are updated and available."""
    # Without a deadline the controller never reports progress, so progress is taken for granted.
    deadline = integer_of(manifest, "spec", "progressDeadlineSeconds", default=_NO_DEADLINE)
    progressed = deadline == _NO_DEADLINE
    available = False
    for condition in conditions_of(manifest):
        if condition.type == "Progressing":
            if condition.reason == "ProgressDeadlineExceeded":
                return failed(condition.reason, "Progress deadline exceeded")
            if condition.status == "True" and condition.reason == "NewReplicaSetAvailable":
                progressed = True
        elif condition.type == "Available" and condition.status == "True":
            available = True

    desired = integer_of(manifest, "spec", "replicas", default=1)
    total = integer_of(manifest, "status", "replicas")
    updated = integer_of(manifest, "status", "updatedReplicas")
    ready = integer_of(manifest, "status", "readyReplicas")
    reachable = integer_of(manifest, "status", "availableReplicas")
    if desired > total:
        return in_progress("LessReplicas", f"Replicas: {total}/{desired}")
    if desired > updated:
        return in_progress("LessUpdated", f"Updated: {updated}/{desired}")
    if total > desired:
        return in_progress("ExtraPods", f"Pending termination: {total - desired}")
    if updated > reachable:
        return in_progress("LessAvailable", f"Available: {reachable}/{updated}")
    if desired > ready:
        return in_progress("LessReady", f"Ready: {ready}/{desired}")
    if not progressed:
        return in_progress("ReplicaSetNotAvailable", "ReplicaSet not Available")
    if not available:
        return in_progress("DeploymentNotAvailable", "Deployment not Available")
    return current(f"Deployment is available. Replicas: {total}")


def check_stateful_set(manifest: Mapping[str, Any]) -> Verdict:
    """A StatefulSet is current when all replicas are ready at the updated revision."""
    if text_of(manifest, "spec", "updateStrategy", "type") == "OnDelete":
        return current("StatefulSet is using the ondelete update strategy")
    desired = integer_of(manifest, "spec", "replicas", default=1)
    ready = integer_of(manifest, "status", "readyReplicas")
    at_current = integer_of(manifest, "status", "currentReplicas")
    updated = integer_of(manifest, "status", "updatedReplicas")
    total = integer_of(manifest, "status", "replicas")
    partition = integer_of(
        manifest, "spec", "updateStrategy", "rollingUpdate", "partition", default=-1
    )
    if desired > total:
        return in_progress("LessReplicas", f"Replicas: {total}/{desired}")
    if desired > ready:
        return in_progress("LessReady", f"Ready: {ready}/{desired}")
    if total > desired:
        return in_progress("ExtraPods", f"Pending termination: {total - desired}")
    if partition != -1:
        if updated < desired - partition:
            return in_progress("PartitionRollout", f"updated: {updated}/{desired - partition}")
        return current(f"Partition rollout complete. updated: {updated}")
    if desired > at_current:
        return in_progress("LessCurrent", f"current: {at_current}/{desired}")
    if text_of(manifest, "status", "currentRevision") != text_of(
        manifest, "status", "updateRevision"
    ):
        return in_progress("RevisionMismatch", "Waiting for updated revision to match current")
    return current(f"All replicas scheduled as expected. Replicas: {total}")


def check_replica_set(manifest: Mapping[str, Any]) -> Verdict:
    """A ReplicaSet is current when all replicas are available."""
    for condition in conditions_of(manifest):
        if condition.type == "ReplicaFailure" and condition.status == "True":
            return in_progress("ReplicaFailure", "Replica Failure condition. Check Pods")
    desired = integer_of(manifest, "spec", "replicas", default=1)
    total = integer_of(manifest, "status", "replicas")
    ready = integer_of(manifest, "status", "readyReplicas")
    available = integer_of(manifest, "status", "availableReplicas")
    labelled = integer_of(manifest, "status", "fullyLabeledReplicas")
    if desired > labelled:
        return in_progress("LessLabelled", f"Labelled: {labelled}/{desired}")
    if desired > available:
        return in_progress("LessAvailable", f"Available: {available}/{desired}")
    if desired > ready:
        return in_progress("LessReady", f"Ready: {ready}/{desired}")
    if total > desired:
        return in_progress("ExtraPods", f"Pending termination: {total - desired}")
    return current(f"ReplicaSet is available. Replicas: {total}")


def check_daemon_set(manifest: Mapping[str, Any]) -> Verdict:
    """A DaemonSet is current when every node that should run it has a ready pod."""
    kind = text_of(manifest, "kind")
    if field_of(manifest, "metadata", "generation") is None:
        return in_progress("NoGeneration", f"{kind} metadata.generation not found")
    if field_of(manifest, "status", "observedGeneration") is None:
        return in_progress("NoObservedGeneration", f"{kind} status.observedGeneration not found")
    desired = integer_of(manifest, "status", "desiredNumberScheduled", default=-1)
    if desired == -1:
        return in_progress("NoDesiredNumber", "Missing .status.desiredNumberScheduled")
    for field, reason, word in (
        ("currentNumberScheduled", "LessCurrent", "Current"),
        ("updatedNumberScheduled", "LessUpdated", "Updated"),
        ("numberAvailable", "LessAvailable", "Available"),
        ("numberReady", "LessReady", "Ready"),
    ):
        count = integer_of(manifest, "status", field)
        if desired > count:
            return in_progress(reason, f"{word}: {count}/{desired}")
    return current(f"All replicas scheduled as expected. Replicas: {desired}")
