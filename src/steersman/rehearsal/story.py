"""The story that ``steersman demo`` tells, on a fleet of its own, and checks while it tells it.

A fleet comes up; a push to ``main`` changes staging only; a broken push fails clearly and harms
nothing; the next push heals it; a promotion brings production to where staging is. Every step is
real: smart HTTP to a Git server, HTTP to three Kubernetes APIs, the engine between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from steersman.app.workcopy import Workcopy
from steersman.clients.kube import KubeClient
from steersman.errors import SteersmanError
from steersman.fleet.content import INFRA
from steersman.kit.clock import Clock
from steersman.objects.identity import GroupVersionKind
from steersman.queries.status import ObjectStatus, StatusReport
from steersman.rehearsal.reporter import Reporter
from steersman.rehearsal.stage import Stage
from steersman.rehearsal.world import WorldPlan

__all__ = ["Story", "StoryBroken", "tell_story"]

STAGING: Final = "staging"
_STATEFUL_SET: Final = GroupVersionKind("apps", "v1", "StatefulSet")
_IMAGES: Final = "components/monitoring/controllers/base/kustomization.yaml"
_OLD_TAG: Final = b"newTag: v3.5.0"
_NEW_TAG: Final = b"newTag: v3.6.0"
_NETWORK: Final = "components/monitoring/configs/base/network.yaml"
_BROKEN_LINE: Final = b"  podSelector: {matchLabels: app\n"


class StoryBroken(SteersmanError):
    """The fleet did something else than the story says."""

    default_reason = "StoryBroken"


async def tell_story(
    directory: Path, *, clock: Clock, reporter: Reporter, seed: int = 1
) -> StatusReport:
    """Runs the whole story in a directory; returns the state of the fleet at its end.

    Args:
        directory: empty; the repositories and artifacts are put there.
        clock: a virtual one makes the waiting cost nothing.
        reporter: is told what happens.
        seed: of everything random.

    Raises:
        StoryBroken: something went otherwise than told.
    """
    reporter.chapter("A fleet comes up")
    reporter.command("steersman up")
    async with Stage(WorldPlan(directory=directory, seed=seed), clock=clock) as stage:
        story = Story(stage, reporter)
        await story.come_up()
        await story.push_to_staging()
        await story.break_staging()
        await story.heal_staging()
        await story.promote()
        return await story.finish()


class Story:
    """The chapters, in order.

    Args:
        stage: a fleet that has just been started.
        reporter: is told what happens.
    """

    def __init__(self, stage: Stage, reporter: Reporter) -> None:
        self._stage = stage
        self._reporter = reporter
        self._infra: Workcopy = stage.world.workcopy(INFRA)

    async def come_up(self) -> None:
        """All clusters follow Git until everything is Ready."""
        names = ", ".join(self._stage.world.clusters)
        self._reporter.doing(f"Git server and Kubernetes APIs for {names} are serving")
        self._reporter.waiting("until everything that Git asks for is there and healthy")
        report = await self._settled()
        self._expect(report.all_ready, "every object is Ready", _unready(report))
        self._reporter.done(f"{report.summary.ready} Flux objects Ready on {names}")
        self._reporter.excerpt(await self._images())
        await self._infra.clone()

    async def push_to_staging(self) -> None:
        """A push to ``main`` reaches staging and nothing else."""
        self._reporter.chapter("A push to main changes staging, and only staging")
        before = await self._revisions()
        files = await self._infra.files("main")
        commit = await self._push(
            {_IMAGES: files[_IMAGES].replace(_OLD_TAG, _NEW_TAG)}, "Upgrade prometheus to v3.6.0"
        )
        report = await self._settled()
        after = await self._revisions()
        self._expect(report.all_ready, "every object is Ready", _unready(report))
        for name, revision in after.items():
            if name == STAGING:
                self._expect(commit in revision, f"staging is at {commit[:8]}", revision)
            else:
                self._expect(revision == before[name], f"{name} stays where it is", revision)
        self._reporter.done(f"staging runs {commit[:8]}, production is untouched")
        self._reporter.excerpt(await self._images())

    async def break_staging(self) -> None:
        """A push that cannot be built fails with file and line, and what runs stays."""
        self._reporter.chapter("A broken push fails clearly and harms nothing")
        files = await self._infra.files("main")
        applied = await self._inventories()
        await self._push({_NETWORK: files[_NETWORK] + _BROKEN_LINE}, "Tighten the network policies")
        report = await self._settled()
        failing = [item for item in report.items if not item.is_ready]
        self._expect(bool(failing), "the broken push is noticed", "everything is Ready")
        for item in failing:
            self._expect(item.cluster == STAGING, "only staging is concerned", _name(item))
            self._reporter.failed(f"{_name(item)}: {item.reason}: {item.message}")
        named = any("network.yaml" in item.message and "line" in item.message for item in failing)
        self._expect(named, "the message names file and line", _unready(report))
        self._expect(
            await self._inventories() == applied,
            "every object that was applied is still there",
            "the inventories differ",
        )
        self._reporter.done("what ran before still runs; nothing was deleted")

    async def heal_staging(self) -> None:
        """The next good push heals it, without a restart."""
        self._reporter.chapter("The next good push heals it")
        files = await self._infra.files("main")
        await self._push(
            {_NETWORK: files[_NETWORK].removesuffix(_BROKEN_LINE)}, "Bring the policies back"
        )
        report = await self._settled()
        self._expect(report.all_ready, "every object is Ready", _unready(report))
        self._reporter.done("everything is Ready again")

    async def promote(self) -> None:
        """Production moves to where ``main`` is."""
        self._reporter.chapter("A promotion changes production")
        self._reporter.command("steersman promote")
        commit, moved = await self._infra.promote("main", "production")
        self._reporter.excerpt("\n".join(moved))
        report = await self._settled()
        self._expect(report.all_ready, "every object is Ready", _unready(report))
        for name, revision in (await self._revisions()).items():
            self._expect(commit in revision, f"{name} is at {commit[:8]}", revision)
        self._reporter.done(f"all clusters run {commit[:8]}")
        self._reporter.excerpt(await self._images())

    async def finish(self) -> StatusReport:
        """Shows the state of the fleet."""
        self._reporter.chapter("The fleet now")
        report = await self._stage.status()
        self._reporter.status(report)
        return report

    async def _push(self, changes: Mapping[str, bytes | None], message: str) -> str:
        self._reporter.command(f"git commit -m '{message}' && git push origin main")
        commit = await self._infra.commit("main", changes, message=message)
        await self._infra.clone()
        return commit

    async def _settled(self) -> StatusReport:
        await self._stage.settled()
        return await self._stage.status()

    async def _revisions(self) -> dict[str, str]:
        """The revision of the infrastructure's source on each cluster."""
        report = await self._stage.status()
        return {
            item.cluster: item.revision
            for item in report.items
            if item.kind == "GitRepository" and item.name == "infra"
        }

    async def _inventories(self) -> dict[str, list[str]]:
        """What each Kustomization on staging has applied and what of it exists."""
        client = self._stage.clients[STAGING]
        kind = GroupVersionKind("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
        found = await client.list(kind)
        return {
            item["metadata"]["name"]: sorted(
                entry["id"] for entry in item["status"].get("inventory", {}).get("entries", ())
            )
            for item in found.items
        }

    async def _images(self) -> str:
        lines = [
            f"{name:<8} prometheus {await _image(client)}"
            for name, client in self._stage.clients.items()
        ]
        return "\n".join(lines)

    def _expect(self, holds: bool, what: str, instead: str) -> None:
        if not holds:
            raise StoryBroken(f"the story says that {what}, but: {instead}")


async def _image(client: KubeClient) -> str:
    found = await client.get(_STATEFUL_SET, "prometheus", "monitoring")
    containers: list[dict[str, Any]] = found["spec"]["template"]["spec"]["containers"]
    return str(containers[0]["image"])


def _name(item: ObjectStatus) -> str:
    return f"{item.cluster}: {item.kind}/{item.namespace}/{item.name}"


def _unready(report: StatusReport) -> str:
    lines = [
        f"{_name(item)}: {item.reason}: {item.message}"
        for item in report.items
        if not item.is_ready
    ]
    lines += [f"{failure.cluster}: {failure.message}" for failure in report.failures]
    return "; ".join(lines)
