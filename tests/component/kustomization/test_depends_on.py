"""Kustomizations that wait for others."""

from __future__ import annotations

from tests.support.cluster import config_map
from tests.support.kustomizations import World

R1, R2 = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40
FILES = {"a/a.yaml": config_map("a"), "b/b.yaml": config_map("b")}


async def test_a_dependency_comes_first_and_wakes_the_dependent(world: World) -> None:
    await world.push(FILES, revision=R1)
    await world.kustomization("b", path="b", dependsOn=[{"name": "a"}])
    await world.settled()
    assert await world.ready("b") == (
        "False",
        "DependencyNotReady",
        (
            "dependency 'flux-system/a' not found: kustomizations.kustomize.toolkit.fluxcd.io"
            ' "a" not found'
        ),
    )
    assert world.told.lines("b") == [
        "info DependencyNotReady: Dependencies do not meet ready condition, retrying in 30s"
    ]
    await world.kustomization("a", path="a")
    await world.settled()
    assert (await world.ready("b"))[0] == "True"


async def test_a_new_revision_goes_through_in_order(world: World) -> None:
    await world.push(FILES, revision=R1)
    await world.kustomization("a", path="a")
    await world.kustomization("b", path="b", dependsOn=[{"name": "a"}])
    await world.settled()
    await world.push({**FILES, "b/c.yaml": config_map("c")}, revision=R2)
    await world.settled()
    assert await world.ready("b") == (
        "True",
        "ReconciliationSucceeded",
        f"Applied revision: {R2}",
    )


async def test_a_cycle_is_named(world: World) -> None:
    await world.push(FILES, revision=R1)
    await world.kustomization("a", path="a", dependsOn=[{"name": "b"}])
    await world.kustomization("b", path="b", dependsOn=[{"name": "a"}])
    await world.wait(60)
    assert await world.ready("a") == (
        "False",
        "DependencyNotReady",
        (
            "dependency 'flux-system/b' is not ready: circular dependency a -> b -> a;"
            " remove one of these dependsOn"
        ),
    )
    await world.kustomization("b", path="b")
    await world.settled()
    assert (await world.ready("a"))[0] == "True"


async def test_an_expression_replaces_the_built_in_check(world: World) -> None:
    await world.push(FILES, revision=R1)
    await world.kustomization("a", path="nowhere")
    await world.kustomization(
        "b",
        path="b",
        dependsOn=[{"name": "a", "readyExpr": "dep.spec.path == self.spec.path + 'x'"}],
    )
    await world.settled()
    assert await world.ready("b") == (
        "False",
        "DependencyNotReady",
        "dependency 'flux-system/a' is not ready according to readyExpr eval",
    )
    await world.kustomization(
        "b", path="b", dependsOn=[{"name": "a", "readyExpr": "dep.spec.path == 'nowhere'"}]
    )
    await world.settled()
    assert (await world.ready("b"))[0] == "True"


async def test_an_expression_that_cannot_be_compiled_stalls(world: World) -> None:
    await world.push(FILES, revision=R1)
    await world.kustomization("a", path="a")
    await world.kustomization(
        "b", path="b", dependsOn=[{"name": "a", "readyExpr": "dep.metadata.name"}]
    )
    await world.settled()
    text = (
        "Reconciliation failed terminally due to configuration error: terminal error: failed to"
        " evaluate dependency a: CEL expression output type mismatch: expected bool, got dyn"
    )
    assert await world.conditions("b") == {
        "Ready": ("False", "InvalidCELExpression", text),
        "Stalled": ("True", "InvalidCELExpression", text),
    }
    assert (await world.status("b"))["observedGeneration"] == 1
