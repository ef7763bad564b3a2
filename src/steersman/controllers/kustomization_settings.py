"""Settings of the Kustomization controller; the defaults are Flux's flags."""

from __future__ import annotations

from dataclasses import dataclass

from steersman.objects.identity import GroupKind

__all__ = ["KustomizeSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizeSettings:
    """How all Kustomizations are reconciled.

    Args:
        concurrency: objects that are built and applied at once; waits do not count.
        waiting: objects that are in a run at once, those that wait for health included.
        concurrent_ssa: dry-runs in flight for one object.
        dependency_seconds: when to look again at what is not ready.
        default_service_account: used where the spec names none; empty to act as ourselves.
        cross_namespace_refs: sources may live in other namespaces.
        external_artifacts: sources of kind ExternalArtifact are allowed.
        strict_substitutions: a variable without a value or a default fails the build.
        additive_expressions: ``readyExpr`` adds to the built-in checks instead of replacing them.
        fail_fast: one failed object ends a health check.
        cancel_health_checks: a newer revision or spec ends a health check.
        custom_stage_kinds: kinds of the third apply stage.
        overridden_managers: field managers to take fields over from, besides the usual ones.
        source_kinds: kinds of sources that are served and hence watched.
    """

    concurrency: int = 4
    waiting: int = 256
    concurrent_ssa: int = 4
    dependency_seconds: float = 30.0
    default_service_account: str = ""
    cross_namespace_refs: bool = True
    external_artifacts: bool = False
    strict_substitutions: bool = True
    additive_expressions: bool = False
    fail_fast: bool = True
    cancel_health_checks: bool = True
    custom_stage_kinds: frozenset[GroupKind] = frozenset()
    overridden_managers: tuple[str, ...] = ()
    source_kinds: tuple[str, ...] = ("GitRepository",)
