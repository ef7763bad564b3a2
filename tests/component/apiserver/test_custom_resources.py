from __future__ import annotations

from typing import Any

import pytest

from steersman.servers.apiserver.server import ApiServer
from tests.support.kubehttp import KubeHttp

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = "/apis/example.com/v1/namespaces/default/things"


def definition(**version: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "minimum": 1, "default": 3},
                    "name": {"type": "string"},
                },
            },
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing", "shortNames": ["th"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    **version,
                }
            ],
        },
    }


def thing(name: str = "one", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.fixture
async def defined(server: ApiServer, kube: KubeHttp) -> ApiServer:
    created = await kube.post(CRDS, definition())
    assert created.status == 201
    await server.wait_settled()
    return server


async def test_a_definition_is_established_and_discovered(
    defined: ApiServer, kube: KubeHttp
) -> None:
    status = (await kube.get(f"{CRDS}/things.example.com")).body["status"]
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    resources = (await kube.get("/apis/example.com/v1")).body["resources"]
    assert [one["name"] for one in resources] == ["things", "things/status"]
    document = (await kube.get("/openapi/v3/apis/example.com/v1")).body
    assert "com.example.v1.Thing" in document["components"]["schemas"]


async def test_objects_are_pruned_and_defaulted(defined: ApiServer, kube: KubeHttp) -> None:
    created = await kube.post(THINGS, thing(odd=1))
    assert created.body["spec"] == {"size": 3}
    assert created.headers["Warning"] == '299 - "unknown field \\"spec.odd\\""'


async def test_objects_are_validated(defined: ApiServer, kube: KubeHttp) -> None:
    answer = await kube.post(THINGS, thing(size=0))
    assert answer.status == 422
    assert answer.message == (
        'Thing.example.com "one" is invalid: spec.size: Invalid value: 0: spec.size in body should '
        "be greater than or equal to 1"
    )


async def test_spec_and_status_are_written_apart(defined: ApiServer, kube: KubeHttp) -> None:
    await kube.post(THINGS, {**thing(), "status": {"seen": 1}})
    await kube.patch(f"{THINGS}/one/status", {"spec": {"size": 9}, "status": {"seen": 2}})
    stored = (await kube.get(f"{THINGS}/one")).body
    assert (stored["spec"], stored["status"], stored["metadata"]["generation"]) == (
        {"size": 3},
        {"seen": 2},
        1,
    )


async def test_apply_owns_the_fields_it_names(defined: ApiServer, kube: KubeHttp) -> None:
    created = await kube.patch(f"{THINGS}/one?fieldManager=me", thing(size=4), "apply")
    (entry,) = created.body["metadata"]["managedFields"]
    assert (created.status, entry["manager"], entry["operation"], entry["fieldsV1"]) == (
        201,
        "me",
        "Apply",
        {"f:spec": {"f:size": {}}},
    )


async def test_a_deleted_definition_takes_its_objects_along(
    defined: ApiServer, kube: KubeHttp
) -> None:
    await kube.post(THINGS, thing())
    await kube.delete(f"{CRDS}/things.example.com")
    await defined.wait_settled()
    assert (await kube.get(f"{CRDS}/things.example.com")).status == 404
    assert (await kube.get(THINGS)).status == 404


async def test_a_version_that_is_served_no_more_disappears(
    defined: ApiServer, kube: KubeHttp
) -> None:
    changed = definition()
    changed["spec"]["versions"].append({**changed["spec"]["versions"][0], "name": "v2"})
    changed["spec"]["versions"][0].update(storage=False, served=False)
    await kube.call("PATCH", f"{CRDS}/things.example.com", changed, "application/merge-patch+json")
    await defined.wait_settled()
    assert (await kube.get(THINGS)).status == 404
    assert (await kube.get(THINGS.replace("v1", "v2"))).status == 200
