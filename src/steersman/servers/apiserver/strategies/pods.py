"""Pods: what a pod has more than its spec, as the admission of the real server leaves it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from steersman.objects.manifest import Manifest, namespace_of, uid_of
from steersman.objects.quantity import parse_quantity
from steersman.servers.apiserver.fielderrors import FieldError, forbidden
from steersman.servers.apiserver.strategies.podspec import containers_of, default_pod_spec
from steersman.servers.apiserver.strategies.podvalidation import validate_pod_spec
from steersman.servers.apiserver.strategies.rules import KindRules, Tree, part
from steersman.servers.apiserver.strategy import Traits, WriteContext

__all__ = ["POD_RULES", "qos_class"]

_COMPUTE: Final = ("cpu", "memory")
_TOLERATION_SECONDS: Final = 300
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_SYSTEM_PRIORITIES: Final = {
    "system-cluster-critical": 2_000_000_000,
    "system-node-critical": 2_000_001_000,
}
_ACCOUNT_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"


def _default(obj: Manifest) -> None:
    spec = obj["spec"]
    default_pod_spec(spec)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    for container in containers_of(spec):
        resources = container.get("resources") or {}
        limits = resources.get("limits")
        if limits:
            container["resources"] = {
                **resources,
                "requests": {**limits, **resources.get("requests", {})},
            }


def qos_class(spec: Mapping[str, Any]) -> str:
    """Returns the quality-of-service class of a pod spec."""
    requests: set[str] = set()
    limits: set[str] = set()
    guaranteed = True
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        asked = _amounts(container, "requests")
        bound = _amounts(container, "limits")
        requests |= asked.keys()
        limits |= bound.keys()
        if set(bound) != set(_COMPUTE) or any(asked.get(one) != bound[one] for one in bound):
            guaranteed = False
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _amounts(container: Mapping[str, Any], kind: str) -> dict[str, int]:
    amounts = part(container, "resources", kind)
    result = {name: parse_quantity(amounts[name]).nanos for name in _COMPUTE if name in amounts}
    return {name: value for name, value in result.items() if value}


def _prepare_create(obj: Manifest, ctx: WriteContext) -> None:
    spec = obj["spec"]
    obj["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}
    _admit(spec)
    _set_priority(spec, ctx)
    _mount_token(obj, ctx)


def _set_priority(spec: Tree, ctx: WriteContext) -> None:
    name = spec.get("priorityClassName") or ""
    found = ctx.cluster.get("scheduling.k8s.io", "priorityclasses", "", name) if name else None
    value = _SYSTEM_PRIORITIES.get(name, (found or {}).get("value", 0))
    policy = (found or {}).get("preemptionPolicy") or "PreemptLowerPriority"
    if spec.get("priority") is None:
        spec["priority"] = value
    spec.setdefault("preemptionPolicy", policy)


def _mount_token(obj: Manifest, ctx: WriteContext) -> None:
    """Gives every container the token of its service account, unless that is switched off."""
    spec = obj["spec"]
    account = ctx.cluster.get("", "serviceaccounts", namespace_of(obj), spec["serviceAccountName"])
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = (account or {}).get("automountServiceAccountToken")
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    unmounted = [one for one in containers if not _mounts_account(one)]
    if wanted is False or not unmounted:
        return
    name = f"kube-api-access-{_suffix(uid_of(obj))}"
    for container in unmounted:
        mount = {"name": name, "readOnly": True, "mountPath": _ACCOUNT_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    spec["volumes"] = [*(spec.get("volumes") or ()), {"name": name, "projected": _token_source()}]


def _mounts_account(container: Mapping[str, Any]) -> bool:
    mounts = container.get("volumeMounts") or ()
    return any(mount.get("mountPath") == _ACCOUNT_PATH for mount in mounts)


def _suffix(uid: str) -> str:
    digest = hashlib.sha256(uid.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:5])


def _token_source() -> Tree:
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {
                "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }
            },
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
        ],
        "defaultMode": 420,
    }


def _admit(spec: Tree) -> None:
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    tolerations = list(spec.get("tolerations") or ())
    for name in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{name}"
        if not any(
            one.get("key") in (key, None) and one.get("effect") in ("NoExecute", None)
            for one in tolerations
        ):
            tolerations.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": _TOLERATION_SECONDS,
                }
            )
    spec["tolerations"] = tolerations


_MUTABLE: Final = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")


def _frozen(spec: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in spec.items() if name not in _MUTABLE}
    for group in ("initContainers", "containers"):
        if group in kept:
            kept[group] = [{**one, "image": ""} for one in kept[group]]
    return kept


def _validate(obj: Manifest) -> list[FieldError]:
    return validate_pod_spec(obj["spec"], "spec")


def _validate_update(new: Manifest, old: Manifest) -> list[FieldError]:
    if _frozen(new["spec"]) == _frozen(old["spec"]):
        return []
    text = (
        "pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
        "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
        "set to 1 if it was previously negative)"
    )
    return [forbidden("spec", text)]


def _select(obj: Manifest) -> Mapping[str, str]:
    spec, status = part(obj, "spec"), part(obj, "status")
    return {
        "spec.nodeName": spec.get("nodeName") or "",
        "spec.restartPolicy": spec.get("restartPolicy") or "",
        "spec.schedulerName": spec.get("schedulerName") or "",
        "spec.serviceAccountName": spec.get("serviceAccountName") or "",
        "spec.hostNetwork": "true" if spec.get("hostNetwork") else "false",
        "status.phase": status.get("phase") or "",
        "status.podIP": status.get("podIP") or "",
        "status.podIPs": ",".join(one.get("ip") or "" for one in status.get("podIPs") or ()),
        "status.nominatedNodeName": status.get("nominatedNodeName") or "",
    }


POD_RULES = KindRules(
    default=_default,
    prepare_create=_prepare_create,
    validate=_validate,
    validate_update=_validate_update,
    selectable=_select,
    counts_generation=True,
    traits=Traits(
        returns_deleted=True,
        reset_fields={
            "": (("status",),),
            "status": (
                ("metadata", "deletionTimestamp"),
                ("metadata", "ownerReferences"),
                ("spec",),
            ),
        },
    ),
)
