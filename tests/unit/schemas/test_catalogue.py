"""What the catalogue of built-in kinds holds."""

from __future__ import annotations

import pytest

from steersman.errors import InvalidSpec
from steersman.objects.identity import GroupKind, GroupVersionKind
from steersman.schemas.catalogue import MINORS, ResourceInfo, SubresourceInfo, load_catalogue


@pytest.mark.parametrize("minor", MINORS)
def test_every_reference_resolves_and_every_resource_has_a_schema(minor: str) -> None:
    catalogue = load_catalogue(minor)

    def check(node: object) -> None:
        if isinstance(node, dict):
            assert "description" not in node or not isinstance(node["description"], str)
            if isinstance(node.get("$ref"), str):
                catalogue.resolve(node["$ref"])
            for value in node.values():
                check(value)

    for schema in catalogue.definitions.values():
        check(schema)
    for resource in catalogue.resources:
        assert catalogue.schema_of(resource.gvk) is not None
        assert catalogue.resource_of(resource.gvk) is resource


def test_a_deployment_is_served_as_discovery_says() -> None:
    assert load_catalogue().resource_of(GroupVersionKind("apps", "v1", "Deployment")) == (
        ResourceInfo(
            group="apps",
            version="v1",
            kind="Deployment",
            plural="deployments",
            singular="deployment",
            namespaced=True,
            verbs=(
                "create",
                "delete",
                "deletecollection",
                "get",
                "list",
                "patch",
                "update",
                "watch",
            ),
            short_names=("deploy",),
            categories=("all",),
            subresources=(
                SubresourceInfo("scale", "autoscaling", "v1", "Scale", ("get", "patch", "update")),
                SubresourceInfo("status", "", "", "Deployment", ("get", "patch", "update")),
            ),
        )
    )


def test_ports_of_containers_default_their_protocol_since_it_is_a_merge_key() -> None:
    port = load_catalogue().definitions["io.k8s.api.core.v1.ContainerPort"]
    assert port["properties"]["protocol"] == {"type": "string", "default": "TCP"}


@pytest.mark.parametrize(
    ("group", "kind", "expected"),
    [
        pytest.param("", "ConfigMap", True, id="a config map lives in a namespace"),
        pytest.param("", "Namespace", False, id="a namespace does not"),
        pytest.param("example.com", "Widget", None, id="a custom kind is not known"),
    ],
)
def test_scope(group: str, kind: str, expected: bool | None) -> None:
    assert load_catalogue().is_namespaced(GroupKind(group, kind)) is expected


def test_kinds_that_became_stable_appear_with_their_minor() -> None:
    policy = GroupVersionKind("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy")
    assert [load_catalogue(minor).resource_of(policy) is not None for minor in MINORS] == [
        False,
        True,
        True,
    ]


def test_the_recorded_minor_serves_the_recorded_number_of_resources() -> None:
    assert len(load_catalogue("1.36").resources) == 68


def test_an_unknown_minor_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"Kubernetes 1\.20 is not known"):
        load_catalogue("1.20")
