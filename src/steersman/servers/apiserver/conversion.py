"""From the version an object is stored in to the version it is asked for, and back.

Only what the built-in API needs: CRDs with conversion None (the same object under another
``apiVersion``), events of the two groups, and horizontal pod autoscalers.
"""

from __future__ import annotations

from typing import Any

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.resources import Resource

__all__ = ["convert", "from_storage", "to_storage"]


def from_storage(resource: Resource, obj: Manifest) -> Manifest:
    """Returns a stored object in the version of ``resource``."""
    stored = obj.get("apiVersion")
    if stored == resource.api_version:
        return obj
    converted = convert(obj, resource.api_version)
    if resource.custom:
        decoded = resource.strategy.decode(converted).obj
        return dict(sorted(decoded.items()))
    return converted


def to_storage(resource: Resource, obj: Manifest) -> Manifest:
    """Returns an object of ``resource`` in the version it is stored in."""
    if resource.api_version == resource.storage_version:
        return obj
    return convert(obj, resource.storage_version)


def convert(obj: Manifest, target: str) -> Manifest:
    """Returns an object under another ``apiVersion`` of its kind."""
    source = str(obj.get("apiVersion"))
    if (source, target) == ("v1", "events.k8s.io/v1"):
        converted = _rename(obj, _EVENT_NAMES)
    elif (source, target) == ("events.k8s.io/v1", "v1"):
        converted = _rename(obj, {new: old for old, new in _EVENT_NAMES.items()})
    elif (source, target) == ("autoscaling/v2", "autoscaling/v1"):
        converted = _autoscaler_v1(obj)
    elif (source, target) == ("autoscaling/v1", "autoscaling/v2"):
        converted = _autoscaler_v2(obj)
    else:
        converted = dict(obj)
    return {name: target if name == "apiVersion" else value for name, value in converted.items()}


_EVENT_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}


def _rename(obj: Manifest, names: dict[str, str]) -> Manifest:
    return {names.get(name, name): value for name, value in obj.items()}


def _autoscaler_v1(obj: Manifest) -> Manifest:
    spec = dict(obj.get("spec") or {})
    metrics: list[dict[str, Any]] = spec.pop("metrics", None) or []
    spec.pop("behavior", None)
    for metric in metrics:
        resource = metric.get("resource") or {}
        if metric.get("type") == "Resource" and resource.get("name") == "cpu":
            wanted = (resource.get("target") or {}).get("averageUtilization")
            if wanted is not None:
                spec["targetCPUUtilizationPercentage"] = wanted
    status = dict(obj.get("status") or {})
    status.pop("currentMetrics", None)
    status.pop("conditions", None)
    status.setdefault("currentReplicas", 0)
    status.setdefault("desiredReplicas", 0)
    return {**obj, "spec": spec, "status": status}


def _autoscaler_v2(obj: Manifest) -> Manifest:
    spec = dict(obj.get("spec") or {})
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    status = dict(obj.get("status") or {})
    percent = status.pop("currentCPUUtilizationPercentage", None)
    status.setdefault("desiredReplicas", 0)
    status.setdefault("currentMetrics", None)
    return {**obj, "spec": spec, "status": status}
