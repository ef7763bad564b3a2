"""Is everything Ready? The state of Flux objects on one or many clusters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar, cast

from steersman.apis.crds import FluxKind
from steersman.apis.meta import READY, RECONCILING, STALLED
from steersman.clients.kube import KubeClient, NoMatch, WatchType
from steersman.errors import SteersmanError
from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import (
    Manifest,
    api_version_of,
    generation_of,
    kind_of,
    metadata_of,
    name_of,
    namespace_of,
)
from steersman.queries.report import Answer, ClusterFailure, Piece

__all__ = [
    "ObjectStatus",
    "StatusReport",
    "StatusSummary",
    "ask_each",
    "read_status",
    "status_of",
    "watch_status",
]

Tristate: TypeAlias = Literal["True", "False", "Unknown"]
T = TypeVar("T")

_NOT_YET: Final = "waiting to be reconciled"


class ObjectStatus(Piece, frozen=True):
    """What is known of one Flux object.

    Attributes:
        cluster: which cluster it is on.
        ready: status of its condition ``Ready``; Unknown before the first reconcile.
        reason: reason of that condition.
        message: message of that condition.
        since: when that condition last changed, RFC 3339, or empty.
        revision: last applied or stored revision, or empty.
        attempted_revision: last tried revision, where the kind has one.
        suspended: whether nothing is reconciled.
        reconciling: whether work is going on.
        stalled: whether no retry can help.
        up_to_date: whether the state is about the present spec.
        conditions: all conditions, as they stand in the object.
    """

    cluster: str
    api_version: str
    kind: str
    namespace: str
    name: str
    ready: Tristate
    reason: str
    message: str
    since: str
    revision: str
    attempted_revision: str
    suspended: bool
    reconciling: bool
    stalled: bool
    up_to_date: bool
    conditions: tuple[dict[str, Any], ...]

    @property
    def is_ready(self) -> bool:
        """Whether it is Ready, for its present spec unless it is suspended."""
        return self.ready == "True" and (self.up_to_date or self.suspended)


class StatusSummary(Piece, frozen=True):
    """Counts of a report."""

    total: int
    ready: int
    not_ready: int
    suspended: int


class StatusReport(Answer, frozen=True):
    """The state of many objects.

    Attributes:
        items: in the order of clusters, kinds, namespaces, names.
        failures: clusters that could not be asked.
    """

    KIND: ClassVar[str] = "StatusReport"

    summary: StatusSummary
    items: tuple[ObjectStatus, ...]
    failures: tuple[ClusterFailure, ...] = ()

    @classmethod
    def of(
        cls, items: Iterable[ObjectStatus], failures: Iterable[ClusterFailure] = ()
    ) -> StatusReport:
        """Sums up."""
        kept = tuple(items)
        ready = sum(item.is_ready for item in kept)
        summary = StatusSummary(
            total=len(kept),
            ready=ready,
            not_ready=len(kept) - ready,
            suspended=sum(item.suspended for item in kept),
        )
        return cls(summary=summary, items=kept, failures=tuple(failures))

    @property
    def all_ready(self) -> bool:
        """Whether every object is Ready and every cluster answered."""
        return not self.summary.not_ready and not self.failures


def status_of(manifest: Manifest, cluster: str) -> ObjectStatus:
    """Reads the state out of a Flux object of any kind; missing parts are empty."""
    spec, status = _mapping(manifest.get("spec")), _mapping(manifest.get("status"))
    conditions = {
        condition["type"]: condition
        for condition in status.get("conditions") or ()
        if isinstance(condition, dict) and "type" in condition
    }
    ready = conditions.get(READY, {})
    artifact = _mapping(status.get("artifact"))
    observed = status.get("observedGeneration", 0)
    deleted = "deletionTimestamp" in metadata_of(manifest)
    return ObjectStatus(
        cluster=cluster,
        api_version=api_version_of(manifest),
        kind=kind_of(manifest),
        namespace=namespace_of(manifest),
        name=name_of(manifest),
        ready=cast(Tristate, ready.get("status", "Unknown")),
        reason=ready.get("reason", ""),
        message=ready.get("message", _NOT_YET),
        since=ready.get("lastTransitionTime", ""),
        revision=status.get("lastAppliedRevision") or artifact.get("revision", ""),
        attempted_revision=status.get("lastAttemptedRevision", ""),
        suspended=spec.get("suspend") is True,
        reconciling=conditions.get(RECONCILING, {}).get("status") == "True",
        stalled=conditions.get(STALLED, {}).get("status") == "True",
        up_to_date=observed == generation_of(manifest) and not deleted,
        conditions=tuple(conditions.values()),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


async def read_status(
    clients: Mapping[str, KubeClient],
    kinds: Sequence[FluxKind],
    *,
    namespace: str = "",
    name: str = "",
    label_selector: str = "",
) -> StatusReport:
    """Asks every cluster for the objects of some kinds.

    A cluster that cannot be asked is named in the report and spoils nothing else; a kind that a
    cluster does not serve counts as empty there.

    Args:
        clients: by cluster name; the order is kept.
        kinds: which kinds; the order is kept.
        namespace: empty for all.
        name: empty for all.
        label_selector: as kubectl takes it.
    """

    async def of_cluster(cluster: str, client: KubeClient) -> list[ObjectStatus]:
        async def of_kind(kind: FluxKind) -> list[ObjectStatus]:
            try:
                found = await client.list(
                    kind.gvk,
                    namespace,
                    label_selector=label_selector,
                    field_selector=f"metadata.name={name}" if name else "",
                )
            except NoMatch:
                return []
            items = (status_of(manifest, cluster) for manifest in found.items)
            return sorted(items, key=lambda item: (item.namespace, item.name))

        return [item for kind in kinds for item in await of_kind(kind)]

    found, failures = await ask_each(clients, of_cluster)
    return StatusReport.of((item for items in found.values() for item in items), failures)


async def ask_each(
    clients: Mapping[str, KubeClient], ask: Callable[[str, KubeClient], Awaitable[T]]
) -> tuple[dict[str, T], list[ClusterFailure]]:
    """Asks all clusters at once; answers and failures are in the order of ``clients``."""

    async def one(cluster: str, client: KubeClient) -> T | ClusterFailure:
        try:
            return await ask(cluster, client)
        except SteersmanError as error:
            return ClusterFailure(cluster=cluster, reason=error.reason, message=error.message)

    async with asyncio.TaskGroup() as group:
        asked = {
            cluster: group.create_task(one(cluster, client), name=f"ask {cluster}")
            for cluster, client in clients.items()
        }
    found: dict[str, T] = {}
    failures: list[ClusterFailure] = []
    for cluster, task in asked.items():
        answer = task.result()
        if isinstance(answer, ClusterFailure):
            failures.append(answer)
        else:
            found[cluster] = answer
    return found, failures


async def watch_status(
    client: KubeClient, cluster: str, kind: FluxKind, *, namespace: str = "", name: str = ""
) -> AsyncGenerator[ObjectStatus, None]:
    """Yields the state of each object of a kind now, and again whenever it changes. Never ends.

    A watch that the server ends is begun again; what did not change meanwhile is not yielded twice.
    """
    selector = f"metadata.name={name}" if name else ""
    shown: dict[tuple[str, str], ObjectStatus] = {}
    while True:
        listed = await client.list(kind.gvk, namespace, field_selector=selector)
        for manifest in listed.items:
            for status in _news(shown, status_of(manifest, cluster)):
                yield status
        changes = client.watch(
            kind.gvk,
            resource_version=listed.resource_version,
            namespace=namespace,
            field_selector=selector,
        )
        try:
            async with aclosing(changes):
                async for change in changes:
                    if change.type in (WatchType.ADDED, WatchType.MODIFIED):
                        for status in _news(shown, status_of(change.object, cluster)):
                            yield status
        except ApiError as error:
            if error.code != 410:  # too old: list again
                raise


def _news(
    shown: dict[tuple[str, str], ObjectStatus], status: ObjectStatus
) -> Iterable[ObjectStatus]:
    key = (status.namespace, status.name)
    if shown.get(key) == status:
        return ()
    shown[key] = status
    return (status,)
