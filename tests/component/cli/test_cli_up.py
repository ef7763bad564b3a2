"""``steersman up`` as a process of its own, killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from steersman.apis import kustomization
from steersman.apis.crds import KINDS
from steersman.app.state import ClusterState, RunState, read_state
from steersman.app.workcopy import Workcopy
from steersman.cli.up import _folder_with_clones
from steersman.clients.kube import Connection, KubeClient, parse_kubeconfig
from steersman.kit.clock import SystemClock
from steersman.queries.status import watch_status

pytestmark = pytest.mark.real_time

KUSTOMIZATIONS = next(kind for kind in KINDS if kind.gvk == kustomization.GVK)
IMAGES = "components/monitoring/controllers/base/kustomization.yaml"


@asynccontextmanager
async def up(data: Path) -> AsyncIterator[tuple[Process, RunState]]:
    """Starts it in an empty folder and waits until it says where everything is."""
    folder = data.parent / "empty"
    folder.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "steersman", "up", "--data", str(data), "-o", "json", "--quiet"),
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    try:
        said = b""
        while not said.endswith(b"}\n") or said.count(b"{") != said.count(b"}"):
            line = await process.stdout.readline()
            assert line, "it ended before it was up"
            said += line
        assert json.loads(said)["kind"] == "Addresses"
        yield process, read_state(data)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def arrive(state: RunState, branch: str, commit: str) -> None:
    """Waits until every cluster that follows a branch has applied a commit, to the last layer."""
    async with asyncio.timeout(90):
        for cluster in state.clusters:
            if cluster.branch == branch:
                await applied(connection_of(cluster), f"{branch}@sha1:{commit}")


def connection_of(cluster: ClusterState) -> Connection:
    return parse_kubeconfig(Path(cluster.kubeconfig).read_text())


async def applied(connection: Connection, revision: str) -> None:
    missing = {"deploy", "cluster-configs", "backup-configs", "monitoring-configs"}
    async with (
        KubeClient(connection, user_agent="tests", clock=SystemClock()) as client,
        aclosing(watch_status(client, "", KUSTOMIZATIONS)) as states,
    ):
        async for status in states:
            if status.is_ready and status.revision == revision:
                missing.discard(status.name)
            if not missing:
                return


def workcopy(state: RunState, path: Path) -> Workcopy:
    git = state.git
    url = git.repositories["d1-infra"]
    return Workcopy(path, url, user=git.user, token=git.secret, clock=SystemClock())


async def test_a_push_a_kill_and_a_promotion(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with up(data) as (process, state):
        infra = workcopy(state, tmp_path / "clone.git")
        await infra.clone()
        start = await infra.head("main")
        await arrive(state, "main", start)
        await arrive(state, "production", start)
        images = (await infra.files("main"))[IMAGES]
        changed = images.replace(b"newTag: v3.5.0", b"newTag: v3.6.0")
        assert changed != images
        commit = await infra.commit("main", {IMAGES: changed}, message="Upgrade prometheus")
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with up(data) as (process, again):
        assert [cluster.kubeconfig for cluster in again.clusters] == [
            cluster.kubeconfig for cluster in state.clusters
        ]
        assert again.git.token == state.git.token
        infra = workcopy(again, tmp_path / "clone-again.git")
        await infra.clone()
        assert await infra.head("main") == commit
        assert await infra.head("production") == start
        await arrive(again, "main", commit)
        await arrive(again, "production", start)
        await infra.promote("main", "production")
        await arrive(again, "production", commit)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


def test_clones_of_something_else_are_left_alone(tmp_path: Path) -> None:
    """Starting from a folder rewires the origin of its clones; it once took any folder."""
    (tmp_path / "website" / ".git").mkdir(parents=True)
    assert _folder_with_clones(tmp_path) is None
    (tmp_path / "d1-fleet" / ".git").mkdir(parents=True)
    (tmp_path / "d1-fleet" / "clusters").mkdir()
    assert _folder_with_clones(tmp_path) == tmp_path
