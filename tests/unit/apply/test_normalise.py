from __future__ import annotations

from typing import Any

import pytest

from steersman.apply.normalise import Normaliser
from steersman.schemas.catalogue import load_catalogue


@pytest.fixture(scope="module")
def normaliser() -> Normaliser:
    return Normaliser(load_catalogue())


def pod(**container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", **container}]},
    }


def test_ports_get_the_default_protocol(normaliser: Normaliser) -> None:
    before = pod(ports=[{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}])
    after = pod(
        ports=[
            {"containerPort": 80, "protocol": "TCP"},
            {"containerPort": 53, "protocol": "UDP"},
        ]
    )
    assert normaliser.normalise(before) == after


def test_unknown_fields_and_nulls_are_dropped(normaliser: Normaliser) -> None:
    before = pod(imagePullPolice="Always", command=None)
    before["metadata"]["creationTimestamp"] = None
    before["status"] = {}
    assert normaliser.normalise(before) == pod()


def test_what_does_not_fit_is_left_for_the_server_to_refuse(normaliser: Normaliser) -> None:
    before = pod(image=["a"], typo=1)
    assert normaliser.normalise(before) == before


def test_quantities_and_ports_may_be_numbers_or_texts(normaliser: Normaliser) -> None:
    before = pod(
        resources={"limits": {"cpu": 1, "memory": "1Gi"}},
        livenessProbe={"httpGet": {"port": "http", "path": "/"}},
        readinessProbe={"httpGet": {"port": 80}},
    )
    assert normaliser.normalise(before) == before


def test_the_plain_texts_of_a_secret_are_encoded(normaliser: Normaliser) -> None:
    before = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "MQ==", "b": "MQ=="},
        "stringData": {"b": "2"},
    }
    assert normaliser.normalise(before) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "MQ==", "b": "Mg=="},
    }


def test_roles_and_custom_resources_keep_their_shape(normaliser: Normaliser) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r", "creationTimestamp": None},
        "rules": None,
    }
    custom = {"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"any": None}}
    assert normaliser.normalise(role) == role
    assert normaliser.normalise({**custom, "status": {"a": 1}}) == custom


def test_a_definition_loses_a_bundle_that_is_no_certificate(normaliser: Normaliser) -> None:
    def definition(**config: str) -> dict[str, Any]:
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "spec": {"conversion": {"webhook": {"clientConfig": {"url": "https://x", **config}}}},
            "status": {"acceptedNames": {}},
        }

    assert normaliser.normalise(definition(caBundle="Cg==")) == definition()
