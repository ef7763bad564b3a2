from __future__ import annotations

from typing import Any

import pytest

from steersman.servers.apiserver.server import ApiServer
from tests.support.kubehttp import KubeHttp

MAPS = "/api/v1/namespaces/default/configmaps"


async def make(kube: KubeHttp, name: str, owner: dict[str, Any] | None = None, **extra: Any) -> Any:
    metadata: dict[str, Any] = {"name": name}
    if owner is not None:
        reference = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            **extra,
        }
        metadata["ownerReferences"] = [reference]
    return (await kube.post(MAPS, {"metadata": metadata})).body


async def names(kube: KubeHttp) -> list[str]:
    listed = (await kube.get(MAPS)).body["items"]
    found = [item["metadata"]["name"] for item in listed]
    return [name for name in found if name != "kube-root-ca.crt"]


async def test_dependents_follow_their_owner_in_the_background(
    server: ApiServer, kube: KubeHttp
) -> None:
    owner = await make(kube, "owner")
    child = await make(kube, "child", owner)
    await make(kube, "grandchild", child)
    await kube.delete(f"{MAPS}/owner")
    await server.wait_settled()
    assert await names(kube) == []


async def test_a_foreground_deletion_waits_for_blocking_dependents(
    server: ApiServer, kube: KubeHttp
) -> None:
    owner = await make(kube, "owner")
    await make(kube, "child", owner, blockOwnerDeletion=True)
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    await kube.patch(f"{MAPS}/child", held)
    await kube.delete(f"{MAPS}/owner", {"propagationPolicy": "Foreground"})
    await server.wait_settled()
    assert await names(kube) == ["child", "owner"]
    await kube.patch(f"{MAPS}/child", {"metadata": {"finalizers": None}})
    await server.wait_settled()
    assert await names(kube) == []


async def test_orphans_lose_their_owner_and_stay(server: ApiServer, kube: KubeHttp) -> None:
    owner = await make(kube, "owner")
    await make(kube, "child", owner)
    await kube.delete(f"{MAPS}/owner?propagationPolicy=Orphan")
    await server.wait_settled()
    child = (await kube.get(f"{MAPS}/child")).body
    assert "ownerReferences" not in child["metadata"]
    assert await names(kube) == ["child"]


async def test_an_object_of_an_absent_owner_is_collected(server: ApiServer, kube: KubeHttp) -> None:
    await make(kube, "child", {"metadata": {"name": "gone", "uid": "1"}})
    await server.wait_settled()
    assert await names(kube) == []


async def test_one_living_owner_is_enough(server: ApiServer, kube: KubeHttp) -> None:
    first, second = await make(kube, "first"), await make(kube, "second")
    child = await make(kube, "child", first)
    references = child["metadata"]["ownerReferences"]
    other = {**references[0], "name": "second", "uid": second["metadata"]["uid"]}
    await kube.patch(f"{MAPS}/child", {"metadata": {"ownerReferences": [references[0], other]}})
    await kube.delete(f"{MAPS}/first")
    await server.wait_settled()
    child = (await kube.get(f"{MAPS}/child")).body
    assert child["metadata"]["ownerReferences"] == [other]


async def test_a_new_namespace_is_furnished(server: ApiServer, kube: KubeHttp) -> None:
    await kube.post("/api/v1/namespaces", {"metadata": {"name": "new"}})
    await server.wait_settled()
    account = await kube.get("/api/v1/namespaces/new/serviceaccounts/default")
    root = await kube.get("/api/v1/namespaces/new/configmaps/kube-root-ca.crt")
    assert account.status == 200
    assert root.body["data"] == {"ca.crt": server.certificate_authority}


@pytest.mark.parametrize("plural", ["configmaps", "secrets"])
async def test_a_namespace_takes_its_contents_along(
    server: ApiServer, kube: KubeHttp, plural: str
) -> None:
    await kube.post("/api/v1/namespaces", {"metadata": {"name": "doomed"}})
    await kube.post(f"/api/v1/namespaces/doomed/{plural}", {"metadata": {"name": "one"}})
    deleted = await kube.delete("/api/v1/namespaces/doomed")
    assert deleted.body["status"]["phase"] == "Terminating"
    late = await kube.post(f"/api/v1/namespaces/doomed/{plural}", {"metadata": {"name": "late"}})
    await server.wait_settled()
    assert late.status in (403, 404)
    assert (await kube.get("/api/v1/namespaces/doomed")).status == 404
    assert (await kube.get(f"/api/v1/namespaces/doomed/{plural}")).body["items"] == []


async def test_a_finalizer_keeps_a_namespace_terminating(server: ApiServer, kube: KubeHttp) -> None:
    await kube.post("/api/v1/namespaces", {"metadata": {"name": "stuck"}})
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    await kube.post("/api/v1/namespaces/stuck/configmaps", held)
    await kube.delete("/api/v1/namespaces/stuck")
    await server.wait_settled()
    status = (await kube.get("/api/v1/namespaces/stuck")).body["status"]
    told = {one["type"]: one["message"] for one in status["conditions"]}
    assert told["NamespaceFinalizersRemaining"] == (
        "Some content in the namespace has finalizers remaining: "
        "example.com/hold in 1 resource instances"
    )
    await kube.patch("/api/v1/namespaces/stuck/configmaps/held", {"metadata": {"finalizers": None}})
    await server.wait_settled()
    assert (await kube.get("/api/v1/namespaces/stuck")).status == 404
