"""What happened to Flux objects: the Kubernetes events about them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Any, ClassVar, Final, NamedTuple

from steersman.apis.crds import KINDS
from steersman.clients.kube import KubeClient, WatchType
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind, split_api_version
from steersman.objects.manifest import Manifest, metadata_of, namespace_of
from steersman.queries.report import Answer, ClusterFailure, Piece
from steersman.queries.status import ask_each

__all__ = ["EVERYTHING", "EventFilter", "EventRecord", "EventReport", "read_events", "watch_events"]

EVENT: Final = GroupVersionKind("", "v1", "Event")
_GROUPS: Final = frozenset(kind.gvk.group for kind in KINDS)


class EventRecord(Piece, frozen=True):
    """One event, or several equal ones.

    Attributes:
        last_seen: RFC 3339.
        type: Normal or Warning.
        kind: kind of the object it is about.
        name: name of the object it is about.
        count: how often it was seen.
        revision: the revision it is about, or empty.
    """

    cluster: str
    last_seen: str
    type: str
    reason: str
    kind: str
    namespace: str
    name: str
    message: str
    count: int
    revision: str


class EventReport(Answer, frozen=True):
    """Events, the oldest first."""

    KIND: ClassVar[str] = "EventReport"

    items: tuple[EventRecord, ...]
    failures: tuple[ClusterFailure, ...] = ()


class EventFilter(NamedTuple):
    """Which events are wanted; empty fields accept everything.

    Attributes:
        namespace: of the object.
        kind: of the object.
        name: of the object.
        types: Normal, Warning.
    """

    namespace: str = ""
    kind: str = ""
    name: str = ""
    types: tuple[str, ...] = ()

    def accepts(self, record: EventRecord) -> bool:
        """Whether an event is wanted."""
        return (
            (not self.kind or self.kind == record.kind)
            and (not self.name or self.name == record.name)
            and (not self.types or record.type in self.types)
        )


EVERYTHING: Final = EventFilter()


def _record_of(manifest: Manifest, cluster: str) -> EventRecord | None:
    """Reads an event; None when it is not about a Flux object."""
    about: Mapping[str, Any] = manifest.get("involvedObject") or {}
    if split_api_version(str(about.get("apiVersion") or ""))[0] not in _GROUPS:
        return None
    series: Mapping[str, Any] = manifest.get("series") or {}
    seen = (
        series.get("lastObservedTime")
        or manifest.get("lastTimestamp")
        or manifest.get("eventTime")
        or metadata_of(manifest).get("creationTimestamp")
        or ""
    )
    annotations: Mapping[str, str] = metadata_of(manifest).get("annotations") or {}
    revisions = (value for key, value in annotations.items() if key.endswith("/revision"))
    return EventRecord(
        cluster=cluster,
        last_seen=seen,
        type=manifest.get("type") or "Normal",
        reason=manifest.get("reason") or "",
        kind=about.get("kind") or "",
        namespace=about.get("namespace") or namespace_of(manifest),
        name=about.get("name") or "",
        message=manifest.get("message") or "",
        count=series.get("count") or manifest.get("count") or 1,
        revision=next(revisions, ""),
    )


def _wanted(
    manifests: Iterable[Manifest], cluster: str, wanted: EventFilter
) -> Iterable[EventRecord]:
    for manifest in manifests:
        record = _record_of(manifest, cluster)
        if record is not None and wanted.accepts(record):
            yield record


async def read_events(
    clients: Mapping[str, KubeClient], wanted: EventFilter = EVERYTHING
) -> EventReport:
    """Reads the events about Flux objects of all clusters, the oldest first."""

    async def of_cluster(cluster: str, client: KubeClient) -> list[EventRecord]:
        listed = await client.list(EVENT, wanted.namespace)
        return list(_wanted(listed.items, cluster, wanted))

    found, failures = await ask_each(clients, of_cluster)
    records = sorted(
        (record for records in found.values() for record in records),
        key=lambda record: record.last_seen,
    )
    return EventReport(items=tuple(records), failures=tuple(failures))


async def watch_events(
    client: KubeClient, cluster: str, wanted: EventFilter = EVERYTHING
) -> AsyncGenerator[EventRecord, None]:
    """Yields the events there are, then each new one. Never ends."""
    shown: set[tuple[str, str]] = set()
    while True:
        listed = await client.list(EVENT, wanted.namespace)
        for manifest in sorted(listed.items, key=_last_seen):
            for record in _unseen(shown, manifest, cluster, wanted):
                yield record
        changes = client.watch(
            EVENT, resource_version=listed.resource_version, namespace=wanted.namespace
        )
        try:
            async with aclosing(changes):
                async for change in changes:
                    if change.type in (WatchType.ADDED, WatchType.MODIFIED):
                        for record in _unseen(shown, change.object, cluster, wanted):
                            yield record
        except ApiError as error:
            if error.code != 410:  # too old: list again
                raise


def _unseen(
    shown: set[tuple[str, str]], manifest: Manifest, cluster: str, wanted: EventFilter
) -> Iterable[EventRecord]:
    metadata = metadata_of(manifest)
    key = (str(metadata.get("uid")), str(metadata.get("resourceVersion")))
    if key in shown:
        return ()
    shown.add(key)
    return _wanted((manifest,), cluster, wanted)


def _last_seen(manifest: Manifest) -> str:
    return str(manifest.get("lastTimestamp") or manifest.get("eventTime") or "")
