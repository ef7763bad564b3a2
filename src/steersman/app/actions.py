"""What people ask of single objects: reconcile now, suspend, resume; and waiting for the result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Final

from steersman.apis.crds import FluxKind
from steersman.apis.meta import RECONCILE_REQUESTED_AT
from steersman.clients.kube import KubeClient, PatchType, WatchType
from steersman.errors import SteersmanError
from steersman.kit.clock import Clock
from steersman.kit.duration import format_duration
from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest, resource_version_of
from steersman.queries.status import ObjectStatus, status_of

__all__ = [
    "FIELD_MANAGER",
    "NotReadyInTime",
    "ReconcileFailed",
    "request_reconcile",
    "set_suspended",
    "wait_until_handled",
    "wait_until_ready",
]

FIELD_MANAGER: Final = "steersman-cli"

Watcher = Callable[[ObjectStatus], None]


class NotReadyInTime(SteersmanError):
    """The time was up before the object was Ready."""

    default_reason = "Timeout"


class ReconcileFailed(SteersmanError):
    """The reconcile that was waited for ended with a failure."""

    default_reason = "ReconciliationFailed"


async def request_reconcile(
    client: KubeClient, kind: FluxKind, name: str, namespace: str, *, clock: Clock
) -> str:
    """Asks for a reconcile now; returns the token by which it is known when that was done.

    Raises:
        ApiError: the object does not exist (404), or may not be changed.
    """
    now = clock.now()
    token = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond:06d}000Z"
    await client.patch(
        kind.gvk,
        name,
        namespace,
        {"metadata": {"annotations": {RECONCILE_REQUESTED_AT: token}}},
        type=PatchType.MERGE,
        field_manager=FIELD_MANAGER,
    )
    return token


async def set_suspended(
    client: KubeClient, kind: FluxKind, name: str, namespace: str, *, suspended: bool
) -> bool:
    """Suspends or resumes an object; returns whether that changed anything."""
    before = await client.get(kind.gvk, name, namespace)
    if ((before.get("spec") or {}).get("suspend") is True) == suspended:
        return False
    await client.patch(
        kind.gvk,
        name,
        namespace,
        {"spec": {"suspend": suspended}},
        type=PatchType.MERGE,
        field_manager=FIELD_MANAGER,
    )
    return True


async def wait_until_handled(
    client: KubeClient,
    kind: FluxKind,
    name: str,
    namespace: str,
    *,
    token: str,
    timeout: timedelta,
    on_change: Watcher,
) -> ObjectStatus:
    """Waits until a requested reconcile is over.

    Args:
        client: of the cluster.
        kind: of the object.
        name: of the object.
        namespace: of the object.
        token: what :func:`request_reconcile` returned.
        timeout: how long.
        on_change: told the state whenever it changes meanwhile.

    Raises:
        ReconcileFailed: it ended with a failure; carries the object's reason and message.
        NotReadyInTime: it did not end in time.
    """

    def judge(manifest: Manifest, status: ObjectStatus) -> bool:
        handled = (manifest.get("status") or {}).get("lastHandledReconcileAt") == token
        return handled and _is_settled(status)

    return await _wait(client, kind, name, namespace, judge, timeout, on_change)


async def wait_until_ready(
    client: KubeClient,
    kind: FluxKind,
    name: str,
    namespace: str,
    *,
    timeout: timedelta,
    on_change: Watcher,
    revision: str | None = None,
) -> ObjectStatus:
    """Waits until an object is Ready for its present spec.

    Args:
        client: of the cluster.
        kind: of the object.
        name: of the object.
        namespace: of the object.
        timeout: how long.
        on_change: told the state whenever it changes meanwhile.
        revision: also wait until this revision, or one that ends with it, is there.

    Raises:
        ReconcileFailed: it failed, and no retry can help.
        NotReadyInTime: it was not Ready in time.
    """

    def judge(_: Manifest, status: ObjectStatus) -> bool:
        if status.up_to_date and status.stalled:
            raise ReconcileFailed(status.message, reason=status.reason)
        there = revision is None or status.revision.endswith(revision)
        return status.is_ready and there and not status.reconciling

    return await _wait(client, kind, name, namespace, judge, timeout, on_change)


def _is_settled(status: ObjectStatus) -> bool:
    """Whether a handled reconcile is over; a failure raises."""
    if status.ready == "False":
        raise ReconcileFailed(status.message, reason=status.reason)
    return status.ready == "True" and not status.reconciling


async def _wait(
    client: KubeClient,
    kind: FluxKind,
    name: str,
    namespace: str,
    judge: Callable[[Manifest, ObjectStatus], bool],
    timeout: timedelta,
    on_change: Watcher,
) -> ObjectStatus:
    last: ObjectStatus | None = None
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            async with aclosing(_states(client, kind, name, namespace)) as states:
                async for manifest in states:
                    status = status_of(manifest, "")
                    if status != last:
                        on_change(status)
                    last = status
                    if judge(manifest, status):
                        return status
    except TimeoutError:
        said = f": {last.message}" if last else ""
        raise NotReadyInTime(
            f"{kind.gvk.kind} `{namespace}/{name}` was not done after "
            f"{format_duration(timeout)}{said}",
            hint=f"see `steersman events --for {kind.gvk.kind}/{name} -n {namespace}`",
        ) from None
    raise ReconcileFailed(f"{kind.gvk.kind} `{namespace}/{name}` was deleted", reason="NotFound")


async def _states(
    client: KubeClient, kind: FluxKind, name: str, namespace: str
) -> AsyncGenerator[Manifest, None]:
    """Yields an object now and after each change; ends when it is deleted."""
    while True:
        manifest = await client.get(kind.gvk, name, namespace)
        yield manifest
        changes = client.watch(
            kind.gvk,
            resource_version=resource_version_of(manifest),
            namespace=namespace,
            field_selector=f"metadata.name={name}",
        )
        try:
            async with aclosing(changes):
                async for change in changes:
                    if change.type is WatchType.DELETED:
                        return
                    if change.type is not WatchType.BOOKMARK:
                        yield change.object
        except ApiError as error:
            if error.code != 410:  # too old: read again
                raise
