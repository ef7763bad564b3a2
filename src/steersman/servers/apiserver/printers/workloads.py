"""How workloads look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from steersman.kit.clock import parse_rfc3339
from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.printers.age import age_since, human_duration
from steersman.servers.apiserver.printers.cells import (
    NONE,
    age_of,
    columns,
    containers_and_images,
    format_label_selector,
    format_labels,
    part,
)
from steersman.servers.apiserver.printers.layout import Layout
from steersman.servers.apiserver.strategy import Column

__all__ = ["WORKLOAD_LAYOUTS"]

_WIDE: Final = ("+Containers", "+Images", "+Selector")


def _wide(obj: Manifest) -> tuple[str, str, str]:
    spec = part(obj, "spec")
    names, images = containers_and_images(part(spec, "template", "spec"))
    return names, images, format_label_selector(spec.get("selector"))


def _status(obj: Manifest, *names: str) -> list[int]:
    status = part(obj, "status")
    return [int(status.get(name) or 0) for name in names]


def _deployment(obj: Manifest, now: datetime) -> Sequence[Any]:
    wanted = part(obj, "spec").get("replicas") or 0
    ready, updated, available = _status(
        obj, "readyReplicas", "updatedReplicas", "availableReplicas"
    )
    return (f"{ready}/{wanted}", updated, available, age_of(obj, now), *_wide(obj))


def _replica_set(obj: Manifest, now: datetime) -> Sequence[Any]:
    wanted = part(obj, "spec").get("replicas") or 0
    return (wanted, *_status(obj, "replicas", "readyReplicas"), age_of(obj, now), *_wide(obj))


def _replication_controller(obj: Manifest, now: datetime) -> Sequence[Any]:
    wanted = part(obj, "spec").get("replicas") or 0
    names, images = containers_and_images(part(obj, "spec", "template", "spec"))
    selector = format_labels(part(obj, "spec").get("selector"))
    counts = _status(obj, "replicas", "readyReplicas")
    return (wanted, *counts, age_of(obj, now), names, images, selector)


def _stateful_set(obj: Manifest, now: datetime) -> Sequence[Any]:
    wanted = part(obj, "spec").get("replicas") or 0
    (ready,) = _status(obj, "readyReplicas")
    names, images, _ = _wide(obj)
    return (f"{ready}/{wanted}", age_of(obj, now), names, images)


def _daemon_set(obj: Manifest, now: datetime) -> Sequence[Any]:
    counts = _status(
        obj,
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    nodes = format_labels(part(obj, "spec", "template", "spec").get("nodeSelector"))
    return (*counts, nodes, age_of(obj, now), *_wide(obj))


def _has(status: Mapping[str, Any], kind: str) -> bool:
    return any(
        one["type"] == kind and one["status"] == "True" for one in status.get("conditions") or ()
    )


def _job_state(obj: Manifest) -> str:
    status = part(obj, "status")
    for kind, word in (
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if _has(status, kind):
            return word
    return "Terminating" if part(obj, "metadata").get("deletionTimestamp") else "Running"


def _job(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    done = int(status.get("succeeded") or 0)
    if spec.get("completions") is not None:
        completions = f"{done}/{spec['completions']}"
    elif (spec.get("parallelism") or 0) > 1:
        completions = f"{done}/1 of {spec['parallelism']}"
    else:
        completions = f"{done}/1"
    return (_job_state(obj), completions, _took(status, now), age_of(obj, now), *_wide(obj))


def _took(status: Mapping[str, Any], now: datetime) -> str:
    started = status.get("startTime")
    if not started:
        return ""
    ended = status.get("completionTime")
    end = parse_rfc3339(ended) if ended else now
    return human_duration(end - parse_rfc3339(started))


def _cron_job(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    last = status.get("lastScheduleTime")
    names, images = containers_and_images(part(spec, "jobTemplate", "spec", "template", "spec"))
    return (
        spec.get("schedule") or "",
        spec.get("timeZone") or NONE,
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        age_since(last, now) if last else NONE,
        age_of(obj, now),
        names,
        images,
        format_label_selector(part(spec, "jobTemplate", "spec").get("selector")),
    )


def _controller_revision(obj: Manifest, now: datetime) -> Sequence[Any]:
    owner: Mapping[str, Any] = next(
        (
            one
            for one in part(obj, "metadata").get("ownerReferences") or ()
            if one.get("controller")
        ),
        {},
    )
    shown = NONE
    if owner:
        group = str(owner["apiVersion"]).rpartition("/")[0]
        kind = str(owner["kind"]).lower()
        shown = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return (shown, obj.get("revision") or 0, age_of(obj, now))


def _pod_template(obj: Manifest, now: datetime) -> Sequence[Any]:
    template = part(obj, "template")
    names, images = containers_and_images(part(template, "spec"))
    return (names, images, format_labels(part(template, "metadata").get("labels")))


def _autoscaler(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    target = part(spec, "scaleTargetRef")
    low = spec.get("minReplicas")
    return (
        f"{target.get('kind')}/{target.get('name')}",
        _targets(spec, status),
        "<unset>" if low is None else str(low),
        spec.get("maxReplicas") or 0,
        status.get("currentReplicas") or 0,
        age_of(obj, now),
    )


def _targets(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    if "targetCPUUtilizationPercentage" in spec:
        current = status.get("currentCPUUtilizationPercentage")
        shown = "<unknown>" if current is None else f"{current}%"
        return f"cpu: {shown}/{spec['targetCPUUtilizationPercentage']}%"
    current = status.get("currentMetrics") or ()
    texts = []
    for index, metric in enumerate(spec.get("metrics") or ()):
        kind = str(metric.get("type") or "")
        source = part(metric, kind[:1].lower() + kind[1:])
        measured = part(current[index], kind[:1].lower() + kind[1:]) if index < len(current) else {}
        texts.append(_target(kind, source, part(measured, "current")))
    if not texts:
        return NONE
    if len(texts) > 2:
        return f"{', '.join(texts[:2])} + {len(texts) - 2} more..."
    return ", ".join(texts)


def _target(kind: str, source: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    target = part(source, "target")
    if target.get("averageUtilization") is not None:
        found = current.get("averageUtilization")
        shown = "<unknown>" if found is None else f"{found}%"
        pair = f"{shown}/{target['averageUtilization']}%"
    elif target.get("averageValue") is not None:
        pair = f"{current.get('averageValue') or '<unknown>'}/{target['averageValue']}"
        if kind in ("External", "Object"):
            pair += " (avg)"
    else:
        pair = f"{current.get('value') or '<unknown>'}/{target.get('value')}"
    return f"{source['name']}: {pair}" if kind in ("Resource", "ContainerResource") else pair


def _budget(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    bounds = [
        "N/A" if spec.get(name) is None else str(spec[name])
        for name in ("minAvailable", "maxUnavailable")
    ]
    return (*bounds, *_status(obj, "disruptionsAllowed"), age_of(obj, now))


_REPLICAS: Final = ("#Desired", "#Current", "#Ready", "Age", *_WIDE)

WORKLOAD_LAYOUTS: Final[Mapping[tuple[str, str], Layout]] = {
    ("apps", "Deployment"): Layout(
        columns("Ready", "Up-to-date", "Available", "Age", *_WIDE), _deployment
    ),
    ("apps", "ReplicaSet"): Layout(columns(*_REPLICAS), _replica_set),
    ("", "ReplicationController"): Layout(columns(*_REPLICAS), _replication_controller),
    ("apps", "StatefulSet"): Layout(
        columns("Ready", "Age", "+Containers", "+Images"), _stateful_set
    ),
    ("apps", "DaemonSet"): Layout(
        columns(
            "#Desired",
            "#Current",
            "#Ready",
            "#Up-to-date",
            "#Available",
            "Node Selector",
            "Age",
            *_WIDE,
        ),
        _daemon_set,
    ),
    ("apps", "ControllerRevision"): Layout(
        columns("Controller", "Revision", "Age"), _controller_revision
    ),
    ("batch", "Job"): Layout(columns("Status", "Completions", "Duration", "Age", *_WIDE), _job),
    ("batch", "CronJob"): Layout(
        columns(
            "Schedule",
            "Timezone",
            Column("Suspend", "boolean"),
            "#Active",
            "Last Schedule",
            "Age",
            *_WIDE,
        ),
        _cron_job,
    ),
    ("", "PodTemplate"): Layout(columns("Containers", "Images", "Pod Labels"), _pod_template),
    ("autoscaling", "HorizontalPodAutoscaler"): Layout(
        columns("Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"), _autoscaler
    ),
    ("policy", "PodDisruptionBudget"): Layout(
        columns("Min Available", "Max Unavailable", "#Allowed Disruptions", "Age"), _budget
    ),
}
