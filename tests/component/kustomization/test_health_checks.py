"""Waiting until what was applied is healthy."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.clients.kube.request import PatchType
from steersman.objects.identity import GroupVersionKind
from tests.support.cluster import config_map
from tests.support.kustomizations import World

R1, R2 = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40
DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")
HEALTHY = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
    "conditions": [
        {"type": "Available", "status": "True"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ],
}
LATE = {
    "observedGeneration": 1,
    "conditions": [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    ],
}


def deployment(image: str = "a") -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
    }


async def report(world: World, status: dict[str, Any]) -> None:
    """Writes the Deployment's status as its controller would."""
    await world.cluster.client.patch(
        DEPLOYMENT,
        "web",
        "default",
        {"status": status},
        type=PatchType.MERGE,
        field_manager="kube-controller-manager",
        subresource="status",
    )


async def waiting(world: World, **spec: Any) -> None:
    await world.push({"web.yaml": deployment()}, revision=R1)
    await world.kustomization(wait=True, timeout="2m", **spec)

    async def is_waiting() -> bool:
        return (await world.conditions()).get("Healthy", ("",))[0] == "Unknown"

    await world.until(is_waiting)


async def test_ready_waits_for_health(world: World) -> None:
    await waiting(world)
    text = f"Running health checks for revision {R1} with a timeout of 2m0s"
    assert await world.conditions() == {
        "Ready": ("Unknown", "Progressing", "Reconciliation in progress"),
        "Reconciling": ("True", "Progressing", text),
        "Healthy": ("Unknown", "Progressing", text),
    }
    started = world.cluster.clock.monotonic()
    await report(world, HEALTHY)
    await world.settled()
    assert world.cluster.clock.monotonic() - started < 1.0
    conditions = await world.conditions()
    assert conditions["Ready"][0] == conditions["Healthy"][0] == "True"
    assert conditions["Healthy"][2].startswith("Health check passed in ")
    assert "Reconciling" not in conditions


async def test_a_failed_object_ends_the_wait_early(world: World) -> None:
    await waiting(world)
    await report(world, LATE)
    await world.settled()
    ready = await world.ready()
    first, second = ready[2].splitlines()
    assert ready[:2] == ("False", "HealthCheckFailed")
    assert first.startswith("health check failed after ")
    assert first.endswith(
        ": failed early due to stalled resources: [Deployment/default/web status: 'Failed']"
    )
    assert second == "Deployment/default/web: Progress deadline exceeded"
    status = await world.status()
    assert status["observedGeneration"] == -1
    assert status["history"][0]["lastReconciledStatus"] == "HealthCheckFailed"
    assert await world.inventory() == ["default_web_apps_Deployment"]


async def test_time_runs_out(world: World) -> None:
    await waiting(world)
    await world.wait(121)
    conditions = await world.conditions()
    assert conditions["Ready"][2].splitlines()[0] == (
        "health check failed after 2m0s: timeout waiting for:"
        " [Deployment/default/web status: 'InProgress']"
    )
    assert conditions["Reconciling"][1] == "ProgressingWithRetry"
    await report(world, HEALTHY)
    await world.wait(61)
    assert (await world.ready())[0] == "True"


async def test_a_newer_revision_ends_a_hopeless_wait(world: World) -> None:
    await waiting(world)
    started = world.cluster.clock.monotonic()
    await world.push({"a.yaml": config_map("a")}, revision=R2)
    await world.settled()
    assert world.cluster.clock.monotonic() - started < 2.0
    assert await world.ready() == (
        "True",
        "ReconciliationSucceeded",
        f"Applied revision: {R2}",
    )
    assert (
        "info HealthCheckCanceled: Health checks canceled due to new reconciliation triggered by"
        " GitRepository/flux-system/repo" in world.told.lines()
    )


async def test_a_new_spec_ends_a_hopeless_wait(world: World) -> None:
    await waiting(world)
    await world.kustomization(wait=False)
    await world.settled()
    assert (await world.ready())[0] == "True"
    assert "Healthy" not in await world.conditions()


async def test_waits_do_not_keep_others_from_running(tmp_path: Any, world: World) -> None:
    await world.push({"web/web.yaml": deployment(), "a/a.yaml": config_map("a")}, revision=R1)
    for index in range(6):
        await world.kustomization(f"w{index}", path="web", wait=True)
    await world.kustomization("plain", path="a")

    async def plain_is_ready() -> bool:
        return (await world.ready("plain"))[0] == "True"

    await world.until(plain_is_ready, seconds=5)


async def test_only_listed_objects_are_checked(world: World) -> None:
    await world.push({"web.yaml": deployment(), "a.yaml": config_map("a")}, revision=R1)
    await world.kustomization(
        healthChecks=[
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "namespace": "default"}
        ]
    )
    await world.settled()
    assert (await world.ready())[0] == "True"


async def test_users_expressions_judge_custom_kinds(world: World) -> None:
    await world.push({"a.yaml": config_map("a", phase="going")}, revision=R1)
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "current": "data.phase == 'done'"}]
    await world.kustomization(wait=True, timeout="1m", healthCheckExprs=checks)
    await world.wait(61)
    assert (await world.ready())[1] == "HealthCheckFailed"
    await world.push({"a.yaml": config_map("a", phase="done")}, revision=R2)
    await world.settled()
    assert (await world.ready())[0] == "True"


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        pytest.param(
            [{"apiVersion": "v1", "kind": "X", "current": "data."}],
            "failed to create custom status evaluator for healthchecks[0]:",
            id="no expression",
        ),
        pytest.param(
            [{"apiVersion": "v1", "kind": "X", "current": "true"}] * 2,
            "duplicate custom health check for GroupKind X. at healthchecks[1]",
            id="two rules for one kind",
        ),
    ],
)
async def test_rules_that_cannot_be_used_stall(
    world: World, check: list[dict[str, str]], problem: str
) -> None:
    await world.push({"a.yaml": config_map("a")}, revision=R1)
    await world.kustomization(healthCheckExprs=check)
    await world.settled()
    conditions = await world.conditions()
    lead = "Reconciliation failed terminally due to configuration error: "
    assert conditions["Ready"][:2] == ("False", "InvalidCELExpression")
    assert conditions["Stalled"][2].startswith(lead + problem)
