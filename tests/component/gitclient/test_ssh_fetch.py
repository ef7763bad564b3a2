"""The Git client over SSH: keys, known hosts, and servers of either protocol version."""

from __future__ import annotations

import asyncio
import base64
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncssh
import pytest

from steersman.clients.git import GitClient, GitOperationFailed, Snapshot, auth_from_secret
from steersman.errors import NetworkFailed, Unauthorized
from steersman.sources.checkout import Branch, Checkout, Commit, SemverRange, Tag
from tests.support.gitcli import GitCli


@dataclass
class SshWorld:
    port: int
    host_key: Any
    user_key: Any
    git: GitCli
    client: GitClient

    @property
    def url(self) -> str:
        return f"ssh://git@127.0.0.1:{self.port}/work"

    def secret(self, **changes: bytes) -> dict[str, bytes]:
        host = self.host_key.export_public_key().decode().strip()
        return {
            "identity": self.user_key.export_private_key(),
            "known_hosts": f"[127.0.0.1]:{self.port} {host}\n".encode(),
            **changes,
        }

    async def look(self, checkout: Checkout, *, url: str = "", **changes: bytes) -> Snapshot:
        url = url or self.url
        auth = auth_from_secret(url, self.secret(**changes))
        return await self.client.snapshot(url, checkout, auth=auth)


async def relay(source: Any, target: Any) -> None:
    while piece := await source.read(65536):
        target.write(piece)
        await target.drain()
    if isinstance(target, asyncio.StreamWriter):
        target.close()


@asynccontextmanager
async def a_world(tmp_path: Path, *, accepts_environment: bool = True) -> AsyncIterator[SshWorld]:
    git = GitCli(tmp_path / "work")
    git.directory.mkdir()
    await git("init", "-q", "-b", "main")
    await git("config", "uploadpack.allowAnySHA1InWant", "true")
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    user_key = asyncssh.generate_private_key("ssh-ed25519")

    sessions: list[Any] = []

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        sessions.append(asyncio.current_task())
        program, path = shlex.split(process.command or "")
        assert program == "git-upload-pack"
        version = process.env.get("GIT_PROTOCOL", "") if accepts_environment else ""
        child = await asyncio.create_subprocess_exec(
            "git",
            "upload-pack",
            str(tmp_path / path.lstrip("/")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "HOME": "/", "GIT_PROTOCOL": str(version)},
        )
        async with asyncio.TaskGroup() as tasks:
            incoming = tasks.create_task(relay(process.stdin, child.stdin))
            async with asyncio.TaskGroup() as outgoing:
                outgoing.create_task(relay(child.stdout, process.stdout))
                outgoing.create_task(relay(child.stderr, process.stderr))
            incoming.cancel()
        process.exit(await child.wait())

    keys = asyncssh.import_authorized_keys(user_key.export_public_key().decode())
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=keys,
        process_factory=serve,
        encoding=None,
    )
    try:
        async with aiohttp.ClientSession() as session:
            yield SshWorld(server.get_port(), host_key, user_key, git, GitClient(session))
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*sessions, return_exceptions=True)


def texts(snapshot: Snapshot) -> dict[str, str]:
    return {path: (file.data or b"").decode() for path, file in sorted(snapshot.files.items())}


@pytest.mark.parametrize("version_2", [True, False], ids=["version 2", "version 0"])
async def test_a_repository_is_fetched_over_ssh(tmp_path: Path, version_2: bool) -> None:
    async with a_world(tmp_path, accepts_environment=version_2) as world:
        first = await world.git.commit("first", a="1")
        await world.git("tag", "-am", "one", "v1.0.0")
        tip = await world.git.commit("second", a="2", b__c="3")
        snapshot = await world.look(Branch("main"))
        assert str(snapshot.revision) == f"main@sha1:{tip}"
        assert texts(snapshot) == {"a": "2", "b/c": "3"}
        assert str((await world.look(Tag("v1.0.0"))).revision) == f"v1.0.0@sha1:{first}"
        assert texts(await world.look(SemverRange("1.x"))) == {"a": "1"}
        assert texts(await world.look(Commit(first))) == {"a": "1"}
        assert texts(await world.look(Commit(first, "main"))) == {"a": "1"}
        newer = await world.git.commit("third", a="4")
        assert texts(await world.look(Branch("main"))) == {"a": "4", "b/c": "3"}
        auth = auth_from_secret(world.url, world.secret())
        known = f"main@sha1:{newer}"
        again = await world.client.snapshot(world.url, Branch("main"), auth=auth, known=known)
        assert again.commit is None


def locked_for_ever(key: bytes) -> bytes:
    """The same key, but its password is to be stretched four thousand million times."""
    head, *lines, tail = key.decode().strip().splitlines()
    raw = base64.b64decode("".join(lines))
    kdf = raw.index(b"bcrypt") + 6
    salt_length = int.from_bytes(raw[kdf + 4 : kdf + 8], "big")
    rounds = kdf + 8 + salt_length
    changed = raw[:rounds] + b"\xff\xff\xff\xff" + raw[rounds + 4 :]
    return "\n".join([head, base64.b64encode(changed).decode(), tail]).encode()


async def test_an_encrypted_key_needs_its_password(tmp_path: Path) -> None:
    from steersman.clients.git.ssh import needs_passphrase

    async with a_world(tmp_path) as world:
        await world.git.commit("first", a="1")
        locked = world.user_key.export_private_key(passphrase="open sesame", rounds=50)
        assert needs_passphrase(auth_from_secret(world.url, world.secret(identity=locked)))
        assert not needs_passphrase(auth_from_secret(world.url, world.secret()))
        opened = await world.look(Branch("main"), identity=locked, password=b"open sesame")
        assert texts(opened) == {"a": "1"}
        with pytest.raises(Unauthorized, match="ssh: cannot use the private key"):
            await world.look(Branch("main"), identity=locked, password=b"wrong")
        slow = locked_for_ever(locked)
        with pytest.raises(Unauthorized, match="would take too long to decrypt"):
            await world.look(Branch("main"), identity=slow, password=b"open sesame")


async def test_an_unknown_host_is_not_talked_to(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.git.commit("first", a="1")
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        known = f"[127.0.0.1]:{world.port} {other}".encode()
        for hosts in (known, b"# nobody\n"):
            with pytest.raises(GitOperationFailed) as refused:
                await world.look(Branch("main"), known_hosts=hosts)
            assert refused.value.message == (
                f"unable to clone '{world.url.replace('git@', '')}': ssh: host key of 127.0.0.1 "
                "is not in known_hosts"
            )


async def test_an_unknown_key_is_not_accepted(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.git.commit("first", a="1")
        stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
        with pytest.raises(Unauthorized, match=r"127\.0\.0\.1 does not accept the key"):
            await world.look(Branch("main"), identity=stranger)
        with pytest.raises(Unauthorized, match="ssh: cannot use the private key"):
            await world.look(Branch("main"), identity=b"no key")


async def test_failures_of_the_server_are_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.git.commit("first", a="1")
        with pytest.raises(GitOperationFailed, match="repository not found"):
            await world.look(Branch("main"), url=world.url.replace("/work", "/nowhere"))
        with pytest.raises(GitOperationFailed, match='couldn\'t find remote ref "refs/heads/no"'):
            await world.look(Branch("no"))
        with pytest.raises(NetworkFailed, match=r"ssh: 127\.0\.0\.1: "):
            await world.look(Branch("main"), url="ssh://git@127.0.0.1:1/work")
