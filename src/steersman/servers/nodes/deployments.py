"""Deployments: ReplicaSets for every version of the template, exchanged step by step.

Source of the rules and texts: ``k8s.io/kubernetes/pkg/controller/deployment``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import (
    Manifest,
    annotations_of,
    labels_of,
    metadata_of,
    name_of,
    namespace_of,
)
from steersman.servers.nodes.deploymentstatus import deployment_status, progress_deadline
from steersman.servers.nodes.revisions import template_hash
from steersman.servers.nodes.workshop import Workshop, controller_reference

__all__ = ["Deployments"]

_GROUP: Final = "apps"
_HASH: Final = "pod-template-hash"
_PREFIX: Final = "deployment.kubernetes.io/"
_REVISION: Final = f"{_PREFIX}revision"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def _replicas(owner: Manifest) -> int:
    return int(owner["spec"].get("replicas") or 0)


def _available(owner: Manifest) -> int:
    return int((owner.get("status") or {}).get("availableReplicas") or 0)


def _resolve(value: Any, total: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value or 0)


def _without_hash(template: Mapping[str, Any]) -> dict[str, Any]:
    metadata = dict(template.get("metadata") or {})
    labels = {name: one for name, one in (metadata.get("labels") or {}).items() if name != _HASH}
    metadata["labels"] = labels
    return {**template, "metadata": metadata}


class Deployments:
    """The controller of Deployments.

    Args:
        work: access to the cluster.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work

    def look_at(self, namespace: str, name: str) -> None:
        """Takes the next step of a rollout and tells about it."""
        owner = self._work.get(_GROUP, "deployments", namespace, name)
        if owner is None or metadata_of(owner).get("deletionTimestamp"):
            return
        sets = self._work.owned(_GROUP, "replicasets", owner)
        current = self._current(owner, sets)
        if current is None and not owner["spec"].get("paused"):
            current = self._create(owner, sets)
            sets = self._work.owned(_GROUP, "replicasets", owner)
        others = [one for one in sets if current is None or name_of(one) != name_of(current)]
        if owner["spec"].get("paused"):
            self._scale_paused(owner, current)
        elif current is not None:
            self._annotate(owner, current, others)
            if owner["spec"]["strategy"].get("type") == "Recreate":
                self._recreate(owner, current, others)
            else:
                self._roll(owner, current, others)
        self._tell(namespace, name)
        self._forget(owner, others)

    # versions

    def _current(self, owner: Manifest, sets: Sequence[Manifest]) -> Manifest | None:
        wanted = _without_hash(owner["spec"]["template"])
        same = [one for one in sets if _without_hash(one["spec"]["template"]) == wanted]
        same.sort(key=lambda one: (str(metadata_of(one).get("creationTimestamp")), name_of(one)))
        return same[0] if same else None

    def _create(self, owner: Manifest, sets: Sequence[Manifest]) -> Manifest | None:
        template = owner["spec"]["template"]
        taken = {name_of(one) for one in sets}
        salt = 0
        while (short := template_hash(_without_hash(template), salt)) and (
            f"{name_of(owner)}-{short}" in taken
        ):
            salt += 1
        labels = {**labels_of(template), _HASH: short}
        selector = owner["spec"]["selector"]
        matched = {**(selector.get("matchLabels") or {}), _HASH: short}
        count = _replicas(owner)
        started = 0 if owner["spec"]["strategy"].get("type") == "Recreate" and sets else count
        if sets and started:
            started = self._room(owner, sets, 0)
        annotations = {
            **self._copied_annotations(owner),
            f"{_PREFIX}desired-replicas": str(count),
            f"{_PREFIX}max-replicas": str(count + self._surge(owner)),
            _REVISION: str(_last_revision(sets) + 1),
        }
        new: Manifest = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{name_of(owner)}-{short}",
                "namespace": namespace_of(owner),
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [controller_reference(owner)],
            },
            "spec": {
                "replicas": started,
                "selector": {**selector, "matchLabels": matched},
                "template": {
                    **template,
                    "metadata": {**(template.get("metadata") or {}), "labels": labels},
                },
            },
        }
        if owner["spec"].get("minReadySeconds"):
            new["spec"]["minReadySeconds"] = owner["spec"]["minReadySeconds"]
        self._work.ensure(_GROUP, "replicasets", new)
        return self._work.get(_GROUP, "replicasets", namespace_of(owner), name_of(new))

    def _copied_annotations(self, owner: Manifest) -> dict[str, str]:
        return {
            name: value
            for name, value in annotations_of(owner).items()
            if name != _LAST_APPLIED and not name.startswith(_PREFIX)
        }

    def _annotate(self, owner: Manifest, current: Manifest, others: Sequence[Manifest]) -> None:
        """The current set has the highest revision, and the deployment shows it."""
        revision = int(annotations_of(current).get(_REVISION) or 0)
        last = _last_revision(others)
        if revision <= last:
            revision = last + 1
            self._set_annotations("replicasets", current, {_REVISION: str(revision)})
        if annotations_of(owner).get(_REVISION) != str(revision):
            self._set_annotations("deployments", owner, {_REVISION: str(revision)})

    def _set_annotations(self, plural: str, obj: Manifest, values: Mapping[str, str]) -> None:
        def change(now: Manifest) -> Manifest:
            annotations = {**annotations_of(now), **values}
            return {**now, "metadata": {**now["metadata"], "annotations": annotations}}

        # Like the real controller, which writes it together with the status: a Deployment's
        # generation counts changed annotations, but not through this endpoint.
        subresource = "status" if plural == "deployments" else ""
        self._work.edit(_GROUP, plural, obj, change, subresource)

    def _forget(self, owner: Manifest, others: Sequence[Manifest]) -> None:
        limit = owner["spec"].get("revisionHistoryLimit")
        idle = [
            one
            for one in others
            if not _replicas(one)
            and not (one.get("status") or {}).get("replicas")
            and not metadata_of(one).get("deletionTimestamp")
        ]
        idle.sort(key=lambda one: int(annotations_of(one).get(_REVISION) or 0))
        for one in idle[: max(len(idle) - (10 if limit is None else limit), 0)]:
            self._work.delete(_GROUP, "replicasets", one)

    # steps

    def _surge(self, owner: Manifest) -> int:
        rolling = owner["spec"]["strategy"].get("rollingUpdate") or {}
        return _resolve(rolling.get("maxSurge"), _replicas(owner), up=True)

    def _unavailable(self, owner: Manifest) -> int:
        rolling = owner["spec"]["strategy"].get("rollingUpdate") or {}
        allowed = _resolve(rolling.get("maxUnavailable"), _replicas(owner), up=False)
        return allowed or (0 if self._surge(owner) else 1)

    def _room(self, owner: Manifest, sets: Sequence[Manifest], current: int) -> int:
        """Returns how many replicas the new set may have beside what there is."""
        wanted = _replicas(owner)
        there = sum(map(_replicas, sets))
        room = max(wanted + self._surge(owner) - there, 0)
        return current + min(room, wanted - current)

    def _scale(self, one: Manifest, count: int) -> None:
        if _replicas(one) != count:
            self._work.edit(
                _GROUP,
                "replicasets",
                one,
                lambda now: {**now, "spec": {**now["spec"], "replicas": count}},
            )

    def _scale_paused(self, owner: Manifest, current: Manifest | None) -> None:
        if current is not None:
            self._scale(current, _replicas(owner))

    def _recreate(self, owner: Manifest, current: Manifest, others: Sequence[Manifest]) -> None:
        for one in others:
            self._scale(one, 0)
        if not any((one.get("status") or {}).get("replicas") for one in others):
            self._scale(current, _replicas(owner))

    def _roll(self, owner: Manifest, current: Manifest, others: Sequence[Manifest]) -> None:
        wanted, have = _replicas(owner), _replicas(current)
        if have > wanted:
            self._scale(current, wanted)
            have = wanted
        elif have < wanted:
            have = self._room(owner, [current, *others], have)
            self._scale(current, have)
        old = [one for one in others if _replicas(one)]
        if not old:
            return
        least = wanted - self._unavailable(owner)
        total = have + sum(map(_replicas, old))
        spare = total - least - (have - min(_available(current), have))
        for one in sorted(old, key=lambda one: str(metadata_of(one).get("creationTimestamp"))):
            sick = _replicas(one) - _available(one)
            gone = min(max(spare, 0), sick)
            if gone:
                self._scale(one, _replicas(one) - gone)
                spare -= gone
        free = _available(current) + sum(map(_available, old)) - least
        for one in sorted(old, key=lambda one: str(metadata_of(one).get("creationTimestamp"))):
            now = self._work.get(_GROUP, "replicasets", namespace_of(one), name_of(one)) or one
            gone = min(max(free, 0), _replicas(now))
            if gone:
                self._scale(now, _replicas(now) - gone)
                free -= gone

    # telling

    def _tell(self, namespace: str, name: str) -> None:
        owner = self._work.get(_GROUP, "deployments", namespace, name)
        if owner is None:
            return
        sets = self._work.owned(_GROUP, "replicasets", owner)
        current = self._current(owner, sets)
        status = deployment_status(self._work, owner, current, sets, self._unavailable(owner))
        self._work.set_status(_GROUP, "deployments", owner, status)
        left = progress_deadline(self._work, owner, status)
        if left is not None:
            key = ("deadline", "deployments", namespace, name)
            self._work.later(left, key, lambda: self.look_at(namespace, name))


def _last_revision(sets: Sequence[Manifest]) -> int:
    return max((int(annotations_of(one).get(_REVISION) or 0) for one in sets), default=0)
