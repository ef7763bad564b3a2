"""Does the cluster differ from what we ask for? The dry-run's answer against the live object.

Labels, annotations and everything except ``metadata`` and ``status`` are compared.

Source: behaviour of fluxcd/pkg ssa (hasDrifted).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.kit.jsonpatch import json_equal
from steersman.objects.ignore_rules import IgnoreRules, without_pointers
from steersman.objects.manifest import annotations_of, labels_of

__all__ = ["has_drifted"]

_NOT_COMPARED = frozenset({"metadata", "status"})


def has_drifted(
    live: Mapping[str, Any] | None,
    dry_run: Mapping[str, Any],
    rules: IgnoreRules | None = None,
) -> bool:
    """Tells whether applying would change something that we care about.

    Args:
        live: the object as it is; None when it does not exist, which is drift.
        dry_run: the API's answer to applying our manifest without writing.
        rules: fields that others may change.
    """
    if live is None:
        return True
    if rules:
        pointers = rules.pointers_for(dry_run)
        live, dry_run = without_pointers(live, pointers), without_pointers(dry_run, pointers)
    if labels_of(live) != labels_of(dry_run) or annotations_of(live) != annotations_of(dry_run):
        return True
    return not json_equal(_compared(live), _compared(_without_doubled_metrics(dry_run)))


def _compared(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in _NOT_COMPARED}


def _without_doubled_metrics(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Repairs dry-runs of autoscalers before Kubernetes 1.27, which double the first metric.

    Source: kubernetes/kubernetes#118293.
    """
    if manifest.get("kind") != "HorizontalPodAutoscaler":
        return manifest
    spec = manifest.get("spec")
    metrics = spec.get("metrics") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(metrics, list):
        return manifest
    kept: list[Any] = []
    for metric in metrics:
        if isinstance(metric, dict) and metric.get("type") and metric not in kept:
            kept.append(metric)
    return {**manifest, "spec": {**spec, "metrics": kept}} if kept != metrics else manifest
