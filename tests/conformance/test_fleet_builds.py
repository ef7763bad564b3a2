"""The fleet of ``init`` under the real kustomize: every directory builds, to what we mean."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from steersman.fleet.content import FLEET, INFRA, FleetPlan, Layout, render_fleet
from steersman.kit.mask import Secret
from steersman.kustomize import MemoryFileSystem
from steersman.kustomize import build as kustomize_build
from tests.support.tools import real_kubectl

pytestmark = [pytest.mark.conformance, pytest.mark.kubectl]

ROOTS = {
    INFRA: [
        f"components/{component}/{part}/{environment}"
        for component in ("cluster", "backup", "monitoring")
        for part in ("controllers", "configs")
        for environment in ("base", "staging", "production")
    ]
}
OWN = {
    Layout.DEPLOY: {FLEET: ["tenants/infra"], INFRA: ["deploy", "automation"]},
    Layout.UPDATE: {
        FLEET: ["tenants/infra/components", "tenants/infra/update"],
        INFRA: ["update"],
    },
}


def write(root: Path, layout: Layout) -> None:
    plan = FleetPlan(git_url="https://git.example", bot_token=Secret("token"), layout=layout)
    for repository, files in render_fleet(plan).items():
        for path, content in files.items():
            target = root / repository / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def build(directory: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [real_kubectl(), "kustomize", directory], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("layout", Layout)
def test_every_directory_builds(tmp_path: Path, layout: Layout) -> None:
    write(tmp_path, layout)
    for repository in (FLEET, INFRA):
        declared = OWN[layout][repository] + ROOTS.get(repository, [])
        for directory in declared:
            assert build(tmp_path / repository / directory), directory


def test_staging_and_production_differ_by_patch(tmp_path: Path) -> None:
    write(tmp_path, Layout.DEPLOY)
    changed: Counter[str] = Counter()
    for directory in ROOTS[INFRA]:
        if not directory.endswith("staging"):
            continue
        production = directory.replace("staging", "production")
        ours = {identity(item): item for item in build(tmp_path / INFRA / directory)}
        theirs = {identity(item): item for item in build(tmp_path / INFRA / production)}
        changed[directory] = sum(ours.get(key) != theirs.get(key) for key in {*ours, *theirs})
    assert dict(changed) == {
        "components/cluster/controllers/staging": 2,
        "components/cluster/configs/staging": 1,
        "components/backup/controllers/staging": 2,
        "components/backup/configs/staging": 2,
        "components/monitoring/controllers/staging": 2,
        "components/monitoring/configs/staging": 1,
    }


def identity(item: dict[str, Any]) -> str:
    metadata = item["metadata"]
    return f"{item['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"


@pytest.mark.parametrize("layout", Layout)
def test_our_own_build_gives_the_same_bytes(tmp_path: Path, layout: Layout) -> None:
    write(tmp_path, layout)
    plan = FleetPlan(git_url="https://git.example", bot_token=Secret("token"), layout=layout)
    for repository, files in render_fleet(plan).items():
        tree = MemoryFileSystem(files)
        for directory in OWN[layout][repository] + ROOTS.get(repository, []):
            done = subprocess.run(
                [real_kubectl(), "kustomize", tmp_path / repository / directory],
                capture_output=True,
                text=True,
                check=True,
            )
            assert kustomize_build(tree, directory, order="legacy").to_yaml() == done.stdout
