"""What the recorded sessions did before their recorded requests, as far as answers depend on it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.support.recordings import Replay

CORE = "/api/v1/namespaces"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def namespace(replay: Replay, name: str, **labels: str) -> None:
    await replay.send("POST", CORE, {"metadata": {"name": name, "labels": labels}})


async def before_p2(replay: Replay) -> None:
    await namespace(replay, "rv")
    await vendor_map(replay, "rv")
    for index in range(6):
        name = f"c{index}"
        body = {"metadata": {"name": name, "labels": {"i": name}}, "data": {"a": "1"}}
        await replay.send("POST", f"{CORE}/rv/configmaps", body)


async def vendor_map(replay: Replay, where: str) -> None:
    body = {"metadata": {"name": "openshift-service-ca.crt"}, "data": {"service-ca.crt": ""}}
    await replay.send("POST", f"{CORE}/{where}/configmaps", body)


async def before_p3(replay: Replay) -> None:
    await namespace(replay, "gc")
    await replay.send(
        "POST", f"{CORE}/gc/configmaps", {"metadata": {"name": "a"}, "data": {"a": "1"}}
    )


async def before_p4(replay: Replay) -> None:
    await namespace(replay, "ssa")


async def before_p5(replay: Replay) -> None:
    await namespace(replay, "pt")
    await replay.send(
        "POST", f"{CORE}/pt/configmaps", {"metadata": {"name": "a"}, "data": {"a": "1", "b": "2"}}
    )

    container = {
        "name": "c",
        "image": "i",
        "args": ["a", "b"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    }
    pod = {
        "containers": [container, {"name": "s", "image": "j"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    }
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod},
    }
    deployments = "/apis/apps/v1/namespaces/pt/deployments"
    await replay.send("POST", deployments, {"metadata": {"name": "d"}, "spec": spec})
    pod = {"containers": [{"name": "a", "image": "b"}]}
    await replay.send("POST", f"{CORE}/pt/pods", {"metadata": {"name": "p"}, "spec": pod})


async def a_dependent(replay: Replay) -> None:
    owner = json.loads((await replay.send("GET", f"{CORE}/gc/configmaps/own3")).text)["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "own3", "uid": owner["uid"]}
    body = {"metadata": {"name": "dep4", "ownerReferences": [reference]}, "data": {"a": "1"}}
    await replay.send("POST", f"{CORE}/gc/configmaps", body)


async def a_blocking_dependent(replay: Replay) -> None:
    owner = json.loads((await replay.send("GET", f"{CORE}/gc/configmaps/own")).text)["metadata"]
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "own",
        "uid": owner["uid"],
        "blockOwnerDeletion": True,
    }
    body = {"metadata": {"name": "dep", "ownerReferences": [reference]}, "data": {"a": "1"}}
    await replay.send("POST", f"{CORE}/gc/configmaps", body)


async def a_labelled_map(replay: Replay) -> None:
    body = {"metadata": {"name": "k1", "labels": {"q": "1"}}, "data": {"a": "1"}}
    await replay.send("POST", f"{CORE}/gc/configmaps", body)


async def a_stuck_namespace(replay: Replay) -> None:
    await namespace(replay, "gc2")
    body = {"metadata": {"name": "stuck", "finalizers": ["example.com/x"]}}
    await replay.send("POST", f"{CORE}/gc2/configmaps", body)
    await replay.send("DELETE", f"{CORE}/gc2")


async def a_second_later(replay: Replay) -> None:
    """Owners are ordered by the second in which they wrote."""
    await asyncio.sleep(1.1)


async def a_quota(replay: Replay) -> None:
    await vendor_map(replay, "rb")
    body = {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "2"}}}
    await replay.send("POST", f"{CORE}/rb/resourcequotas", body)


BEFORE = {
    ("p3-delete", "fg"): a_blocking_dependent,
    ("p3-delete", "orphan"): a_dependent,
    ("p3-delete", "delcoll2"): a_labelled_map,
    ("p3-delete", "ns-stuck"): a_stuck_namespace,
    ("p7-authz-admission", "q-cm"): a_quota,
    ("p8-crd", "meta-only"): a_second_later,
}
"""What was done just before a recorded request, by session and name."""


async def before_p6(replay: Replay) -> None:
    await namespace(replay, "df")


async def before_p7(replay: Replay) -> None:
    await namespace(replay, "rb")
    group = "rbac.authorization.k8s.io"
    rules: list[dict[str, Any]] = [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "verbs": ["get", "list", "watch", "create", "patch"],
        },
        {"apiGroups": [group], "resources": ["roles", "rolebindings"], "verbs": ["*"]},
    ]
    roles = f"{RBAC}/namespaces/rb/roles"
    bindings = f"{RBAC}/namespaces/rb/rolebindings"
    await replay.send("POST", roles, {"metadata": {"name": "r"}, "rules": rules})
    subjects = [
        {"kind": "User", "apiGroup": group, "name": "alice"},
        {"kind": "Group", "apiGroup": group, "name": "team"},
        {"kind": "ServiceAccount", "name": "sa1", "namespace": "rb"},
    ]
    reference = {"apiGroup": group, "kind": "Role", "name": "r"}
    await replay.send(
        "POST", bindings, {"metadata": {"name": "r"}, "roleRef": reference, "subjects": subjects}
    )
    patch = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}]
    await replay.send("POST", roles, {"metadata": {"name": "p"}, "rules": patch})
    await replay.send(
        "POST",
        bindings,
        {
            "metadata": {"name": "p"},
            "roleRef": {**reference, "name": "p"},
            "subjects": [{"kind": "User", "apiGroup": group, "name": "patcher"}],
        },
    )
    for level in ("baseline", "restricted"):
        label = {
            f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "warn", "audit")
        }
        await namespace(replay, f"ps-{level}", **label)


SETUPS = {
    "p2-rv": before_p2,
    "p3-delete": before_p3,
    "p4-ssa": before_p4,
    "p5-patch": before_p5,
    "p6-defaults": before_p6,
    "p7-authz-admission": before_p7,
}

ANONYMOUS = {"anon"}
SERVICE_ACCOUNT = {"sa-token-use"}
VIEWER = {"403", "403-one", "403-cluster", "403-sub", "403-nonres", "imp-forbidden"}
BAD_TOKEN = {"401"}


def account_of(row: dict[str, Any]) -> str | None:
    name = row["name"]
    if name in ANONYMOUS:
        return None
    if name in BAD_TOKEN:
        return "no-such-token"
    if name in SERVICE_ACCOUNT:
        return "sa"
    return "viewer" if name in VIEWER else "admin"
