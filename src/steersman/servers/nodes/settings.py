"""How pretend nodes behave: delays, and which pods fail how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from steersman.kit.duration import parse_duration
from steersman.objects.manifest import annotations_of

__all__ = ["DELAY_ANNOTATION", "OUTCOME_ANNOTATION", "ImageRule", "NodeSettings", "Outcome"]

OUTCOME_ANNOTATION: Final = "steersman.dev/pretend"
"""On a pod or a pod template: an :class:`Outcome`."""

DELAY_ANNOTATION: Final = "steersman.dev/pretend-delay"
"""On a pod or a pod template: a Go duration in place of ``ready_after``."""


class Outcome(Enum):
    """What becomes of a pod."""

    READY = "ready"
    FAIL = "fail"
    CRASH_LOOP = "crashloop"
    PENDING = "pending"
    IMAGE = "image"
    UNREADY = "unready"


class ImageRule(NamedTuple):
    """Pods with an image like ``pattern`` (``fnmatch``) end as ``outcome``."""

    pattern: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """How the nodes of one cluster behave.

    Attributes:
        nodes: how many there are.
        version: what their kubelets say they are.
        ready_after: seconds from a pod's creation until it is ready.
        runs_for: seconds a pod of a Job runs.
        stops_after: seconds from a pod's deletion until it is gone.
        binds_after: seconds until a claim is bound.
        balances_after: seconds until a LoadBalancer Service has an address.
        rules: the first rule that matches an image of a pod decides; the annotation goes first.
    """

    nodes: int = 1
    version: str = "v1.36.0"
    ready_after: float = 1.0
    runs_for: float = 1.0
    stops_after: float = 0.0
    binds_after: float = 0.2
    balances_after: float = 0.2
    rules: tuple[ImageRule, ...] = (
        ImageRule("*:broken", Outcome.IMAGE),
        ImageRule("*:crashing", Outcome.CRASH_LOOP),
        ImageRule("*:unready", Outcome.UNREADY),
    )

    def outcome_of(self, pod: Mapping[str, Any]) -> Outcome:
        """Says what becomes of a pod; an unknown word in the annotation counts as ready."""
        word = annotations_of(pod).get(OUTCOME_ANNOTATION, "")
        if word:
            return next((one for one in Outcome if one.value == word), Outcome.READY)
        spec = pod.get("spec") or {}
        images = [
            str(container.get("image") or "")
            for group in ("initContainers", "containers")
            for container in spec.get(group) or ()
        ]
        for rule in self.rules:
            if any(fnmatchcase(image, rule.pattern) for image in images):
                return rule.outcome
        return Outcome.READY

    def delay_of(self, pod: Mapping[str, Any]) -> float:
        """Returns the seconds until a pod is ready."""
        text = annotations_of(pod).get(DELAY_ANNOTATION, "")
        if not text:
            return self.ready_after
        try:
            return max(parse_duration(text).total_seconds(), 0.0)
        except ValueError:
            return self.ready_after
