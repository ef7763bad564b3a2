from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from steersman.app.workcopy import NothingToPromote, PushRejected, Workcopy
from steersman.errors import Denied
from steersman.kit.clock import SystemClock
from steersman.kit.mask import Secret
from steersman.servers.gitserver import GitServer, GitUser, RefUpdate, Role
from steersman.servers.gitserver.rules import NO_COMMIT

PLATFORM = GitUser(role=Role.WRITER, token="platform-token")
BOT = GitUser(role=Role.BOT, token="bot-token")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[GitServer]:
    users = {"platform": PLATFORM, "bot": BOT}
    async with GitServer(tmp_path / "git", users=users, clock=SystemClock()) as running:
        await running.create_repository("infra")
        start = await running.commit(
            "infra", "main", {"a.yaml": b"a: 1\n"}, message="Start", user="platform"
        )
        production = RefUpdate("refs/heads/production", NO_COMMIT, start)
        await running.move("infra", production, user="platform")
        yield running


def person(server: GitServer, tmp_path: Path, user: str, token: str) -> Workcopy:
    return Workcopy(
        tmp_path / f"clone-{user}",
        f"{server.url}/infra.git",
        user=user,
        token=Secret(token),
        clock=SystemClock(),
    )


async def test_a_commit_is_pushed_and_read_back(server: GitServer, tmp_path: Path) -> None:
    ours = person(server, tmp_path, "platform", "platform-token")
    await ours.clone()
    commit = await ours.commit("main", {"b.yaml": b"b: 2\n", "a.yaml": None}, message="Replace a")
    theirs = person(server, tmp_path, "bot", "bot-token")
    await theirs.clone()
    assert await theirs.files("main") == {"b.yaml": b"b: 2\n"}
    assert await theirs.head("main") == commit


async def test_a_promotion_moves_production_to_main_once(server: GitServer, tmp_path: Path) -> None:
    ours = person(server, tmp_path, "platform", "platform-token")
    await ours.clone()
    second = await ours.commit("main", {"b.yaml": b"b: 2\n"}, message="Add b\n\nBecause.")
    assert await ours.promote("main", "production") == (second, ("Add b",))
    with pytest.raises(NothingToPromote):
        await ours.promote("main", "production")


async def test_a_push_that_the_rules_forbid_is_rejected_with_the_servers_words(
    server: GitServer, tmp_path: Path
) -> None:
    ours = person(server, tmp_path, "platform", "platform-token")
    await ours.clone()
    with pytest.raises(PushRejected, match="production"):
        await ours.commit("production", {"c.yaml": b"c: 3\n"}, message="Skip staging")


async def test_a_wrong_token_is_denied(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Denied):
        await person(server, tmp_path, "platform", "guessed").clone()
