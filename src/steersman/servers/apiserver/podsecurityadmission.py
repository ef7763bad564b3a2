"""Pod Security levels of namespaces, applied to pods and to the workloads that make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from steersman.kit.gotext import quote
from steersman.objects.identity import GroupKind
from steersman.objects.manifest import Manifest, labels_of, metadata_of, name_of
from steersman.servers.apiserver.admission import Attempt
from steersman.servers.apiserver.answers import forbidden
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.fielderrors import FieldError, invalid, invalid_object
from steersman.servers.apiserver.podsecurity import LEVELS, violations

__all__ = ["PodSecurity"]

_PREFIX: Final = "pod-security.kubernetes.io/"
_MODES: Final = ("enforce", "audit", "warn")
_TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = {
    "/podtemplates": ("template",),
    "/replicationcontrollers": ("spec", "template"),
    "apps/daemonsets": ("spec", "template"),
    "apps/deployments": ("spec", "template"),
    "apps/replicasets": ("spec", "template"),
    "apps/statefulsets": ("spec", "template"),
    "batch/jobs": ("spec", "template"),
    "batch/cronjobs": ("spec", "jobTemplate", "spec", "template"),
}


class PodSecurity:
    """Refuses pods below the enforced level; warns about workloads below the warned one.

    Args:
        cluster: where namespaces and pods are looked up.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def mutate(self, attempt: Attempt, new: Manifest, old: Manifest | None) -> Manifest:
        """Changes nothing."""
        return new

    def validate(self, attempt: Attempt, new: Manifest | None, old: Manifest | None) -> None:
        """Refuses a pod, or a namespace with a level that does not exist."""
        if new is None or attempt.target.subresource:
            return
        bucket = attempt.target.resource.bucket
        if bucket == "/namespaces":
            errors = list(_label_errors(new))
            if errors:
                raise invalid_object(GroupKind("", "Namespace"), name_of(new), errors)
        elif bucket == "/pods" and (old is None or old.get("spec") != new.get("spec")):
            text = self._verdict(attempt.target.namespace, "enforce", new)
            if text:
                raise forbidden("", "pods", name_of(new), f"violates {text}")

    def warnings(
        self, attempt: Attempt, new: Manifest | None, old: Manifest | None
    ) -> Sequence[str]:
        """Warns about workloads, and about pods that a tightened namespace would not admit."""
        if new is None or attempt.target.subresource:
            return ()
        bucket = attempt.target.resource.bucket
        if bucket == "/namespaces":
            return tuple(self._tightened(new, old))
        template = _template(new, _TEMPLATES.get(bucket)) if bucket in _TEMPLATES else None
        pod = new if bucket == "/pods" else template
        if pod is None:
            return ()
        text = self._verdict(attempt.target.namespace, "warn", pod)
        return (f"would violate {text}",) if text else ()

    def _verdict(self, namespace: str, mode: str, pod: Mapping[str, Any]) -> str:
        found = self._cluster.get("", "namespaces", "", namespace)
        labels = labels_of(found or {})
        level = labels.get(_PREFIX + mode, "privileged")
        version = labels.get(f"{_PREFIX}{mode}-version", "latest")
        broken = violations(level, pod.get("metadata") or {}, pod.get("spec") or {})
        if not broken:
            return ""
        return f"PodSecurity {quote(f'{level}:{version}')}: {', '.join(map(str, broken))}"

    def _tightened(self, new: Manifest, old: Manifest | None) -> Iterator[str]:
        label = f"{_PREFIX}enforce"
        level = labels_of(new).get(label, "privileged")
        if old is None or labels_of(old).get(label, "privileged") == level:
            return
        groups: dict[str, list[str]] = {}
        for pod in self._cluster.list("", "pods", name_of(new)):
            broken = violations(level, metadata_of(pod), pod.get("spec") or {})
            if broken:
                reasons = ", ".join(one.reason for one in broken)
                groups.setdefault(reasons, []).append(name_of(pod))
        if not groups:
            return
        version = labels_of(new).get(f"{label}-version", "latest")
        yield (
            f"existing pods in namespace {quote(name_of(new))} violate the new PodSecurity enforce "
            f"level {quote(f'{level}:{version}')}"
        )
        for reasons, names in sorted(groups.items(), key=lambda entry: sorted(entry[1])):
            first, *rest = sorted(names)
            others = f" (and {len(rest)} other pod{'s' if len(rest) > 1 else ''})" if rest else ""
            yield f"{first}{others}: {reasons}"


def _label_errors(namespace: Manifest) -> Iterator[FieldError]:
    for mode in _MODES:
        level = labels_of(namespace).get(_PREFIX + mode)
        if level is not None and level not in LEVELS:
            field = f"metadata.labels[{_PREFIX}{mode}]"
            yield invalid(field, level, f"must be one of {', '.join(LEVELS)}")


def _template(obj: Mapping[str, Any], path: tuple[str, ...] | None) -> Mapping[str, Any] | None:
    value: Any = obj
    for name in path or ():
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else None
