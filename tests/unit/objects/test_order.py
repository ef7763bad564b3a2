from __future__ import annotations

from steersman.objects.identity import GroupKind, ObjectRef
from steersman.objects.order import Stage, reconcile_key, stage_of


def ref(kind: str, name: str = "x", group: str = "", namespace: str = "") -> ObjectRef:
    return ObjectRef(group, kind, namespace, name)


def test_known_kinds_first_unknown_ones_next_webhooks_last() -> None:
    refs = [
        ref("ValidatingWebhookConfiguration"),
        ref("Widget", group="b.example"),
        ref("Widget", group="a.example"),
        ref("Deployment", "b", namespace="n"),
        ref("Deployment", "a", namespace="n"),
        ref("Namespace"),
        ref("CustomResourceDefinition"),
    ]
    assert sorted(refs, key=reconcile_key) == list(reversed(refs))


def manifest(api_version: str, kind: str) -> dict[str, str]:
    return {"apiVersion": api_version, "kind": kind}


def test_stages() -> None:
    custom = frozenset({GroupKind("cert-manager.io", "ClusterIssuer")})
    kinds = {
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): Stage.DEFINITIONS,
        ("v1", "Namespace"): Stage.DEFINITIONS,
        ("rbac.authorization.k8s.io/v1", "ClusterRole"): Stage.DEFINITIONS,
        ("example.com/v1", "Namespace"): Stage.REST,
        ("storage.k8s.io/v1", "StorageClass"): Stage.CLASSES,
        ("cert-manager.io/v1", "ClusterIssuer"): Stage.CUSTOM,
        ("rbac.authorization.k8s.io/v1", "Role"): Stage.REST,
    }
    assert {key: stage_of(manifest(*key), custom) for key in kinds} == kinds
