"""PersistentVolumes, claims, storage classes and the CSI kinds.

Source of the rules: ``k8s.io/kubernetes/pkg/apis/{core,storage}`` and recordings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from typing import Any, Final

from steersman.objects.manifest import Manifest, annotations_of, metadata_of, name_of
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    forbidden,
    not_supported,
    required,
)
from steersman.servers.apiserver.strategies.podspec import default_claim_spec
from steersman.servers.apiserver.strategies.rules import KindRules, part
from steersman.servers.apiserver.strategy import ClusterView, Traits, WriteContext

__all__ = ["STORAGE_RULES"]

_STATUS: Final = {"": (("status",),), "status": (("spec",),)}
_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")


def _add_finalizer(obj: Manifest, name: str) -> None:
    finalizers = list(metadata_of(obj).get("finalizers") or ())
    if name not in finalizers:
        obj["metadata"]["finalizers"] = [*finalizers, name]


def default_class(cluster: ClusterView) -> str:
    """Returns the newest default storage class, or an empty text."""
    classes = [
        one
        for one in cluster.list("storage.k8s.io", "storageclasses")
        if annotations_of(one).get(_DEFAULT_CLASS) == "true"
    ]
    classes.sort(key=name_of)
    classes.sort(key=lambda one: str(metadata_of(one).get("creationTimestamp")), reverse=True)
    return name_of(classes[0]) if classes else ""


def _default_claim(obj: Manifest) -> None:
    default_claim_spec(obj["spec"])


def _prepare_claim(obj: Manifest, ctx: WriteContext) -> None:
    obj["status"] = {"phase": "Pending"}
    _add_finalizer(obj, "kubernetes.io/pvc-protection")
    if obj["spec"].get("storageClassName") is None:
        chosen = default_class(ctx.cluster)
        if chosen:
            obj["spec"]["storageClassName"] = chosen


def _validate_claim(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    modes = spec.get("accessModes") or ()
    if not modes:
        errors.append(required("spec.accessModes", "at least 1 access mode is required"))
    errors += [not_supported("spec.accessModes", one, _MODES) for one in modes if one not in _MODES]
    if not part(spec, "resources", "requests").get("storage"):
        errors.append(required("spec.resources[storage]"))
    return errors


def _validate_claim_update(new: Manifest, old: Manifest) -> list[FieldError]:
    def frozen(obj: Manifest) -> dict[str, Any]:
        spec = dict(obj["spec"])
        spec["resources"] = {**(spec.get("resources") or {}), "requests": None}
        spec.pop("volumeAttributesClassName", None)
        return spec

    now, was = frozen(new), frozen(old)
    if not was.get("volumeName"):
        now.pop("volumeName", None)
        was.pop("volumeName", None)
    if was.get("storageClassName") is None:
        now.pop("storageClassName", None)
    if now == was:
        return []
    text = (
        "spec is immutable after creation except resources.requests and "
        "volumeAttributesClassName for bound claims\n"
    )
    return [forbidden("spec", text + _spec_diff(new["spec"], old["spec"]))]


def _spec_diff(now: Mapping[str, Any], was: Mapping[str, Any]) -> str:
    lines = list(unified_diff(_go_spec(was), _go_spec(now), lineterm="", n=3))[2:]
    return "".join(f"{line}\n" for line in lines)


_FIELDS: Final = (
    ("AccessModes", "accessModes"),
    ("Selector", "selector"),
    ("Resources", "resources"),
    ("VolumeName", "volumeName"),
    ("StorageClassName", "storageClassName"),
    ("VolumeMode", "volumeMode"),
    ("DataSource", "dataSource"),
    ("DataSourceRef", "dataSourceRef"),
    ("VolumeAttributesClassName", "volumeAttributesClassName"),
)


def _go_spec(spec: Mapping[str, Any]) -> Sequence[str]:
    shown: dict[str, Any] = {go: spec.get(name) for go, name in _FIELDS}
    shown["VolumeName"] = spec.get("volumeName") or ""
    resources = spec.get("resources") or {}
    shown["Resources"] = {"Limits": resources.get("limits"), "Requests": resources.get("requests")}
    return json.dumps(shown, indent=1).splitlines()


def _default_volume(obj: Manifest) -> None:
    spec = obj["spec"]
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")


def _prepare_volume(obj: Manifest, ctx: WriteContext) -> None:
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": ctx.now}
    _add_finalizer(obj, "kubernetes.io/pv-protection")


def _validate_volume(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    if not spec.get("accessModes"):
        errors.append(required("spec.accessModes"))
    if not spec.get("capacity"):
        errors.append(required("spec.capacity"))
    return errors


def _default_storage_class(obj: Manifest) -> None:
    if obj.get("reclaimPolicy") is None:
        obj["reclaimPolicy"] = "Delete"
    if obj.get("volumeBindingMode") is None:
        obj["volumeBindingMode"] = "Immediate"


def _validate_storage_class(obj: Manifest) -> list[FieldError]:
    errors = [] if obj.get("provisioner") else [required("provisioner")]
    for name, values in (
        ("reclaimPolicy", ("Delete", "Retain")),
        ("volumeBindingMode", ("Immediate", "WaitForFirstConsumer")),
    ):
        if obj.get(name) not in values:
            errors.append(not_supported(name, obj.get(name), values))
    return errors


def _validate_storage_class_update(new: Manifest, old: Manifest) -> list[FieldError]:
    return [
        forbidden(name, f"updates to {name} are forbidden.")
        for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
        if new.get(name) != old.get(name)
    ]


def _default_driver(obj: Manifest) -> None:
    for name, value in (
        ("attachRequired", True),
        ("podInfoOnMount", False),
        ("storageCapacity", False),
        ("fsGroupPolicy", "ReadWriteOnceWithFSType"),
        ("requiresRepublish", False),
        ("seLinuxMount", False),
    ):
        if obj["spec"].get(name) is None:
            obj["spec"][name] = value
    obj["spec"].setdefault("volumeLifecycleModes", ["Persistent"])


_GONE: Final = Traits(returns_deleted=True)

STORAGE_RULES: Final[Mapping[tuple[str, str], KindRules]] = {
    ("", "PersistentVolumeClaim"): KindRules(
        default=_default_claim,
        prepare_create=_prepare_claim,
        validate=_validate_claim,
        validate_update=_validate_claim_update,
        traits=Traits(returns_deleted=True, reset_fields=_STATUS),
    ),
    ("", "PersistentVolume"): KindRules(
        default=_default_volume,
        prepare_create=_prepare_volume,
        validate=_validate_volume,
        traits=Traits(returns_deleted=True, reset_fields=_STATUS),
    ),
    ("storage.k8s.io", "StorageClass"): KindRules(
        default=_default_storage_class,
        validate=_validate_storage_class,
        validate_update=_validate_storage_class_update,
        traits=_GONE,
    ),
    ("storage.k8s.io", "CSIDriver"): KindRules(
        default=_default_driver, counts_generation=True, traits=_GONE
    ),
    ("storage.k8s.io", "CSINode"): KindRules(traits=_GONE),
    ("storage.k8s.io", "CSIStorageCapacity"): KindRules(traits=_GONE),
    ("storage.k8s.io", "VolumeAttachment"): KindRules(traits=_GONE),
    ("storage.k8s.io", "VolumeAttributesClass"): KindRules(traits=_GONE),
}
