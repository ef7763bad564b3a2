"""Bad input: Ready says what, where and what to do; what was applied stays; a good push heals."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.support.cluster import config_map
from tests.support.kustomizations import CONFIG_MAP, FLUX, GIT_REPOSITORY, World

R1, R2, R3 = (f"main@sha1:{digit * 40}" for digit in "123")
GOOD = {"apps/a.yaml": config_map("a", x="1")}
BETTER = {"apps/a.yaml": config_map("a", x="2")}


class Bad(NamedTuple):
    id: str
    files: dict[str, Any]
    reason: str
    message: list[str]


ROWS = [
    Bad(
        "malformed YAML, with file and line",
        {**GOOD, "apps/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: [x\n"},
        "BuildFailed",
        ["kustomize build failed: ", "apps/b.yaml:4: "],
    ),
    Bad(
        "a path that is gone",
        {"elsewhere/a.yaml": config_map("a")},
        "ArtifactFailed",
        [
            "kustomization path not found: stat ./apps: no such file or directory",
            "correct spec.path, or add the directory to the source",
        ],
    ),
    Bad(
        "an unknown kind",
        {**BETTER, "apps/b.yaml": {**config_map("b"), "kind": "ConfigMop"}},
        "ReconciliationFailed",
        [
            'ConfigMop/default/b dry-run failed: no matches for kind "ConfigMop" in version "v1"',
            "from apps/b.yaml:1",
        ],
    ),
    Bad(
        "an unknown namespace",
        {**BETTER, "apps/b.yaml": config_map("b", "nowhere")},
        "ReconciliationFailed",
        [
            'ConfigMap/nowhere/b not found: namespaces "nowhere" not found',
            "from apps/b.yaml:1",
            "create the namespace in this Kustomization or in one that it depends on",
        ],
    ),
    Bad(
        "an encrypted Secret",
        {
            **BETTER,
            "apps/s.yaml": {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "s", "namespace": "default"},
                "data": {"a": "ENC[AES256_GCM,data:x]"},
                "sops": {"mac": "x"},
            },
        },
        "ReconciliationFailed",
        [
            (
                "Secret/default/s is SOPS encrypted, configuring decryption is required for this"
                " secret to be reconciled"
            ),
        ],
    ),
]


@pytest.mark.parametrize("bad", ROWS, ids=lambda bad: bad.id)
async def test_bad_pushes(world: World, bad: Bad) -> None:
    await world.push(GOOD, revision=R1)
    await world.kustomization(path="./apps")
    await world.settled()

    await world.push(bad.files, revision=R2)
    await world.settled()
    status, reason, message = await world.ready()
    assert (status, reason) == ("False", bad.reason)
    for part in bad.message:
        assert part in message
    assert await world.data("a") == {"x": "1"}
    assert "default_a__ConfigMap" in await world.inventory()
    assert "Stalled" not in await world.conditions()

    await world.push(BETTER, revision=R3)
    await world.settled()
    assert await world.ready() == (
        "True",
        "ReconciliationSucceeded",
        f"Applied revision: {R3}",
    )
    assert await world.data("a") == {"x": "2"}


async def test_a_source_that_disappears(world: World) -> None:
    await world.push(GOOD, revision=R1)
    await world.kustomization()
    await world.settled()
    await world.cluster.client.delete(GIT_REPOSITORY, "repo", FLUX)
    await world.wait(660)
    assert await world.ready() == (
        "False",
        "ArtifactFailed",
        (
            'gitrepositories.source.toolkit.fluxcd.io "repo" not found\n'
            "correct spec.sourceRef, or create the source; applied objects stay"
        ),
    )
    assert await world.data("a") == {"x": "1"}
    await world.push(BETTER, revision=R2)
    await world.settled()
    assert await world.data("a") == {"x": "2"}


async def test_a_source_without_an_artifact(world: World) -> None:
    await world.create(
        {
            "apiVersion": GIT_REPOSITORY.api_version,
            "kind": "GitRepository",
            "metadata": {"name": "repo", "namespace": FLUX},
            "spec": {"interval": "1m", "url": "https://example.com/repo.git"},
        }
    )
    await world.kustomization()
    await world.settled()
    assert await world.ready() == (
        "False",
        "ArtifactFailed",
        "Source artifact not found, retrying in 30s",
    )


async def test_an_artifact_that_is_gone(world: World) -> None:
    await world.push(GOOD, revision=R1)
    for path in world.store.root.rglob("*.tar.gz"):
        path.unlink()
    await world.kustomization()
    await world.settled()
    assert await world.ready() == (
        "False",
        "ArtifactFailed",
        "Source is not ready, artifact not found, retrying in 30s",
    )


async def test_decryption_is_refused_loudly(world: World) -> None:
    await world.push(GOOD, revision=R1)
    await world.kustomization(decryption={"provider": "sops"})
    await world.settled()
    conditions = await world.conditions()
    text = "spec.decryption is not supported: this release cannot open SOPS files"
    assert conditions["Stalled"] == ("True", "FeatureGateDisabled", text)
    assert conditions["Ready"][2].startswith(text)
    assert await world.get(CONFIG_MAP, "a") is None


async def test_a_partial_apply_is_told_and_kept_in_the_inventory(world: World) -> None:
    await world.push(
        {
            "n.yaml": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}},
            "b.yaml": {**config_map("b"), "kind": "ConfigMop"},
        },
        revision=R1,
    )
    await world.kustomization()
    await world.settled()
    assert (await world.ready())[2].splitlines() == [
        'ConfigMop/default/b dry-run failed: no matches for kind "ConfigMop" in version "v1"',
        "from b.yaml:1",
        "Namespace/new created",
    ]
    assert await world.inventory() == ["_new__Namespace"]
    status = await world.status()
    assert status["observedGeneration"] == -1
    assert status["lastAttemptedRevision"] == R1
    assert "lastAppliedRevision" not in status
