"""One run for one Kustomization, from its source to Ready.

The steps and their order are Flux's; each method is one of them.

Source: behaviour of fluxcd/kustomize-controller (Reconcile, reconcile).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from steersman.apis import reasons
from steersman.apis.kustomization import GVK, Kustomization
from steersman.apis.meta import READY, RECONCILE_REQUESTED_AT, RECONCILING
from steersman.apply.inventory import Entry, Inventory
from steersman.apply.plan import ApplyOptions
from steersman.apply.prepare import owner_labels
from steersman.apply.prune import plan_prune, select_survivors
from steersman.artifacts.fetch import ArtifactNotFound, ArtifactTree
from steersman.controllers.driftwatch import Live, digest_of_desired
from steersman.controllers.kustomization_access import Access, open_access
from steersman.controllers.kustomization_apply import Applied, Knowledge, StagedApply
from steersman.controllers.kustomization_attempt import Attempt
from steersman.controllers.kustomization_build import Built
from steersman.controllers.kustomization_dependencies import check_dependencies
from steersman.controllers.kustomization_engine import Engine
from steersman.controllers.kustomization_health import HealthReader
from steersman.controllers.kustomization_healthcheck import HealthCheck, entries_to_check
from steersman.controllers.kustomization_prune import delete_entries
from steersman.controllers.kustomization_source import find_source, load_variables
from steersman.errors import DependencyNotReady, SourceNotReady, Stalled, SteersmanError
from steersman.health.expressions import (
    HealthRule,
    HealthRules,
    InvalidHealthRules,
    compile_rules,
)
from steersman.health.rollup import Done, decide_wait
from steersman.kit.duration import format_duration
from steersman.objects.identity import ObjectRef, split_api_version
from steersman.objects.ignore_rules import IgnoreRule, IgnoreRules, ObjectSelector
from steersman.objects.manifest import Manifest, annotations_of
from steersman.runtime.outcome import Later, Settled
from steersman.runtime.reconciler import Context

__all__ = ["KustomizationRun"]

_QUIET_FETCH_SECONDS = 1.0
_TERMINAL = "Reconciliation failed terminally due to configuration error"


class KustomizationRun:
    """Carries one run out.

    Args:
        ctx: the run.
        kustomization: the object, decoded.
        engine: shared.
    """

    def __init__(self, ctx: Context, kustomization: Kustomization, engine: Engine) -> None:
        self.attempt = Attempt(ctx, kustomization)
        self._ctx = ctx
        self._kustomization = kustomization
        self._spec = kustomization.spec
        self._engine = engine

    async def through(self) -> Settled | Later:
        """Takes the run through all steps."""
        attempt = self.attempt
        rules = self._compile_rules()
        self._refuse_decryption()
        await self._find_source()
        await self._check_dependencies()
        attempt.failing = reasons.BUILD_FAILED
        variables = await load_variables(self._kustomization, client=self._ctx.client)
        attempt.failing = reasons.RECONCILIATION_FAILED
        access = await self._open_access()
        reader = HealthReader(access.client, clock=self._ctx.clock, rules=rules)
        key = self._key(variables, access)
        done = Settled(attempt.interval.total_seconds())
        if await self._is_settled(key, reader):
            return done
        self._engine.settled.pop(self._ctx.ref, None)
        attempt.failing = reasons.ARTIFACT_FAILED
        async with self._engine.active:
            tree = await self._fetch()
            built = await self._build(tree, variables)
            applied = await self._apply(access, tree, built, reader)
        check = HealthCheck(attempt, self._engine, reader, is_local=access.is_local)
        cancelled = await check.run(applied.changes, built.manifests)
        if cancelled is not None:
            return cancelled
        self._engine.settled[self._ctx.ref] = key
        self._succeed()
        return done

    # Before work on a revision begins.

    def _compile_rules(self) -> HealthRules:
        try:
            return compile_rules(
                [
                    HealthRule(
                        api_version=rule.api_version,
                        kind=rule.kind,
                        current=rule.current,
                        in_progress=rule.in_progress,
                        failed=rule.failed,
                    )
                    for rule in self._spec.health_check_exprs
                ]
            )
        except InvalidHealthRules as error:
            raise Stalled(f"{_TERMINAL}: {error}", reason=reasons.INVALID_CEL_EXPRESSION) from error

    def _refuse_decryption(self) -> None:
        if self._spec.decryption is not None:
            raise Stalled(
                "spec.decryption is not supported: this release cannot open SOPS files",
                reason=reasons.FEATURE_GATE_DISABLED,
                hint="remove spec.decryption and keep secrets unencrypted or outside of Git",
            )

    async def _find_source(self) -> None:
        self.attempt.source = await find_source(
            self._kustomization,
            client=self._ctx.client,
            caches=self._ctx.caches,
            settings=self._engine.settings,
            retry_seconds=self.attempt.retry_seconds,
        )

    async def _check_dependencies(self) -> None:
        settings = self._engine.settings
        after = settings.dependency_seconds
        try:
            await check_dependencies(
                self._ctx.client,
                self._ctx.obj,
                self._kustomization,
                revision=self.attempt.source.revision,
                retry_seconds=after,
                additive=settings.additive_expressions,
            )
        except DependencyNotReady:
            wait = format_duration(timedelta(seconds=after))
            self._ctx.events.info(
                reasons.DEPENDENCY_NOT_READY,
                f"Dependencies do not meet ready condition, retrying in {wait}",
            )
            raise
        except Stalled as error:
            raise Stalled(f"{_TERMINAL}: {error.message}", reason=error.reason) from error

    async def _open_access(self) -> Access:
        return await open_access(
            self._kustomization,
            local=self._ctx.client,
            remotes=self._engine.remotes,
            default_service_account=self._engine.settings.default_service_account,
        )

    def _key(self, variables: Mapping[str, str], access: Access) -> str:
        source = self.attempt.source
        build = self._engine.builder.key_of(self._ctx.obj, variables)
        return (
            f"{build} {source.artifact.digest} {source.revision} {self._ctx.generation}"
            f" {access.key}"
        )

    async def _is_settled(self, key: str, reader: HealthReader) -> bool:
        """Tells whether nothing can have changed since the last success, without a dry-run."""
        ctx, drift = self._ctx, self._engine.drift
        known = self._engine.settled.get(ctx.ref)
        if known is None or known != key or drift is None:
            return False
        if self._is_loud() or not drift.is_unchanged(ctx.ref):
            return False
        inventory = Inventory.from_status(ctx.status.get("inventory"))
        entries = entries_to_check(self.attempt, inventory)
        if not entries:
            return True
        verdicts = await reader.read(entries)
        return isinstance(decide_wait(verdicts), Done)

    def _is_loud(self) -> bool:
        """Tells whether people look at this run: something is new, or was not well."""
        status = self._ctx.status
        requested = annotations_of(self._ctx.obj).get(RECONCILE_REQUESTED_AT)
        return (
            self.attempt.source.revision != status.get("lastAppliedRevision")
            or self._ctx.generation != status.get("observedGeneration")
            or requested not in (None, status.get("lastHandledReconcileAt"))
            or not status.is_true(READY)
            or status.condition(RECONCILING) is not None
        )

    # Work on a revision.

    async def _announce(self) -> None:
        """Shows that work is done, unless it is a mere look at whether all is as it was."""
        if self._is_loud():
            status = self._ctx.status
            status.mark_unknown(READY, reasons.PROGRESSING, "Reconciliation in progress")
            self.attempt.show()
            await self._ctx.progress()

    async def _fetch(self) -> ArtifactTree:
        """Fetches the artifact; says so when it takes long enough for somebody to wonder."""
        self.attempt.do("Fetching manifests")
        async with asyncio.TaskGroup() as group:
            fetching = group.create_task(self._fetch_or_fail(), name=f"fetch {self._ctx.ref}")
            await asyncio.wait({fetching}, timeout=_QUIET_FETCH_SECONDS)
            if not fetching.done():
                await self._announce()
        tree = fetching.result()
        if isinstance(tree, SteersmanError):
            raise tree
        return tree

    async def _fetch_or_fail(self) -> ArtifactTree | SteersmanError:
        try:
            return await self._engine.fetcher.fetch(self.attempt.source.artifact)
        except ArtifactNotFound:
            after = self._engine.settings.dependency_seconds
            wait = format_duration(timedelta(seconds=after))
            return SourceNotReady(
                f"Source is not ready, artifact not found, retrying in {wait}",
                after=after,
                reason=reasons.ARTIFACT_FAILED,
            )
        except SteersmanError as error:
            return error

    async def _build(self, tree: ArtifactTree, variables: Mapping[str, str]) -> Built:
        engine, attempt = self._engine, self.attempt
        engine.builder.require_path(tree, self._spec.path)
        self._ctx.status.set("lastAttemptedRevision", attempt.source.revision)
        attempt.do("Building manifests")
        attempt.failing = reasons.BUILD_FAILED
        built = await engine.builder.build(self._ctx.obj, self._kustomization, tree, variables)
        attempt.digest = built.digest
        attempt.failing = reasons.RECONCILIATION_FAILED
        attempt.do("Detecting drift")
        return built

    async def _apply(
        self, access: Access, tree: ArtifactTree, built: Built, reader: HealthReader
    ) -> Applied:
        ctx = self._ctx
        before = Inventory.from_status(ctx.status.get("inventory"))
        knowledge = self._knowledge(access)
        await self._record_intent(access, before, built, knowledge)
        staged = StagedApply(
            access.client,
            clock=ctx.clock,
            options=self._apply_options(),
            reader=reader,
            place_of=lambda manifest: self._engine.builder.place_of(tree, built, manifest),
            knowledge=knowledge,
        )
        try:
            applied = await self._apply_and_prune(access, staged, before, built)
        except BaseException:
            # What was written by then is not what was expected before.
            if self._engine.drift is not None:
                self._engine.drift.forget(ctx.ref)
            raise
        self._expect(access, applied)
        return applied

    async def _apply_and_prune(
        self, access: Access, staged: StagedApply, before: Inventory, built: Built
    ) -> Applied:
        ctx = self._ctx
        applied = await staged.run(built.manifests)
        log = applied.changes.effective().summary()
        if applied.failure is not None:
            after = before.merged_with(applied.changes.inventory())
            ctx.status.set("inventory", after.to_status())
            self.attempt.record(reasons.RECONCILIATION_FAILED)
            raise _with_log(applied.failure, log)
        if log:
            ctx.events.info(reasons.PROGRESSING, log)
        after = applied.changes.inventory()
        ctx.status.set("inventory", after.to_status())
        await self._prune(access, before, after)
        return applied

    def _knowledge(self, access: Access) -> Knowledge:
        """Returns what the drift watch knows, unless somebody asked for a full run."""
        drift, owner = self._engine.drift, self._ctx.ref
        status = self._ctx.status
        requested = annotations_of(self._ctx.obj).get(RECONCILE_REQUESTED_AT)
        is_asked = requested not in (None, status.get("lastHandledReconcileAt"))
        # A new spec may come with another account, whose rights only a dry-run can tell.
        is_new_spec = self._ctx.generation != status.get("observedGeneration")
        if drift is None or not access.is_local or is_asked or is_new_spec:
            return Knowledge()
        return Knowledge(
            is_as_desired=lambda manifest: drift.is_as_desired(
                owner, ObjectRef.of(manifest), digest_of_desired(manifest)
            ),
            is_untouched=lambda manifest: drift.is_untouched(owner, ObjectRef.of(manifest)),
        )

    def _apply_options(self) -> ApplyOptions:
        settings = self._engine.settings
        rules = [
            IgnoreRule(
                paths=rule.paths,
                target=None
                if rule.target is None
                else ObjectSelector(
                    group=rule.target.group,
                    version=rule.target.version,
                    kind=rule.target.kind,
                    name=rule.target.name,
                    namespace=rule.target.namespace,
                    label_selector=rule.target.label_selector,
                    annotation_selector=rule.target.annotation_selector,
                ),
            )
            for rule in self._spec.ignore
        ]
        return ApplyOptions(
            manager=self._engine.manager,
            force=self._spec.force,
            rules=IgnoreRules(rules) if rules else None,
            custom_kinds=settings.custom_stage_kinds,
            overridden_managers=settings.overridden_managers,
            concurrency=settings.concurrent_ssa,
        )

    async def _record_intent(
        self,
        access: Access,
        before: Inventory,
        built: Built,
        knowledge: Knowledge,
    ) -> None:
        """Shows that work begins, and writes down what is about to be created.

        So a crash leaves nothing that nobody owns.
        """
        if all(knowledge.is_as_desired(manifest) for manifest in built.manifests):
            return
        intended = [await _entry_of(access, manifest) for manifest in built.manifests]
        if all(entry.ref in before for entry in intended):
            await self._announce()
            return
        status = self._ctx.status
        status.set("inventory", before.merged_with(intended).to_status())
        status.mark_unknown(READY, reasons.PROGRESSING, "Reconciliation in progress")
        self.attempt.show()
        await self._ctx.progress()

    async def _prune(self, access: Access, before: Inventory, after: Inventory) -> None:
        if not self._spec.prune:
            return
        ctx = self._ctx
        stale = plan_prune(before, after)
        if not stale:
            return
        owner = owner_labels(ctx.ref.name, ctx.ref.namespace)
        pruned = await delete_entries(access.client, stale, owner=owner, kept=after)
        if pruned.failure is not None:
            survivors = after.merged_with(select_survivors(stale, pruned.changes))
            ctx.status.set("inventory", survivors.to_status())
            self.attempt.record(reasons.PRUNE_FAILED)
            self.attempt.failing = reasons.PRUNE_FAILED
            raise pruned.failure
        ctx.events.info(reasons.PROGRESSING, pruned.changes.summary())

    def _expect(self, access: Access, applied: Applied) -> None:
        """Tells the drift watch what the cluster looks like now."""
        drift = self._engine.drift
        if drift is None:
            return
        live = {
            Entry(change.ref, change.version): Live(
                applied.live[change.ref], digest_of_desired(applied.desired[change.ref])
            )
            for change in applied.changes
            if change.ref in applied.live and change.ref in applied.desired
        }
        skipped = len(applied.changes.applied()) != len(applied.changes)
        complete = len(live) + len(applied.known) == len(applied.changes)
        if access.is_local and not skipped and complete:
            drift.expect(self._ctx.ref, live, applied.known)
        else:
            drift.forget(self._ctx.ref)

    # The end.

    def _succeed(self) -> None:
        attempt, status, source = self.attempt, self._ctx.status, self.attempt.source
        status.set("lastAppliedRevision", source.revision)
        status.set("lastAppliedOriginRevision", source.origin_revision or None)
        message = f"Applied revision: {source.revision}"
        status.mark_ready(reasons.RECONCILIATION_SUCCEEDED, message)
        attempt.record(reasons.RECONCILIATION_SUCCEEDED)
        self._ctx.events.info(
            reasons.RECONCILIATION_SUCCEEDED,
            f"Reconciliation finished in {format_duration(attempt.elapsed)},"
            f" next run in {format_duration(attempt.interval)}",
            {f"{GVK.group}/commit_status": "update"},
        )


async def _entry_of(access: Access, manifest: Manifest) -> Entry:
    """Names an object as the cluster would: cluster-scoped ones have no namespace."""
    ref = ObjectRef.of(manifest)
    version = split_api_version(str(manifest.get("apiVersion")))[1]
    entry = Entry(ref, version)
    if not ref.namespace:
        return entry
    try:
        resource = await access.client.discover(entry.gvk)
    except SteersmanError:
        return entry  # its definition comes with this apply
    return entry if resource.namespaced else Entry(ref._replace(namespace=""), version)


def _with_log(failure: SteersmanError, log: str) -> SteersmanError:
    """Adds what was done before the failure to its text."""
    if log:
        failure.message = f"{failure.message}\n{log}"
        failure.args = (failure.message,)
    return failure
