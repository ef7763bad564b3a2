"""The unmodified ``git`` against the embedded server: who may do what, and what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from steersman.kit.clock import SystemClock
from steersman.servers.gitserver import (
    GitServer,
    GitUser,
    Push,
    PushLimits,
    PushRefused,
    RefUpdate,
    Role,
)
from tests.support.gitcli import GitCli, GitRefused

USERS = {
    "platform": GitUser(role=Role.WRITER, token="platform-token"),
    "bot": GitUser(role=Role.BOT, token="bot-token"),
    "auditor": GitUser(role=Role.READER, token="auditor-token"),
}
NONE = "0" * 40


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[GitServer]:
    limits = PushLimits(pack_bytes=100_000, commands=50)
    async with GitServer(
        tmp_path / "srv", users=USERS, clock=SystemClock(), limits=limits
    ) as running:
        await running.create_repository("d1-fleet")
        yield running


def address(server: GitServer, user: str, token: str | None = None, name: str = "d1-fleet") -> str:
    secret = USERS[user].token if token is None else token
    return f"{server.url.replace('//', f'//{user}:{secret}@')}/{name}"


def basic(user: str, token: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(user, token)}


@pytest.fixture
async def work(server: GitServer, tmp_path: Path) -> GitCli:
    directory = tmp_path / "work"
    directory.mkdir()
    git = GitCli(directory)
    await git("init", "-q", "-b", "main")
    await git("remote", "add", "origin", address(server, "platform"))
    await git("remote", "add", "bot", address(server, "bot"))
    await git("remote", "add", "auditor", address(server, "auditor"))
    return git


async def refusal(git: GitCli, *args: str) -> str:
    """The line in which ``git`` says that a push was refused, without its column spacing."""
    with pytest.raises(GitRefused) as refused:
        await git(*args)
    lines = [line for line in str(refused.value).splitlines() if "rejected]" in line]
    return " ".join(lines[0].split()) if lines else str(refused.value).splitlines()[-1]


async def test_what_was_pushed_can_be_cloned(
    server: GitServer, work: GitCli, tmp_path: Path
) -> None:
    first = await work.commit("first", apps__web="1")
    await work("push", "-q", "origin", "main")
    await work("tag", "-am", "one", "v1")
    await work("push", "-q", "origin", "v1")
    tip = await work.commit("second", apps__web="2")
    await work("push", "-q", "origin", "main")
    other = GitCli(tmp_path)
    await other("clone", "-q", address(server, "auditor"), "full")
    await other("clone", "-q", "--depth=1", address(server, "bot") + ".git", "shallow")
    full, shallow = GitCli(tmp_path / "full"), GitCli(tmp_path / "shallow")
    assert (await full("log", "--format=%H")).splitlines() == [tip, first]
    assert await full("branch", "--show-current") == "main"
    assert await full("describe", "--exact-match", first) == "v1"
    assert (await shallow("log", "--format=%H")).splitlines() == [tip]
    assert (tmp_path / "shallow/apps/web").read_text() == "2"


@pytest.mark.parametrize("version", ["0", "1", "2"])
async def test_every_protocol_version_lists_and_fetches(
    server: GitServer, work: GitCli, tmp_path: Path, version: str
) -> None:
    tip = await work.commit("first", a="1")
    await work("tag", "-am", "one", "v1")
    await work("push", "-q", "origin", "main", "v1")
    git = GitCli(tmp_path)
    protocol = ("-c", f"protocol.version={version}")
    listing = (await git(*protocol, "ls-remote", address(server, "bot"))).split()
    assert listing[::2].count(tip) == 3
    assert listing[1::2] == ["HEAD", "refs/heads/main", "refs/tags/v1", "refs/tags/v1^{}"]
    await git(*protocol, "clone", "-q", address(server, "bot"), "clone")
    assert await GitCli(tmp_path / "clone")("rev-parse", "HEAD") == tip


async def test_an_empty_repository_can_be_cloned(server: GitServer, tmp_path: Path) -> None:
    git = GitCli(tmp_path)
    await git("clone", "-q", address(server, "bot"), "clone")
    assert await GitCli(tmp_path / "clone")("branch", "--show-current") == "main"


async def test_a_shallow_clone_can_push(server: GitServer, work: GitCli, tmp_path: Path) -> None:
    await work.commit("first", a="1")
    await work.commit("second", a="2")
    await work("push", "-q", "origin", "main")
    await GitCli(tmp_path)("clone", "-q", "--depth=1", address(server, "platform"), "shallow")
    shallow = GitCli(tmp_path / "shallow")
    tip = await shallow.commit("third", a="3")
    await shallow("push", "-q", "origin", "main")
    assert (await server.create_repository("d1-fleet")).tips() == {"refs/heads/main": tip}


async def test_a_large_push_is_kept_as_a_pack(server: GitServer, work: GitCli) -> None:
    await work.commit("many", **{f"dir__f{number}": str(number) for number in range(150)})
    await work("push", "-q", "origin", "main")
    repository = await server.create_repository("d1-fleet")
    assert len(list(repository.path.glob("objects/pack/*.idx"))) == 1
    assert list(repository.path.glob("objects/tmp_*")) == []
    await work("fetch", "-q", "origin")


async def test_listeners_hear_of_a_push_before_it_returns(server: GitServer, work: GitCli) -> None:
    heard: list[Push] = []
    server.on_push(heard.append)
    tip = await work.commit("first", a="1")
    await work("push", "-q", "origin", "main", "main:topic")
    await work("push", "-q", "origin", ":topic")
    main, topic = "refs/heads/main", "refs/heads/topic"
    assert heard == [
        Push(
            repository="d1-fleet",
            user="platform",
            updates=(RefUpdate(main, NONE, tip), RefUpdate(topic, NONE, tip)),
        ),
        Push(repository="d1-fleet", user="platform", updates=(RefUpdate(topic, tip, NONE),)),
    ]


@pytest.mark.parametrize(
    ("user", "token", "status"),
    [
        pytest.param("platform", "wrong", 401, id="a wrong token"),
        pytest.param("stranger", "platform-token", 401, id="an unknown user"),
        pytest.param("auditor", "auditor-token", 403, id="a reader who pushes"),
        pytest.param("platform", "platform-token", 200, id="the platform team"),
        pytest.param("bot", "bot-token", 200, id="the bot"),
    ],
)
async def test_pushing_needs_the_right_user(
    server: GitServer, user: str, token: str, status: int
) -> None:
    async with (
        aiohttp.ClientSession(headers=basic(user, token)) as session,
        session.get(f"{server.url}/d1-fleet/info/refs?service=git-receive-pack") as answer,
    ):
        assert answer.status == status


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("d1-fleet/info/refs?service=git-upload-pack", {}, 401, id="nobody"),
        pytest.param(
            "d1-fleet/info/refs?service=git-upload-pack",
            {"Authorization": "Bearer bot-token"},
            200,
            id="a bearer token",
        ),
        pytest.param(
            "other/info/refs?service=git-upload-pack",
            {"Authorization": "Bearer bot-token"},
            404,
            id="a repository that is not there",
        ),
        pytest.param(
            "d1-fleet/info/refs", {"Authorization": "Bearer bot-token"}, 403, id="dumb HTTP"
        ),
    ],
)
async def test_reading_needs_a_user_and_a_repository(
    server: GitServer, path: str, headers: dict[str, str], status: int
) -> None:
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{server.url}/{path}") as answer,
    ):
        assert answer.status == status


async def test_the_bot_writes_only_main(server: GitServer, work: GitCli) -> None:
    await work.commit("first", a="1")
    await work("push", "-q", "bot", "main")
    assert await refusal(work, "push", "bot", "main:topic") == (
        "! [remote rejected] main -> topic (bot may write only main)"
    )
    assert await refusal(work, "push", "bot", "main:production") == (
        "! [remote rejected] main -> production (bot may write only main)"
    )
    assert await refusal(work, "push", "bot", "main:refs/tags/v1") == (
        "! [remote rejected] main -> v1 (bot may write only main)"
    )


@pytest.mark.parametrize("branch", ["main", "production"])
async def test_protected_branches_only_move_forward(
    server: GitServer, work: GitCli, branch: str
) -> None:
    await work.commit("first", a="1")
    tip = await work.commit("second", a="2")
    await work("push", "-q", "origin", "main", "main:production", "main:topic")
    await work("reset", "-q", "--hard", "HEAD~1")
    assert await refusal(work, "push", "-f", "origin", f"HEAD:{branch}") == (
        f"! [remote rejected] HEAD -> {branch} ({branch} is protected: it only moves forward)"
    )
    assert await refusal(work, "push", "origin", f":{branch}") == (
        f"! [remote rejected] {branch} ({branch} is protected: it cannot be deleted)"
    )
    await work("push", "-qf", "origin", "HEAD:topic")
    await work("push", "-q", "origin", ":topic")
    repository = await server.create_repository("d1-fleet")
    assert repository.tips() == {"refs/heads/main": tip, "refs/heads/production": tip}


async def test_production_takes_only_what_is_on_main(server: GitServer, work: GitCli) -> None:
    first = await work.commit("first", a="1")
    no_main = "(production accepts only commits that are already on main)"
    assert await refusal(work, "push", "origin", "main:production") == (
        f"! [remote rejected] main -> production {no_main}"
    )
    await work("push", "-q", "origin", "main", "main:production")
    await work("checkout", "-qb", "hotfix")
    await work.commit("hotfix", a="hot")
    await work("push", "-q", "origin", "hotfix")
    assert await refusal(work, "push", "origin", "hotfix:production") == (
        f"! [remote rejected] hotfix -> production {no_main}"
    )
    await work("push", "-q", "origin", "hotfix:main")
    await work("push", "-q", "origin", "hotfix:production")
    second = await work("rev-parse", "HEAD")
    assert first != second
    repository = await server.create_repository("d1-fleet")
    assert repository.tips()["refs/heads/production"] == second


async def test_one_push_may_move_main_and_production(server: GitServer, work: GitCli) -> None:
    tip = await work.commit("first", a="1")
    await work("push", "-q", "origin", "main:production", "main:main")
    repository = await server.create_repository("d1-fleet")
    assert repository.tips() == {"refs/heads/main": tip, "refs/heads/production": tip}


async def test_an_atomic_push_is_all_or_nothing(server: GitServer, work: GitCli) -> None:
    await work.commit("first", a="1")
    await work("push", "-q", "origin", "main")
    await work.commit("second", a="2")
    with pytest.raises(GitRefused):
        await work("push", "--atomic", "origin", "main:topic", "main:production")
    assert list((await server.create_repository("d1-fleet")).tips()) == ["refs/heads/main"]


async def test_a_refused_push_leaves_nothing_behind(server: GitServer, work: GitCli) -> None:
    await work.commit("first", a="1")
    await work("push", "-q", "origin", "main")
    repository = await server.create_repository("d1-fleet")
    before = sorted(repository.path.glob("objects/**/*"))
    await work("checkout", "-q", "--orphan", "other")
    await work.commit("other", a="3")
    await refusal(work, "push", "-f", "origin", "other:main")
    assert sorted(repository.path.glob("objects/**/*")) == before


async def test_a_push_that_is_too_large_is_refused(server: GitServer, work: GitCli) -> None:
    import random

    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=300_000))
    await work.commit("huge", a=noise)
    with pytest.raises(GitRefused) as refused:
        await work("push", "origin", "main")
    assert "remote unpack failed: pack exceeds maximum allowed size" in str(refused.value)
    assert (await server.create_repository("d1-fleet")).tips() == {}


async def test_a_push_that_lacks_objects_is_refused(server: GitServer, work: GitCli) -> None:
    tip = await work.commit("first", a="1")
    pack = f"{NONE} {tip} refs/heads/main\0 report-status\n"
    body = f"{len(pack) + 4:04x}{pack}0000".encode() + bytes.fromhex(
        "5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e"  # a pack of nothing
    )
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer bot-token"}) as session,
        session.post(f"{server.url}/d1-fleet/git-receive-pack", data=body) as answer,
    ):
        report = await answer.text()
    assert "missing necessary objects" in report
    assert "ng refs/heads/main unpacker error" in report
    assert (await server.create_repository("d1-fleet")).tips() == {}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"zzzz", id="no packet lines"),
        pytest.param(b"0008abcd0000", id="no command"),
        pytest.param(b"00ff12", id="cut short"),
    ],
)
async def test_a_malformed_push_is_a_bad_request(server: GitServer, body: bytes) -> None:
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer bot-token"}) as session,
        session.post(f"{server.url}/d1-fleet/git-receive-pack", data=body) as answer,
    ):
        assert answer.status == 400


async def test_commits_made_by_the_server_obey_the_rules(server: GitServer) -> None:
    tip = await server.commit(
        "d1-fleet", "main", {"a/b": b"1", "c": b"2"}, message="seed", user="platform"
    )
    tip = await server.commit(
        "d1-fleet", "main", {"a/b": None, "d": b"3"}, message="more", user="bot"
    )
    repository = await server.create_repository("d1-fleet")
    assert repository.tips() == {"refs/heads/main": tip}
    with pytest.raises(PushRefused) as refused:
        await server.commit("d1-fleet", "production", {"e": b"4"}, message="x", user="platform")
    assert refused.value.message == (
        "refs/heads/production: production accepts only commits that are already on main"
    )
    await server.move("d1-fleet", RefUpdate("refs/heads/production", NONE, tip), user="platform")
    assert repository.tips()["refs/heads/production"] == tip


async def test_a_restart_finds_everything_again(
    server: GitServer, work: GitCli, tmp_path: Path
) -> None:
    await work.commit("first", a="1")
    await work("push", "-q", "origin", "main")
    await server.create_repository("teams/red")
    async with GitServer(tmp_path / "srv", users=USERS, clock=SystemClock()) as second:
        assert second.repositories == ("d1-fleet", "teams/red")
        listing = await work("ls-remote", address(second, "bot"), "refs/heads/main")
        assert listing.split()[0] == await work("rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["", "../up", "a/../b", "/abs", ".hidden", "a//b", "x.git", "a b"])
async def test_a_name_that_leaves_the_directory_is_refused(server: GitServer, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a repository"):
        await server.create_repository(name)


def test_a_token_never_shows() -> None:
    assert "platform-token" not in repr(USERS["platform"])
