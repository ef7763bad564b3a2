"""Waiting until a commit has arrived: every object that follows its branch is Ready at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from datetime import timedelta
from typing import Final

from steersman.apis import reasons
from steersman.apis.crds import KINDS, FluxKind
from steersman.app.actions import NotReadyInTime, ReconcileFailed
from steersman.clients.kube import KubeClient
from steersman.errors import SteersmanError
from steersman.kit.duration import format_duration
from steersman.queries.status import ObjectStatus, read_status, watch_status

__all__ = ["Arrival", "wait_for_arrival"]

_FAILURES: Final = frozenset(
    {
        reasons.BUILD_FAILED,
        reasons.RECONCILIATION_FAILED,
        reasons.PRUNE_FAILED,
        reasons.HEALTH_CHECK_FAILED,
    }
)
"""Reasons that end the wait; others, such as a dependency that is not ready, pass by themselves."""


class Arrival:
    """Collects states until a commit has arrived everywhere.

    Args:
        branch: the branch that moved.
        commit: where it moved to.
    """

    def __init__(self, branch: str, commit: str) -> None:
        self.revision = f"{branch}@sha1:{commit}"
        self._branch = f"{branch}@"
        self._seen: dict[tuple[str, str, str], ObjectStatus] = {}

    def add(self, status: ObjectStatus) -> None:
        """Takes in the newest state of one object.

        Raises:
            ReconcileFailed: the object failed at this very commit.
        """
        failed = status.stalled or status.reason in _FAILURES
        if status.attempted_revision == self.revision and status.ready == "False" and failed:
            raise ReconcileFailed(
                f"{status.kind}/{status.namespace}/{status.name}: {status.message}",
                reason=status.reason,
            )
        self._seen[status.kind, status.namespace, status.name] = status

    @property
    def followers(self) -> tuple[ObjectStatus, ...]:
        """The objects whose revision is one of the branch, suspended ones left out."""
        return tuple(
            status
            for status in self._seen.values()
            if status.revision.startswith(self._branch) and not status.suspended
        )

    @property
    def is_complete(self) -> bool:
        """Whether all followers, of which there must be some, are Ready at the commit."""
        followers = self.followers
        return bool(followers) and not any(self._lags(status) for status in followers)

    @property
    def lagging(self) -> Iterable[ObjectStatus]:
        """The followers that are not there yet."""
        return (status for status in self.followers if self._lags(status))

    def _lags(self, status: ObjectStatus) -> bool:
        return status.revision != self.revision or not status.is_ready


async def wait_for_arrival(
    client: KubeClient,
    cluster: str,
    arrival: Arrival,
    *,
    timeout: timedelta,
    on_change: Callable[[Arrival], None],
) -> None:
    """Watches a cluster until a commit has arrived.

    Args:
        client: of the cluster.
        cluster: its name.
        arrival: what to wait for; holds the states afterwards.
        timeout: how long.
        on_change: told after each change.

    Raises:
        ReconcileFailed: an object failed at the commit.
        NotReadyInTime: the commit did not arrive in time; names what lags.
    """
    done = asyncio.Event()
    # All kinds first: what has not been seen yet would not be missed.
    report = await read_status({cluster: client}, KINDS)
    for status in report.items:
        arrival.add(status)
    if arrival.is_complete:
        return

    async def follow(kind: FluxKind) -> None:
        async with aclosing(watch_status(client, cluster, kind)) as states:
            async for status in states:
                arrival.add(status)
                on_change(arrival)
                if arrival.is_complete:
                    done.set()

    try:
        async with asyncio.timeout(timeout.total_seconds()), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(follow(kind), name=f"follow {kind.plural}") for kind in KINDS
            ]
            await done.wait()
            for task in tasks:
                task.cancel()
    except TimeoutError:
        names = ", ".join(f"{status.kind}/{status.name}" for status in arrival.lagging)
        raise NotReadyInTime(
            f"{arrival.revision} has not arrived after {format_duration(timeout)}"
            + (f"; not there yet: {names}" if names else ""),
            hint="see `steersman get all -A --status-selector ready=false`",
        ) from None
    except BaseExceptionGroup as group:
        # Callers expect one error; when several kinds fail at once, the first says enough.
        failures, others = group.split(SteersmanError)
        if failures is None or others is not None:
            raise
        raise failures.exceptions[0] from None
