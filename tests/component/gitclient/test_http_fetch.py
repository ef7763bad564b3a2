"""The Git client over HTTP against the embedded server, with history made by the real ``git``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from steersman.clients.git import (
    EmptyRepository,
    GitClient,
    GitLimits,
    GitOperationFailed,
    Snapshot,
    auth_from_secret,
)
from steersman.errors import Forbidden, NetworkFailed, SteersmanError, Unauthorized
from steersman.kit.archive import FileEntry
from steersman.kit.clock import SystemClock
from steersman.servers.gitserver import GitServer, GitUser, Role
from steersman.sources.checkout import Branch, Checkout, Commit, Name, SemverRange, Tag
from tests.support.gitcli import GitCli

USERS = {
    "platform": GitUser(role=Role.WRITER, token="platform-token"),
    "bot": GitUser(role=Role.BOT, token="bot-token"),
}
BASIC = {"username": b"bot", "password": b"bot-token"}


@dataclass
class World:
    server: GitServer
    client: GitClient
    session: aiohttp.ClientSession
    work: GitCli
    requests: list[str]

    @property
    def url(self) -> str:
        return f"{self.server.url}/d1-infra"

    async def look(self, checkout: Checkout, **options: object) -> Snapshot:
        auth = auth_from_secret(self.url, BASIC)
        return await self.client.snapshot(self.url, checkout, auth=auth, **options)  # type: ignore[arg-type]

    async def push(self, *references: str) -> None:
        await self.work("push", "-qf", "origin", *references)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "work").mkdir()
    work = GitCli(tmp_path / "work")
    requests: list[str] = []

    async def note(
        session: aiohttp.ClientSession, context: object, params: aiohttp.TraceRequestStartParams
    ) -> None:
        requests.append(f"{params.method} {params.url.path_qs}")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note)
    async with (
        GitServer(tmp_path / "srv", users=USERS, clock=SystemClock()) as server,
        aiohttp.ClientSession(trace_configs=[trace]) as session,
    ):
        await server.create_repository("d1-infra")
        await work("init", "-q", "-b", "main")
        url = server.url.replace("//", "//platform:platform-token@")
        await work("remote", "add", "origin", f"{url}/d1-infra")
        limits = GitLimits(file_bytes=100_000, tree_bytes=150_000, files=200)
        yield World(server, GitClient(session, limits=limits), session, work, requests)


def texts(snapshot: Snapshot) -> dict[str, str]:
    return {path: (file.data or b"").decode() for path, file in sorted(snapshot.files.items())}


async def test_a_branch_is_fetched(world: World) -> None:
    await world.work.commit("first\n\nbody", a__b="1", c="2")
    (world.work.directory / "run").write_text("#!")
    (world.work.directory / "run").chmod(0o755)
    (world.work.directory / "link").symlink_to("/etc/passwd")
    tip = await world.work.commit("second line\n\nmore", c="3")
    await world.push("main")
    snapshot = await world.look(Branch("main"))
    assert str(snapshot.revision) == f"main@sha1:{tip}"
    assert texts(snapshot) == {"a/b": "1", "c": "3", "run": "#!"}
    assert snapshot.files["run"].executable
    assert snapshot.commit is not None
    assert (snapshot.commit.hash, snapshot.commit.subject) == (tip, "second line")
    assert snapshot.commit.author.name == "platform"
    assert snapshot.read(["c", "run"]) == {"c": FileEntry(b"3"), "run": FileEntry(b"#!", True)}


async def test_an_unchanged_branch_costs_one_request(world: World) -> None:
    tip = await world.work.commit("first", a="1")
    await world.push("main")
    await world.look(Branch("main"))
    world.requests.clear()
    snapshot = await world.look(Branch("main"), known=f"main@sha1:{tip}")
    assert (str(snapshot.revision), snapshot.commit) == (f"main@sha1:{tip}", None)
    assert world.requests == ["POST /d1-infra/git-upload-pack"]


async def test_a_commit_that_is_known_is_not_fetched_again(world: World) -> None:
    await world.work.commit("first", a="1")
    await world.push("main", "main:production")
    await world.look(Branch("main"))
    world.requests.clear()
    assert texts(await world.look(Branch("production"))) == {"a": "1"}
    assert world.requests == ["POST /d1-infra/git-upload-pack"]


async def test_a_new_revision_builds_on_the_old_one(world: World) -> None:
    lines = "".join(f"line {number}\n" for number in range(2000))
    await world.work.commit("first", big=lines, other="x")
    await world.push("main")
    await world.look(Branch("main"))
    await world.work.commit("second", big=lines + "more\n")
    await world.push("main")
    snapshot = await world.look(Branch("main"))
    assert texts(snapshot) == {"big": lines + "more\n", "other": "x"}


async def test_many_revisions_do_not_fill_the_memory(world: World) -> None:
    for number in range(20):
        await world.work.commit(f"{number}", a=str(number))
        await world.push("main")
        assert texts(await world.look(Branch("main"))) == {"a": str(number)}
    memory = world.client._stores.of(world.url)
    assert len(memory.objects) <= 3 * 8


@pytest.mark.parametrize("annotated", [False, True], ids=["lightweight", "annotated"])
async def test_a_tag_is_fetched(world: World, annotated: bool) -> None:
    tip = await world.work.commit("first", a="1")
    await world.work("tag", *(["-am", "the message"] if annotated else []), "v1.0.0")
    await world.work.commit("second", a="2")
    await world.push("main", "v1.0.0")
    snapshot = await world.look(Tag("v1.0.0"))
    assert (str(snapshot.revision), texts(snapshot)) == (f"v1.0.0@sha1:{tip}", {"a": "1"})
    assert (snapshot.tag is not None) is annotated
    if snapshot.tag:
        assert (snapshot.tag.name, snapshot.tag.message) == ("v1.0.0", "the message\n")
    assert (await world.look(Tag("v1.0.0"), known=f"v1.0.0@sha1:{tip}")).commit is None


async def test_the_highest_version_is_fetched(world: World) -> None:
    for version in ("v0.1.0", "v0.3.0-rc.1", "v0.2.0", "1.5", "nightly"):
        await world.work.commit(version, a=version)
        await world.work("tag", "-am", version, version)
    await world.push("main", "--tags")
    tip = await world.work("rev-parse", "v0.2.0^{}")
    snapshot = await world.look(SemverRange(">=0.1.0"))
    assert (str(snapshot.revision), texts(snapshot)) == (f"v0.2.0@sha1:{tip}", {"a": "v0.2.0"})
    assert str((await world.look(SemverRange(">=0.1.0-0"))).revision).startswith("v0.3.0-rc.1@")


async def test_a_reference_is_fetched_by_its_full_name(world: World) -> None:
    tip = await world.work.commit("first", a="1")
    await world.push("main", "main:refs/pull/1/head")
    await world.work.commit("second", a="2")
    await world.push("main")
    snapshot = await world.look(Name("refs/pull/1/head"))
    assert str(snapshot.revision) == f"refs/pull/1/head@sha1:{tip}"
    assert texts(snapshot) == {"a": "1"}
    assert texts(await world.look(Name("HEAD"))) == {"a": "2"}


async def test_a_commit_is_fetched_by_its_hash(world: World) -> None:
    first = await world.work.commit("first", a="1")
    await world.work.commit("second", a="2")
    await world.push("main")
    await world.work("checkout", "-q", "--orphan", "other")
    other = await world.work.commit("other", a="3")
    await world.push("other")
    assert str((await world.look(Commit(first))).revision) == f"sha1:{first}"
    assert texts(await world.look(Commit(first))) == {"a": "1"}
    on_branch = await world.look(Commit(first, "main"))
    assert (str(on_branch.revision), texts(on_branch)) == (f"main@sha1:{first}", {"a": "1"})
    with pytest.raises(GitOperationFailed) as refused:
        await world.look(Commit(other, "main"))
    assert refused.value.message == (
        f"unable to clone '{world.url}': unable to resolve commit object for '{other}': "
        "object not found"
    )


@pytest.mark.parametrize(
    ("checkout", "message"),
    [
        (Branch("no"), "unable to clone '{url}': couldn't find remote ref \"refs/heads/no\""),
        (Tag("no"), "unable to clone '{url}': couldn't find remote ref \"refs/tags/no\""),
        (Name("refs/no"), "unable to resolve ref 'refs/no' to a specific commit"),
        (SemverRange(">9"), "no match found for semver: >9"),
        (
            Commit("a-random-invalid-commit"),
            (
                "unable to clone '{url}': unable to resolve commit object for "
                "'a-random-invalid-commit': object not found"
            ),
        ),
    ],
)
async def test_what_is_not_there_is_named(world: World, checkout: Checkout, message: str) -> None:
    await world.work.commit("first", a="1")
    await world.push("main")
    with pytest.raises(GitOperationFailed) as refused:
        await world.look(checkout)
    assert refused.value.message == message.format(url=world.url)


async def test_an_empty_repository_is_told_apart(world: World) -> None:
    with pytest.raises(EmptyRepository) as empty:
        await world.look(Branch("main"))
    assert empty.value.message == "git repository is empty"
    with pytest.raises(GitOperationFailed) as refused:
        await world.look(Tag("v1"))
    assert refused.value.message == (
        f"unable to clone: remote repository is empty: git repository: '{world.url}'"
    )


@pytest.mark.parametrize(
    ("data", "url", "kind", "what"),
    [
        pytest.param({}, "", Unauthorized, "authentication required", id="no credentials"),
        pytest.param(
            {"username": b"bot", "password": b"hunter2"},
            "",
            Unauthorized,
            "authentication required",
            id="a wrong password",
        ),
        pytest.param(
            {"bearerToken": b"bot-token"},
            "/nowhere",
            GitOperationFailed,
            "repository not found",
            id="no such repository",
        ),
        pytest.param(
            {},
            "http://127.0.0.1:1/x",
            NetworkFailed,
            "cannot connect to 127.0.0.1:1: Connect call failed ('127.0.0.1', 1)",
            id="nobody listens",
        ),
    ],
)
async def test_failures_say_what_happened_without_secrets(
    world: World, data: dict[str, bytes], url: str, kind: type[SteersmanError], what: str
) -> None:
    await world.work.commit("first", a="1")
    await world.push("main")
    address = url if "//" in url else (f"{world.server.url}{url}" if url else world.url)
    auth = auth_from_secret(address, data)
    for known, action in (("", "clone"), ("main@sha1:0", "list remote for")):
        with pytest.raises(kind) as failed:
            await world.client.snapshot(address, Branch("main"), auth=auth, known=known)
        assert failed.value.message == f"unable to {action} '{address}': {what}"
        assert "hunter2" not in str(failed.value.__cause__)


async def test_credentials_in_the_address_are_used_and_never_told(world: World) -> None:
    await world.work.commit("first", a="1")
    await world.push("main")
    url = world.url.replace("//", "//bot:bot-token@")
    auth = auth_from_secret(url, {})
    assert texts(await world.client.snapshot(url, Branch("main"), auth=auth)) == {"a": "1"}
    with pytest.raises(GitOperationFailed) as failed:
        await world.client.snapshot(url, Branch("no"), auth=auth)
    assert "bot" not in failed.value.message


async def test_a_large_file_does_harm_only_when_it_is_kept(world: World) -> None:
    await world.work.commit("first", a="1", huge="x" * 200_000)
    await world.push("main")
    snapshot = await world.look(Branch("main"))
    assert snapshot.read(["a"]) == {"a": FileEntry(b"1")}
    with pytest.raises(GitOperationFailed) as refused:
        snapshot.read(["a", "huge"])
    assert refused.value.message == "file 'huge' has 200000 bytes, more than 100000"
    await world.work.commit("second", a="2", huge="y" * 200_000)
    await world.push("main")
    assert (await world.look(Branch("main"))).read(["a"]) == {"a": FileEntry(b"2")}


async def test_many_files_are_refused(world: World) -> None:
    await world.work.commit("many", **{f"f{number}": "" for number in range(500)})
    await world.push("main")
    with pytest.raises(GitOperationFailed, match="repository has more than 200 files"):
        await world.look(Branch("main"))


async def test_a_tree_that_repeats_itself_is_refused(world: World) -> None:
    blob = await world.work("hash-object", "-w", "--stdin", stdin="x")
    tree = await world.work("mktree", stdin=f"100644 blob {blob}\tf\n")
    for _ in range(10):
        entries = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
        tree = await world.work("mktree", stdin=entries)
    commit = await world.work("commit-tree", tree, "-m", "bomb")
    await world.push(f"{commit}:refs/heads/main")
    with pytest.raises(GitOperationFailed, match="repository has more than 200 files"):
        await world.look(Branch("main"))


@pytest.mark.parametrize("name", ["..", ".git", ".GIT"])
async def test_a_name_that_leads_out_of_the_tree_is_refused(world: World, name: str) -> None:
    blob = await world.work("hash-object", "-w", "--stdin", stdin="x")
    raw = b"100644 %s\0%s" % (name.encode(), bytes.fromhex(blob))
    (world.work.directory / ".raw").write_bytes(raw)
    tree = await world.work("hash-object", "-t", "tree", "--literally", "-w", ".raw")
    commit = await world.work("commit-tree", tree, "-m", "hostile")
    await world.push(f"{commit}:refs/heads/main")
    with pytest.raises(GitOperationFailed, match="which is not allowed"):
        await world.look(Branch("main"))


async def test_submodules_are_followed(world: World, tmp_path: Path) -> None:
    await world.server.create_repository("shared")
    await world.server.commit("shared", "main", {"x": b"1", "d/y": b"2"}, message="s", user="bot")
    url = world.server.url.replace("//", "//platform:platform-token@")
    await world.work("submodule", "add", "-q", f"{url}/shared", "lib/shared")
    await world.work("config", "-f", ".gitmodules", "submodule.lib/shared.url", "../shared")
    await world.work.commit("first", a="1")
    await world.push("main")
    without = await world.look(Branch("main"))
    assert sorted(without.files) == [".gitmodules", "a"]
    snapshot = await world.look(Branch("main"), submodules=True)
    assert sorted(snapshot.files) == [".gitmodules", "a", "lib/shared/d/y", "lib/shared/x"]


def _front(world: World, old_protocol: bool = False, prefix: str = "") -> web.Application:
    """A server before the server: hides version 2, or redirects to where the repository is."""

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {
            k: v for k, v in request.headers.items() if k in ("Authorization", "Content-Type")
        }
        if not old_protocol:
            headers["Git-Protocol"] = "version=2"
        url = f"{world.server.url}{request.path_qs}"
        if prefix:
            raise web.HTTPFound(f"{prefix}{request.path_qs}")
        async with world.session.request(
            request.method, url, headers=headers, data=await request.read()
        ) as got:
            return web.Response(
                status=got.status, body=await got.read(), content_type=got.content_type
            )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[web.Application], object]]:
    runners: list[web.AppRunner] = []

    async def start(app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_servers_without_version_2_are_understood(world: World, serve) -> None:  # type: ignore[no-untyped-def]
    first = await world.work.commit("first", a="1")
    await world.work("tag", "-am", "one", "v1.0.0")
    await world.work.commit("second", a="2", b="x")
    await world.push("main", "v1.0.0")
    url = f"{await serve(_front(world, old_protocol=True))}/d1-infra"
    auth = auth_from_secret(url, BASIC)
    assert texts(await world.client.snapshot(url, Branch("main"), auth=auth)) == {
        "a": "2",
        "b": "x",
    }
    tagged = await world.client.snapshot(url, Tag("v1.0.0"), auth=auth)
    assert (texts(tagged), str(tagged.revision)) == ({"a": "1"}, f"v1.0.0@sha1:{first}")
    await world.work.commit("third", a="3")
    await world.push("main")
    assert texts(await world.client.snapshot(url, Branch("main"), auth=auth)) == {
        "a": "3",
        "b": "x",
    }
    on_branch = await world.client.snapshot(url, Commit(first, "main"), auth=auth)
    assert texts(on_branch) == {"a": "1"}


async def test_a_redirect_is_followed_without_our_credentials(world: World, serve) -> None:  # type: ignore[no-untyped-def]
    await world.work.commit("first", a="1")
    await world.push("main")
    open_url = await serve(_front(world, prefix=world.server.url))
    url = f"{open_url}/d1-infra"
    auth = auth_from_secret(url, BASIC)
    with pytest.raises(Unauthorized, match="authentication required"):
        await world.client.snapshot(url, Branch("main"), auth=auth)


async def test_what_is_no_git_server_is_named(world: World, serve) -> None:  # type: ignore[no-untyped-def]
    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>", content_type="text/html")

    async def forbidden(request: web.Request) -> web.StreamResponse:
        raise web.HTTPForbidden

    app = web.Application()
    app.router.add_get("/page/info/refs", page)
    app.router.add_get("/no/info/refs", forbidden)
    base = await serve(app)
    auth = auth_from_secret(base, {})
    with pytest.raises(GitOperationFailed, match="does not speak Git's smart protocol"):
        await world.client.snapshot(f"{base}/page", Branch("main"), auth=auth)
    with pytest.raises(Forbidden, match="authorization failed"):
        await world.client.snapshot(f"{base}/no", Branch("main"), auth=auth)


async def test_a_local_repository_is_read_where_it_is(world: World) -> None:
    first = await world.work.commit("first", a="1", d__e="2")
    await world.work("tag", "-am", "one", "v1.0.0")
    tip = await world.work.commit("second", a="3")
    url = f"file://{world.work.directory}"
    auth = auth_from_secret(url, {})
    look = world.client.snapshot
    assert texts(await look(url, Branch("main"), auth=auth)) == {"a": "3", "d/e": "2"}
    assert str((await look(url, Tag("v1.0.0"), auth=auth)).revision) == f"v1.0.0@sha1:{first}"
    assert str((await look(url, Commit(first, "main"), auth=auth)).revision) == f"main@sha1:{first}"
    assert (await look(url, Branch("main"), auth=auth, known=f"main@sha1:{tip}")).commit is None
    with pytest.raises(GitOperationFailed, match="repository not found"):
        await look("file:///nowhere", Branch("main"), auth=auth)
