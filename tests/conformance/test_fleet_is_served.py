"""Everything that ``init`` writes, built by the real kustomize, is accepted by the embedded API."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from steersman.apis.crds import definitions
from steersman.clients.kube import KubeClient, parse_kubeconfig
from steersman.fleet.clusters import Cluster, read_clusters
from steersman.fleet.content import FLEET, INFRA, FleetPlan, render_fleet
from steersman.kit.clock import SystemClock
from steersman.kit.mask import Secret
from steersman.kit.yaml import load_manifests
from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.server import ApiServer
from steersman.substitute.manifests import substitute_manifest
from tests.support.tools import real_kubectl

pytestmark = [pytest.mark.conformance, pytest.mark.kubectl]

FILES = render_fleet(FleetPlan(git_url="https://git.example", bot_token=Secret("token")))
CLUSTERS = read_clusters(FILES[FLEET])


def objects_of(cluster: Cluster, root: Path) -> Iterator[Manifest]:
    """Yields what the cluster applies, in an order that works."""
    yield from cluster.bootstrap
    directories = [f"{FLEET}/tenants/infra", f"{INFRA}/deploy", f"{INFRA}/automation"]
    directories += [
        f"{INFRA}/components/{component}/{part}/{cluster.environment}"
        for component in ("cluster", "backup", "monitoring")
        for part in ("controllers", "configs")
    ]
    for directory in directories:
        built = subprocess.run(
            [real_kubectl(), "kustomize", root / directory], capture_output=True, check=True
        )
        for manifest in load_manifests(built.stdout):
            yield substitute_manifest(manifest, cluster.variables, strict=True, always=False)


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda cluster: cluster.name)
async def test_the_api_accepts_every_object(cluster: Cluster, tmp_path: Path) -> None:
    for repository, files in FILES.items():
        for path, content in files.items():
            target = tmp_path / repository / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    manifests = list(objects_of(cluster, tmp_path))
    assert len(manifests) == {"staging": 59, "prod-eu": 60, "prod-us": 60}[cluster.name]
    clock = SystemClock()
    async with (
        ApiServer(clock=clock, name=cluster.name) as server,
        KubeClient(parse_kubeconfig(server.kubeconfig()), user_agent="test", clock=clock) as client,
    ):
        for manifest in [*definitions(), *manifests]:
            await client.apply(manifest, field_manager="test", force=False)
