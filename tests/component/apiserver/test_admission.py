from __future__ import annotations

from typing import Any

from steersman.servers.apiserver.server import ApiServer
from tests.support.kubehttp import KubeHttp

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


def pod(name: str, **resources: Any) -> dict[str, Any]:
    container = {"name": "a", "image": "i", "resources": resources}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


async def test_an_enforced_level_refuses_pods_and_a_warned_one_warns(kube: KubeHttp) -> None:
    labels = {
        "pod-security.kubernetes.io/enforce": "baseline",
        "pod-security.kubernetes.io/warn": "restricted",
    }
    await kube.patch("/api/v1/namespaces/default", {"metadata": {"labels": labels}})
    refused = pod("x")
    refused["spec"]["hostNetwork"] = True
    answer = await kube.post(PODS, refused)
    assert answer.message == (
        'pods "x" is forbidden: violates PodSecurity "baseline:latest": host namespaces '
        "(hostNetwork=true)"
    )
    admitted = await kube.post(PODS, pod("y"))
    assert admitted.status == 201
    assert admitted.headers["Warning"].startswith(
        '299 - "would violate PodSecurity \\"restricted:latest\\": allowPrivilegeEscalation'
    )


async def test_a_quota_counts_objects_and_what_pods_ask_for(
    server: ApiServer, kube: KubeHttp
) -> None:
    hard = {"configmaps": "2", "requests.cpu": "1"}
    quota = "/api/v1/namespaces/default/resourcequotas"
    await kube.post(quota, {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    await kube.post(MAPS, {"metadata": {"name": "one"}})
    over = await kube.post(MAPS, {"metadata": {"name": "two"}})
    assert over.message == (
        'configmaps "two" is forbidden: exceeded quota: q, requested: configmaps=1, used: '
        "configmaps=2, limited: configmaps=2"
    )
    silent = await kube.post(PODS, pod("x"))
    assert silent.message == (
        'pods "x" is forbidden: failed quota: q: must specify requests.cpu for: a'
    )
    await kube.post(PODS, pod("y", requests={"cpu": "600m"}))
    greedy = await kube.post(PODS, pod("z", requests={"cpu": "500m"}))
    assert greedy.status == 403
    await server.wait_settled()
    status = (await kube.get(f"{quota}/q")).body["status"]
    assert status == {"hard": hard, "used": {"configmaps": "2", "requests.cpu": "600m"}}


async def test_a_limit_range_fills_in_and_bounds_what_containers_ask_for(kube: KubeHttp) -> None:
    limit = {"type": "Container", "default": {"cpu": "200m"}, "max": {"cpu": "1"}}
    body = {"metadata": {"name": "l"}, "spec": {"limits": [limit]}}
    await kube.post("/api/v1/namespaces/default/limitranges", body)
    filled = (await kube.post(PODS, pod("x"))).body
    assert filled["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "200m"},
        "requests": {"cpu": "200m"},
    }
    assert filled["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container a; "
        "cpu limit for container a"
    }
    greedy = await kube.post(PODS, pod("y", limits={"cpu": "2"}))
    assert greedy.message == (
        'pods "y" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
    )
