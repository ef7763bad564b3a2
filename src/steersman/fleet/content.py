"""The two repositories that ``steersman init`` writes: ``d1-fleet`` and ``d1-infra``.

The content is data beside this module. ``@NAME@`` stands for what is known when the repositories
are made; ``${NAME}`` is left for Flux, which takes it from the cluster's runtime information.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources as package_files
from importlib.resources.abc import Traversable
from typing import Final, TypeAlias

from steersman.errors import Bug
from steersman.kit.mask import Secret

__all__ = [
    "DEFAULT_CLUSTERS",
    "FLEET",
    "INFRA",
    "ClusterPlan",
    "FleetPlan",
    "Layout",
    "RepositoryFiles",
    "render_fleet",
]

FLEET: Final = "d1-fleet"
INFRA: Final = "d1-infra"

RepositoryFiles: TypeAlias = dict[str, bytes]
"""Path inside the repository, with slashes, to content."""


class Layout(StrEnum):
    """Where the order of the components and the rules of the automation are kept."""

    DEPLOY = "deploy"
    """In ``d1-infra``: ``deploy/`` and ``automation/``. The order is promoted with the rest."""

    UPDATE = "update"
    """As in the public reference: order in ``d1-fleet/tenants``, automation in ``update/``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlan:
    """What a new fleet says about one cluster.

    Attributes:
        name: also the name of its directory.
        environment: which overlay of each component it gets.
        branch: the branch of ``d1-infra`` it follows.
        region: value of ``CLUSTER_REGION``.
        domain: value of ``CLUSTER_DOMAIN``.
    """

    name: str
    environment: str
    branch: str
    region: str
    domain: str


DEFAULT_CLUSTERS: Final = (
    ClusterPlan(
        name="staging",
        environment="staging",
        branch="main",
        region="eu-central",
        domain="staging.fleet.example",
    ),
    ClusterPlan(
        name="prod-eu",
        environment="production",
        branch="production",
        region="eu-central",
        domain="eu.fleet.example",
    ),
    ClusterPlan(
        name="prod-us",
        environment="production",
        branch="production",
        region="us-east",
        domain="us.fleet.example",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """Everything that the two repositories depend on.

    Attributes:
        git_url: address below which both repositories are served, without a slash at its end.
        bot_token: password of the account with which clusters read Git.
        clusters: which clusters there are; those of environment ``staging`` run the automation.
        layout: where order and automation are kept.
    """

    git_url: str
    bot_token: Secret[str]
    clusters: tuple[ClusterPlan, ...] = DEFAULT_CLUSTERS
    layout: Layout = Layout.DEPLOY


def render_fleet(plan: FleetPlan) -> dict[str, RepositoryFiles]:
    """Returns the files of each repository, by its name; the same plan gives the same bytes."""
    return {FLEET: _render_fleet(plan), INFRA: _render_infra(plan)}


def _render_fleet(plan: FleetPlan) -> RepositoryFiles:
    tenant = {"AUTOMATION": _automation_directory(plan.layout)}
    files = _rendered("fleet/README.md", {}, "README.md")
    for cluster in plan.clusters:
        files |= _render_cluster(plan, cluster)
    tenants = _rendered("fleet/tenants", tenant, "tenants")
    if plan.layout is Layout.DEPLOY:
        return files | tenants
    return files | _as_public_layout(tenants)


def _render_cluster(plan: FleetPlan, cluster: ClusterPlan) -> RepositoryFiles:
    values = {
        "BOT_TOKEN": plan.bot_token.reveal(),
        "GIT_URL": plan.git_url.rstrip("/"),
        "CLUSTER": cluster.name,
        "ENVIRONMENT": cluster.environment,
        "BRANCH": cluster.branch,
        "REGION": cluster.region,
        "DOMAIN": cluster.domain,
    }
    directory = f"clusters/{cluster.name}"
    files = _rendered("fleet/cluster", values, directory)
    without_automation = files.pop(f"{directory}/without-automation.yaml")
    if cluster.environment != "staging":
        files[f"{directory}/infra.yaml"] += without_automation
    return files


def _as_public_layout(tenants: RepositoryFiles) -> RepositoryFiles:
    """Moves the tenant into ``components`` and ``update``, each with the order written out."""
    base = "tenants/infra"
    components = f"{base}/components"
    files = {
        f"{components}/rbac.yaml": tenants[f"{base}/rbac.yaml"],
        f"{components}/source.yaml": tenants[f"{base}/source.yaml"],
        f"{base}/update/sync.yaml": tenants[f"{base}/automation.yaml"],
        f"{base}/update/kustomization.yaml": _kustomization(
            ("sync.yaml",), {"toolkit.fluxcd.io/role": "automation"}
        ),
    }
    order = _rendered("infra/order", {}, components)
    order.pop(f"{components}/kustomization.yaml")
    names = ("rbac.yaml", "source.yaml", *(path.rpartition("/")[2] for path in order))
    files[f"{components}/kustomization.yaml"] = _kustomization(names, {})
    return files | order


def _kustomization(resources: tuple[str, ...], labels: Mapping[str, str]) -> bytes:
    lines = [
        "apiVersion: kustomize.config.k8s.io/v1beta1",
        "kind: Kustomization",
        "namespace: flux-system",
        "resources:",
        *(f"  - {name}" for name in resources),
        "labels:",
        "  - pairs:",
        "      toolkit.fluxcd.io/tenant: infra",
        *(f"      {key}: {value}" for key, value in labels.items()),
    ]
    return ("\n".join(lines) + "\n").encode()


def _render_infra(plan: FleetPlan) -> RepositoryFiles:
    automation = _automation_directory(plan.layout)
    files = _rendered("infra/components", {}, "components")
    files |= _rendered("infra/automation", {}, automation)
    lines = [f"{automation + '/':<16} what the bot may do, on staging only"]
    if plan.layout is Layout.DEPLOY:
        files |= _rendered("infra/order", {}, "deploy")
        lines.insert(0, "deploy/          in which order the components come up")
    return files | _rendered("infra/README.md", {"MORE": "\n".join(lines)}, "README.md")


def _automation_directory(layout: Layout) -> str:
    return "automation" if layout is Layout.DEPLOY else "update"


_NAME = re.compile(rb"@([A-Z_]+)@")


def _rendered(source: str, values: Mapping[str, str], target: str) -> RepositoryFiles:
    """Reads a data file or all below a data directory; paths of the result start at ``target``."""
    root = package_files.files(__package__) / "data" / source
    return {
        "/".join((target, *parts)): _NAME.sub(lambda name: _value(values, name[1]), content)
        for parts, content in _walk(root)
    }


def _value(values: Mapping[str, str], name: bytes) -> bytes:
    try:
        return values[name.decode()].encode()
    except KeyError:
        raise Bug(f"the fleet's files name `@{name.decode()}@`, which has no value") from None


def _walk(
    node: Traversable, parts: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], bytes]]:
    if node.is_file():
        yield parts, node.read_bytes()
        return
    for child in sorted(node.iterdir(), key=lambda child: child.name):
        yield from _walk(child, (*parts, child.name))
