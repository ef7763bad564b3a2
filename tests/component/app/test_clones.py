"""Clones that ``init`` made push to the server that ``up`` runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from steersman.app.clones import connect_clones, write_credentials
from steersman.app.newfleet import write_fleet
from steersman.fleet.content import FLEET, INFRA, FleetPlan
from steersman.kit.clock import SystemClock
from steersman.kit.mask import Secret

PLAN = FleetPlan(git_url="http://git.example", bot_token=Secret("token"))
URLS = {name: f"http://127.0.0.1:3000/{name}.git" for name in (FLEET, INFRA)}


def git(directory: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["git", "-C", directory, *arguments], capture_output=True, text=True, check=check
    )
    return done.stdout.strip()


def test_clones_get_an_origin_and_credentials(tmp_path: Path) -> None:
    write_fleet(tmp_path, PLAN, clock=SystemClock())
    credentials = tmp_path / "git-credentials"
    write_credentials(credentials, "http://127.0.0.1:3000", user="platform", token=Secret("a/b"))
    connected = connect_clones(tmp_path, URLS, user="platform", credentials=credentials)
    assert connected == (FLEET, INFRA)
    clone = tmp_path / INFRA
    assert git(clone, "remote", "get-url", "origin") == (
        "http://platform@127.0.0.1:3000/d1-infra.git"
    )
    assert git(clone, "config", "branch.main.remote") == "origin"
    assert credentials.read_text() == "http://platform:a%2Fb@127.0.0.1:3000\n"
    assert credentials.stat().st_mode & 0o777 == 0o600
    asked = subprocess.run(
        ["git", "-C", clone, "credential", "fill"],
        input="protocol=http\nhost=127.0.0.1:3000\nusername=platform\n\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "password=a/b\n" in asked.stdout


def test_another_port_moves_only_what_was_set_here(tmp_path: Path) -> None:
    write_fleet(tmp_path, PLAN, clock=SystemClock())
    git(tmp_path / FLEET, "remote", "add", "origin", "https://git.corp/fleet.git")
    credentials = tmp_path / "git-credentials"
    for port in ("3000", "4000"):
        urls = {name: url.replace("3000", port) for name, url in URLS.items()}
        connected = connect_clones(tmp_path, urls, user="platform", credentials=credentials)
        assert connected == (INFRA,)
    assert git(tmp_path / FLEET, "remote", "get-url", "origin") == "https://git.corp/fleet.git"
    assert git(tmp_path / INFRA, "remote", "get-url", "origin").endswith(":4000/d1-infra.git")
