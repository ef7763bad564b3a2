from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.kubehttp import KubeHttp

MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "data": data or {"a": "1"}}


async def test_a_created_object_is_read_back_as_it_was_answered(kube: KubeHttp) -> None:
    created = await kube.post(MAPS, config_map("one"))
    read = await kube.get(f"{MAPS}/one")
    assert (created.status, read.status, read.body) == (201, 200, created.body)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        pytest.param(
            "GET", f"{MAPS}/x", None, 404, 'configmaps "x" not found', id="an absent object"
        ),
        pytest.param(
            "GET",
            "/api/v1/foos",
            None,
            404,
            "the server could not find the requested resource",
            id="an unknown resource",
        ),
        pytest.param(
            "POST", MAPS, config_map("one"), 409, 'configmaps "one" already exists', id="a twin"
        ),
        pytest.param(
            "POST",
            "/api/v1/namespaces/nowhere/configmaps",
            config_map("x"),
            404,
            'namespaces "nowhere" not found',
            id="a missing namespace",
        ),
        pytest.param(
            "PUT",
            f"{MAPS}/one",
            config_map("one", resourceVersion="1"),
            409,
            'Operation cannot be fulfilled on configmaps "one": the object has been modified; '
            "please apply your changes to the latest version and try again",
            id="a stale version",
        ),
        pytest.param(
            "POST",
            f"{MAPS}/one",
            config_map("one"),
            405,
            "the server does not allow this method on the requested resource",
            id="a wrong method",
        ),
        pytest.param(
            "DELETE",
            "/api/v1/namespaces/default",
            None,
            403,
            'namespaces "default" is forbidden: this namespace may not be deleted',
            id="an immortal namespace",
        ),
    ],
)
async def test_refusals_use_the_words_of_the_real_server(
    kube: KubeHttp, method: str, path: str, body: Any, status: int, message: str
) -> None:
    await kube.post(MAPS, config_map("one"))
    answer = await kube.call(method, path, body)
    assert (answer.status, answer.message) == (status, message)


async def test_a_write_without_effect_keeps_the_version(kube: KubeHttp) -> None:
    created = (await kube.post(MAPS, config_map("one"))).body
    again = (await kube.put(f"{MAPS}/one", config_map("one"))).body
    assert again["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


async def test_chunks_show_one_snapshot(kube: KubeHttp) -> None:
    for name in ("a", "b", "c"):
        await kube.post(MAPS, config_map(name, labels={"x": "y"}))
    first = (await kube.get(f"{MAPS}?limit=2&labelSelector=x")).body
    await kube.delete(f"{MAPS}/c")
    rest = (
        await kube.get(f"{MAPS}?limit=2&labelSelector=x&continue={first['metadata']['continue']}")
    ).body
    names = [item["metadata"]["name"] for item in (*first["items"], *rest["items"])]
    assert names == ["a", "b", "c"]
    assert rest["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_a_watch_list_ends_its_state_with_an_annotated_bookmark(kube: KubeHttp) -> None:
    await kube.post(MAPS, config_map("one"))
    path = (
        f"{MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        "&allowWatchBookmarks=true&fieldSelector=metadata.name=one"
    )
    added, bookmark = await kube.watch(path, 2)
    assert added["type"] == "ADDED"
    assert bookmark == {
        "type": "BOOKMARK",
        "object": {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {
                "resourceVersion": bookmark["object"]["metadata"]["resourceVersion"],
                "annotations": {"k8s.io/initial-events-end": "true"},
            },
        },
    }


async def test_objects_enter_and_leave_a_selector(kube: KubeHttp) -> None:
    created = (await kube.post(MAPS, config_map("one", labels={"in": "1"}))).body
    version = created["metadata"]["resourceVersion"]
    path = f"{MAPS}?watch=true&resourceVersion={version}&labelSelector=in%3D1"
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(kube.watch(path, 3))
        await kube.patch(f"{MAPS}/one", {"metadata": {"labels": {"in": "2"}}})
        await kube.patch(f"{MAPS}/one", {"metadata": {"labels": {"in": "1"}}})
        await kube.delete(f"{MAPS}/one")
    seen = [(e["type"], e["object"]["metadata"]["labels"]["in"]) for e in watching.result()]
    assert seen == [("DELETED", "1"), ("ADDED", "1"), ("DELETED", "1")]


async def test_finalizers_hold_a_deleted_object(kube: KubeHttp) -> None:
    await kube.post(MAPS, config_map("one", finalizers=["example.com/x"]))
    marked = (await kube.delete(f"{MAPS}/one")).body["metadata"]
    assert (marked["deletionGracePeriodSeconds"], marked["finalizers"]) == (0, ["example.com/x"])
    await kube.patch(f"{MAPS}/one", {"metadata": {"finalizers": None}})
    assert (await kube.get(f"{MAPS}/one")).status == 404


async def test_a_dry_run_stores_nothing(kube: KubeHttp) -> None:
    answer = await kube.post(f"{MAPS}?dryRun=All", config_map("one"))
    assert "resourceVersion" not in answer.body["metadata"]
    assert (await kube.get(f"{MAPS}/one")).status == 404


async def test_without_credentials_nobody_is_let_in(server: Any) -> None:
    async with KubeHttp(server.url) as anonymous, KubeHttp(server.url, "wrong") as stranger:
        answer = await anonymous.get(MAPS)
        assert answer.message == (
            'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" '
            'in API group "" in the namespace "default"'
        )
        assert (await stranger.get(MAPS)).status == 401
