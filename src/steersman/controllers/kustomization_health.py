"""Reads the health of objects from a cluster, and waits for it.

The wait wakes when a watched object changes and otherwise looks again after a pause that grows to
the poll interval, so that a set that is healthy at once costs one read an object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import nullcontext
from datetime import datetime

from steersman.apply.inventory import Entry
from steersman.clients.kube.client import KubeClient
from steersman.clients.kube.discovery import NoMatch
from steersman.controllers.driftwatch import DriftWatch
from steersman.errors import SteersmanError
from steersman.health.expressions import HealthRules
from steersman.health.fields import field_of
from steersman.health.jobs import JOB, check_job
from steersman.health.kstatus import compute_health
from steersman.health.pods import POD_CONTROLLERS, judge_with_pods
from steersman.health.rollup import Done, Failed, Waiting, decide_wait
from steersman.health.verdict import Health, Verdict
from steersman.kit.clock import Clock
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import Manifest, namespace_of

__all__ = ["HealthReader", "NotHealthy", "wait_until_healthy"]

_POD = GroupVersionKind("", "v1", "Pod")
_FIRST_PAUSE_SECONDS = 0.25
_PAUSE_GROWTH = 1.5


class NotHealthy(SteersmanError):
    """Objects did not become healthy; the message lists them."""

    default_reason = "HealthCheckFailed"


class HealthReader:
    """Judges live objects as one identity on one cluster.

    Args:
        client: reads them.
        clock: tells how long a pod has been waiting.
        rules: the users' own expressions.
        concurrency: reads in flight.
    """

    def __init__(
        self, client: KubeClient, *, clock: Clock, rules: HealthRules, concurrency: int = 8
    ) -> None:
        self._client = client
        self._clock = clock
        self._rules = rules
        self._limit = asyncio.Semaphore(concurrency)

    async def read(self, entries: Iterable[Entry]) -> dict[ObjectRef, Verdict]:
        """Reads and judges objects; what cannot be read is ``Unknown`` with the reason."""
        entries = tuple(entries)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._read_one(entry), name=f"health of {entry.ref}")
                for entry in entries
            ]
        return {entry.ref: task.result() for entry, task in zip(entries, tasks, strict=True)}

    async def _read_one(self, entry: Entry) -> Verdict:
        async with self._limit:
            try:
                live = await self._client.get(entry.gvk, entry.ref.name, entry.ref.namespace)
                return await self.judge(live)
            except NoMatch as error:
                return Verdict(Health.NOT_FOUND, error.message)
            except ApiError as error:
                if error.code == 404:
                    return Verdict(Health.NOT_FOUND, "Resource not found")
                return Verdict(Health.UNKNOWN, error.message)
            except SteersmanError as error:
                return Verdict(Health.UNKNOWN, error.message)

    async def judge(self, live: Manifest) -> Verdict:
        """Judges an object that was just read; looks at pods where the kind asks for it."""
        group_kind = GroupVersionKind.of(live).group_kind
        if group_kind == JOB:
            return check_job(live)
        if self._rules.covers(group_kind):
            return self._rules.judge(group_kind, live)
        now = self._clock.now()
        verdict = compute_health(live, now=now)
        if group_kind in POD_CONTROLLERS and verdict.health is Health.IN_PROGRESS:
            return await self._judge_with_pods(verdict, live, now)
        return verdict

    async def _judge_with_pods(self, verdict: Verdict, live: Manifest, now: datetime) -> Verdict:
        labels = field_of(live, "spec", "selector", "matchLabels")
        if not isinstance(labels, dict) or not labels:
            return verdict
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        try:
            pods = await self._client.list(_POD, namespace_of(live), label_selector=selector)
        except SteersmanError:
            return verdict  # pods only make a bad verdict worse; ours stands without them
        return judge_with_pods(verdict, pods.items, now=now)


async def wait_until_healthy(
    reader: HealthReader,
    entries: Sequence[Entry],
    *,
    clock: Clock,
    timeout: float,
    interval: float = 5.0,
    fail_fast: bool = True,
    may_vanish: Set[ObjectRef] = frozenset(),
    known: Mapping[ObjectRef, Verdict] | None = None,
    watch: DriftWatch | None = None,
) -> None:
    """Waits until every object is current.

    Args:
        reader: reads and judges.
        entries: the objects, in the order they are listed in messages.
        clock: for pauses and the deadline.
        timeout: seconds until giving up.
        interval: the longest pause between two looks, in seconds.
        fail_fast: give up with the first failed object.
        may_vanish: Jobs that remove themselves when finished.
        known: verdicts on objects as they are right now, which need not be read.
        watch: ends a pause early.

    Raises:
        NotHealthy: with Flux's text and the reasons.
    """
    deadline = clock.monotonic() + timeout
    verdicts = dict(known or {})
    pause = min(_FIRST_PAUSE_SECONDS, interval)
    listening = watch.listen({entry.ref for entry in entries}) if watch else nullcontext()
    with listening as bell:
        while True:
            unread = [entry for entry in entries if entry.ref not in verdicts]
            verdicts |= await reader.read(unread)
            remaining = deadline - clock.monotonic()
            progress = decide_wait(
                {entry.ref: verdicts[entry.ref] for entry in entries},
                fail_fast=fail_fast,
                timed_out=remaining <= 0,
                may_vanish=may_vanish,
            )
            match progress:
                case Done():
                    return
                case Failed(message):
                    raise NotHealthy(message)
                case Waiting():
                    seconds = min(pause, max(remaining, 0.0))
            if bell is None or watch is None:
                await clock.sleep(seconds)
                verdicts.clear()
            else:
                changed = await bell.wait(seconds)
                verdicts = {
                    ref: verdict
                    for ref, verdict in verdicts.items()
                    if verdict.health is Health.CURRENT
                    and ref not in changed
                    and watch.follows(ref)
                }
            pause = min(pause * _PAUSE_GROWTH, interval)
