from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from steersman.clients.kube.client import KubeClient
from steersman.clients.kube.kubeconfig import parse_kubeconfig
from steersman.kit.clock import SystemClock
from steersman.servers.apiserver.identity import Account
from steersman.servers.apiserver.server import ApiServer
from tests.support.kubehttp import KubeHttp

MAPS = "/api/v1/namespaces/default/configmaps"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer(clock=SystemClock(), users=[Account(name="alice")], seed=1) as server:
        yield server


@pytest.fixture
async def alice(server: ApiServer) -> AsyncIterator[KubeHttp]:
    async with KubeHttp(server.url, server.token("alice")) as client:
        yield client


async def grant(kube: KubeHttp, rules: list[dict[str, Any]], subject: dict[str, str]) -> None:
    role = {"metadata": {"name": "r"}, "rules": rules}
    await kube.post(f"{RBAC}/namespaces/default/roles", role)
    binding = {
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", **subject}],
    }
    await kube.post(f"{RBAC}/namespaces/default/rolebindings", binding)


READ = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}
ROLES = {
    "apiGroups": ["rbac.authorization.k8s.io"],
    "resources": ["roles", "rolebindings"],
    "verbs": ["create", "get"],
}


async def test_a_role_gives_what_it_names_and_no_more(kube: KubeHttp, alice: KubeHttp) -> None:
    assert (await alice.get(MAPS)).status == 403
    await grant(kube, [READ], {"kind": "User", "name": "alice"})
    assert (await alice.get(MAPS)).status == 200
    refused = await alice.post(MAPS, {"metadata": {"name": "x"}})
    assert refused.message == (
        'configmaps is forbidden: User "alice" cannot create resource "configmaps" in API group '
        '"" in the namespace "default"'
    )


async def test_an_access_review_names_the_binding(kube: KubeHttp, alice: KubeHttp) -> None:
    await grant(kube, [READ], {"kind": "User", "name": "alice"})
    asked = {"verb": "get", "resource": "configmaps", "namespace": "default"}
    answer = await alice.post(
        f"{REVIEWS}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": asked}}
    )
    assert (answer.status, answer.body["status"]) == (
        201,
        {
            "allowed": True,
            "reason": 'RBAC: allowed by RoleBinding "b/default" of Role "r" to User "alice"',
        },
    )


async def test_nobody_grants_what_they_do_not_hold(kube: KubeHttp, alice: KubeHttp) -> None:
    await grant(kube, [READ, ROLES], {"kind": "User", "name": "alice"})
    role = {
        "metadata": {"name": "more"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    answer = await alice.post(f"{RBAC}/namespaces/default/roles", role)
    assert answer.message == (
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "alice" '
        '(groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently '
        'held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    )


async def test_impersonation_needs_a_right_of_its_own(kube: KubeHttp, alice: KubeHttp) -> None:
    await grant(kube, [READ], {"kind": "User", "name": "bob"})
    assert (await kube.get(MAPS, Impersonate_User="bob")).status == 200
    assert (await kube.get(MAPS, Impersonate_User="carol")).status == 403
    assert (await alice.get(MAPS, Impersonate_User="bob")).status == 403


async def test_a_service_account_uses_its_token_until_it_is_gone(
    server: ApiServer, kube: KubeHttp
) -> None:
    await grant(kube, [READ], {"kind": "Group", "name": "system:serviceaccounts:default"})
    account = "/api/v1/namespaces/default/serviceaccounts/robot"
    await kube.post(account.rpartition("/")[0], {"metadata": {"name": "robot"}})
    issued = await kube.post(f"{account}/token", {"spec": {"expirationSeconds": 600}})
    async with KubeHttp(server.url, issued.body["status"]["token"]) as robot:
        assert (await robot.get(MAPS)).status == 200
        await kube.delete(account)
        assert (await robot.get(MAPS)).status == 401


async def test_aggregated_roles_are_the_sum_of_their_parts(
    server: ApiServer, kube: KubeHttp
) -> None:
    part = {
        "metadata": {
            "name": "part",
            "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"},
        },
        "rules": [{"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]}],
    }
    await kube.post(f"{RBAC}/clusterroles", part)
    await server.wait_settled()
    for name in ("view", "edit", "admin"):
        rules = (await kube.get(f"{RBAC}/clusterroles/{name}")).body["rules"]
        assert part["rules"][0] in rules


async def test_a_client_certificate_is_an_identity(server: ApiServer, kube: KubeHttp) -> None:
    text = server.kubeconfig("alice", certificate=True)
    clock = SystemClock()
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
        "metadata": {},
    }
    async with KubeClient(parse_kubeconfig(text), user_agent="test", clock=clock) as client:
        answer = await client.create(review, field_manager="test")
    assert answer["status"]["userInfo"] == {"username": "alice", "groups": ["system:authenticated"]}
