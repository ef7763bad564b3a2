"""The Git client behind TLS and proxies: each repository has its own trust."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from steersman.clients.git import (
    GitClient,
    ProxySettings,
    Snapshot,
    auth_from_secret,
    proxy_from_secret,
)
from steersman.errors import NetworkFailed, Unauthorized
from steersman.kit.clock import SystemClock
from steersman.servers.gitserver import GitServer, GitUser, Role
from steersman.sources.checkout import Branch
from tests.support.certificates import Pair, an_authority

USERS = {"bot": GitUser(role=Role.BOT, token="bot-token")}
BASIC = {"username": b"bot", "password": b"bot-token"}


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[str]:
    async with GitServer(tmp_path / "srv", users=USERS, clock=SystemClock()) as server:
        await server.create_repository("d1")
        await server.commit("d1", "main", {"a": b"1"}, message="x", user="bot")
        yield f"{server.url}/d1"


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def join(
    target: str,
    head: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    host, port = target.split(":")
    upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
    upstream_writer.write(head)
    await asyncio.gather(pipe(reader, upstream_writer), pipe(upstream_reader, writer))


@asynccontextmanager
async def listening(handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:  # type: ignore[no-untyped-def]
    sessions: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions.add(asyncio.current_task())
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for session in sessions:
            if session is not None:
                session.cancel()
        await asyncio.gather(*(s for s in sessions if s), return_exceptions=True)
        await server.wait_closed()


def server_context(pair: Pair, directory: Path, client_ca: bytes = b"") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (directory / "pair.pem").write_bytes(pair.certificate + pair.key)
    context.load_cert_chain(directory / "pair.pem")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca.decode())
    return context


@asynccontextmanager
async def behind_tls(plain: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    target = urlsplit(plain).netloc

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await join(target, b"", reader, writer)

    async with listening(handler, context) as port:
        yield f"https://127.0.0.1:{port}/d1"


async def look(url: str, proxy: ProxySettings | None = None, **more: bytes) -> Snapshot:
    auth = auth_from_secret(url, {**BASIC, **{k.replace("_", "."): v for k, v in more.items()}})
    async with aiohttp.ClientSession() as session:
        found = await GitClient(session).snapshot(url, Branch("main"), auth=auth, proxy=proxy)
    await asyncio.sleep(0.1)  # TLS connections say goodbye
    return found


async def test_an_authority_of_its_own_is_trusted_by_one_repository_only(
    plain: str, tmp_path: Path
) -> None:
    authority = an_authority()
    context = server_context(authority.issue("server"), tmp_path)
    async with behind_tls(plain, context) as url:
        assert list((await look(url, ca_crt=authority.pem)).files) == ["a"]
        with pytest.raises(NetworkFailed) as refused:
            await look(url)
        assert "tls: failed to verify the certificate of 127.0.0.1" in refused.value.message
        with pytest.raises(NetworkFailed, match="tls: failed to verify the certificate"):
            await look(url, ca_crt=an_authority("somebody else").pem)


async def test_a_client_certificate_is_shown(plain: str, tmp_path: Path) -> None:
    authority = an_authority()
    ours = authority.issue("client")
    context = server_context(authority.issue("server"), tmp_path, client_ca=authority.pem)
    async with behind_tls(plain, context) as url:
        found = await look(url, ca_crt=authority.pem, tls_crt=ours.certificate, tls_key=ours.key)
        assert list(found.files) == ["a"]
        with pytest.raises(NetworkFailed):
            await look(url, ca_crt=authority.pem)


@asynccontextmanager
async def a_proxy(seen: list[str], password: str = "") -> AsyncIterator[str]:
    expected = aiohttp.encode_basic_auth("me", password) if password else ""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        seen.append(f"{method} {target}")
        if expected and f"Proxy-Authorization: {expected}".encode() not in head:
            writer.write(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        elif method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Go\r\n\r\n")
            await join(target, b"", reader, writer)
        else:
            parts = urlsplit(target)
            origin = target.removeprefix(f"{parts.scheme}://{parts.netloc}")
            await join(
                parts.netloc, head.replace(target.encode(), origin.encode(), 1), reader, writer
            )

    async with listening(handler) as port:
        yield f"http://127.0.0.1:{port}"


async def test_a_proxy_is_gone_through(plain: str, tmp_path: Path) -> None:
    seen: list[str] = []
    authority = an_authority()
    async with AsyncExitStack() as stack:
        context = server_context(authority.issue("server"), tmp_path)
        secure = await stack.enter_async_context(behind_tls(plain, context))
        address = await stack.enter_async_context(a_proxy(seen, password="sesame"))
        data = {"address": address.encode(), "username": b"me", "password": b"sesame"}
        proxy = proxy_from_secret("default/proxy", data)
        assert list((await look(plain, proxy)).files) == ["a"]
        assert seen[0] == f"GET {plain}/info/refs?service=git-upload-pack"
        seen.clear()
        assert list((await look(secure, proxy, ca_crt=authority.pem)).files) == ["a"]
        assert seen[0] == f"CONNECT {urlsplit(secure).netloc}"
        wrong = proxy_from_secret("default/proxy", {**data, "password": b"wrong-word"})
        with pytest.raises(NetworkFailed) as refused:
            await look(secure, wrong, ca_crt=authority.pem)
        assert "wrong-word" not in refused.value.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "secret 'ns/p': key 'address' not found"),
        ({"address": b"socks5://x:1"}, "secret 'ns/p': only http and https proxies are supported"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused(data: dict[str, bytes], message: str) -> None:
    with pytest.raises(Unauthorized, match=message):
        proxy_from_secret("ns/p", data)
