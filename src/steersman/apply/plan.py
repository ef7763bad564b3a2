"""The order of an apply: stages, and what becomes of each object in one.

Theory of operation: objects are grouped into stages (:class:`steersman.objects.order.Stage`) and
sorted inside each. For a stage, every object is tried by a dry-run first; :func:`decide` turns what
was found into a decision. Only when no object of the stage was refused are the decisions carried
out, in order. The first two stages are waited for, since later objects need what they define.

Source: behaviour of fluxcd/pkg ssa (ApplyAllStaged).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from steersman.apply.adopt import respect_ignored
from steersman.apply.changeset import Action, Change
from steersman.apply.drift import has_drifted
from steersman.apply.takeover import Manager, default_managers
from steersman.objects.identity import GroupKind, GroupVersionKind, ObjectRef
from steersman.objects.ignore_rules import IgnoreRules
from steersman.objects.manifest import Manifest, resource_version_of
from steersman.objects.order import Stage, reconcile_key, stage_of

__all__ = ["ApplyOptions", "Decision", "StagePlan", "decide", "leave", "plan_stages", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """How one set of manifests is applied.

    Args:
        manager: our field manager.
        force: recreate objects whose change the API refuses.
        rules: fields that others may change.
        custom_kinds: kinds of the third stage.
        overridden_managers: managers to take fields over from, besides the usual ones.
        concurrency: dry-runs in flight.
        wait_timeout: seconds to wait for each of the first two stages.
    """

    manager: str = "kustomize-controller"
    force: bool = False
    rules: IgnoreRules | None = None
    custom_kinds: frozenset[GroupKind] = frozenset()
    overridden_managers: tuple[str, ...] = ()
    concurrency: int = 4
    wait_timeout: float = 60.0

    @property
    def foreign_managers(self) -> tuple[Manager, ...]:
        """Managers whose fields become ours."""
        return default_managers(self.manager, self.overridden_managers)


class StagePlan(NamedTuple):
    """One stage.

    Args:
        stage: which one.
        manifests: its objects in reconcile order.
    """

    stage: Stage
    manifests: tuple[Manifest, ...]

    @property
    def must_settle(self) -> bool:
        """Whether the next stage waits until these objects are healthy."""
        return self.stage in (Stage.DEFINITIONS, Stage.CLASSES)


def plan_stages(
    manifests: Iterable[Manifest], custom_kinds: frozenset[GroupKind] = frozenset()
) -> tuple[StagePlan, ...]:
    """Groups manifests into the stages that are not empty, in order."""
    stages: dict[Stage, list[Manifest]] = {stage: [] for stage in Stage}
    for manifest in manifests:
        stages[stage_of(manifest, custom_kinds)].append(manifest)
    return tuple(StagePlan(stage, _sorted(group)) for stage, group in stages.items() if group)


def _sorted(manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
    return tuple(sorted(manifests, key=lambda manifest: reconcile_key(ObjectRef.of(manifest))))


class Decision(NamedTuple):
    """What to do with one object after its dry-run.

    Args:
        change: what will have become of it.
        payload: the manifest to send; None when nothing is written.
    """

    change: Change
    payload: Manifest | None


def skip(desired: Manifest, live: Manifest | None) -> Decision:
    """Leaves an object alone; the live one names it where there is one.

    A cluster-scoped object may carry a namespace in its manifest that the live one lacks.
    """
    return Decision(_change(desired if live is None else live, Action.SKIPPED), None)


def leave(desired: Manifest) -> Decision:
    """Leaves an object alone that is known to be as desired."""
    return Decision(_change(desired, Action.UNCHANGED), None)


def decide(
    desired: Manifest,
    *,
    live: Manifest | None,
    dry_run: Manifest,
    taken_over: bool,
    options: ApplyOptions,
) -> Decision:
    """Decides on an object whose dry-run passed.

    Args:
        desired: our manifest.
        live: the object before, after any take-over; None when it does not exist, or may not be
            read by us.
        dry_run: the API's answer; without a resource version when the object does not exist.
        taken_over: fields were taken over, so that it must be written in any case.
        options: see there.
    """
    if not resource_version_of(dry_run):
        return Decision(_change(dry_run, Action.CREATED), desired)
    if live is not None and not taken_over and not has_drifted(live, dry_run, options.rules):
        return Decision(_change(dry_run, Action.UNCHANGED), None)
    payload = desired
    if options.rules and live is not None:
        payload = respect_ignored(
            desired, live=live, dry_run=dry_run, rules=options.rules, own=options.manager
        )
    return Decision(_change(dry_run, Action.CONFIGURED), payload)


def _change(manifest: dict[str, Any], action: Action) -> Change:
    version = GroupVersionKind.of(manifest).version
    return Change(ObjectRef.of(manifest), version, action)
