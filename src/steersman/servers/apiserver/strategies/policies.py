"""RBAC, networking, disruption, autoscaling, scheduling and admission kinds.

Source of the rules: ``k8s.io/kubernetes/pkg/apis`` and recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    forbidden,
    invalid,
    not_supported,
    required,
)
from steersman.servers.apiserver.strategies.rules import KindRules, Tree, part
from steersman.servers.apiserver.strategy import Traits
from steersman.servers.apiserver.validation.labelselectors import validate_label_selector
from steersman.servers.apiserver.validation.names import (
    dns_subdomain,
    name_is_path_segment,
    name_is_subdomain,
    port_number,
    wildcard_subdomain,
)

__all__ = ["POLICY_RULES"]

_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_STATUS: Final = {"": (("status",),), "status": (("spec",),)}
_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")


def _default_binding(obj: Manifest) -> None:
    obj["roleRef"]["apiGroup"] = obj["roleRef"].get("apiGroup") or _RBAC
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = _RBAC


def _validate_binding(obj: Manifest, kinds: tuple[str, ...]) -> list[FieldError]:
    ref = obj["roleRef"]
    errors: list[FieldError] = []
    if ref["apiGroup"] != _RBAC:
        errors.append(not_supported("roleRef.apiGroup", ref["apiGroup"], (_RBAC,)))
    if ref.get("kind") not in kinds:
        errors.append(not_supported("roleRef.kind", ref.get("kind") or "", kinds))
    name = ref.get("name") or ""
    if not name:
        errors.append(required("roleRef.name"))
    errors += [invalid("roleRef.name", name, one) for one in name_is_path_segment(name, False)]
    for index, subject in enumerate(obj.get("subjects") or ()):
        errors += _validate_subject(subject, f"subjects[{index}]", namespaced="Role" in kinds)
    return errors


def _validate_subject(
    subject: Mapping[str, Any], path: str, *, namespaced: bool
) -> list[FieldError]:
    errors: list[FieldError] = []
    if not subject.get("name"):
        errors.append(required(f"{path}.name"))
    kinds = ("Group", "ServiceAccount", "User")
    kind = subject.get("kind") or ""
    if kind not in kinds:
        errors.append(not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group")))
    elif kind == "ServiceAccount" and not namespaced and not subject.get("namespace"):
        errors.append(required(f"{path}.namespace"))
    return errors


def _validate_role_binding(obj: Manifest) -> list[FieldError]:
    return _validate_binding(obj, ("Role", "ClusterRole"))


def _validate_cluster_role_binding(obj: Manifest) -> list[FieldError]:
    return _validate_binding(obj, ("ClusterRole",))


def _role_ref_is_immutable(new: Manifest, old: Manifest) -> list[FieldError]:
    ref = new["roleRef"]
    if ref == old["roleRef"]:
        return []
    shown = {"APIGroup": ref["apiGroup"], "Kind": ref.get("kind"), "Name": ref.get("name")}
    return [invalid("roleRef", shown, "cannot change roleRef")]


def _validate_role(obj: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, rule in enumerate(obj.get("rules") or ()):
        path = f"rules[{index}]"
        if not rule.get("verbs"):
            errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
        if rule.get("nonResourceURLs"):
            if obj["kind"] == "Role":
                text = "namespaced rules cannot apply to non-resource URLs"
                errors.append(invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], text))
            continue
        if not rule.get("apiGroups"):
            text = "resource rules must supply at least one api group"
            errors.append(required(f"{path}.apiGroups", text))
        if not rule.get("resources"):
            text = "resource rules must supply at least one resource"
            errors.append(required(f"{path}.resources", text))
    return errors


def _validate_ingress(obj: Manifest) -> list[FieldError]:
    spec = part(obj, "spec")
    errors: list[FieldError] = []
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        text = "either `defaultBackend` or `rules` must be specified"
        errors.append(invalid("spec", "", text))
    for index, rule in enumerate(spec.get("rules") or ()):
        errors += _validate_ingress_rule(rule, f"spec.rules[{index}]")
    return errors


def _validate_ingress_rule(rule: Mapping[str, Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    host = rule.get("host") or ""
    if host:
        check = wildcard_subdomain if "*" in host else dns_subdomain
        errors += [invalid(f"{path}.host", host, text) for text in check(host)]
    http = rule.get("http")
    if http is None:
        return errors
    if not http.get("paths"):
        errors.append(required(f"{path}.http.paths"))
    for index, one in enumerate(http.get("paths") or ()):
        where = f"{path}.http.paths[{index}]"
        kind = one.get("pathType") or ""
        text = one.get("path") or ""
        if not kind:
            errors.append(required(f"{where}.pathType", "pathType must be specified"))
        elif kind not in _PATH_TYPES:
            errors.append(not_supported(f"{where}.pathType", kind, _PATH_TYPES))
        elif not text.startswith("/") and (kind != "ImplementationSpecific" or text):
            errors.append(invalid(f"{where}.path", text, "must be an absolute path"))
        errors += _validate_backend(one.get("backend") or {}, f"{where}.backend")
    return errors


def _validate_backend(backend: Mapping[str, Any], path: str) -> list[FieldError]:
    service = backend.get("service")
    if service is None and backend.get("resource") is None:
        text = "exactly one of `service` or `resource` must be specified"
        return [invalid(path, "", text)]
    if service is None:
        return []
    errors: list[FieldError] = []
    if not service.get("name"):
        errors.append(required(f"{path}.service.name"))
    port = service.get("port") or {}
    if port.get("number"):
        where = f"{path}.service.port.number"
        errors += [invalid(where, port["number"], text) for text in port_number(port["number"])]
    elif not port.get("name"):
        errors.append(required(path, "port name or number is required"))
    return errors


def _default_network_policy(obj: Manifest) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                if port.get("protocol") is None:
                    port["protocol"] = "TCP"


def _validate_network_policy(obj: Manifest) -> list[FieldError]:
    return validate_label_selector(part(obj, "spec", "podSelector"), "spec.podSelector")


def _default_ingress_class(obj: Manifest) -> None:
    parameters = part(obj, "spec").get("parameters")
    if isinstance(parameters, dict) and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


def _validate_budget(obj: Manifest) -> list[FieldError]:
    spec = part(obj, "spec")
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        text = "minAvailable and maxUnavailable cannot be both set"
        shown = {"MinAvailable": spec["minAvailable"], "MaxUnavailable": spec["maxUnavailable"]}
        return [invalid("spec", shown, text)]
    return []


def _default_autoscaler(obj: Manifest) -> None:
    spec = obj["spec"]
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        resource = {"name": "cpu", "target": target}
        spec["metrics"] = [{"type": "Resource", "resource": resource}]
    behavior = spec.get("behavior")
    if behavior is not None:
        _default_behavior(behavior)


def _default_behavior(behavior: Tree) -> None:
    for name, policies in (
        (
            "scaleUp",
            (
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ),
        ),
        ("scaleDown", ({"type": "Percent", "value": 100, "periodSeconds": 15},)),
    ):
        rules = behavior.setdefault(name, {})
        if rules.get("selectPolicy") is None:
            rules["selectPolicy"] = "Max"
        if not rules.get("policies"):
            rules["policies"] = [dict(one) for one in policies]
        if name == "scaleUp" and rules.get("stabilizationWindowSeconds") is None:
            rules["stabilizationWindowSeconds"] = 0


def _validate_autoscaler(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    low, high = spec.get("minReplicas") or 0, spec.get("maxReplicas") or 0
    target = part(spec, "scaleTargetRef")
    errors += [
        required(f"spec.scaleTargetRef.{name}") for name in ("kind", "name") if not target.get(name)
    ]
    if low < 1:
        text = "must be greater than or equal to 1"
        errors.append(invalid("spec.minReplicas", low, text))
    if high < 1:
        errors.append(invalid("spec.maxReplicas", high, "must be greater than 0"))
    if high < low:
        text = "must be greater than or equal to `minReplicas`"
        errors.append(invalid("spec.maxReplicas", high, text))
    return errors


def _default_priority(obj: Manifest) -> None:
    if obj.get("preemptionPolicy") is None:
        obj["preemptionPolicy"] = "PreemptLowerPriority"


def _validate_priority_update(new: Manifest, old: Manifest) -> list[FieldError]:
    return [
        forbidden(name, "may not be changed in an update.")
        for name in ("value", "preemptionPolicy")
        if new.get(name) != old.get(name)
    ]


def _default_api_service(obj: Manifest) -> None:
    service = part(obj, "spec").get("service")
    if isinstance(service, dict) and service.get("port") is None:
        service["port"] = 443


def _default_webhooks(obj: Manifest) -> None:
    for hook in obj.get("webhooks") or ():
        for name, value in (
            ("failurePolicy", "Fail"),
            ("matchPolicy", "Equivalent"),
            ("timeoutSeconds", 10),
        ):
            if hook.get(name) is None:
                hook[name] = value
        for name in ("namespaceSelector", "objectSelector"):
            if hook.get(name) is None:
                hook[name] = {}
        if obj["kind"] == "MutatingWebhookConfiguration" and hook.get("reinvocationPolicy") is None:
            hook["reinvocationPolicy"] = "Never"
        _default_scopes(hook.get("rules") or ())
        service = part(hook, "clientConfig").get("service")
        if isinstance(service, dict) and service.get("port") is None:
            service["port"] = 443


def _default_scopes(rules: Sequence[Tree]) -> None:
    for rule in rules:
        if rule.get("scope") is None:
            rule["scope"] = "*"


def _default_match(match: Tree) -> None:
    if match.get("matchPolicy") is None:
        match["matchPolicy"] = "Equivalent"
    for name in ("namespaceSelector", "objectSelector"):
        if match.get(name) is None:
            match[name] = {}
    for name in ("resourceRules", "excludeResourceRules"):
        _default_scopes(match.get(name) or ())


def _default_admission_policy(obj: Manifest) -> None:
    spec = obj["spec"]
    if spec.get("failurePolicy") is None:
        spec["failurePolicy"] = "Fail"
    if spec.get("matchConstraints") is not None:
        _default_match(spec["matchConstraints"])


def _default_policy_binding(obj: Manifest) -> None:
    match = obj["spec"].get("matchResources")
    if match is not None:
        _default_match(match)


_COUNTED: Final = KindRules(counts_generation=True)
_HOOKS: Final = KindRules(
    default=_default_webhooks, counts_generation=True, generation_parts=("webhooks",)
)

POLICY_RULES: Final[Mapping[tuple[str, str], KindRules]] = {
    (_RBAC, "Role"): KindRules(validate=_validate_role, name_rule=name_is_path_segment),
    (_RBAC, "ClusterRole"): KindRules(validate=_validate_role, name_rule=name_is_path_segment),
    (_RBAC, "RoleBinding"): KindRules(
        default=_default_binding,
        validate=_validate_role_binding,
        validate_update=_role_ref_is_immutable,
        name_rule=name_is_path_segment,
    ),
    (_RBAC, "ClusterRoleBinding"): KindRules(
        default=_default_binding,
        validate=_validate_cluster_role_binding,
        validate_update=_role_ref_is_immutable,
        name_rule=name_is_path_segment,
    ),
    ("networking.k8s.io", "Ingress"): KindRules(
        validate=_validate_ingress, counts_generation=True, traits=Traits(reset_fields=_STATUS)
    ),
    ("networking.k8s.io", "NetworkPolicy"): KindRules(
        default=_default_network_policy,
        validate=_validate_network_policy,
        counts_generation=True,
    ),
    ("networking.k8s.io", "IngressClass"): KindRules(
        default=_default_ingress_class, counts_generation=True
    ),
    ("policy", "PodDisruptionBudget"): KindRules(
        validate=_validate_budget, counts_generation=True, traits=Traits(reset_fields=_STATUS)
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): KindRules(
        default=_default_autoscaler,
        validate=_validate_autoscaler,
        traits=Traits(reset_fields=_STATUS),
    ),
    ("scheduling.k8s.io", "PriorityClass"): KindRules(
        default=_default_priority,
        validate_update=_validate_priority_update,
        counts_generation=True,
        generation_parts=("value",),
    ),
    ("apiregistration.k8s.io", "APIService"): KindRules(
        default=_default_api_service,
        name_rule=name_is_path_segment,
        status_keeps=("labels", "annotations", "finalizers", "ownerReferences"),
        traits=Traits(reset_fields=_STATUS),
    ),
    (_ADMISSION, "ValidatingWebhookConfiguration"): _HOOKS,
    (_ADMISSION, "MutatingWebhookConfiguration"): _HOOKS,
    (_ADMISSION, "ValidatingAdmissionPolicy"): KindRules(
        default=_default_admission_policy,
        counts_generation=True,
        traits=Traits(reset_fields=_STATUS),
    ),
    (_ADMISSION, "MutatingAdmissionPolicy"): KindRules(
        default=_default_admission_policy, counts_generation=True
    ),
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): KindRules(
        default=_default_policy_binding, counts_generation=True
    ),
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): KindRules(
        default=_default_policy_binding, counts_generation=True
    ),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): _COUNTED,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): _COUNTED,
    ("coordination.k8s.io", "Lease"): KindRules(
        name_rule=name_is_subdomain, traits=Traits(create_on_update=True)
    ),
    ("resource.k8s.io", "ResourceClaim"): KindRules(traits=Traits(returns_deleted=True)),
    ("resource.k8s.io", "ResourceClaimTemplate"): KindRules(traits=Traits(returns_deleted=True)),
    ("resource.k8s.io", "ResourceSlice"): KindRules(
        counts_generation=True, traits=Traits(returns_deleted=True)
    ),
    ("resource.k8s.io", "DeviceClass"): KindRules(
        counts_generation=True, traits=Traits(returns_deleted=True)
    ),
}
