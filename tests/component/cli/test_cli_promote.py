"""``steersman promote`` against an embedded Git server and a pretended production."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from steersman.apis import kustomization
from steersman.app.workcopy import Workcopy
from steersman.cli.main import run
from steersman.kit.clock import SystemClock
from tests.support.liveclusters import (
    LiveClusters,
    a_gitrepository,
    a_kustomization,
    condition,
    ready,
)

OLD = "production@sha1:" + "0" * 40


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveClusters]:
    monkeypatch.setenv("STEERSMAN_DATA", str(tmp_path))
    with LiveClusters(tmp_path).running(["staging", "prod"], git=True) as live:
        live.put("prod", a_gitrepository("infra", OLD), a_kustomization("infra", ready(OLD)))
        yield live


def workcopy(live: LiveClusters) -> Workcopy:
    git = live.state.git
    return Workcopy(
        live.data / "clone.git",
        git.repositories["d1-infra"],
        user=git.user,
        token=git.secret,
        clock=SystemClock(),
    )


def push(live: LiveClusters, subject: str) -> str:
    return live.run(workcopy(live).commit("main", {"note.txt": b"x\n"}, message=subject))


def heads(live: LiveClusters) -> tuple[str, str]:
    async def read() -> tuple[str, str]:
        copy = workcopy(live)
        await copy.clone()
        return await copy.head("main"), await copy.head("production")

    return live.run(read())


def test_nothing_to_promote(live: LiveClusters, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["promote"]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines()[-1] == "✔ no commits to promote"


def test_a_dry_run_moves_nothing(live: LiveClusters, capsys: pytest.CaptureFixture[str]) -> None:
    before = heads(live)[1]
    push(live, "Add a note")
    assert run(["promote", "--dry-run"]) == 0
    output = capsys.readouterr()
    assert output.out == "Add a note\n"
    assert output.err.splitlines()[-1] == "✔ 1 commit to promote"
    assert heads(live)[1] == before


def arriving(live: LiveClusters, commit: str, *, fails: bool) -> threading.Thread:
    """Starts what production's controllers do once the branch has moved."""
    revision = f"production@sha1:{commit}"
    status = ready(revision)
    if fails:
        failed = condition("Ready", "False", "BuildFailed", "a.yaml:1: broken")
        status = {"lastAttemptedRevision": revision, "conditions": [failed]}

    def control() -> None:
        source = a_gitrepository("infra", revision)
        live.set_status("prod", source, source["status"])
        live.set_status("prod", a_kustomization("infra"), status)

    timer = threading.Timer(0.2, control)
    timer.start()
    return timer


def test_it_waits_until_the_commit_has_arrived(
    live: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = push(live, "Add a note")
    timer = arriving(live, commit, fails=False)
    assert run(["promote", "--timeout", "30s"]) == 0
    timer.join()
    assert heads(live) == (commit, commit)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("✔")]
    assert said == [
        f"✔ production is at {commit[:8]} now, 1 commit further",
        f"✔ 2 objects are Ready at production@sha1:{commit[:8]}",
    ]


def test_a_failure_on_the_way_is_told(
    live: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    timer = arriving(live, push(live, "Add a note"), fails=True)
    assert run(["promote", "--timeout", "30s"]) == 1
    timer.join()
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "✗ BuildFailed: Kustomization/flux-system/infra: a.yaml:1: broken"


def test_what_does_not_arrive_is_named(
    live: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = push(live, "Add a note")
    assert run(["promote", "--timeout", "300ms"]) == 1
    assert f"production@sha1:{commit} has not arrived after 300ms; not there yet: " in (
        capsys.readouterr().err
    )
    assert live.get("prod", kustomization.GVK, "infra")["status"]["lastAppliedRevision"] == OLD


def test_an_unknown_repository_is_named(
    live: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["promote", "d1-apps"]) == 1
    assert capsys.readouterr().err == (
        "✗ error: NotFound: there is no repository `d1-apps`\n  hint: there is d1-fleet, d1-infra\n"
    )
