"""Carries an apply out: stage by stage, first every dry-run, then every write.

Nothing of a stage is written before all its dry-runs passed, recreations included. What was done is
returned together with what failed, never instead of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from itertools import groupby
from typing import NamedTuple, TypeAlias, TypeVar

from steersman.apply.changeset import Action, Change, ChangeSet
from steersman.apply.failure import ApplyFailed, explain_apply, explain_dry_run
from steersman.apply.force import must_recreate
from steersman.apply.inventory import Entry
from steersman.apply.optout import keeps_foreign_fields, must_skip
from steersman.apply.plan import (
    ApplyOptions,
    Decision,
    StagePlan,
    decide,
    leave,
    plan_stages,
    skip,
)
from steersman.apply.takeover import plan_takeover
from steersman.clients.kube.client import KubeClient
from steersman.clients.kube.discovery import NoMatch
from steersman.clients.kube.request import PatchType
from steersman.controllers.kustomization_health import (
    HealthReader,
    NotHealthy,
    wait_until_healthy,
)
from steersman.errors import SteersmanError
from steersman.health.fields import text_of
from steersman.kit.clock import Clock
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupKind, GroupVersionKind, ObjectRef
from steersman.objects.manifest import (
    Manifest,
    kind_of,
    metadata_of,
    name_of,
    namespace_of,
    resource_version_of,
    uid_of,
)

__all__ = ["Applied", "Knowledge", "StagedApply"]

_STAGE_INTERVAL_SECONDS = 2.0
_GONE_INTERVAL_SECONDS = 2.0
_GONE_TIMEOUT_SECONDS = 60.0
_DISCOVERY_TIMEOUT_SECONDS = 10.0
_TAKEOVER_ATTEMPTS = 3
_SHOWN_FAILURES = 10


class Applied(NamedTuple):
    """What an apply did.

    Args:
        changes: every object that was dealt with, in order.
        live: the objects as they are now, where the server told us.
        desired: the manifests that were applied.
        known: objects that were left since they are known to be as desired.
        failure: why the rest was not done; None when everything was.
    """

    changes: ChangeSet
    live: Mapping[ObjectRef, Manifest]
    desired: Mapping[ObjectRef, Manifest]
    known: Set[ObjectRef]
    failure: SteersmanError | None


class Knowledge(NamedTuple):
    """What is known of objects without asking the API.

    Args:
        is_as_desired: applying this manifest would change nothing.
        is_untouched: the object of this manifest is as our last apply left it.
    """

    is_as_desired: Callable[[Manifest], bool] = lambda _: False
    is_untouched: Callable[[Manifest], bool] = lambda _: False


class _Trial(NamedTuple):
    desired: Manifest
    live: Manifest | None
    dry_run: Manifest


class _Refusal(NamedTuple):
    desired: Manifest
    live: Manifest | None
    error: SteersmanError


class _Left(NamedTuple):
    decision: Decision
    live: Manifest | None


_Outcome: TypeAlias = _Trial | _Refusal | _Left
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class StagedApply:
    """Applies one set of manifests as one identity on one cluster.

    Args:
        client: the identity and the cluster.
        clock: for waits.
        options: how to apply.
        reader: judges the objects of stages that must settle.
        place_of: tells where an object comes from, for messages.
        knowledge: what is known of the cluster without asking it.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        clock: Clock,
        options: ApplyOptions,
        reader: HealthReader,
        place_of: Callable[[Manifest], str] = lambda _: "",
        knowledge: Knowledge | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._options = options
        self._reader = reader
        self._place_of = place_of
        self._knowledge = knowledge or Knowledge()
        self._known: set[ObjectRef] = set()
        self._desired: dict[ObjectRef, Manifest] = {}
        self._limit = asyncio.Semaphore(max(1, options.concurrency))
        self._defined: frozenset[GroupKind] = frozenset()
        self._live: dict[ObjectRef, Manifest] = {}

    async def run(self, manifests: Iterable[Manifest]) -> Applied:
        """Applies the manifests; failures of the API are returned, not raised."""
        changes = ChangeSet()
        manifests = tuple(manifests)
        self._defined = _defined_kinds(manifests)
        for plan in plan_stages(manifests, self._options.custom_kinds):
            done, failure = await self._run_stage(plan)
            changes += done
            if failure is None and plan.must_settle:
                failure = await self._settle(done)
            if failure is not None:
                return Applied(changes, self._live, self._desired, self._known, failure)
        return Applied(changes, self._live, self._desired, self._known, None)

    async def _run_stage(self, plan: StagePlan) -> tuple[ChangeSet, SteersmanError | None]:
        outcomes: list[_Outcome] = await self._each(plan.manifests, self._try)
        refusals = [item for item in outcomes if isinstance(item, _Refusal)]
        if any(not self._may_recreate(refusal) for refusal in refusals):
            lost = [item for item in refusals if not self._may_recreate(item)]
            return ChangeSet(), self._explain(lost)
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, _Refusal):
                outcomes[index] = await self._recreate(outcome)
        lost = [item for item in outcomes if isinstance(item, _Refusal)]
        if lost:
            return ChangeSet(), self._explain(lost)
        return await self._write_all(outcomes)

    async def _try(self, desired: Manifest) -> _Outcome:
        """Dry-runs the apply of an object, and reads it where that matters."""
        live: Manifest | None = None
        try:
            desired = await self._scoped(desired)
            if self._knowledge.is_as_desired(desired):
                self._known.add(ObjectRef.of(desired))
                return _Left(leave(desired), None)
            if must_skip(desired, None):
                return _Left(skip(desired, None), None)
            try:
                dry_run = await self._dry_run(desired)
            except SteersmanError as error:
                live = await self._find(desired)
                if must_skip(desired, live):
                    return _Left(skip(desired, live), live)
                return _Refusal(desired, live, error)
            if resource_version_of(dry_run):
                if not self._is_untouched(desired):
                    live = await self._find(desired)
                if must_skip(desired, live or dry_run):
                    return _Left(skip(desired, live), live)
            return _Trial(desired, live, dry_run)
        except SteersmanError as error:
            return _Refusal(desired, live, error)

    def _is_untouched(self, desired: Manifest) -> bool:
        """Tells whether nothing of the live object matters: not its managers, not its marks."""
        return not self._options.rules and self._knowledge.is_untouched(desired)

    async def _scoped(self, desired: Manifest) -> Manifest:
        """Takes the namespace off an object of the whole cluster, as its URL has none."""
        if not namespace_of(desired):
            return desired
        try:
            resource = await self._client.discover(GroupVersionKind.of(desired))
        except NoMatch:
            return desired
        if resource.namespaced:
            return desired
        metadata = {k: v for k, v in metadata_of(desired).items() if k != "namespace"}
        return {**desired, "metadata": metadata}

    async def _find(self, desired: Manifest) -> Manifest | None:
        """Reads an object; None when it does not exist, or may not be read by who may apply it."""
        gvk = GroupVersionKind.of(desired)
        try:
            return await self._client.find(gvk, name_of(desired), namespace_of(desired))
        except ApiError as error:
            if error.code in (403, 404):
                return None
            raise

    async def _dry_run(self, desired: Manifest) -> Manifest:
        """Dry-runs, with patience for kinds whose definition was applied a moment ago."""
        gvk = GroupVersionKind.of(desired)
        deadline = self._clock.monotonic() + _DISCOVERY_TIMEOUT_SECONDS
        pause = 0.05
        while True:
            try:
                resource = await self._client.discover(gvk)
                if resource.namespaced and not namespace_of(desired):
                    raise ApiError(
                        404, "NotFound", "the server could not find the requested resource"
                    )
                return await self._client.apply(
                    desired, field_manager=self._options.manager, dry_run=True
                )
            except NoMatch:
                too_late = self._clock.monotonic() >= deadline
                if too_late or gvk.group_kind not in self._defined:
                    raise
            await self._clock.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _may_recreate(self, refusal: _Refusal) -> bool:
        return isinstance(refusal.error, ApiError) and must_recreate(
            refusal.error,
            desired=refusal.desired,
            live=refusal.live,
            force=self._options.force,
        )

    async def _recreate(self, refusal: _Refusal) -> _Outcome:
        """Deletes an object, waits until it is gone and dry-runs its creation."""
        desired, live = refusal.desired, refusal.live
        assert live is not None
        try:
            await self._delete(live)
            await self._wait_gone(desired)
        except SteersmanError as error:
            text = f"immutable field detected, failed to delete object: {error.message}"
            return _Refusal(desired, None, ApplyFailed(text))
        try:
            return _Trial(desired, None, await self._dry_run(desired))
        except SteersmanError as error:
            return _Refusal(desired, None, error)

    async def _delete(self, live: Manifest) -> None:
        try:
            await self._client.delete(
                GroupVersionKind.of(live),
                name_of(live),
                namespace_of(live),
                propagation="Background",
                uid=uid_of(live) or None,
            )
        except ApiError as error:
            if error.code != 404:
                raise

    async def _wait_gone(self, desired: Manifest) -> None:
        deadline = self._clock.monotonic() + _GONE_TIMEOUT_SECONDS
        pause = 0.02
        while await self._find(desired) is not None:
            if self._clock.monotonic() >= deadline:
                raise ApplyFailed("object still exists; one of its finalizers keeps it")
            await self._clock.sleep(pause)
            pause = min(pause * 2, _GONE_INTERVAL_SECONDS)

    async def _write_all(
        self, outcomes: Sequence[_Outcome]
    ) -> tuple[ChangeSet, SteersmanError | None]:
        """Writes in order; objects of one kind may be written at the same time."""
        changes: list[Change] = []
        for _, group in groupby(outcomes, key=_kind_of_outcome):
            written = await self._each(tuple(group), self._write)
            failures = [item for item in written if isinstance(item, _Refusal)]
            changes += [item for item in written if isinstance(item, Change)]
            if failures:
                first = failures[0]
                return ChangeSet(changes), explain_apply(
                    first.error, first.desired, origin=self._place_of(first.desired)
                )
        return ChangeSet(changes), None

    async def _write(self, outcome: _Outcome) -> Change | _Refusal:
        if isinstance(outcome, _Left):
            self._remember(outcome.live)
            return outcome.decision.change
        assert isinstance(outcome, _Trial)
        try:
            live, taken_over = await self._take_over(outcome)
            decision = decide(
                outcome.desired,
                live=live,
                dry_run=outcome.dry_run,
                taken_over=taken_over,
                options=self._options,
            )
            if decision.payload is not None:
                live = await self._client.apply(
                    decision.payload, field_manager=self._options.manager
                )
            self._remember(live)
            self._desired[decision.change.ref] = outcome.desired
        except SteersmanError as error:
            return _Refusal(outcome.desired, outcome.live, error)
        if not taken_over and live is not None and _is_same_version(live, outcome.dry_run):
            return decision.change._replace(action=Action.UNCHANGED)
        return decision.change

    async def _take_over(self, trial: _Trial) -> tuple[Manifest | None, bool]:
        """Moves fields of other managers to ours; returns the object after that."""
        live = trial.live
        if live is None or keeps_foreign_fields(trial.desired, live):
            return live, False
        for attempt in range(_TAKEOVER_ATTEMPTS):
            patch = plan_takeover(
                live, own=self._options.manager, managers=self._options.foreign_managers
            )
            if not patch:
                return live, attempt > 0
            guard = {
                "op": "replace",
                "path": "/metadata/resourceVersion",
                "value": resource_version_of(live),
            }
            try:
                live = await self._client.patch(
                    GroupVersionKind.of(live),
                    name_of(live),
                    namespace_of(live),
                    [*patch, guard],
                    type=PatchType.JSON,
                    field_manager=self._options.manager,
                )
                return live, True
            except ApiError as error:
                if error.code != 409:
                    raise
            found = await self._find(trial.desired)
            if found is None:
                return None, False
            live = found
        return live, True

    async def _settle(self, changes: ChangeSet) -> SteersmanError | None:
        entries = [
            Entry(change.ref, change.version) for change in changes if change.ref not in self._known
        ]
        known = {
            entry.ref: await self._reader.judge(self._live[entry.ref])
            for entry in entries
            if entry.ref in self._live
        }
        try:
            await wait_until_healthy(
                self._reader,
                entries,
                clock=self._clock,
                timeout=self._options.wait_timeout,
                interval=_STAGE_INTERVAL_SECONDS,
                fail_fast=False,
                known=known,
            )
        except NotHealthy as error:
            return ApplyFailed(error.message)
        return None

    async def _each(
        self, items: Sequence[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]
    ) -> list[ResultT]:
        async def limited(item: ItemT) -> ResultT:
            async with self._limit:
                return await work(item)

        if len(items) == 1:
            return [await work(items[0])]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(limited(item)) for item in items]
        return [task.result() for task in tasks]

    def _remember(self, live: Manifest | None) -> None:
        if live is not None:
            self._live[ObjectRef.of(live)] = live

    def _explain(self, refusals: Sequence[_Refusal]) -> ApplyFailed:
        """Tells about every object that was refused; the first one's hint stands for all."""
        failures = [
            explain_dry_run(item.error, item.desired, origin=self._place_of(item.desired))
            for item in refusals
        ]
        lines = [failure.message for failure in failures[:_SHOWN_FAILURES]]
        if len(failures) > _SHOWN_FAILURES:
            lines.append(f"and {len(failures) - _SHOWN_FAILURES} more objects")
        return ApplyFailed("\n".join(lines), hint=failures[0].hint)


def _is_same_version(live: Manifest, dry_run: Manifest) -> bool:
    """Tells whether a write changed nothing: the API then keeps the version of before."""
    version = resource_version_of(live)
    return bool(version) and version == resource_version_of(dry_run)


def _kind_of_outcome(outcome: _Outcome) -> tuple[str, str]:
    match outcome:
        case _Left(decision=decision):
            return decision.change.ref.group, decision.change.ref.kind
        case _Trial(desired=desired) | _Refusal(desired=desired):
            gvk = GroupVersionKind.of(desired)
            return gvk.group, gvk.kind


def _defined_kinds(manifests: Iterable[Manifest]) -> frozenset[GroupKind]:
    return frozenset(
        GroupKind(text_of(manifest, "spec", "group"), text_of(manifest, "spec", "names", "kind"))
        for manifest in manifests
        if kind_of(manifest) == "CustomResourceDefinition"
    )
