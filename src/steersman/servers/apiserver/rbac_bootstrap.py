"""The cluster roles and bindings that every cluster starts with.

The rules of view, edit and admin are data (facts of Kubernetes 1.36); the roles for people and
clients are here. Roles of control plane components that do not run in this server are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources as package_files
from typing import Any

import msgspec

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.authn import AUTHENTICATED, MASTERS, UNAUTHENTICATED

__all__ = ["AGGREGATE", "bootstrap_bindings", "bootstrap_roles"]

GROUP = "rbac.authorization.k8s.io"
AGGREGATE = f"{GROUP}/aggregate-to-"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {"rbac.authorization.kubernetes.io/autoupdate": "true"}

_Row = tuple[list[str], list[str], list[str]]

_DISCOVERY = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
]
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_ISSUER = ["/.well-known/openid-configuration/", "/openid/v1/jwks/"]


def _role(
    name: str, rules: Sequence[Manifest] | None, *, labels: dict[str, str] | None = None
) -> Manifest:
    metadata = {
        "name": name,
        "labels": {**_LABELS, **(labels or {})},
        "annotations": dict(_ANNOTATIONS),
    }
    role: Manifest = {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": metadata}
    if rules is not None:
        role["rules"] = list(rules)
    return role


def _resources(groups: list[str], resources: list[str], verbs: list[str]) -> Manifest:
    return {"verbs": verbs, "apiGroups": groups, "resources": resources}


def _urls(urls: list[str]) -> Manifest:
    return {"verbs": ["get"], "nonResourceURLs": urls}


def _aggregated(rows: dict[str, list[_Row]]) -> Iterator[Manifest]:
    feeds = {"view": "edit", "edit": "admin", "admin": ""}
    for name, feed in feeds.items():
        labels = {f"{AGGREGATE}{feed}": "true"} if feed else {}
        role = _role(name, None, labels=labels)
        selector = {"matchLabels": {f"{AGGREGATE}{name}": "true"}}
        role["aggregationRule"] = {"clusterRoleSelectors": [selector]}
        yield role
        rules = [_resources(*row) for row in rows[name]]
        labels = {f"{AGGREGATE}{name}": "true"}
        yield _role(f"system:aggregate-to-{name}", rules, labels=labels)


def bootstrap_roles() -> Iterator[Manifest]:
    """Yields the cluster roles."""
    file = package_files.files("steersman.servers.apiserver") / "data" / "rbac-roles.json"
    data: Any = msgspec.json.decode(file.read_bytes())
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    yield _role("cluster-admin", [everything, {"verbs": ["*"], "nonResourceURLs": ["*"]}])
    yield from _aggregated(data["aggregated"])
    yield _role("system:discovery", [_urls(_DISCOVERY)])
    yield _role(
        "system:basic-user",
        [
            _resources(
                ["authorization.k8s.io"],
                ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                ["create"],
            ),
            _resources(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
        ],
    )
    yield _role("system:public-info-viewer", [_urls(_PUBLIC)])
    yield _role("system:service-account-issuer-discovery", [_urls(_ISSUER)])
    yield _role("system:monitoring", [_urls(["/healthz", "/healthz/*", "/livez", "/livez/*"])])
    reviews = [
        _resources(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
        _resources(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
    ]
    yield _role("system:auth-delegator", reviews)


def _binding(name: str, role: str, groups: Sequence[str]) -> Manifest:
    subjects = [{"kind": "Group", "apiGroup": GROUP, "name": group} for group in groups]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {
            "name": name,
            "labels": dict(_LABELS),
            "annotations": dict(_ANNOTATIONS),
        },
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": subjects,
    }


def bootstrap_bindings() -> Iterator[Manifest]:
    """Yields the bindings of those roles to groups."""
    yield _binding("cluster-admin", "cluster-admin", [MASTERS])
    yield _binding("system:basic-user", "system:basic-user", [AUTHENTICATED])
    yield _binding("system:discovery", "system:discovery", [AUTHENTICATED])
    viewer = "system:public-info-viewer"
    yield _binding(viewer, viewer, [AUTHENTICATED, UNAUTHENTICATED])
    issuer = "system:service-account-issuer-discovery"
    yield _binding(issuer, issuer, ["system:serviceaccounts"])
    yield _binding("system:monitoring", "system:monitoring", ["system:monitoring"])
