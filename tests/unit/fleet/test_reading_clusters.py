"""Reading fleets that others wrote."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from steersman.errors import InvalidSpec
from steersman.fleet.clusters import read_clusters

INSTANCE = b"""
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata:
  name: flux
  namespace: flux-system
spec:
  sync:
    kind: GitRepository
    url: https://git.example/fleet.git
    ref: refs/heads/main
    path: clusters/one
    pullSecret: flux-git
"""

RUNTIME = b"""
apiVersion: v1
kind: ConfigMap
metadata:
  name: info
  labels: {toolkit.fluxcd.io/runtime: "true"}
data: {ENVIRONMENT: staging, GIT_BRANCH: main}
"""


def test_a_fluxinstance_stands_for_the_two_sync_objects() -> None:
    files = {
        "clusters/one/flux-system/flux-instance.yaml": INSTANCE,
        "clusters/one/runtime-info.yaml": RUNTIME,
        "tenants/broken.yaml": b"{",
    }
    (cluster,) = read_clusters(files)
    assert (cluster.name, cluster.environment, cluster.branch) == ("one", "staging", "main")
    assert cluster.secret == "flux-git"
    assert cluster.bootstrap == (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}},
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": "flux-system", "namespace": "flux-system"},
            "spec": {
                "interval": "1m",
                "url": "https://git.example/fleet.git",
                "ref": {"name": "refs/heads/main"},
                "secretRef": {"name": "flux-git"},
            },
        },
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": "flux-system", "namespace": "flux-system"},
            "spec": {
                "interval": "10m",
                "path": "clusters/one",
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
            },
        },
    )


def test_a_directory_without_a_sync_is_no_cluster() -> None:
    assert read_clusters({"clusters/base/runtime-info.yaml": RUNTIME}) == ()


@dataclass(frozen=True)
class Broken:
    id: str
    files: dict[str, bytes]
    message: str


BROKEN = [
    Broken(
        "a file that is not yaml is named with its line",
        {"clusters/one/info.yaml": b"a: b\nc: [\n"},
        "clusters/one/info.yaml:3",
    ),
    Broken(
        "an instance without sync",
        {"clusters/one/i.yaml": INSTANCE.split(b"  sync:")[0]},
        "clusters/one/i.yaml: FluxInstance/flux: spec.sync is missing",
    ),
    Broken(
        "an instance that follows something else than git",
        {"clusters/one/i.yaml": INSTANCE.replace(b"GitRepository", b"OCIRepository")},
        "clusters/one/i.yaml: FluxInstance/flux: spec.sync.kind `OCIRepository` is not served yet",
    ),
    Broken(
        "an instance without a path",
        {"clusters/one/i.yaml": INSTANCE.replace(b"    path: clusters/one\n", b"")},
        "clusters/one/i.yaml: FluxInstance/flux: spec.sync.path is missing",
    ),
]


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.id)
def test_a_broken_fleet_says_where(case: Broken) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_clusters(case.files)
    assert caught.value.message.startswith(case.message)
