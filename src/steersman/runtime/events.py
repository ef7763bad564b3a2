"""Events: what happened to an object, told to people.

Every event is written as a Kubernetes Event and handed to the sinks, in the wire format that Flux's
notification-controller takes; ``Trace`` events are Kubernetes Events only. Telling is not part of a
run: events wait in a bounded line and are sent in order by one task. The same event told again
raises the count of the Kubernetes Event instead of making a new one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from steersman.apis.meta import EVENT_ANNOTATION_PREFIX
from steersman.clients.kube import KubeClient, PatchType
from steersman.errors import SteersmanError
from steersman.kit.clock import Clock, format_rfc3339
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import (
    Manifest,
    annotations_of,
    api_version_of,
    kind_of,
    name_of,
    namespace_of,
    resource_version_of,
    uid_of,
)

__all__ = ["Event", "EventRecorder", "EventSink", "ObjectEvents", "Severity"]

_log = logging.getLogger(__name__)

_EVENT_KIND: Final = GroupVersionKind("", "v1", "Event")
_LINE_LENGTH: Final = 4096
_REMEMBERED: Final = 4096
# An older repetition becomes a new event; the API server forgets events after an hour.
_REPEAT_SECONDS: Final = 600.0


class Severity(StrEnum):
    """How much an event matters."""

    TRACE = "trace"
    INFO = "info"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to an object.

    Args:
        involved: reference to the object, in the wire's keys.
        severity: how much it matters.
        reason: CamelCase word.
        message: for people.
        timestamp: RFC 3339.
        metadata: keys with their group, such as ``kustomize.toolkit.fluxcd.io/revision``.
        controller: who tells.
        instance: which process of it.
    """

    involved: Mapping[str, str]
    severity: Severity
    reason: str
    message: str
    timestamp: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    controller: str = ""
    instance: str = ""

    def to_wire(self) -> dict[str, Any]:
        """Returns the body that notification-controller takes."""
        wire: dict[str, Any] = {
            "involvedObject": dict(self.involved),
            "severity": self.severity.value,
            "timestamp": self.timestamp,
            "message": self.message,
            "reason": self.reason,
            "reportingController": self.controller,
            "reportingInstance": self.instance,
        }
        if self.metadata:
            wire["metadata"] = dict(self.metadata)
        return wire


class EventSink(Protocol):
    """Takes events besides the Kubernetes API: notification, transcripts, the command line."""

    async def post(self, event: Event) -> None:
        """Takes one event; may raise an error of the tree, which is logged."""


def _reference(obj: Manifest) -> dict[str, str]:
    pairs = {
        "kind": kind_of(obj),
        "namespace": namespace_of(obj),
        "name": name_of(obj),
        "uid": uid_of(obj),
        "apiVersion": api_version_of(obj),
        "resourceVersion": resource_version_of(obj),
    }
    return {key: value for key, value in pairs.items() if value}


class EventRecorder:
    """Collects events and sends them.

    Args:
        client: of the API that the objects live in.
        clock: the time.
        sinks: told too, unless an event is a trace.
        instance: what to call this process.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        clock: Clock,
        sinks: Sequence[EventSink] = (),
        instance: str = "",
    ) -> None:
        self._client = client
        self._clock = clock
        self._sinks = tuple(sinks)
        self._instance = instance
        self._line: asyncio.Queue[Event] = asyncio.Queue()
        self._sent: OrderedDict[tuple[str, ...], tuple[str, int, float]] = OrderedDict()
        self._count = 0
        self.dropped = 0

    def record(
        self,
        obj: Manifest,
        severity: Severity,
        reason: str,
        message: str,
        *,
        controller: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Tells an event. Annotations ``event.toolkit.fluxcd.io/*`` of the object join it."""
        if self._line.qsize() >= _LINE_LENGTH:
            self._line.get_nowait()
            self._line.task_done()
            self.dropped += 1
        annotations = annotations_of(obj)
        own = {k: v for k, v in annotations.items() if k.startswith(EVENT_ANNOTATION_PREFIX)}
        self._line.put_nowait(
            Event(
                involved=_reference(obj),
                severity=severity,
                reason=reason,
                message=message,
                timestamp=format_rfc3339(self._clock.now()),
                metadata={**own, **(metadata or {})},
                controller=controller,
                instance=self._instance,
            )
        )

    async def run(self) -> None:
        """Sends events in order until it is cancelled."""
        while True:
            event = await self._line.get()
            try:
                await self._send(event)
            finally:
                self._line.task_done()

    async def flush(self) -> None:
        """Waits until every event told so far was sent, or given up."""
        await self._line.join()

    async def _send(self, event: Event) -> None:
        try:
            await self._write(event)
        except SteersmanError as error:
            _log.debug("cannot write event: %s", error, extra={"reason": event.reason})
        if event.severity is Severity.TRACE:
            return
        for sink in self._sinks:
            try:
                await sink.post(event)
            except SteersmanError as error:
                _log.warning("cannot hand on event: %s", error, extra={"reason": event.reason})

    async def _write(self, event: Event) -> None:
        key = (event.involved.get("uid", ""), event.severity, event.reason, event.message)
        now = self._clock.monotonic()
        known = self._sent.pop(key, None)
        namespace = event.involved.get("namespace") or "default"
        if known is not None and now - known[2] < _REPEAT_SECONDS:
            name, count = known[0], known[1] + 1
            try:
                await self._client.patch(
                    _EVENT_KIND,
                    name,
                    namespace,
                    {"count": count, "lastTimestamp": event.timestamp},
                    type=PatchType.MERGE,
                    field_manager=event.controller,
                )
                self._remember(key, name, count, now)
                return
            except ApiError as error:
                if error.code != 404:
                    raise
        self._count += 1
        # Unique as client-go makes them: the object's name and a time that never repeats.
        ticks = int(self._clock.now().timestamp() * 1_000_000) * 1_000 + self._count % 1_000
        name = f"{event.involved.get('name', '')}.{ticks:x}"
        await self._client.create(
            _kubernetes_event(event, name, namespace), field_manager=event.controller
        )
        self._remember(key, name, 1, now)

    def _remember(self, key: tuple[str, ...], name: str, count: int, at: float) -> None:
        self._sent[key] = (name, count, at)
        while len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)


def _kubernetes_event(event: Event, name: str, namespace: str) -> Manifest:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if event.metadata:
        metadata["annotations"] = dict(event.metadata)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": dict(event.involved),
        "reason": event.reason,
        "message": event.message,
        "source": {"component": event.controller},
        "firstTimestamp": event.timestamp,
        "lastTimestamp": event.timestamp,
        "count": 1,
        "type": "Warning" if event.severity is Severity.ERROR else "Normal",
        "reportingComponent": event.controller,
        "reportingInstance": event.instance,
    }


class ObjectEvents:
    """Tells events about one object.

    Args:
        recorder: where they go.
        obj: the object.
        controller: who tells.
        silent: tells nothing, as for suspended objects.
    """

    def __init__(
        self, recorder: EventRecorder, obj: Manifest, controller: str, *, silent: bool = False
    ) -> None:
        self._recorder = recorder
        self._obj = obj
        self._controller = controller
        self._silent = silent
        self._metadata: dict[str, str] = {}

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Adds metadata to every further event of this run, failures included."""
        self._metadata.update(metadata)

    def trace(self, reason: str, message: str, metadata: Mapping[str, str] | None = None) -> None:
        """Tells something that only who looks closely wants to know."""
        self._record(Severity.TRACE, reason, message, metadata)

    def info(self, reason: str, message: str, metadata: Mapping[str, str] | None = None) -> None:
        """Tells something good or neutral."""
        self._record(Severity.INFO, reason, message, metadata)

    def error(self, reason: str, message: str, metadata: Mapping[str, str] | None = None) -> None:
        """Tells a failure. The envelope tells the one that ends a run."""
        self._record(Severity.ERROR, reason, message, metadata)

    def _record(
        self,
        severity: Severity,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None,
    ) -> None:
        if self._silent:
            return
        self._recorder.record(
            self._obj,
            severity,
            reason,
            message,
            controller=self._controller,
            metadata={**self._metadata, **(metadata or {})},
        )
