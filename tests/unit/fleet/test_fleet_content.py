"""The fleet that ``init`` writes: complete, deterministic, and readable again."""

from __future__ import annotations

import re

import pytest

from steersman.fleet.clusters import read_clusters
from steersman.fleet.content import FLEET, INFRA, FleetPlan, Layout, render_fleet
from steersman.kit.mask import Secret
from steersman.kit.yaml import load_all
from steersman.objects.identity import ObjectRef

RUNTIME = {
    "ENVIRONMENT",
    "GIT_BRANCH",
    "GIT_URL",
    "CLUSTER_NAME",
    "CLUSTER_REGION",
    "CLUSTER_DOMAIN",
}


def a_plan(layout: Layout = Layout.DEPLOY) -> FleetPlan:
    return FleetPlan(
        git_url="http://git.example:8080/", bot_token=Secret("s3cr3t-token"), layout=layout
    )


def directories(files: dict[str, bytes]) -> set[str]:
    return {path.split("/")[0] for path in files if "/" in path}


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert render_fleet(a_plan()) == render_fleet(a_plan())


@pytest.mark.parametrize(
    ("layout", "fleet", "infra"),
    [
        (Layout.DEPLOY, {"clusters", "tenants"}, {"components", "deploy", "automation"}),
        (Layout.UPDATE, {"clusters", "tenants"}, {"components", "update"}),
    ],
    ids=["our layout keeps the order in d1-infra", "the public layout keeps it in d1-fleet"],
)
def test_directories(layout: Layout, fleet: set[str], infra: set[str]) -> None:
    files = render_fleet(a_plan(layout))
    assert (directories(files[FLEET]), directories(files[INFRA])) == (fleet, infra)


@pytest.mark.parametrize("layout", Layout)
def test_every_yaml_file_is_yaml_and_no_placeholder_is_left(layout: Layout) -> None:
    for files in render_fleet(a_plan(layout)).values():
        for path, content in files.items():
            assert not re.search(rb"@[A-Z_]+@", content), path
            if path.endswith(".yaml"):
                assert load_all(content, "sigs", source=path), path


@pytest.mark.parametrize("layout", Layout)
def test_variables_are_those_of_the_runtime_information(layout: Layout) -> None:
    for files in render_fleet(a_plan(layout)).values():
        used = {
            name.decode()
            for content in files.values()
            for name in re.findall(rb"\$\{(\w+)\}", content)
        }
        assert used <= RUNTIME


def test_the_token_is_in_the_bot_s_secret_of_each_cluster_and_nowhere_else() -> None:
    files = render_fleet(a_plan())
    found = [
        f"{name}/{path}"
        for name, content in files.items()
        for path, data in content.items()
        if b"s3cr3t-token" in data
    ]
    assert sorted(found) == [
        "d1-fleet/clusters/prod-eu/flux-system/bot.yaml",
        "d1-fleet/clusters/prod-us/flux-system/bot.yaml",
        "d1-fleet/clusters/staging/flux-system/bot.yaml",
    ]


@pytest.mark.parametrize("layout", Layout)
def test_the_fleet_is_read_as_three_clusters(layout: Layout) -> None:
    clusters = read_clusters(render_fleet(a_plan(layout))[FLEET])
    assert [
        (cluster.name, cluster.environment, cluster.branch, cluster.url, cluster.secret)
        for cluster in clusters
    ] == [
        ("prod-eu", "production", "production", "http://git.example:8080/d1-fleet.git", "bot"),
        ("prod-us", "production", "production", "http://git.example:8080/d1-fleet.git", "bot"),
        ("staging", "staging", "main", "http://git.example:8080/d1-fleet.git", "bot"),
    ]


def test_what_starts_a_cluster_begins_with_its_namespace() -> None:
    staging = read_clusters(render_fleet(a_plan())[FLEET])[2]
    assert [str(ObjectRef.of(manifest)) for manifest in staging.bootstrap] == [
        "Namespace/flux-system",
        "Secret/flux-system/bot",
        "GitRepository/flux-system/flux-system",
        "Kustomization/flux-system/flux-system",
    ]
    assert staging.variables == {
        "ENVIRONMENT": "staging",
        "GIT_BRANCH": "main",
        "GIT_URL": "http://git.example:8080",
        "CLUSTER_NAME": "staging",
        "CLUSTER_REGION": "eu-central",
        "CLUSTER_DOMAIN": "staging.fleet.example",
    }


def test_only_staging_gets_the_automation() -> None:
    files = render_fleet(a_plan())[FLEET]
    has_patch = {
        path.split("/")[1]: b"toolkit.fluxcd.io/role=automation" in content
        for path, content in files.items()
        if path.endswith("/infra.yaml")
    }
    assert has_patch == {"staging": False, "prod-eu": True, "prod-us": True}
