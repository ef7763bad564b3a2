"""Decoding of Flux kinds: what is accepted, and how refusals read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from steersman.apis.kustomization import InventoryEntry, SourceRef, decode_kustomization
from steersman.apis.meta import LocalRef, ObjectMeta
from steersman.apis.source.gitrepository import (
    GitRepositoryRef,
    GitRepositorySpec,
    decode_gitrepository,
)
from steersman.errors import InvalidSpec
from steersman.objects.identity import ObjectRef


def a_gitrepository(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "infra", "namespace": "flux-system"},
        "spec": {"url": "https://git.example/infra", "interval": "1m", **spec},
    }


def a_kustomization(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": {
            "interval": "10m",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "infra"},
            **spec,
        },
    }


def test_a_gitrepository_decodes_with_its_defaults() -> None:
    decoded = decode_gitrepository(
        a_gitrepository(ref={"branch": "main"}, secretRef={"name": "bot"}, unheardOf=1)
    )
    assert decoded.spec == GitRepositorySpec(
        url="https://git.example/infra",
        interval="1m",
        timeout="60s",
        provider="generic",
        ref=GitRepositoryRef(branch="main"),
        secret_ref=LocalRef(name="bot"),
    )
    assert decoded.metadata == ObjectMeta(name="infra", namespace="flux-system")
    assert decoded.status.observed_generation == -1


def test_a_status_without_observed_generation_counts_as_generation_zero() -> None:
    manifest = {**a_gitrepository(), "status": {"conditions": []}}
    assert decode_gitrepository(manifest).status.observed_generation == 0


def test_nulls_count_as_absent() -> None:
    decoded = decode_kustomization(a_kustomization(path=None, images=None, timeout=None))
    assert (decoded.spec.path, decoded.spec.images, decoded.spec.timeout) == ("", (), None)


def test_an_inventory_entry_is_spelled_v_on_the_wire() -> None:
    manifest = {
        **a_kustomization(),
        "status": {"inventory": {"entries": [{"id": "default_web_apps_Deployment", "v": "v1"}]}},
    }
    inventory = decode_kustomization(manifest).status.inventory
    assert inventory is not None
    assert inventory.entries == (InventoryEntry(id="default_web_apps_Deployment", version="v1"),)


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (SourceRef(kind="GitRepository", name="a"), ("source.toolkit.fluxcd.io", "flux-system")),
        (
            SourceRef(kind="Bucket", name="a", namespace="other"),
            ("source.toolkit.fluxcd.io", "other"),
        ),
        (
            SourceRef(kind="ExternalArtifact", name="a", api_version="mine.example/v1"),
            ("mine.example", "flux-system"),
        ),
    ],
    ids=["own namespace by default", "another namespace", "another group"],
)
def test_the_source_of_a_kustomization(ref: SourceRef, expected: tuple[str, str]) -> None:
    raw = {"kind": ref.kind, "name": ref.name, "namespace": ref.namespace or None}
    source = decode_kustomization(
        a_kustomization(sourceRef={**raw, "apiVersion": ref.api_version})
    ).source
    assert source == ObjectRef(expected[0], ref.kind, expected[1], ref.name)


@dataclass(frozen=True)
class Refused:
    id: str
    manifest: dict[str, Any]
    message: str


REFUSED = [
    Refused(
        "a wrong type names the field and JSON's words",
        a_gitrepository(interval=60),
        "GitRepository/flux-system/infra: spec.interval: expected `string`, got `integer`",
    ),
    Refused(
        "a duration needs a unit",
        a_kustomization(interval="10"),
        "Kustomization/flux-system/apps: spec.interval: expected `string` matching regex "
        r"'^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$'",
    ),
    Refused(
        "the time for a fetch has no hours",
        a_gitrepository(timeout="1h"),
        "GitRepository/flux-system/infra: spec.timeout: expected `string` matching regex "
        r"'^([0-9]+(\\.[0-9]+)?(ms|s|m))+$'",
    ),
    Refused(
        "the short form of ssh addresses",
        a_gitrepository(url="git@host:path"),
        "GitRepository/flux-system/infra: spec.url: expected `string` matching regex "
        "'^(http|https|ssh)://.*$'",
    ),
    Refused(
        "a missing field",
        {**a_kustomization(), "spec": {"interval": "1m", "prune": True}},
        "Kustomization/flux-system/apps: spec.sourceRef: required field is missing",
    ),
    Refused(
        "a missing field in a list",
        a_kustomization(dependsOn=[{"name": "a"}, {}]),
        "Kustomization/flux-system/apps: spec.dependsOn[1].name: required field is missing",
    ),
    Refused(
        "a word that is not in the list of values",
        a_kustomization(deletionPolicy="Keep"),
        "Kustomization/flux-system/apps: spec.deletionPolicy: invalid enum value 'Keep'",
    ),
    Refused(
        "a service account without a cloud provider",
        a_gitrepository(serviceAccountName="bot"),
        "GitRepository/flux-system/infra: spec: serviceAccountName can only be set when provider "
        "is 'azure' or 'aws'",
    ),
    Refused(
        "a kubeconfig from two places",
        a_kustomization(kubeConfig={"secretRef": {"name": "a"}, "configMapRef": {"name": "b"}}),
        "Kustomization/flux-system/apps: spec.kubeConfig: exactly one of "
        "spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified",
    ),
    Refused(
        "a spec that is a text",
        {**a_kustomization(), "spec": "hello"},
        "Kustomization/flux-system/apps: spec: expected `object`, got `string`",
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_a_refusal_names_object_field_and_cause(case: Refused) -> None:
    decode = (
        decode_gitrepository if case.manifest["kind"] == "GitRepository" else decode_kustomization
    )
    with pytest.raises(InvalidSpec) as caught:
        decode(case.manifest)
    assert caught.value.message == case.message


def test_another_version_is_refused_by_name() -> None:
    manifest = {**a_gitrepository(), "apiVersion": "source.toolkit.fluxcd.io/v1beta2"}
    with pytest.raises(InvalidSpec) as caught:
        decode_gitrepository(manifest)
    assert caught.value.message == (
        "GitRepository/flux-system/infra: expected GitRepository of `source.toolkit.fluxcd.io/v1`, "
        "got `GitRepository` of `source.toolkit.fluxcd.io/v1beta2`"
    )
