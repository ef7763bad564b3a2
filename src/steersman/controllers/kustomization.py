"""``Kustomization``: keeps what is built from a source's path applied to a cluster.

Start at :class:`KustomizationReconciler`; the steps of a run are in
:mod:`steersman.controllers.kustomization_run`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from steersman.apis import reasons
from steersman.apis.kustomization import GVK, Kustomization, decode_kustomization
from steersman.apis.meta import FINALIZER, HEALTHY, READY, RECONCILING, STALLED, WATCH_LABEL
from steersman.apply.inventory import Inventory
from steersman.apply.normalise import Normaliser
from steersman.apply.prepare import owner_labels
from steersman.apply.prune import plan_prune
from steersman.artifacts.fetch import ArtifactFetcher
from steersman.clients.kube.request import ListOptions
from steersman.conditions import StatusContract
from steersman.conditions.contract import ObserveRule
from steersman.controllers.driftwatch import DriftWatch
from steersman.controllers.kustomization_access import (
    RemoteClusters,
    can_impersonate,
    open_access,
)
from steersman.controllers.kustomization_attempt import Attempt
from steersman.controllers.kustomization_build import Builder
from steersman.controllers.kustomization_engine import Engine
from steersman.controllers.kustomization_interrupts import Interrupts
from steersman.controllers.kustomization_prune import delete_entries, wait_for_termination
from steersman.controllers.kustomization_run import KustomizationRun
from steersman.controllers.kustomization_settings import KustomizeSettings
from steersman.controllers.kustomization_source import SOURCE_GROUP
from steersman.errors import InvalidSpec, Stalled, SteersmanError
from steersman.kit.duration import parse_duration
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import Manifest, namespace_of
from steersman.runtime.cache import Cache, Change, IndexFunction
from steersman.runtime.outcome import Later, Settled
from steersman.runtime.patcher import ObjectGone
from steersman.runtime.reconciler import Context
from steersman.runtime.triggers import (
    Watch,
    became_ready,
    dependents,
    in_dependency_order,
    revision_changed,
)
from steersman.schemas.catalogue import Catalogue

__all__ = ["FIELD_MANAGER", "KustomizationReconciler"]

FIELD_MANAGER = "kustomize-controller"
_BY_SOURCE = "source"
_BY_DEPENDENCY = "dependsOn"
_BY_VARIABLES = "substituteFrom"
_DEFAULT_RETRY_SECONDS = 60.0


class KustomizationReconciler:
    """The controller of Kustomizations.

    Args:
        fetcher: fetches artifacts.
        remotes: clients of other clusters.
        catalogue: schemas of the built-in kinds.
        settings: see there.
        drift: sees drift of applied objects; None to find it by dry-runs only.
    """

    kind = GVK
    controller = FIELD_MANAGER
    # As upstream names it; the controller's own name applies.
    status_manager = f"gotk-{FIELD_MANAGER}"
    finalizer = FINALIZER
    contract = StatusContract(
        owned=(HEALTHY, READY, RECONCILING, STALLED), observe=ObserveRule.READY
    )

    def __init__(
        self,
        *,
        fetcher: ArtifactFetcher,
        remotes: RemoteClusters,
        catalogue: Catalogue,
        settings: KustomizeSettings | None = None,
        drift: DriftWatch | None = None,
    ) -> None:
        self._settings = settings or KustomizeSettings()
        self._engine = Engine(
            settings=self._settings,
            manager=FIELD_MANAGER,
            builder=Builder(Normaliser(catalogue), strict=self._settings.strict_substitutions),
            fetcher=fetcher,
            remotes=remotes,
            drift=drift,
            interrupts=Interrupts(),
            active=asyncio.Semaphore(self._settings.concurrency),
        )

    @property
    def concurrency(self) -> int:
        """Runs at once, those that wait included."""
        return self._settings.waiting

    @property
    def watches(self) -> Sequence[Watch]:
        """Sources, dependencies, and marked ConfigMaps and Secrets with variables."""
        marked = ListOptions(label_selector=f"{WATCH_LABEL}=Enabled")
        return (
            *(
                Watch(
                    kind=GroupVersionKind(SOURCE_GROUP, "v1", kind),
                    when=revision_changed,
                    select=_users_of_source,
                    reason="source revision changed",
                )
                for kind in self._settings.source_kinds
            ),
            Watch(
                kind=GVK,
                when=became_ready,
                select=dependents(_BY_DEPENDENCY),
                reason="dependency became ready",
            ),
            *(
                Watch(
                    kind=GroupVersionKind("", "v1", kind),
                    when=lambda change: change.new is not None,
                    select=dependents(_BY_VARIABLES),
                    reason="variables changed",
                    view=marked,
                )
                for kind in ("ConfigMap", "Secret")
            ),
        )

    @property
    def indexes(self) -> Mapping[str, IndexFunction]:
        """Kustomizations by source, by dependency and by what their variables come from."""
        return {
            _BY_SOURCE: _source_of,
            _BY_DEPENDENCY: _dependencies_of,
            _BY_VARIABLES: _variables_of,
        }

    def retry_seconds(self, obj: Manifest) -> float | None:
        """Returns ``spec.retryInterval``, else the interval: failures are retried steadily."""
        spec = obj.get("spec")
        text = (spec.get("retryInterval") or spec.get("interval")) if spec else None
        try:
            return parse_duration(str(text)).total_seconds()
        except ValueError:
            return _DEFAULT_RETRY_SECONDS

    async def reconcile(self, ctx: Context) -> Settled | Later:
        """Builds and applies, prunes, and checks health."""
        self._engine.interrupts.listen_to(ctx.caches, GVK)
        kustomization = decode_kustomization(ctx.obj)
        run = KustomizationRun(ctx, kustomization, self._engine)
        try:
            return await run.through()
        except ObjectGone:
            raise
        except SteersmanError as error:
            self._engine.settled.pop(ctx.ref, None)
            _show_failure(run.attempt, error)
            raise

    async def finalize(self, ctx: Context) -> Later | None:
        """Deletes the applied objects as the deletion policy says."""
        kustomization = decode_kustomization(ctx.obj)
        inventory = Inventory.from_status(ctx.status.get("inventory"))
        if not ctx.suspended and len(inventory) and _must_delete(kustomization):
            await self._delete_all(ctx, kustomization, inventory)
        self._engine.forget(ctx.ref)
        return None

    async def _delete_all(
        self, ctx: Context, kustomization: Kustomization, inventory: Inventory
    ) -> None:
        account = self._settings.default_service_account
        _add_revisions(ctx)
        if not await can_impersonate(
            kustomization, local=ctx.client, default_service_account=account
        ):
            listing = "\n".join(str(entry.ref) for entry in inventory)
            ctx.events.error(_reason(ctx, "error"), f"unable to prune objects: \n{listing}")
            return
        access = await open_access(
            kustomization,
            local=ctx.client,
            remotes=self._engine.remotes,
            default_service_account=account,
        )
        empty = Inventory()
        pruned = await delete_entries(
            access.client,
            plan_prune(inventory, empty),
            owner=owner_labels(ctx.ref.name, ctx.ref.namespace),
            kept=empty,
        )
        if pruned.failure is not None:
            ctx.events.error(_reason(ctx, "error"), "pruning for deleted resource failed")
            raise pruned.failure
        ctx.events.info(_reason(ctx, "info"), pruned.changes.summary())
        if kustomization.spec.deletion_policy != "WaitForTermination":
            return
        timeout = Attempt(ctx, kustomization).timeout.total_seconds()
        problem = await wait_for_termination(
            access.client, pruned.changes, clock=ctx.clock, timeout=timeout
        )
        if problem:
            text = f"failed to wait for resources termination\n{problem}"
            ctx.events.error(_reason(ctx, "error"), text)


def _show_failure(attempt: Attempt, error: SteersmanError) -> None:
    """Lets Ready say what failed and what would help, under the reason of the step."""
    own_reason = isinstance(error, Stalled) or error.reason in _KNOWN_REASONS
    reason = error.reason if own_reason else attempt.failing
    message = f"{error.message}\n{error.hint}" if error.hint else error.message
    attempt.ctx.status.mark_not_ready(reason, message)
    if attempt.doing and not isinstance(error, Stalled):
        attempt.ctx.status.mark_reconciling(reasons.PROGRESSING_WITH_RETRY, attempt.doing)


_KNOWN_REASONS = frozenset(
    {
        reasons.ARTIFACT_FAILED,
        reasons.BUILD_FAILED,
        reasons.DEPENDENCY_NOT_READY,
        reasons.HEALTH_CHECK_FAILED,
        reasons.PRUNE_FAILED,
        reasons.RECONCILIATION_FAILED,
    }
)


def _reason(ctx: Context, otherwise: str) -> str:
    ready = ctx.status.condition(READY)
    return ready.reason if ready is not None else otherwise


def _add_revisions(ctx: Context) -> None:
    metadata = {
        f"{GVK.group}/{key}": str(ctx.status.get(field))
        for key, field in (
            ("revision", "lastAppliedRevision"),
            ("originRevision", "lastAppliedOriginRevision"),
        )
        if ctx.status.get(field)
    }
    ctx.events.add_metadata(metadata)


def _must_delete(kustomization: Kustomization) -> bool:
    match kustomization.spec.deletion_policy:
        case "Delete" | "WaitForTermination":
            return True
        case "Orphan":
            return False
        case _:
            return kustomization.spec.prune


def _decoded(manifest: Manifest) -> Kustomization | None:
    try:
        return decode_kustomization(manifest)
    except InvalidSpec:
        return None


def _source_of(manifest: Manifest) -> Iterable[ObjectRef]:
    found = _decoded(manifest)
    return () if found is None else (found.source,)


def _dependencies_of(manifest: Manifest) -> Iterable[ObjectRef]:
    found = _decoded(manifest)
    for dependency in found.spec.depends_on if found else ():
        namespace = dependency.namespace or namespace_of(manifest)
        yield ObjectRef(GVK.group, GVK.kind, namespace, dependency.name)


def _variables_of(manifest: Manifest) -> Iterable[ObjectRef]:
    found = _decoded(manifest)
    post_build = found.spec.post_build if found else None
    for reference in post_build.substitute_from if post_build else ():
        yield ObjectRef("", reference.kind, namespace_of(manifest), reference.name)


def _users_of_source(change: Change, cache: Cache) -> Iterable[ObjectRef]:
    """The Kustomizations that do not work on this revision yet, dependencies first."""
    status = (change.new or {}).get("status") or {}
    revision = (status.get("artifact") or {}).get("revision")
    outdated = [
        manifest
        for manifest in cache.by_index(_BY_SOURCE, change.ref)
        if not _is_at(manifest, revision)
    ]
    return in_dependency_order(outdated, _dependencies_of)


def _is_at(manifest: Manifest, revision: str | None) -> bool:
    status = manifest.get("status") or {}
    if status.get("lastAttemptedRevision") != revision:
        return False
    return any(
        condition.get("type") in (READY, RECONCILING) and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
