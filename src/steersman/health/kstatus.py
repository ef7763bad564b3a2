"""kstatus: the health of any object from its own fields.

Order of the rules: being deleted, generation not observed, ``Reconciling`` or ``Stalled`` set, the
rule of the kind, the ``Ready`` condition, else current.

Source: behaviour of fluxcd/cli-utils pkg/kstatus/status; messages and reasons are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from steersman.health.fields import conditions_of, field_of, integer_of, text_of
from steersman.health.verdict import Health, Verdict, current, failed, in_progress
from steersman.health.workloads import (
    check_daemon_set,
    check_deployment,
    check_replica_set,
    check_stateful_set,
)
from steersman.kit.clock import parse_rfc3339
from steersman.objects.identity import GroupKind, GroupVersionKind

__all__ = ["compute_health"]

_SCHEDULE_WINDOW = timedelta(seconds=15)


def compute_health(manifest: Mapping[str, Any], *, now: datetime) -> Verdict:
    """Judges a complete object, its status included.

    Args:
        manifest: the live object.
        now: the current time; a pod gets 15 seconds to be scheduled.

    Returns:
        The verdict; ``Unknown`` when the object contradicts its own type.
    """
    verdict = _check_generic(manifest)
    if verdict is not None:
        return verdict
    group_kind = GroupVersionKind.of(manifest).group_kind
    if group_kind == _POD:
        return _check_pod(manifest, now)
    rule = _RULES.get(group_kind)
    if rule is not None:
        return rule(manifest)
    return _check_ready(manifest) or current("Resource is current")


def _check_generic(manifest: Mapping[str, Any]) -> Verdict | None:
    if text_of(manifest, "metadata", "deletionTimestamp"):
        return Verdict(Health.TERMINATING, "Resource scheduled for deletion")
    generation = field_of(manifest, "metadata", "generation")
    observed = field_of(manifest, "status", "observedGeneration")
    if generation is not None and observed is not None:
        if not isinstance(generation, int) or not isinstance(observed, int):
            return Verdict(Health.UNKNOWN, "status.observedGeneration is not an integer")
        if generation != observed:
            return in_progress(
                "LatestGenerationNotObserved",
                f"{text_of(manifest, 'kind')} generation is {generation},"
                f" but latest observed generation is {observed}",
            )
    for condition in conditions_of(manifest):
        if condition.status != "True":
            continue
        if condition.type == "Reconciling":
            return in_progress(condition.reason, condition.message)
        if condition.type == "Stalled":
            return failed(condition.reason, condition.message)
    return None


def _check_ready(manifest: Mapping[str, Any]) -> Verdict | None:
    for condition in conditions_of(manifest):
        if condition.type != "Ready":
            continue
        if condition.status == "True":
            return current("Resource is Ready")
        if condition.status in ("False", "Unknown"):
            return in_progress(condition.reason, condition.message)
    return None


def _check_pod(manifest: Mapping[str, Any], now: datetime) -> Verdict:
    phase = text_of(manifest, "status", "phase")
    match phase:
        case "Succeeded":
            return current("Pod has completed successfully")
        case "Failed":
            return current("Pod has completed, but not successfully")
        case "Running":
            return _check_running_pod(manifest)
        case "Pending":
            return _check_pending_pod(manifest, now)
        case "":
            return in_progress("PodNotObserved", "Pod phase not available")
        case _:
            return Verdict(Health.UNKNOWN, f"unknown phase {phase}")


def _check_running_pod(manifest: Mapping[str, Any]) -> Verdict:
    if any(c.type == "Ready" and c.status == "True" for c in conditions_of(manifest)):
        return current("Pod is Ready")
    statuses = field_of(manifest, "status", "containerStatuses")
    looping = [
        text_of(status, "name")
        for status in (statuses if isinstance(statuses, list) else ())
        if isinstance(status, dict)
        and text_of(status, "state", "waiting", "reason") == "CrashLoopBackOff"
    ]
    if looping:
        names = ",".join(looping)
        return failed("ContainerCrashLooping", f"Containers in CrashLoop state: {names}")
    return in_progress("PodRunningNotReady", "Pod is running but is not Ready")


def _check_pending_pod(manifest: Mapping[str, Any], now: datetime) -> Verdict:
    for condition in conditions_of(manifest):
        if condition.type != "PodScheduled" or condition.status != "False":
            continue
        if condition.reason != "Unschedulable":
            break
        created = text_of(manifest, "metadata", "creationTimestamp")
        if created and now - _SCHEDULE_WINDOW < parse_rfc3339(created):
            return in_progress("PodNotScheduled", "Pod has not been scheduled")
        return failed("PodUnschedulable", "Pod could not be scheduled")
    return in_progress("PodPending", "Pod is in the Pending phase")


def _check_claim(manifest: Mapping[str, Any]) -> Verdict:
    phase = text_of(manifest, "status", "phase", default="unknown")
    if phase != "Bound":
        return in_progress("NotBound", f"PVC is not Bound. phase: {phase}")
    return current("PVC is Bound")


def _check_budget(_: Mapping[str, Any]) -> Verdict:
    return current("AllowedDisruptions has been computed.")


def _check_service(manifest: Mapping[str, Any]) -> Verdict:
    if text_of(manifest, "spec", "type") == "LoadBalancer" and not text_of(
        manifest, "spec", "clusterIP"
    ):
        return in_progress("NoIPAssigned", "ClusterIP not set. Service type: LoadBalancer")
    return current("Service is ready")


def _check_definition(manifest: Mapping[str, Any]) -> Verdict:
    for condition in conditions_of(manifest):
        if condition.type == "NamesAccepted" and condition.status == "False":
            return failed(condition.reason, condition.message)
        if condition.type != "Established":
            continue
        if condition.status == "False" and condition.reason != "Installing":
            return failed(condition.reason, condition.message)
        if condition.status == "True":
            return current("CRD is established")
    return in_progress("Installing", "Install in progress")


def _check_job(manifest: Mapping[str, Any]) -> Verdict:
    """A started Job counts as current; :mod:`steersman.health.jobs` has the strict rule."""
    parallelism = integer_of(manifest, "spec", "parallelism", default=1)
    completions = integer_of(manifest, "spec", "completions", default=parallelism)
    succeeded = integer_of(manifest, "status", "succeeded")
    active = integer_of(manifest, "status", "active")
    failures = integer_of(manifest, "status", "failed")
    for condition in conditions_of(manifest):
        if condition.type == "Complete" and condition.status == "True":
            return current(f"Job Completed. succeeded: {succeeded}/{completions}")
        if condition.type == "Failed" and condition.status == "True":
            return failed("JobFailed", f"Job Failed. failed: {failures}/{completions}")
    if not text_of(manifest, "status", "startTime"):
        return in_progress("JobNotStarted", "Job not started")
    return current(f"Job in progress. success:{succeeded}, active: {active}, failed: {failures}")


def _always_current(_: Mapping[str, Any]) -> Verdict:
    return current("Resource is always ready")


_POD = GroupKind("", "Pod")
_RULES: Mapping[GroupKind, Callable[[Mapping[str, Any]], Verdict]] = {
    GroupKind("", "Service"): _check_service,
    GroupKind("", "Secret"): _always_current,
    GroupKind("", "ConfigMap"): _always_current,
    GroupKind("", "PersistentVolumeClaim"): _check_claim,
    GroupKind("apps", "StatefulSet"): check_stateful_set,
    GroupKind("apps", "DaemonSet"): check_daemon_set,
    GroupKind("extensions", "DaemonSet"): check_daemon_set,
    GroupKind("apps", "Deployment"): check_deployment,
    GroupKind("extensions", "Deployment"): check_deployment,
    GroupKind("apps", "ReplicaSet"): check_replica_set,
    GroupKind("extensions", "ReplicaSet"): check_replica_set,
    GroupKind("policy", "PodDisruptionBudget"): _check_budget,
    GroupKind("batch", "CronJob"): _always_current,
    GroupKind("batch", "Job"): _check_job,
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"): _check_definition,
}
