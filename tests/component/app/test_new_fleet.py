"""``init`` leaves real repositories that git agrees with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from steersman.app.newfleet import FolderNotEmpty, write_fleet
from steersman.fleet.content import FLEET, INFRA, FleetPlan, render_fleet
from steersman.kit.clock import SystemClock
from steersman.kit.mask import Secret

PLAN = FleetPlan(git_url="http://git.example", bot_token=Secret("token"))


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", directory, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_both_repositories_are_clean_and_have_both_branches(tmp_path: Path) -> None:
    written = write_fleet(tmp_path / "new", PLAN, clock=SystemClock())
    assert sorted(written) == [FLEET, INFRA]
    for name, path in written.items():
        assert git(path, "status", "--porcelain") == ""
        assert git(path, "rev-parse", "--abbrev-ref", "HEAD") == "main"
        assert git(path, "rev-parse", "main") == git(path, "rev-parse", "production")
        assert git(path, "ls-files").splitlines() == sorted(render_fleet(PLAN)[name])
        assert git(path, "fsck", "--strict") == ""


def test_nothing_is_written_over_what_exists(tmp_path: Path) -> None:
    (tmp_path / INFRA).mkdir()
    (tmp_path / INFRA / "mine.txt").write_text("mine")
    with pytest.raises(FolderNotEmpty) as caught:
        write_fleet(tmp_path, PLAN, clock=SystemClock())
    assert caught.value.message == f"`{tmp_path / INFRA}` exists and is not empty"
    assert sorted(path.name for path in tmp_path.rglob("*")) == [INFRA, "mine.txt"]
