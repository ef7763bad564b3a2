"""The file by which other commands find a running ``up``."""

from __future__ import annotations

from pathlib import Path

import pytest

from steersman.app.state import (
    ClusterState,
    GitState,
    NotRunning,
    RunState,
    read_state,
    write_state,
)

STATE = RunState(
    pid=42,
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
