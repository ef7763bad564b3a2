"""Are the Kustomizations that one depends on ready?

Source: behaviour of fluxcd/kustomize-controller (checkDependencies). Dependencies are read from the
API, never from a cache. A cycle, which no waiting can end, is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.apis.kustomization import GVK, Dependency, Kustomization, decode_kustomization
from steersman.apis.meta import READY
from steersman.apis.reasons import INVALID_CEL_EXPRESSION
from steersman.clients.kube.client import KubeClient
from steersman.errors import DependencyNotReady, InvalidSpec, Stalled, SteersmanError
from steersman.kit.cel import ExpressionFailed, InvalidExpression, compile_expression
from steersman.kit.graph import find_cycle
from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest, generation_of

__all__ = ["check_dependencies"]

_LARGEST_GRAPH = 200


async def check_dependencies(
    client: KubeClient,
    manifest: Manifest,
    kustomization: Kustomization,
    *,
    revision: str,
    retry_seconds: float,
    additive: bool,
) -> None:
    """Checks all of ``spec.dependsOn`` in order.

    Args:
        client: reads the dependencies.
        manifest: the Kustomization as read; ``self`` in expressions.
        kustomization: the same, decoded.
        revision: of its source's artifact.
        retry_seconds: when to look again.
        additive: an expression adds to the built-in checks instead of replacing them.

    Raises:
        DependencyNotReady: names the first dependency that is not ready, and the cycle it is part
            of if there is one.
        Stalled: an expression cannot be compiled.
    """
    for dependency in kustomization.spec.depends_on:
        problem = await _check_one(
            client, manifest, kustomization, dependency, revision=revision, additive=additive
        )
        if not problem:
            continue
        cycle = await _find_cycle(client, kustomization)
        if cycle:
            problem += f": circular dependency {' -> '.join(cycle)}; remove one of these dependsOn"
        raise DependencyNotReady(problem, after=retry_seconds)


async def _check_one(
    client: KubeClient,
    manifest: Manifest,
    kustomization: Kustomization,
    dependency: Dependency,
    *,
    revision: str,
    additive: bool,
) -> str:
    """Returns why one dependency is not ready; empty when it is."""
    namespace = dependency.namespace or kustomization.metadata.namespace
    label = f"dependency '{namespace}/{dependency.name}'"
    try:
        live = await client.get(GVK, dependency.name, namespace)
    except ApiError as error:
        return f"{label} not found: {error.message}"
    if dependency.ready_expr:
        problem = _evaluate(dependency, manifest, live, label)
        if problem or not additive:
            return problem
    return _check_status(live, label, kustomization, revision)


def _evaluate(dependency: Dependency, own: Manifest, live: Manifest, label: str) -> str:
    try:
        expression = compile_expression(
            dependency.ready_expr, variables=("self", "dep"), boolean=True
        )
    except InvalidExpression as error:
        raise Stalled(
            f"terminal error: failed to evaluate dependency {dependency.name}: {error}",
            reason=INVALID_CEL_EXPRESSION,
        ) from error
    try:
        ready = expression.evaluate_boolean({"self": own, "dep": live})
    except ExpressionFailed as error:
        return str(error)
    return "" if ready else f"{label} is not ready according to readyExpr eval"


def _check_status(live: Manifest, label: str, kustomization: Kustomization, revision: str) -> str:
    status: Mapping[str, Any] = live.get("status") or {}
    conditions = status.get("conditions") or ()
    if not conditions or status.get("observedGeneration") != generation_of(live):
        return f"{label} is not ready"
    if not any(c.get("type") == READY and c.get("status") == "True" for c in conditions):
        return f"{label} is not ready"
    try:
        same_source = decode_kustomization(live).source == kustomization.source
    except InvalidSpec:
        return f"{label} is not ready"
    if same_source and status.get("lastAppliedRevision") != revision:
        return f"{label} revision is not up to date"
    return ""


async def _find_cycle(client: KubeClient, start: Kustomization) -> tuple[str, ...]:
    """Follows ``dependsOn`` from object to object and returns the way back to the first."""
    own = (start.metadata.namespace, start.metadata.name)
    graph: dict[tuple[str, str], list[tuple[str, str]]] = {}
    pending = [own]
    while pending and len(graph) < _LARGEST_GRAPH:
        key = pending.pop(0)
        if key in graph:
            continue
        graph[key] = await _dependencies_of(client, start if key == own else None, key)
        pending += graph[key]
    cycle = find_cycle(graph, own)
    if len({namespace for namespace, _ in cycle}) == 1:
        return tuple(name for _, name in cycle)
    return tuple(f"{namespace}/{name}" for namespace, name in cycle)


async def _dependencies_of(
    client: KubeClient, known: Kustomization | None, key: tuple[str, str]
) -> list[tuple[str, str]]:
    namespace, name = key
    try:
        found = known or decode_kustomization(await client.get(GVK, name, namespace))
    except SteersmanError:
        return []
    return [(d.namespace or namespace, d.name) for d in found.spec.depends_on]
