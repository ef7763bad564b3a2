"""The generic strategy of built-in kinds: Go's round trip, unknown fields, status, metadata."""

from collections.abc import Iterable
from typing import Any

import pytest

from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import load_catalogue
from steersman.servers.apiserver.strategies.builtin import BuiltinStrategy
from steersman.servers.apiserver.strategies.registry import for_resource
from steersman.servers.apiserver.strategy import WriteContext


class EmptyCluster:
    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        return None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        return ()


CTX = WriteContext(now="2026-01-01T00:00:00Z", cluster=EmptyCluster())


def strategy(group: str, version: str, kind: str) -> BuiltinStrategy:
    catalogue = load_catalogue()
    info = catalogue.resource_of(GroupVersionKind(group, version, kind))
    assert info is not None
    return for_resource(info, catalogue)


def test_every_built_in_resource_has_a_type() -> None:
    catalogue = load_catalogue()
    for info in catalogue.resources:
        if "create" in info.verbs and "get" in info.verbs:
            for_resource(info, catalogue).decode({})


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        pytest.param({"data": {}}, {}, id="an empty omitempty map vanishes"),
        pytest.param({"data": {"b": "", "a": "1"}}, {"data": {"a": "1", "b": ""}}, id="map keys"),
        pytest.param({"data": {"a": None}}, {"data": {"a": ""}}, id="a null text is empty"),
        pytest.param({"data": None}, {}, id="a null map vanishes"),
        pytest.param({"immutable": False}, {"immutable": False}, id="a pointer keeps its zero"),
    ],
)
def test_the_round_trip_of_go(raw: dict[str, Any], stored: dict[str, Any]) -> None:
    decoded = strategy("", "v1", "ConfigMap").decode({"metadata": {"name": "x"}, **raw})
    head = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}}
    assert decoded.obj == {**head, **stored}
    assert decoded.problems == ()


def test_unknown_fields_are_named_with_their_path_in_document_order() -> None:
    raw = {
        "metadata": {"name": "x", "foo": 1},
        "spec": {"template": {"spec": {"containers": [{"name": "a"}, {"nam": "b"}]}}, "x": 1},
        "Status": {},
    }
    assert strategy("apps", "v1", "Deployment").decode(raw).problems == (
        'unknown field "metadata.foo"',
        'unknown field "spec.template.spec.containers[1].nam"',
        'unknown field "spec.x"',
        'unknown field "Status"',
    )


@pytest.mark.parametrize(
    ("kind", "raw", "text"),
    [
        pytest.param(
            ("", "v1", "ConfigMap"),
            {"data": {"a": 1}},
            "number into Go struct field ConfigMap.data of type string",
            id="a number in a text map",
        ),
        pytest.param(
            ("apps", "v1", "Deployment"),
            {"spec": {"replicas": "3"}},
            "string into Go struct field DeploymentSpec.spec.replicas of type int32",
            id="a text for a number",
        ),
        pytest.param(
            ("apps", "v1", "Deployment"),
            {"spec": {"template": {"spec": {"containers": {}}}}},
            "object into Go struct field PodSpec.spec.template.spec.containers of type"
            " []v1.Container",
            id="an object for a list",
        ),
    ],
)
def test_wrong_types_are_refused_in_the_words_of_go(
    kind: tuple[str, str, str], raw: dict[str, Any], text: str
) -> None:
    with pytest.raises(ApiError) as caught:
        strategy(*kind).decode(raw)
    version = f"{kind[0]}/{kind[1]}" if kind[0] else kind[1]
    assert caught.value.message == (
        f'{kind[2]} in version "{version}" cannot be handled as a {kind[2]}: '
        f"json: cannot unmarshal {text}"
    )


def test_the_status_is_emptied_on_create() -> None:
    deployments = strategy("apps", "v1", "Deployment")
    obj = deployments.decode({"metadata": {"name": "x"}, "status": {"replicas": 3}}).obj
    assert deployments.prepare_create(obj, CTX)["status"] == {}


def test_metadata_is_checked_in_field_order() -> None:
    maps = strategy("", "v1", "ConfigMap")
    obj = maps.decode(
        {
            "metadata": {
                "name": "Bad_Name",
                "namespace": "n",
                "labels": {"d": "e f"},
                "annotations": {"/x": "1"},
                "finalizers": ["a b"],
                "ownerReferences": [{"kind": "X", "name": "y"}],
            }
        }
    ).obj
    assert [error.field for error in maps.validate_create(obj, CTX)] == [
        "metadata.name",
        "metadata.labels",
        "metadata.annotations",
        "metadata.ownerReferences.apiVersion",
        "metadata.ownerReferences.uid",
        "metadata.finalizers",
    ]
