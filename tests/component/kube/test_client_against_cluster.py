"""The client against the embedded API server: every verb, and what the server says no with."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from steersman.clients.kube import KubeClient, NoMatch, PatchType, WatchType, parse_kubeconfig
from steersman.clients.kube.response import ends_initial_events
from steersman.kit.clock import SystemClock
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest
from tests.support.clusters import Cluster

CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
NAMESPACE = GroupVersionKind("", "v1", "Namespace")
DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")


def a_map(name: str = "a", *, labels: dict[str, str] | None = None, **data: str) -> Manifest:
    metadata = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, "labels": labels} if labels else metadata,
        "data": data,
    }


def code_of(raised: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    return raised.value.code, raised.value.status_reason


async def test_an_object_is_created_read_updated_and_deleted(cluster: Cluster):
    client = cluster.client
    created = await client.create(a_map(x="1"), field_manager="test")
    assert await client.get(CONFIG_MAP, "a", "default") == created
    updated = await client.update({**created, "data": {"x": "2"}}, field_manager="test")
    assert updated["data"] == {"x": "2"}
    with pytest.raises(ApiError) as stale:
        await client.update({**created, "data": {"x": "3"}}, field_manager="test")
    assert code_of(stale) == (409, "Conflict")
    await client.delete(CONFIG_MAP, "a", "default")
    assert await client.find(CONFIG_MAP, "a", "default") is None
    with pytest.raises(ApiError) as gone:
        await client.get(CONFIG_MAP, "a", "default")
    assert code_of(gone) == (404, "NotFound")


async def test_an_existing_object_is_not_created_again(cluster: Cluster):
    await cluster.create(a_map())
    with pytest.raises(ApiError) as raised:
        await cluster.create(a_map())
    assert code_of(raised) == (409, "AlreadyExists")


async def test_an_apply_owns_its_fields_and_force_takes_those_of_others(cluster: Cluster):
    await cluster.client.apply(a_map(x="1"), field_manager="one")
    with pytest.raises(ApiError) as conflict:
        await cluster.client.apply(a_map(x="2"), field_manager="two", force=False)
    assert conflict.value.code == 409
    assert [cause["field"] for cause in conflict.value.causes] == [".data.x"]
    taken = await cluster.client.apply(a_map(x="2"), field_manager="two")
    assert taken["data"] == {"x": "2"}
    left = await cluster.client.apply(a_map(), field_manager="two")
    assert left.get("data") in (None, {})


async def test_a_dry_run_tells_what_would_be_and_changes_nothing(cluster: Cluster):
    told = await cluster.client.apply(a_map(x="1"), field_manager="one", dry_run=True)
    assert told["data"] == {"x": "1"}
    assert await cluster.client.find(CONFIG_MAP, "a", "default") is None


@pytest.mark.parametrize(
    ("type", "body"),
    [
        (PatchType.MERGE, {"data": {"x": None, "y": "2"}}),
        (PatchType.STRATEGIC, {"data": {"x": None, "y": "2"}}),
        (
            PatchType.JSON,
            [
                {"op": "remove", "path": "/data/x"},
                {"op": "add", "path": "/data/y", "value": "2"},
            ],
        ),
    ],
)
async def test_patches_of_every_type(cluster: Cluster, type: PatchType, body: object):
    await cluster.create(a_map(x="1"))
    patched = await cluster.client.patch(
        CONFIG_MAP, "a", "default", body, type=type, field_manager="test"
    )
    assert patched["data"] == {"y": "2"}


async def test_an_invalid_object_is_refused_with_its_fields(cluster: Cluster):
    with pytest.raises(ApiError) as raised:
        await cluster.create(a_map("Not_A_Name"))
    assert code_of(raised) == (422, "Invalid")
    assert [cause["field"] for cause in raised.value.causes] == ["metadata.name"]


async def test_a_deletion_hits_only_the_object_that_was_meant(cluster: Cluster):
    await cluster.create(a_map())
    with pytest.raises(ApiError) as raised:
        await cluster.client.delete(CONFIG_MAP, "a", "default", uid="another")
    assert code_of(raised) == (409, "Conflict")


async def test_lists_are_read_in_pages_and_by_selector(cluster: Cluster):
    for number in range(7):
        await cluster.create(a_map(f"m{number}", labels={"odd": str(number % 2)}))
    paged = await cluster.client.list(CONFIG_MAP, "default", limit=2)
    names = [m["metadata"]["name"] for m in paged.items if m["metadata"]["name"].startswith("m")]
    assert names == [f"m{number}" for number in range(7)]
    assert {(m["apiVersion"], m["kind"]) for m in paged.items} == {("v1", "ConfigMap")}
    odd = await cluster.client.list(CONFIG_MAP, "default", label_selector="odd=1")
    assert [m["metadata"]["name"] for m in odd.items] == ["m1", "m3", "m5"]
    one = await cluster.client.list(CONFIG_MAP, field_selector="metadata.name=m2")
    assert [m["metadata"]["name"] for m in one.items] == ["m2"]


async def test_only_metadata_is_read_where_that_is_enough(cluster: Cluster):
    await cluster.create(a_map(x="1"))
    [listed] = (
        await cluster.client.list(CONFIG_MAP, field_selector="metadata.name=a", metadata_only=True)
    ).items
    got = await cluster.client.get(CONFIG_MAP, "a", "default", metadata_only=True)
    assert "data" not in listed
    assert "data" not in got
    assert (listed["kind"], listed["metadata"]["name"]) == ("ConfigMap", "a")


async def test_a_watch_tells_changes_from_a_version_on(cluster: Cluster):
    listed = await cluster.client.list(CONFIG_MAP, "default")
    watch = cluster.client.watch(
        CONFIG_MAP, resource_version=listed.resource_version, namespace="default"
    )
    async with aclosing(watch) as events:
        await cluster.create(a_map(x="1"))
        await cluster.merge(CONFIG_MAP, "a", {"data": {"x": "2"}})
        await cluster.client.delete(CONFIG_MAP, "a", "default")
        seen = [await anext(events) for _ in range(3)]
    assert [(event.type, event.object["data"]["x"]) for event in seen] == [
        (WatchType.ADDED, "1"),
        (WatchType.MODIFIED, "2"),
        (WatchType.DELETED, "2"),
    ]


async def test_a_watch_can_begin_with_what_is_there(cluster: Cluster):
    await cluster.create(a_map("a"), a_map("b"))
    watch = cluster.client.watch(
        CONFIG_MAP, resource_version="", namespace="default", initial_events=True
    )
    names, ended = [], False
    async with aclosing(watch) as events:
        async for event in events:
            if ends_initial_events(event):
                ended = True
                await cluster.create(a_map("c"))
            elif event.type is WatchType.ADDED:
                names.append(event.object["metadata"]["name"])
            if "c" in names:
                break
    assert ended
    assert (names[:2], names[-1]) == (["a", "b"], "c")


async def test_a_watch_ends_when_the_server_was_asked_to_end_it(cluster: Cluster):
    listed = await cluster.client.list(CONFIG_MAP, "default")
    began = asyncio.get_running_loop().time()
    async for event in cluster.client.watch(
        CONFIG_MAP,
        resource_version=listed.resource_version,
        namespace="default",
        timeout_seconds=90,
    ):
        assert event.type is WatchType.BOOKMARK
    assert asyncio.get_running_loop().time() - began == pytest.approx(90, abs=2)


async def test_a_kind_that_is_not_served_does_not_match(cluster: Cluster):
    with pytest.raises(NoMatch) as raised:
        await cluster.client.get(GroupVersionKind("example.com", "v1", "Nothing"), "a")
    assert str(raised.value) == 'no matches for kind "Nothing" in version "example.com/v1"'


async def test_everything_that_is_served_can_be_asked_for(cluster: Cluster):
    found = {resource.gvk: resource for resource in await cluster.client.resources()}
    assert found[CONFIG_MAP].short_names == ("cm",)
    assert not found[NAMESPACE].namespaced
    assert found[DEPLOYMENT].subresource("scale") is not None


async def test_who_acts_as_a_service_account_has_its_rights_only(cluster: Cluster):
    await cluster.create(a_map())
    role = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    metadata = {"name": "reader", "namespace": "default"}
    await cluster.create(
        {**rbac, "kind": "Role", "metadata": metadata, "rules": [role]},
        {
            **rbac,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": "reader",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}],
        },
    )
    reader = cluster.client.impersonating("system:serviceaccount:default:reader")
    assert (await reader.get(CONFIG_MAP, "a", "default"))["metadata"]["name"] == "a"
    with pytest.raises(ApiError) as raised:
        await reader.delete(CONFIG_MAP, "a", "default")
    assert code_of(raised) == (403, "Forbidden")


async def test_a_stranger_is_not_let_in(cluster: Cluster):
    kubeconfig = cluster.server.kubeconfig().replace(cluster.server.token(), "wrong")
    connection = parse_kubeconfig(kubeconfig)
    async with KubeClient(connection, user_agent="test", clock=cluster.clock) as stranger:
        with pytest.raises(ApiError) as raised:
            await stranger.list(CONFIG_MAP)
    assert code_of(raised) == (401, "Unauthorized")


@pytest.mark.real_time
@pytest.mark.parametrize("certificate", [False, True])
async def test_a_kubeconfig_of_the_server_works_over_tls(cluster: Cluster, certificate: bool):
    connection = parse_kubeconfig(cluster.server.kubeconfig(certificate=certificate))
    assert connection.server.startswith("https://")
    async with KubeClient(connection, user_agent="test", clock=SystemClock()) as client:
        created = await client.create(a_map(x="1"), field_manager="test")
        assert await client.get(CONFIG_MAP, "a", "default") == created
