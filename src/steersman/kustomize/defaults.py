"""The fields that kustomize's transformers change by default.

Written as what they are: the same pod paths at each place a pod template may stand. The result is
the table kustomize is configured with (its ``builtinpluginconsts``), which a test compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from steersman.kustomize.configuration import NameReference, TransformerConfig
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.ids import Gvk

__all__ = ["default_config"]

_POD = "spec"
_PLAIN = "spec/template/spec"
_CRON = "spec/jobTemplate/spec/template/spec"
_RBAC = "rbac.authorization.k8s.io"
_WORKLOADS = {
    "Deployment": _PLAIN,
    "ReplicaSet": _PLAIN,
    "DaemonSet": _PLAIN,
    "StatefulSet": _PLAIN,
    "Job": _PLAIN,
    "CronJob": _CRON,
}
_POD_OWNERS = {
    "Pod": _POD,
    "StatefulSet": _PLAIN,
    "Deployment": _PLAIN,
    "ReplicationController": _PLAIN,
    "CronJob": _CRON,
    "Job": _PLAIN,
    "DaemonSet": _PLAIN,
}


def _spec(
    path: str, kind: str = "", group: str = "", version: str = "", *, create: bool = False
) -> FieldSpec:
    return FieldSpec(path, Gvk(group, version, kind), create)


def _templates(leaf: str, *, stateful_group: str) -> Iterator[FieldSpec]:
    """Metadata of objects and of every template in them."""
    yield _spec(f"metadata/{leaf}", create=True)
    template = f"spec/template/metadata/{leaf}"
    yield _spec(template, "ReplicationController", version="v1", create=True)
    for kind in ("Deployment", "ReplicaSet", "DaemonSet"):
        yield _spec(template, kind, create=True)
    yield _spec(template, "StatefulSet", stateful_group, create=True)
    yield _spec(template, "Job", "batch", create=True)
    yield _spec(f"spec/jobTemplate/metadata/{leaf}", "CronJob", "batch", create=True)
    yield _spec(f"spec/jobTemplate/spec/template/metadata/{leaf}", "CronJob", "batch", create=True)


def _template_labels() -> Iterator[FieldSpec]:
    yield from _templates("labels", stateful_group="apps")
    yield _spec("spec/volumeClaimTemplates[]/metadata/labels", "StatefulSet", "apps", create=True)


def _selectors() -> Iterator[FieldSpec]:
    yield _spec("spec/selector", "Service", version="v1", create=True)
    yield _spec("spec/selector", "ReplicationController", version="v1", create=True)
    for kind, group in (
        ("Deployment", ""),
        ("ReplicaSet", ""),
        ("DaemonSet", ""),
        ("StatefulSet", "apps"),
    ):
        yield _spec("spec/selector/matchLabels", kind, group, create=True)
    for kind in ("Deployment", "StatefulSet"):
        for affinity in ("podAffinity", "podAntiAffinity"):
            base = f"{_PLAIN}/affinity/{affinity}"
            preferred = "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm"
            for rule in (preferred, "requiredDuringSchedulingIgnoredDuringExecution"):
                yield _spec(f"{base}/{rule}/labelSelector/matchLabels", kind, "apps")
        yield _spec(f"{_PLAIN}/topologySpreadConstraints/labelSelector/matchLabels", kind, "apps")
    yield _spec("spec/selector/matchLabels", "Job", "batch")
    yield _spec("spec/jobTemplate/spec/selector/matchLabels", "CronJob", "batch")
    yield _spec("spec/selector/matchLabels", "PodDisruptionBudget", "policy")
    for path in ("spec/podSelector", "spec/ingress/from/podSelector", "spec/egress/to/podSelector"):
        yield _spec(f"{path}/matchLabels", "NetworkPolicy", "networking.k8s.io")


def _pods() -> Iterator[tuple[str, str, str]]:
    """Where pod specs stand: (path, kind, version)."""
    yield _POD, "Pod", "v1"
    yield "template/spec", "PodTemplate", ""
    for kind, path in _WORKLOADS.items():
        yield path, kind, ""


def _everywhere(paths: Iterable[str]) -> Iterator[FieldSpec]:
    paths = tuple(paths)
    for base, kind, version in _pods():
        for path in paths:
            yield _spec(f"{base}/{path}", kind, version=version)


def _config_map_users() -> Iterator[FieldSpec]:
    yield from _everywhere((
        "volumes/configMap/name",
        "containers/env/valueFrom/configMapKeyRef/name",
        "initContainers/env/valueFrom/configMapKeyRef/name",
        "containers/envFrom/configMapRef/name",
        "initContainers/envFrom/configMapRef/name",
        "volumes/projected/sources/configMap/name",
    ))  # fmt: skip
    yield _spec("spec/configSource/configMap", "Node")
    yield _spec("rules/resourceNames", "Role")
    yield _spec("rules/resourceNames", "ClusterRole")
    annotation = "nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"
    yield _spec(f"metadata/annotations/{annotation}", "Ingress")


def _secret_users() -> Iterator[FieldSpec]:
    yield from _everywhere((
        "volumes/secret/secretName",
        "containers/env/valueFrom/secretKeyRef/name",
        "initContainers/env/valueFrom/secretKeyRef/name",
        "containers/envFrom/secretRef/name",
        "initContainers/envFrom/secretRef/name",
        "imagePullSecrets/name",
        "volumes/projected/sources/secret/name",
    ))  # fmt: skip
    yield _spec("spec/tls/secretName", "Ingress")
    for annotation in (
        "ingress.kubernetes.io\\/auth-secret",
        "nginx.ingress.kubernetes.io\\/auth-secret",
        "nginx.ingress.kubernetes.io\\/auth-tls-secret",
    ):
        yield _spec(f"metadata/annotations/{annotation}", "Ingress")
    yield _spec("spec/tls/secretName", "Ingress")
    yield _spec("imagePullSecrets/name", "ServiceAccount")
    for parameter in ("secretName", "adminSecretName", "userSecretName", "secretRef"):
        yield _spec(f"parameters/{parameter}", "StorageClass")
    yield _spec("rules/resourceNames", "Role")
    yield _spec("rules/resourceNames", "ClusterRole")
    knative = f"{_PLAIN}/containers/env/valueFrom/secretKeyRef/name"
    yield _spec(knative, "Service", "serving.knative.dev", "v1")
    yield _spec("spec/azureFile/secretName", "PersistentVolume")


def _service_users() -> Iterator[FieldSpec]:
    yield _spec("spec/serviceName", "StatefulSet", "apps")
    for path in (
        "spec/rules/http/paths/backend/serviceName",
        "spec/backend/serviceName",
        "spec/rules/http/paths/backend/service/name",
        "spec/defaultBackend/service/name",
    ):
        yield _spec(path, "Ingress")
    yield _spec("spec/service/name", "APIService", "apiregistration.k8s.io")
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        yield _spec("webhooks/clientConfig/service", kind, "admissionregistration.k8s.io")


def _pod_owners(path: str) -> Iterator[FieldSpec]:
    for kind, base in _POD_OWNERS.items():
        yield _spec(f"{base}/{path}", kind)


def _name_references() -> Iterator[tuple[Gvk, Iterable[FieldSpec]]]:
    for kind in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"):
        yield Gvk(kind=kind), [_spec("spec/scaleTargetRef/name", "HorizontalPodAutoscaler")]
    yield Gvk("", "v1", "ConfigMap"), _config_map_users()
    yield Gvk("", "v1", "Secret"), _secret_users()
    yield Gvk("", "v1", "Service"), _service_users()
    yield Gvk(_RBAC, "", "Role"), [_spec("roleRef/name", "RoleBinding", _RBAC)]
    bindings = ("RoleBinding", "ClusterRoleBinding")
    yield Gvk(_RBAC, "", "ClusterRole"), [_spec("roleRef/name", kind, _RBAC) for kind in bindings]
    accounts = [_spec("subjects", kind, _RBAC) for kind in bindings]
    yield Gvk("", "v1", "ServiceAccount"), [*accounts, *_pod_owners("serviceAccountName")]
    claim = "volumes/persistentVolumeClaim/claimName"
    yield Gvk("", "v1", "PersistentVolumeClaim"), _pod_owners(claim)
    yield (
        Gvk("", "v1", "PersistentVolume"),
        [
            _spec("spec/volumeName", "PersistentVolumeClaim"),
            _spec("rules/resourceNames", "ClusterRole"),
        ],
    )
    yield (
        Gvk("storage.k8s.io", "v1", "StorageClass"),
        [
            _spec("spec/storageClassName", "PersistentVolume"),
            _spec("spec/storageClassName", "PersistentVolumeClaim"),
            _spec("spec/volumeClaimTemplates/spec/storageClassName", "StatefulSet"),
        ],
    )
    priority = Gvk("scheduling.k8s.io", "v1", "PriorityClass")
    yield priority, _pod_owners("priorityClassName")
    # The group with its version is kustomize's own slip: no IngressClass is ever matched.
    yield (
        Gvk("networking.k8s.io/v1", "v1", "IngressClass"),
        [_spec("spec/ingressClassName", "Ingress")],
    )
    admission = "admissionregistration.k8s.io"
    yield (
        Gvk(admission, "", "ValidatingAdmissionPolicy"),
        [_spec("spec/policyName", "ValidatingAdmissionPolicyBinding", admission)],
    )


def _variable_users() -> Iterator[FieldSpec]:
    container = ("args", "command", "env/value", "volumeMounts/mountPath")
    places = {"CronJob": _CRON, "DaemonSet": _PLAIN, "Deployment": _PLAIN, "Job": _PLAIN}
    places |= {"Pod": _POD, "ReplicaSet": _PLAIN, "StatefulSet": _PLAIN}
    for kind, base in places.items():
        for containers in ("containers", "initContainers"):
            for leaf in container:
                yield _spec(f"{base}/{containers}/{leaf}", kind)
        if kind == "StatefulSet":
            yield _spec("spec/volumeClaimTemplates/spec/nfs/server", kind)
        else:
            # A cron job's path lacks a `spec`, as it does in kustomize.
            volumes = "spec/jobTemplate/spec/template" if kind == "CronJob" else base
            yield _spec(f"{volumes}/volumes/nfs/server", kind)
    yield _spec("spec/template/metadata/annotations", "Deployment")
    for path in ("spec/rules/host", "spec/tls/hosts", "spec/tls/secretName"):
        yield _spec(path, "Ingress")
    yield _spec("spec/ports/port", "Service")
    yield _spec("spec/ports/targetPort", "Service")
    yield _spec("spec/nfs/server", "PersistentVolume")
    yield _spec("metadata/labels")
    yield _spec("metadata/annotations")


def _images() -> Iterator[FieldSpec]:
    for base in (_POD, _PLAIN):
        for path in ("containers[]/image", "initContainers[]/image", "volumes[]/image/reference"):
            yield _spec(f"{base}/{path}", create=True)


def _namespaces() -> Iterator[FieldSpec]:
    yield _spec("metadata/name", "Namespace", create=True)
    yield _spec("spec/service/namespace", "APIService", "apiregistration.k8s.io", create=True)
    webhook = "spec/conversion/webhook/clientConfig/service/namespace"
    yield _spec(webhook, "CustomResourceDefinition", "apiextensions.k8s.io")


@cache
def default_config() -> TransformerConfig:
    """Builds the default configuration once."""
    scaled = ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
    return TransformerConfig(
        name_prefix=(_spec("metadata/name"),),
        name_suffix=(_spec("metadata/name"),),
        namespace=tuple(_namespaces()),
        common_labels=(*_selectors(), *_template_labels()),
        template_labels=tuple(_template_labels()),
        common_annotations=tuple(_templates("annotations", stateful_group="")),
        name_reference=tuple(NameReference(gvk, tuple(users)) for gvk, users in _name_references()),
        var_reference=tuple(_variable_users()),
        images=tuple(_images()),
        replicas=tuple(_spec("spec/replicas", kind, create=True) for kind in scaled),
    ).sorted()
