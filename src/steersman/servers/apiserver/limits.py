"""LimitRanges: defaults for containers that ask for nothing, and bounds on what is asked for.

Source of the rules and texts: the LimitRanger admission plugin of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import Manifest, annotations_of, metadata_of, name_of
from steersman.objects.quantity import Quantity, parse_quantity
from steersman.servers.apiserver.admission import Attempt
from steersman.servers.apiserver.answers import forbidden
from steersman.servers.apiserver.cluster import Cluster

__all__ = ["LimitRanger"]

_NOTE: Final = "kubernetes.io/limit-ranger"
_LISTS: Final = ("initContainers", "containers")
_CLAIMS: Final = "/persistentvolumeclaims"


class LimitRanger:
    """Applies the LimitRanges of a namespace to its new pods and claims.

    Args:
        cluster: where they are looked up.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def mutate(self, attempt: Attempt, new: Manifest, old: Manifest | None) -> Manifest:
        """Fills in requests and limits, and says so in an annotation."""
        target = attempt.target
        if target.resource.bucket != "/pods" or old is not None or target.subresource:
            return new
        spec = dict(new.get("spec") or {})
        notes: list[str] = []
        for limit in self._limits(target.namespace, "Container"):
            for part, kind in (("containers", "container"), ("initContainers", "init container")):
                if spec.get(part):
                    spec[part] = [_defaulted(one, limit, kind, notes) for one in spec[part]]
        if not notes:
            return new
        annotations = {**annotations_of(new), _NOTE: f"LimitRanger plugin set: {'; '.join(notes)}"}
        metadata = {**metadata_of(new), "annotations": dict(sorted(annotations.items()))}
        return {**new, "metadata": metadata, "spec": spec}

    def validate(self, attempt: Attempt, new: Manifest | None, old: Manifest | None) -> None:
        """Refuses what lies outside the bounds."""
        target = attempt.target
        bucket = target.resource.bucket
        if new is None or target.subresource or bucket not in ("/pods", _CLAIMS):
            return
        if bucket == "/pods" and old is not None:
            return
        spec = new.get("spec") or {}
        problems: list[str] = []
        if bucket == _CLAIMS:
            requests = (spec.get("resources") or {}).get("requests") or {}
            for limit in self._limits(target.namespace, "PersistentVolumeClaim"):
                problems += _claim_problems(limit, requests)
        else:
            for limit in self._limits(target.namespace, "Container"):
                for container in _containers(spec):
                    problems += _problems(limit, "Container", container.get("resources") or {})
            for limit in self._limits(target.namespace, "Pod"):
                problems += _problems(limit, "Pod", _sums(spec))
        if problems:
            info = target.resource.info
            joined = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise forbidden(info.group, info.plural, name_of(new), joined)

    def warnings(
        self, attempt: Attempt, new: Manifest | None, old: Manifest | None
    ) -> Sequence[str]:
        """Has none."""
        return ()

    def _limits(self, namespace: str, kind: str) -> Iterator[Mapping[str, Any]]:
        for found in self._cluster.list("", "limitranges", namespace):
            for limit in (found.get("spec") or {}).get("limits") or ():
                if limit.get("type") == kind:
                    yield limit


def _containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in _LISTS:
        yield from spec.get(part) or ()


def _defaulted(
    container: Mapping[str, Any], limit: Mapping[str, Any], kind: str, notes: list[str]
) -> dict[str, Any]:
    resources = dict(container.get("resources") or {})
    for side, default in (("requests", "defaultRequest"), ("limits", "default")):
        held = dict(resources.get(side) or {})
        missing = sorted(name for name in limit.get(default) or {} if name not in held)
        if missing:
            held |= {name: limit[default][name] for name in missing}
            resources[side] = dict(sorted(held.items()))
            word = side.removesuffix("s")
            notes.append(f"{', '.join(missing)} {word} for {kind} {container.get('name')}")
    return {**container, "resources": resources}


def _amount(resources: Mapping[str, Any], side: str, name: str) -> Quantity | None:
    value = (resources.get(side) or {}).get(name)
    return None if value is None else parse_quantity(value)


def _problems(limit: Mapping[str, Any], kind: str, resources: Mapping[str, Any]) -> Iterator[str]:
    for name, text in (limit.get("min") or {}).items():
        request, bound = _amount(resources, "requests", name), parse_quantity(text)
        used = f"minimum {name} usage per {kind} is {bound}"
        limited = _amount(resources, "limits", name)
        if request is None:
            yield f"{used}.  No request is specified"
        elif request.nanos < bound.nanos:
            yield f"{used}, but request is {request}"
        elif limited is not None and limited.nanos < bound.nanos:
            yield f"{used}, but limit is {limited}"
    for name, text in (limit.get("max") or {}).items():
        limited, bound = _amount(resources, "limits", name), parse_quantity(text)
        used = f"maximum {name} usage per {kind} is {bound}"
        request = _amount(resources, "requests", name)
        if limited is None:
            yield f"{used}.  No limit is specified"
        elif limited.nanos > bound.nanos:
            yield f"{used}, but limit is {limited}"
        elif request is not None and request.nanos > bound.nanos:
            yield f"{used}, but request is {request}"


def _claim_problems(limit: Mapping[str, Any], requests: Mapping[str, Any]) -> Iterator[str]:
    kind = "PersistentVolumeClaim"
    for name, text in (limit.get("min") or {}).items():
        request, bound = _amount({"requests": requests}, "requests", name), parse_quantity(text)
        if request is None:
            yield f"minimum {name} usage per {kind} is {bound}.  No request is specified"
        elif request.nanos < bound.nanos:
            yield f"minimum {name} usage per {kind} is {bound}, but request is {request}"
    for name, text in (limit.get("max") or {}).items():
        request, bound = _amount({"requests": requests}, "requests", name), parse_quantity(text)
        if request is None:
            yield f"maximum {name} usage per {kind} is {bound}.  No request is specified"
        elif request.nanos > bound.nanos:
            yield f"maximum {name} usage per {kind} is {bound}, but request is {request}"


def _sums(spec: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What the containers of a pod ask for together."""
    sums: dict[str, dict[str, Quantity]] = {"requests": {}, "limits": {}}
    for container in spec.get("containers") or ():
        for side, held in sums.items():
            for name, text in ((container.get("resources") or {}).get(side) or {}).items():
                amount = parse_quantity(text)
                held[name] = held[name].plus(amount) if name in held else amount
    return {
        side: {name: str(amount) for name, amount in held.items()} for side, held in sums.items()
    }
