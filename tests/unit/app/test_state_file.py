"""The file by which other commands find a running ``up``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from steersman.app.state import (
    ClusterState,
    GitState,
    NotRunning,
    RunState,
    is_running,
    read_state,
    remove_state,
    write_state,
)

STATE = RunState(
    pid=os.getppid(),
    git=GitState(
        url="http://127.0.0.1:3000",
        repositories={"d1-infra": "http://127.0.0.1:3000/d1-infra.git"},
        token="secret",
    ),
    clusters=(
        ClusterState(
            name="staging", kubeconfig="/data/staging.yaml", environment="staging", branch="main"
        ),
    ),
    status_url="http://127.0.0.1:3001",
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert read_state(write_state(tmp_path, STATE).parent) == STATE


def test_only_the_owner_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = write_state(tmp_path, STATE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(NotRunning) as caught:
        read_state(tmp_path)
    assert caught.value.hint == f"start one with `steersman up --data {tmp_path}`"


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(NotRunning, match=r"state.json` cannot be read"):
        read_state(tmp_path)


def test_one_that_was_killed_is_not_running(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_state(tmp_path, msgspec.structs.replace(STATE, pid=ended.pid))
    with pytest.raises(NotRunning, match="no running"):
        read_state(tmp_path)
    assert not is_running(tmp_path)


def test_one_that_runs_is_running_until_its_file_is_removed(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    assert is_running(tmp_path)
    remove_state(tmp_path)
    assert not is_running(tmp_path)
    remove_state(tmp_path)
