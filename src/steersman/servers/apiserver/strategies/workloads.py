"""Deployments, ReplicaSets, StatefulSets, DaemonSets, ReplicationControllers, PodTemplates.

Source of the rules: ``k8s.io/kubernetes/pkg/apis/apps`` and ``pkg/registry/apps``; recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from steersman.objects.manifest import Manifest, annotations_of
from steersman.objects.selectors import LabelSelector, SelectorError
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    GoText,
    forbidden,
    invalid,
    not_supported,
    required,
)
from steersman.servers.apiserver.strategies.podspec import default_claim_spec, default_pod_template
from steersman.servers.apiserver.strategies.podvalidation import validate_pod_template
from steersman.servers.apiserver.strategies.rules import KindRules, Tree, part
from steersman.servers.apiserver.strategy import Scale, Traits, WriteContext
from steersman.servers.apiserver.validation.labelselectors import validate_label_selector
from steersman.servers.apiserver.validation.names import name_is_subdomain
from steersman.servers.apiserver.validation.objectmeta import immutable

__all__ = ["WORKLOAD_RULES"]

_NOT_NEGATIVE: Final = "must be greater than or equal to 0"
_SPEC_AND_STATUS: Final = {"": (("status",),), "status": (("spec",),)}
"""What most kinds never track: the other half."""

_SCALE: Final = Scale(("spec", "replicas"), ("status", "replicas"), ("spec", "selector"))
_SET_MUTABLE: Final = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def _default_number(spec: Tree, name: str, value: Any) -> None:
    if spec.get(name) is None:
        spec[name] = value


def _default_deployment(obj: Manifest) -> None:
    spec = obj["spec"]
    default_pod_template(spec["template"])
    _default_number(spec, "replicas", 1)
    strategy = spec["strategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        _default_number(rolling, "maxUnavailable", "25%")
        _default_number(rolling, "maxSurge", "25%")
    _default_number(spec, "revisionHistoryLimit", 10)
    _default_number(spec, "progressDeadlineSeconds", 600)


def _default_stateful_set(obj: Manifest) -> None:
    spec = obj["spec"]
    default_pod_template(spec["template"])
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec["updateStrategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _default_number(strategy.setdefault("rollingUpdate", {}), "partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    _default_number(spec, "replicas", 1)
    _default_number(spec, "revisionHistoryLimit", 10)
    for claim in spec.get("volumeClaimTemplates") or ():
        claim["kind"], claim["apiVersion"] = "PersistentVolumeClaim", "v1"
        default_claim_spec(claim["spec"])
        claim["status"] = {**(claim.get("status") or {}), "phase": "Pending"}


def _default_daemon_set(obj: Manifest) -> None:
    spec = obj["spec"]
    default_pod_template(spec["template"])
    strategy = spec["updateStrategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        _default_number(rolling, "maxUnavailable", 1)
        _default_number(rolling, "maxSurge", 0)
    _default_number(spec, "revisionHistoryLimit", 10)
    if _GENERATION not in annotations_of(obj):
        _annotate_generation(obj, 0)


_GENERATION: Final = "deprecated.daemonset.template.generation"


def _prepare_daemon_set(obj: Manifest, ctx: WriteContext) -> None:
    _annotate_generation(obj, 1)


def _prepare_daemon_set_update(new: Manifest, old: Manifest, ctx: WriteContext) -> None:
    generation = int(annotations_of(old).get(_GENERATION) or 0)
    changed = new["spec"]["template"] != old["spec"]["template"]
    _annotate_generation(new, generation + changed)


def _annotate_generation(obj: Manifest, generation: int) -> None:
    annotations = {**annotations_of(obj), _GENERATION: str(generation)}
    obj["metadata"]["annotations"] = {name: annotations[name] for name in sorted(annotations)}


def _default_replica_set(obj: Manifest) -> None:
    default_pod_template(obj["spec"]["template"])
    _default_number(obj["spec"], "replicas", 1)


def _default_replication_controller(obj: Manifest) -> None:
    spec = obj["spec"]
    template = spec.get("template")
    if template is not None:
        default_pod_template(template)
        labels = dict(part(template, "metadata").get("labels") or {})
        if labels and not spec.get("selector"):
            spec["selector"] = labels
        if labels and not part(obj, "metadata").get("labels"):
            obj["metadata"]["labels"] = dict(labels)
    _default_number(spec, "replicas", 1)


def _default_pod_template_kind(obj: Manifest) -> None:
    default_pod_template(obj["template"])


def _template_errors(spec: Mapping[str, Any], path: str, *, restart: str) -> list[FieldError]:
    """Checks selector against template, then the template; restart must be ``Always``."""
    template = _with_claimed_volumes(spec)
    errors = validate_pod_template(template, f"{path}.template")
    policy = part(template, "spec").get("restartPolicy")
    if policy != restart:
        field = f"{path}.template.spec.restartPolicy"
        errors.append(not_supported(field, policy or "", (restart,)))
    if part(template, "spec").get("activeDeadlineSeconds") is not None:
        field = f"{path}.template.spec.activeDeadlineSeconds"
        errors.append(forbidden(field, f"activeDeadlineSeconds in {path} is not Supported"))
    return errors


def _with_claimed_volumes(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the template as its pods will be: a StatefulSet's claims are volumes of theirs."""
    template: Mapping[str, Any] = spec.get("template") or {}
    claims = [
        part(claim, "metadata").get("name") for claim in spec.get("volumeClaimTemplates") or ()
    ]
    if not claims:
        return template
    pod = part(template, "spec")
    own = [volume for volume in pod.get("volumes") or () if volume.get("name") not in claims]
    volumes = own + [
        {"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims if name
    ]
    return {**template, "spec": {**pod, "volumes": volumes}}


def _selector_errors(spec: Mapping[str, Any], kind: str) -> list[FieldError]:
    selector = spec.get("selector")
    if selector is None:
        return [required("spec.selector")]
    errors = validate_label_selector(selector, "spec.selector")
    if not selector:
        text = f"empty selector is invalid for {kind}"
        errors.append(invalid("spec.selector", selector, text))
    return errors


def _match_errors(spec: Mapping[str, Any]) -> list[FieldError]:
    labels = part(spec, "template", "metadata").get("labels") or {}
    try:
        selector = LabelSelector.from_object(spec.get("selector"))
    except SelectorError:
        return []
    if selector is not None and (not selector or selector.matches(labels)):
        return []
    text = "`selector` does not match template `labels`"
    shown: object = dict(labels) if labels else GoText("null")
    return [invalid("spec.template.metadata.labels", shown, text)]


def _replica_errors(spec: Mapping[str, Any]) -> list[FieldError]:
    return [
        invalid(f"spec.{name}", spec[name], _NOT_NEGATIVE)
        for name in ("replicas", "minReadySeconds")
        if (spec.get(name) or 0) < 0
    ]


def _validate_deployment(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    errors = _replica_errors(spec) + _selector_errors(spec, "deployment") + _match_errors(spec)
    errors += _template_errors(spec, "spec", restart="Always")
    strategy = part(spec, "strategy")
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") is not None:
        text = "may not be specified when strategy `type` is 'Recreate'"
        errors.append(forbidden("spec.strategy.rollingUpdate", text))
    elif strategy.get("type") not in ("Recreate", "RollingUpdate"):
        errors.append(
            not_supported("spec.strategy.type", strategy.get("type"), ("Recreate", "RollingUpdate"))
        )
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        text = "must be greater than minReadySeconds"
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, text))
    return errors


def _validate_replica_set(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    errors = _replica_errors(spec) + _selector_errors(spec, "replicaset")
    return errors + _match_errors(spec) + _template_errors(spec, "spec", restart="Always")


def _validate_daemon_set(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    errors = _selector_errors(spec, "daemonset") + _match_errors(spec)
    return errors + _template_errors(spec, "spec", restart="Always")


def _validate_stateful_set(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        text = "must be 'OrderedReady' or 'Parallel'"
        errors.append(invalid("spec.podManagementPolicy", policy, text))
    errors += _replica_errors(spec) + _selector_errors(spec, "statefulset")
    return errors + _match_errors(spec) + _template_errors(spec, "spec", restart="Always")


def _selector_is_immutable(new: Manifest, old: Manifest) -> list[FieldError]:
    return immutable(new["spec"].get("selector"), old["spec"].get("selector"), "spec.selector")


def _validate_stateful_set_update(new: Manifest, old: Manifest) -> list[FieldError]:
    def frozen(obj: Manifest) -> dict[str, Any]:
        return {name: one for name, one in obj["spec"].items() if name not in _SET_MUTABLE}

    if frozen(new) == frozen(old):
        return []
    text = (
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
        "'minReadySeconds' are forbidden"
    )
    return [forbidden("spec", text)]


_TRAITS: Final = Traits(reset_fields=_SPEC_AND_STATUS)

WORKLOAD_RULES: Final[Mapping[tuple[str, str], KindRules]] = {
    ("apps", "Deployment"): KindRules(
        default=_default_deployment,
        validate=_validate_deployment,
        validate_update=_selector_is_immutable,
        counts_generation=True,
        annotations_count=True,
        status_keeps=("labels",),
        traits=Traits(
            reset_fields={"": (("status",),), "status": (("spec",), ("metadata", "labels"))}
        ),
        scale=_SCALE,
    ),
    ("apps", "ReplicaSet"): KindRules(
        default=_default_replica_set,
        validate=_validate_replica_set,
        validate_update=_selector_is_immutable,
        counts_generation=True,
        traits=_TRAITS,
        scale=_SCALE,
    ),
    ("apps", "StatefulSet"): KindRules(
        default=_default_stateful_set,
        validate=_validate_stateful_set,
        validate_update=_validate_stateful_set_update,
        counts_generation=True,
        traits=_TRAITS,
        scale=_SCALE,
    ),
    ("apps", "DaemonSet"): KindRules(
        default=_default_daemon_set,
        prepare_create=_prepare_daemon_set,
        prepare_update=_prepare_daemon_set_update,
        validate=_validate_daemon_set,
        validate_update=_selector_is_immutable,
        counts_generation=True,
        traits=_TRAITS,
    ),
    ("", "ReplicationController"): KindRules(
        default=_default_replication_controller,
        name_rule=name_is_subdomain,
        counts_generation=True,
        selectable=lambda obj: {"status.replicas": str(part(obj, "status").get("replicas") or 0)},
        traits=Traits(orphans_by_default=True, reset_fields=_SPEC_AND_STATUS),
        scale=_SCALE,
    ),
    ("", "PodTemplate"): KindRules(
        default=_default_pod_template_kind,
        counts_generation=True,
        generation_parts=("template",),
        traits=Traits(returns_deleted=True),
    ),
}
