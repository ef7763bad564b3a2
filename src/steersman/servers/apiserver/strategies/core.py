"""Namespaces, ConfigMaps, Secrets, ServiceAccounts, quotas, limits, nodes and events.

Source of the rules: ``k8s.io/kubernetes/pkg/apis/core`` and recordings.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from steersman.objects.manifest import Manifest, annotations_of, name_of
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    required,
    too_long,
)
from steersman.servers.apiserver.strategies.rules import KindRules, part
from steersman.servers.apiserver.strategy import Traits, WriteContext
from steersman.servers.apiserver.validation.names import (
    config_key,
    name_is_label,
    name_is_path_segment,
)
from steersman.servers.apiserver.validation.objectmeta import immutable

__all__ = ["CORE_RULES"]

_LARGEST: Final = 1024 * 1024
_FROZEN: Final = "field is immutable when `immutable` is set"
_NAME_LABEL: Final = "kubernetes.io/metadata.name"
_STATUS: Final = {"": (("status",),), "status": (("spec",),)}
_REQUIRED_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ACCOUNT: Final = "kubernetes.io/service-account.name"


def _default_namespace(obj: Manifest) -> None:
    name = name_of(obj)
    if name:
        labels = {**(obj["metadata"].get("labels") or {}), _NAME_LABEL: name}
        obj["metadata"]["labels"] = {one: labels[one] for one in sorted(labels)}


def _prepare_namespace(obj: Manifest, ctx: WriteContext) -> None:
    _default_namespace(obj)
    finalizers = list(part(obj, "spec").get("finalizers") or ())
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")
    obj["spec"] = {**obj.get("spec", {}), "finalizers": finalizers}
    obj["status"] = {"phase": "Active"}


def _prepare_namespace_update(new: Manifest, old: Manifest, ctx: WriteContext) -> None:
    if ctx.subresource != "finalize":
        new["spec"] = {**new.get("spec", {})}
        new["spec"].pop("finalizers", None)
        if part(old, "spec").get("finalizers"):
            new["spec"]["finalizers"] = old["spec"]["finalizers"]


def _size(*parts: Mapping[str, str]) -> int:
    return sum(len(value.encode()) for one in parts for value in one.values())


def _decoded_size(data: Mapping[str, str]) -> int:
    return sum(len(value) * 3 // 4 - value[-2:].count("=") for value in data.values() if value)


def _validate_config_map(obj: Manifest) -> list[FieldError]:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    errors: list[FieldError] = []
    for name in sorted(data):
        errors += [invalid(f"data[{name}]", name, text) for text in config_key(name)]
        if name in binary:
            errors.append(invalid(f"data[{name}]", name, "duplicate of key present in binaryData"))
    for name in sorted(binary):
        errors += [invalid(f"binaryData[{name}]", name, text) for text in config_key(name)]
    if _size(data) + _decoded_size(binary) > _LARGEST:
        errors.append(too_long("[]", f"may not be more than {_LARGEST} bytes"))
    return errors


def _frozen(new: Manifest, old: Manifest, fields: tuple[str, ...]) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    errors = []
    if not new.get("immutable"):
        errors.append(forbidden("immutable", _FROZEN))
    errors += [forbidden(one, _FROZEN) for one in fields if new.get(one) != old.get(one)]
    return errors


def _validate_config_map_update(new: Manifest, old: Manifest) -> list[FieldError]:
    return _frozen(new, old, ("data", "binaryData"))


def _default_secret(obj: Manifest) -> None:
    texts = obj.pop("stringData", None)
    if texts:
        data = dict(obj.get("data") or {})
        data |= {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
        obj["data"] = {name: data[name] for name in sorted(data)}
    obj.setdefault("type", "Opaque")


def _validate_secret(obj: Manifest) -> list[FieldError]:
    data = obj.get("data") or {}
    kind = obj.get("type") or ""
    errors = [
        invalid(f"data[{name}]", name, text) for name in sorted(data) for text in config_key(name)
    ]
    if _decoded_size(data) > _LARGEST:
        errors.append(too_long("data", f"may not be more than {_LARGEST} bytes"))
    if kind == "kubernetes.io/service-account-token" and not annotations_of(obj).get(_ACCOUNT):
        errors.append(required(f"metadata.annotations[{_ACCOUNT}]"))
    errors += [
        required(f"data[{name}]") for name in _REQUIRED_KEYS.get(kind, ()) if name not in data
    ]
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        errors += [required("data[username]"), required("data[password]")]
    return errors


def _validate_secret_update(new: Manifest, old: Manifest) -> list[FieldError]:
    errors = immutable(new.get("type"), old.get("type"), "type")
    return errors + _frozen(new, old, ("data",))


def _default_limits(obj: Manifest) -> None:
    for limit in part(obj, "spec").get("limits") or ():
        if limit.get("type") != "Container":
            continue
        default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
        request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
        if default:
            limit["default"] = {name: default[name] for name in sorted(default)}
        if request:
            limit["defaultRequest"] = {name: request[name] for name in sorted(request)}


def _prepare_node(obj: Manifest, ctx: WriteContext) -> None:
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    taints = list(part(obj, "spec").get("taints") or ())
    if taint not in taints:
        taints.append(taint)
    obj["spec"] = {**obj.get("spec", {}), "taints": taints}


def _validate_node(obj: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[Any, Any]] = set()
    for index, taint in enumerate(part(obj, "spec").get("taints") or ()):
        identity = taint.get("key"), taint.get("effect")
        if identity in seen:
            errors.append(duplicate(f"spec.taints[{index}]", dict(taint)))
        seen.add(identity)
    return errors


def _select_event(obj: Manifest) -> Mapping[str, str]:
    involved = part(obj, "involvedObject")
    source = part(obj, "source").get("component") or obj.get("reportingComponent") or ""
    return {
        "involvedObject.kind": involved.get("kind") or "",
        "involvedObject.namespace": involved.get("namespace") or "",
        "involvedObject.name": involved.get("name") or "",
        "involvedObject.uid": involved.get("uid") or "",
        "involvedObject.apiVersion": involved.get("apiVersion") or "",
        "involvedObject.resourceVersion": involved.get("resourceVersion") or "",
        "involvedObject.fieldPath": involved.get("fieldPath") or "",
        "reason": obj.get("reason") or "",
        "reportingComponent": obj.get("reportingComponent") or "",
        "source": source,
        "type": obj.get("type") or "",
    }


def _validate_event(obj: Manifest) -> list[FieldError]:
    involved = part(obj, "involvedObject").get("namespace") or ""
    namespace = part(obj, "metadata").get("namespace") or ""
    if involved and involved != namespace:
        return [invalid("involvedObject.namespace", involved, "does not match event.namespace")]
    if not involved and namespace != "default":
        return [invalid("involvedObject.namespace", involved, "does not match event.namespace")]
    return []


CORE_RULES: Final[Mapping[tuple[str, str], KindRules]] = {
    ("", "Namespace"): KindRules(
        default=_default_namespace,
        prepare_create=_prepare_namespace,
        prepare_update=_prepare_namespace_update,
        name_rule=name_is_label,
        selectable=lambda obj: {"status.phase": part(obj, "status").get("phase") or ""},
        traits=Traits(returns_deleted=True, reset_fields=_STATUS),
    ),
    ("", "ConfigMap"): KindRules(
        validate=_validate_config_map,
        validate_update=_validate_config_map_update,
        immutables_first=True,
    ),
    ("", "Secret"): KindRules(
        default=_default_secret,
        validate=_validate_secret,
        validate_update=_validate_secret_update,
        immutables_first=True,
        selectable=lambda obj: {"type": obj.get("type") or ""},
    ),
    ("", "ServiceAccount"): KindRules(traits=Traits(returns_deleted=True)),
    ("", "ResourceQuota"): KindRules(traits=Traits(returns_deleted=True, reset_fields=_STATUS)),
    ("", "LimitRange"): KindRules(default=_default_limits),
    ("", "Node"): KindRules(
        prepare_create=_prepare_node,
        validate=_validate_node,
        selectable=lambda obj: {
            "spec.unschedulable": "true" if part(obj, "spec").get("unschedulable") else "false"
        },
        traits=Traits(reset_fields=_STATUS),
    ),
    ("", "Event"): KindRules(
        name_rule=name_is_path_segment,
        validate=_validate_event,
        selectable=_select_event,
        traits=Traits(create_on_update=True),
    ),
}
