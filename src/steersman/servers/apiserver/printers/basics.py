"""How the kinds of the core, storage, rights and the machinery look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from steersman.objects.manifest import Manifest, annotations_of, labels_of, metadata_of, name_of
from steersman.servers.apiserver.printers.age import age_since
from steersman.servers.apiserver.printers.cells import (
    NONE,
    UNKNOWN,
    age_of,
    columns,
    part,
)
from steersman.servers.apiserver.printers.layout import Layout
from steersman.servers.apiserver.strategy import Column

__all__ = ["BASIC_LAYOUTS"]

_ADMISSION: Final = "admissionregistration.k8s.io"
_FLOW: Final = "flowcontrol.apiserver.k8s.io"
_STORAGE: Final = "storage.k8s.io"
_RBAC: Final = "rbac.authorization.k8s.io"
_RESOURCE: Final = "resource.k8s.io"
_SHORT_MODES: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _only_age(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (age_of(obj, now),)


def _config_map(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age_of(obj, now))


def _secret(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (obj.get("type") or "", len(obj.get("data") or ()), age_of(obj, now))


def _namespace(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (part(obj, "status").get("phase") or "", age_of(obj, now))


def _component(obj: Manifest, now: datetime) -> Sequence[Any]:
    conditions = obj.get("conditions") or ()
    healthy: Mapping[str, Any] = next((one for one in conditions if one["type"] == "Healthy"), {})
    word = {"True": "Healthy", "False": "Unhealthy"}.get(healthy.get("status", ""), "Unknown")
    return (word, healthy.get("message") or "", healthy.get("error") or "")


def _event(obj: Manifest, now: datetime) -> Sequence[Any]:
    series = part(obj, "series")
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    involved = part(obj, "involvedObject") or part(obj, "regarding")
    kind = str(involved.get("kind") or "").lower()
    shown = f"{kind}/{involved['name']}" if involved.get("name") else kind
    return (
        age_since(last, now),
        obj.get("type") or "",
        obj.get("reason") or "",
        shown,
        involved.get("fieldPath") or "",
        _event_source(obj),
        (obj.get("message") or obj.get("note") or "").strip(),
        age_since(first, now),
        series.get("count") or obj.get("count") or obj.get("deprecatedCount") or 1,
        name_of(obj),
    )


def _event_source(obj: Manifest) -> str:
    source = part(obj, "source") or part(obj, "deprecatedSource")
    component = source.get("component") or obj.get("reportingComponent") or ""
    host = source.get("host") or obj.get("reportingInstance") or ""
    return f"{component}, {host}" if host and host != component else component


def _node(obj: Manifest, now: datetime) -> Sequence[Any]:
    status = part(obj, "status")
    ready = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), None)
    words = ["Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"]
    if part(obj, "spec").get("unschedulable"):
        words.append("SchedulingDisabled")
    prefix = "node-role.kubernetes.io/"
    roles = sorted(
        {name.removeprefix(prefix) for name in labels_of(obj) if name.startswith(prefix)}
        | {value for name, value in labels_of(obj).items() if name == "kubernetes.io/role"}
    )
    addresses = {one["type"]: one["address"] for one in status.get("addresses") or ()}
    info = part(status, "nodeInfo")
    return (
        ",".join(words),
        ",".join(roles) or NONE,
        age_of(obj, now),
        info.get("kubeletVersion") or "",
        addresses.get("InternalIP") or NONE,
        addresses.get("ExternalIP") or NONE,
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    )


def _modes(modes: Sequence[str] | None) -> str:
    unique = list(dict.fromkeys(modes or ()))
    return ",".join(_SHORT_MODES[one] for one in _SHORT_MODES if one in unique)


def _storage_class_name(obj: Manifest) -> str:
    legacy = annotations_of(obj).get("volume.beta.kubernetes.io/storage-class")
    return legacy or part(obj, "spec").get("storageClassName") or ""


def _claim(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    phase = status.get("phase") or ""
    bound = bool(spec.get("volumeName"))
    return (
        "Terminating" if metadata_of(obj).get("deletionTimestamp") else phase,
        spec.get("volumeName") or "",
        part(status, "capacity").get("storage") or "" if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        _storage_class_name(obj),
        spec.get("volumeAttributesClassName") or "<unset>",
        age_of(obj, now),
        spec.get("volumeMode") or "<unset>",
    )


def _volume(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    claim = part(spec, "claimRef")
    phase = status.get("phase") or ""
    return (
        part(spec, "capacity").get("storage") or "0",
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy") or "",
        "Terminating" if metadata_of(obj).get("deletionTimestamp") else phase,
        f"{claim.get('namespace')}/{claim['name']}" if claim else "",
        _storage_class_name(obj),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason") or "",
        age_of(obj, now),
        spec.get("volumeMode") or "<unset>",
    )


def _quota(obj: Manifest, now: datetime) -> Sequence[Any]:
    hard, used = part(obj, "status", "hard"), part(obj, "status", "used")
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        text = f"{name}: {used.get(name, '0')}/{hard[name]}"
        (limits if name.startswith("limits.") else requests).append(text)
    return (", ".join(requests), ", ".join(limits), age_of(obj, now))


def _binding(obj: Manifest, now: datetime) -> Sequence[Any]:
    role = part(obj, "roleRef")
    subjects: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name") or ""
        shown = f"{subject.get('namespace') or ''}/{name}" if kind == "ServiceAccount" else name
        subjects.setdefault(kind, []).append(shown)
    joined = [", ".join(subjects[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return (f"{role.get('kind')}/{role.get('name')}", age_of(obj, now), *joined)


def _storage_class(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        "true" if obj.get("allowVolumeExpansion") else "false",
        age_of(obj, now),
    )


def _driver(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    audiences = [str(one.get("audience") or "") for one in spec.get("tokenRequests") or ()]
    return (
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        ",".join(audiences) or "<unset>",
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        age_of(obj, now),
    )


def _csi_node(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (len(part(obj, "spec").get("drivers") or ()), age_of(obj, now))


def _attachment(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    return (
        spec.get("attacher") or "",
        part(spec, "source").get("persistentVolumeName") or "",
        spec.get("nodeName") or "",
        bool(part(obj, "status").get("attached")),
        age_of(obj, now),
    )


def _attributes_class(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (obj.get("driverName") or "", age_of(obj, now))


def _api_service(obj: Manifest, now: datetime) -> Sequence[Any]:
    service = part(obj, "spec").get("service")
    shown = f"{service['namespace']}/{service['name']}" if service else "Local"
    conditions = part(obj, "status").get("conditions") or ()
    found = next((one for one in conditions if one["type"] == "Available"), None)
    available = "Unknown" if found is None else found["status"]
    if found is not None and found["status"] != "True":
        available = f"{found['status']} ({found.get('reason') or ''})"
    return (shown, available, age_of(obj, now))


def _webhooks(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (len(obj.get("webhooks") or ()), age_of(obj, now))


def _policy(field: str) -> Any:
    def cells(obj: Manifest, now: datetime) -> Sequence[Any]:
        spec = part(obj, "spec")
        kind = part(spec, "paramKind")
        shown = f"{kind.get('apiVersion')}/{kind.get('kind')}" if kind else "<unset>"
        return (len(spec.get(field) or ()), shown, age_of(obj, now))

    return cells


def _policy_binding(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    reference = part(spec, "paramRef")
    shown = "<unset>"
    if reference.get("name"):
        namespace = reference.get("namespace") or "*"
        shown = f"{namespace}/{reference['name']}"
    elif reference.get("selector") is not None:
        shown = "*/*"
    return (spec.get("policyName") or "", shown, age_of(obj, now))


def _priority(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (
        obj.get("value") or 0,
        bool(obj.get("globalDefault")),
        age_of(obj, now),
        obj.get("preemptionPolicy") or "PreemptLowerPriority",
    )


def _lease(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (part(obj, "spec").get("holderIdentity") or "", age_of(obj, now))


def _runtime_class(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (obj.get("handler") or "", age_of(obj, now))


def _signing_request(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    states = [one["type"] for one in status.get("conditions") or ()]
    state = next(
        (one for one in ("Denied", "Approved") if one in states), "Failed" if states else "Pending"
    )
    if status.get("certificate"):
        state += ",Issued"
    seconds = spec.get("expirationSeconds")
    return (
        age_of(obj, now),
        spec.get("signerName") or NONE,
        spec.get("username") or "",
        NONE if seconds is None else f"{seconds}s",
        state,
    )


def _flow_schema(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    conditions = part(obj, "status").get("conditions") or ()
    dangling = next((one["status"] for one in conditions if one["type"] == "Dangling"), "?")
    return (
        part(spec, "priorityLevelConfiguration").get("name") or "",
        spec.get("matchingPrecedence") or 0,
        part(spec, "distinguisherMethod").get("type") or NONE,
        age_of(obj, now),
        dangling,
    )


def _priority_level(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    limited = part(spec, "limited") or part(spec, "exempt")
    queuing = part(limited, "limitResponse", "queuing")
    shares = limited.get("nominalConcurrencyShares")
    shown = [queuing.get(name, NONE) for name in ("queues", "handSize", "queueLengthLimit")]
    return (spec.get("type") or "", NONE if shares is None else shares, *shown, age_of(obj, now))


def _resource_claim(obj: Manifest, now: datetime) -> Sequence[Any]:
    status = part(obj, "status")
    states = []
    if metadata_of(obj).get("deletionTimestamp"):
        states.append("deleted")
    if status.get("allocation") is None:
        states.append("pending")
    else:
        states.append("allocated")
        if status.get("reservedFor"):
            states.append("reserved")
    return (",".join(states), age_of(obj, now))


def _resource_slice(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    return (
        spec.get("nodeName") or "<unset>",
        spec.get("driver") or "",
        part(spec, "pool").get("name") or "",
        age_of(obj, now),
    )


_EVENTS: Final = Layout(
    (
        *columns("Last Seen", "Type", "Reason", "Object", "+Subobject", "+Source", "Message"),
        *columns("+First Seen", "+Count"),
        Column("Name", "string", "name", priority=1),
    ),
    _event,
    name_column=None,
)
_BINDINGS: Final = Layout(columns("Role", "Age", "+Users", "+Groups", "+ServiceAccounts"), _binding)
_HOOKS: Final = Layout(columns("#Webhooks", "Age"), _webhooks)
_POLICY_BINDINGS: Final = Layout(columns("PolicyName", "ParamRef", "Age"), _policy_binding)
_AGES: Final = Layout(columns("Age"), _only_age)

BASIC_LAYOUTS: Final[Mapping[tuple[str, str], Layout]] = {
    ("", "ComponentStatus"): Layout(columns("Status", "Message", "Error"), _component),
    ("", "ConfigMap"): Layout(columns("Data", "Age"), _config_map),
    ("", "Event"): _EVENTS,
    ("events.k8s.io", "Event"): _EVENTS,
    ("", "Namespace"): Layout(columns("Status", "Age"), _namespace),
    ("", "Node"): Layout(
        columns(
            "Status",
            "Roles",
            "Age",
            "Version",
            "+Internal-IP",
            "+External-IP",
            "+OS-Image",
            "+Kernel-Version",
            "+Container-Runtime",
        ),
        _node,
    ),
    ("", "PersistentVolumeClaim"): Layout(
        columns(
            "Status",
            "Volume",
            "Capacity",
            "Access Modes",
            "StorageClass",
            "VolumeAttributesClass",
            "Age",
            "+VolumeMode",
        ),
        _claim,
    ),
    ("", "PersistentVolume"): Layout(
        columns(
            "Capacity",
            "Access Modes",
            "Reclaim Policy",
            "Status",
            "Claim",
            "StorageClass",
            "VolumeAttributesClass",
            "Reason",
            "Age",
            "+VolumeMode",
        ),
        _volume,
    ),
    ("", "ResourceQuota"): Layout(columns("Request", "Limit", "Age"), _quota),
    ("", "Secret"): Layout(columns("Type", "Data", "Age"), _secret),
    ("", "ServiceAccount"): _AGES,
    (_RBAC, "RoleBinding"): _BINDINGS,
    (_RBAC, "ClusterRoleBinding"): _BINDINGS,
    (_STORAGE, "StorageClass"): Layout(
        columns("Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"),
        _storage_class,
    ),
    (_STORAGE, "CSIDriver"): Layout(
        (
            Column("AttachRequired", "boolean"),
            Column("PodInfoOnMount", "boolean"),
            Column("StorageCapacity", "boolean"),
            Column("TokenRequests"),
            Column("RequiresRepublish", "boolean"),
            *columns("Modes", "Age"),
        ),
        _driver,
    ),
    (_STORAGE, "CSINode"): Layout(columns("#Drivers", "Age"), _csi_node),
    (_STORAGE, "VolumeAttachment"): Layout(
        (
            Column("Attacher", "string", "name"),
            *columns("PV", "Node"),
            Column("Attached", "boolean"),
            *columns("Age"),
        ),
        _attachment,
    ),
    (_STORAGE, "VolumeAttributesClass"): Layout(columns("DriverName", "Age"), _attributes_class),
    ("apiregistration.k8s.io", "APIService"): Layout(
        columns("Service", "Available", "Age"), _api_service
    ),
    (_ADMISSION, "ValidatingWebhookConfiguration"): _HOOKS,
    (_ADMISSION, "MutatingWebhookConfiguration"): _HOOKS,
    (_ADMISSION, "ValidatingAdmissionPolicy"): Layout(
        columns("#Validations", "ParamKind", "Age"), _policy("validations")
    ),
    (_ADMISSION, "MutatingAdmissionPolicy"): Layout(
        columns("#Mutations", "ParamKind", "Age"), _policy("mutations")
    ),
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): _POLICY_BINDINGS,
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): _POLICY_BINDINGS,
    ("scheduling.k8s.io", "PriorityClass"): Layout(
        columns("#Value", Column("Global-Default", "boolean"), "Age", "PreemptionPolicy"),
        _priority,
    ),
    ("coordination.k8s.io", "Lease"): Layout(columns("Holder", "Age"), _lease),
    ("node.k8s.io", "RuntimeClass"): Layout(columns("Handler", "Age"), _runtime_class),
    ("certificates.k8s.io", "CertificateSigningRequest"): Layout(
        columns("Age", "SignerName", "Requestor", "RequestedDuration", "Condition"),
        _signing_request,
    ),
    (_FLOW, "FlowSchema"): Layout(
        columns("PriorityLevel", "MatchingPrecedence", "DistinguisherMethod", "Age", "MissingPL"),
        _flow_schema,
    ),
    (_FLOW, "PriorityLevelConfiguration"): Layout(
        columns(
            "Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit", "Age"
        ),
        _priority_level,
    ),
    (_RESOURCE, "DeviceClass"): _AGES,
    (_RESOURCE, "ResourceClaim"): Layout(columns("State", "Age"), _resource_claim),
    (_RESOURCE, "ResourceClaimTemplate"): _AGES,
    (_RESOURCE, "ResourceSlice"): Layout(columns("Node", "Driver", "Pool", "Age"), _resource_slice),
}
