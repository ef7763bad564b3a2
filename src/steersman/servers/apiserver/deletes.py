"""delete and deletecollection: preconditions, grace, finalizers by propagation policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from steersman.kit.clock import format_rfc3339
from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.admission import Admission, Attempt
from steersman.servers.apiserver.answers import not_found
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.conversion import from_storage
from steersman.servers.apiserver.options import DeleteOptions
from steersman.servers.apiserver.storage import Stored
from steersman.servers.apiserver.writes import Target

__all__ = ["FOREGROUND", "ORPHAN", "Deleter"]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_POD_GRACE = 30
_DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions"
_WITHOUT_GRACE = frozenset(("/namespaces", _DEFINITIONS))


class Deleter:
    """Deletes objects, or marks them where something must happen first.

    Args:
        cluster: the store and what goes with it.
        admission: what may refuse a deletion.
    """

    def __init__(self, cluster: Cluster, admission: Admission) -> None:
        self._cluster = cluster
        self._admission = admission

    def delete(self, target: Target, options: DeleteOptions) -> tuple[Manifest, bool]:
        """Deletes one object.

        Returns:
            Its last state, and whether it is gone.

        Raises:
            ApiError: 404, 409 for preconditions, and what admission says.
        """
        resource = target.resource
        key = resource.key(target.namespace, target.name)
        stored = self._cluster.store.get(resource.bucket, key)
        if stored is None:
            raise not_found(resource.info.group, resource.info.plural, target.name)
        self._check_preconditions(target, stored, options)
        attempt = Attempt(target=target, operation="DELETE", dry_run=options.dry_run)
        self._admission.validate(attempt, None, stored.manifest)
        return self._delete(target, stored, options)

    def _delete(
        self, target: Target, stored: Stored, options: DeleteOptions
    ) -> tuple[Manifest, bool]:
        resource, store = target.resource, self._cluster.store
        grace = self._grace(target, stored.manifest, options)
        marked = self._marked(target, stored.manifest, options, grace)
        if marked is None:
            last = stored.manifest
            if resource.bucket == "/pods":
                last = self._with_deletion(target, last, [], 0)
            if not options.dry_run:
                # The answer carries the version of the deletion.
                last = store.delete(resource.bucket, stored.key, last).manifest
            return from_storage(resource, last), True
        if not options.dry_run and marked is not stored.manifest:
            marked = store.put(resource.bucket, stored.key, marked).manifest
        return from_storage(resource, marked), False

    def _check_preconditions(self, target: Target, stored: Stored, options: DeleteOptions) -> None:
        metadata = metadata_of(stored.manifest)
        kind, name = target.resource.info.kind, target.name
        if options.uid is not None and options.uid != metadata["uid"]:
            text = (
                f"the UID in the precondition ({options.uid}) does not match the UID in record "
                f"({metadata['uid']}). The object might have been deleted and then recreated"
            )
        elif options.resource_version is not None and options.resource_version != str(stored.rv):
            text = (
                f"the ResourceVersion in the precondition ({options.resource_version}) does not "
                f"match the ResourceVersion in record ({stored.rv}). The object might have been "
                "modified"
            )
        else:
            return
        raise ApiError(
            409,
            "Conflict",
            f'Operation cannot be fulfilled on {kind} "{name}": {text}',
            details={"name": name, "kind": kind},
        )

    def _grace(self, target: Target, obj: Manifest, options: DeleteOptions) -> int:
        """Seconds before the object goes; only scheduled pods have any."""
        if target.resource.bucket != "/pods":
            return 0
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        grace = options.grace
        if grace is None:
            grace = spec.get("terminationGracePeriodSeconds", _POD_GRACE)
        if not spec.get("nodeName") or status.get("phase") in ("Failed", "Succeeded"):
            return 0
        return max(int(grace), 0)

    def _marked(
        self, target: Target, obj: Manifest, options: DeleteOptions, grace: int
    ) -> Manifest | None:
        """Returns the object marked for deletion, itself if it is already, ``None`` to delete."""
        metadata = metadata_of(obj)
        finalizers = self._finalizers(target, obj, options)
        kept = bool(finalizers) or _waits_for_namespace(obj)
        deleting = metadata.get("deletionTimestamp")
        if deleting:
            before = metadata.get("deletionGracePeriodSeconds") or 0
            grace = min(grace, before)
            if not kept and grace == 0:
                return None
            if grace == before and finalizers == metadata.get("finalizers", []):
                return obj
        elif not kept and grace == 0:
            return None
        return self._with_deletion(target, obj, finalizers, grace)

    def _with_deletion(
        self, target: Target, obj: Manifest, finalizers: list[str], grace: int
    ) -> Manifest:
        metadata = metadata_of(obj)
        changed: dict[str, Any] = {}
        for name, value in metadata.items():
            if name == "creationTimestamp":
                changed[name] = value
                moment = self._cluster.clock.now() + timedelta(seconds=grace)
                changed["deletionTimestamp"] = format_rfc3339(moment)
                if target.resource.bucket not in _WITHOUT_GRACE:
                    changed["deletionGracePeriodSeconds"] = grace
            elif name not in ("deletionTimestamp", "deletionGracePeriodSeconds", "finalizers"):
                changed[name] = value
        if finalizers:
            managed = changed.pop("managedFields", None)
            changed["finalizers"] = finalizers
            if managed is not None:
                changed["managedFields"] = managed
        counts = target.resource.bucket not in _WITHOUT_GRACE
        if counts and not metadata.get("deletionTimestamp") and metadata.get("generation"):
            changed["generation"] = metadata["generation"] + 1
        marked = {**obj, "metadata": changed}
        if target.resource.bucket == _DEFINITIONS:
            marked["status"] = _terminating(obj.get("status") or {}, self._cluster.now)
        if target.resource.bucket == "/namespaces":
            marked["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
        return marked

    def _finalizers(self, target: Target, obj: Manifest, options: DeleteOptions) -> list[str]:
        held: list[str] = list(metadata_of(obj).get("finalizers") or ())
        policy = options.propagation
        if not policy:
            if ORPHAN in held or FOREGROUND in held:
                return held
            policy = "Orphan" if target.resource.traits.orphans_by_default else "Background"
        kept = [name for name in held if name not in (ORPHAN, FOREGROUND)]
        own = target.resource.traits.deletion_finalizer
        if own and own not in kept and not metadata_of(obj).get("deletionTimestamp"):
            kept.append(own)
        if policy == "Orphan":
            kept.append(ORPHAN)
        elif policy == "Foreground":
            kept.append(FOREGROUND)
        return kept


def _waits_for_namespace(obj: Manifest) -> bool:
    return obj.get("kind") == "Namespace" and bool((obj.get("spec") or {}).get("finalizers"))


def _terminating(status: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Says in the status of a definition that its objects are about to go."""
    conditions = list(status.get("conditions") or ())
    if any(one.get("type") == "Terminating" for one in conditions):
        return dict(status)
    condition = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "InstanceDeletionPending",
        "message": (
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
        ),
    }
    return {**status, "conditions": [*conditions, condition]}
