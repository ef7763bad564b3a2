"""Tenants: service accounts with their own rights, and references that stay at home."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from steersman.apis.kustomization import GVK
from tests.support.cluster import config_map, namespace
from tests.support.kustomizations import CONFIG_MAP, FLUX, World, a_kustomization, a_world

R1, R2, R3 = (f"main@sha1:{digit * 40}" for digit in "123")
RBAC = "rbac.authorization.k8s.io"
USER = "system:serviceaccount:flux-system:tenant"


async def grant(world: World, *resources: str) -> None:
    """Lets the service account ``tenant`` do everything with these resources in ``default``."""
    role = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": "tenant", "namespace": "default"},
        "rules": [{"apiGroups": [""], "resources": list(resources), "verbs": ["*"]}],
    }
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "tenant", "namespace": "default"},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "tenant"},
        "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": FLUX}],
    }
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "tenant", "namespace": FLUX},
    }
    for manifest in (account, role, binding):
        await world.create(manifest)


async def test_a_forbidden_object_is_named_and_the_right_heals_it(world: World) -> None:
    await grant(world, "configmaps")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
    }
    await world.push({"a.yaml": config_map("a", x="1"), "s.yaml": secret}, revision=R1)
    await world.kustomization(serviceAccountName="tenant")
    await world.settled()
    assert await world.ready() == (
        "False",
        "ReconciliationFailed",
        (
            'Secret/default/s dry-run failed (Forbidden): secrets "s" is forbidden: User'
            f' "{USER}" cannot patch resource "secrets" in API group "" in the namespace'
            ' "default"\n'
            "from s.yaml:1\n"
            "grant the right to the service account, or leave the object out"
        ),
    )
    assert await world.data("a") is None
    await grant(world, "configmaps", "secrets")
    await world.wait(61)
    assert (await world.ready())[0] == "True"
    assert await world.data("a") == {"x": "1"}


async def test_pruning_has_the_rights_of_the_account_too(world: World) -> None:
    await grant(world, "configmaps")
    await world.push({"a.yaml": config_map("a"), "b.yaml": config_map("b")}, revision=R1)
    await world.kustomization(serviceAccountName="tenant")
    await world.settled()
    await world.push({"a.yaml": config_map("a")}, revision=R2)
    await world.settled()
    assert await world.get(CONFIG_MAP, "b") is None
    await world.cluster.client.delete(GVK, "apps", FLUX)
    await world.settled()
    assert await world.get(CONFIG_MAP, "a") is None


async def test_what_may_not_be_deleted_survives_in_the_inventory(world: World) -> None:
    await grant(world, "configmaps")
    await world.push({"a.yaml": config_map("a"), "b.yaml": config_map("b")}, revision=R1)
    await world.kustomization()
    await world.settled()
    role = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": "tenant", "namespace": "default"},
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "verbs": ["get", "list", "watch", "create", "patch"],
            }
        ],
    }
    await world.create(role)
    await world.kustomization(serviceAccountName="tenant")
    await world.settled()
    await world.push({"a.yaml": config_map("a")}, revision=R2)
    await world.settled()
    status, reason, message = await world.ready()
    assert (status, reason) == ("False", "PruneFailed")
    assert message.startswith(
        'delete failed, errors: ConfigMap/default/b delete failed: configmaps "b" is forbidden:'
    )
    assert await world.inventory() == ["default_a__ConfigMap", "default_b__ConfigMap"]
    await grant(world, "configmaps")
    await world.wait(61)
    assert await world.get(CONFIG_MAP, "b") is None
    assert await world.inventory() == ["default_a__ConfigMap"]


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[World]:
    settings: dict[str, Any] = {
        "default_service_account": "tenant",
        "cross_namespace_refs": False,
    }
    async with a_world(tmp_path, **settings) as running:
        yield running


async def test_the_default_service_account_is_used_where_none_is_named(locked: World) -> None:
    await locked.push({"a.yaml": config_map("a")}, revision=R1)
    await locked.kustomization()
    await locked.settled()
    assert (await locked.ready())[2].startswith("ConfigMap/default/a dry-run failed (Forbidden)")
    await grant(locked, "configmaps")
    await locked.wait(61)
    assert (await locked.ready())[0] == "True"


async def test_a_source_in_another_namespace_is_refused_for_good(locked: World) -> None:
    await locked.create(namespace("tenant"))
    await locked.push({"a.yaml": config_map("a")}, revision=R1)
    ref = {"kind": "GitRepository", "name": "repo", "namespace": FLUX}
    manifest = a_kustomization("apps", sourceRef=ref)
    manifest["metadata"]["namespace"] = "tenant"
    await locked.create(manifest)
    await locked.settled()
    live = await locked.cluster.client.get(GVK, "apps", "tenant")
    text = (
        "can't access 'GitRepository/flux-system/repo', cross-namespace references have been"
        " blocked"
    )
    assert [
        (c["type"], c["status"], c["reason"], c["message"]) for c in live["status"]["conditions"]
    ] == [
        ("Stalled", "True", "AccessDenied", text),
        ("Ready", "False", "AccessDenied", text),
    ]


async def test_external_artifacts_are_behind_a_gate(world: World) -> None:
    await world.kustomization(sourceRef={"kind": "ExternalArtifact", "name": "x"})
    await world.settled()
    assert (await world.ready())[1:] == (
        "AccessDenied",
        (
            "can't access 'ExternalArtifact/flux-system/x', ExternalArtifact feature gate is"
            " disabled"
        ),
    )
