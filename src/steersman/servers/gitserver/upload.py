"""``git fetch``: lists references ourselves, leaves the packing of objects to ``git``.

Clients that speak protocol version 2 ask for references with a command of their own; it is
answered without starting a program, so that polling costs next to nothing.
Source of the format: ``Documentation/gitprotocol-v2`` of Git.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from steersman.kit import pktline
from steersman.kit.pktline import DELIMITER, FLUSH, Packet
from steersman.kit.tasks import run_blocking
from steersman.servers.gitserver.process import GitProgram
from steersman.servers.gitserver.repositories import Reference, Repository

__all__ = ["advertise_upload", "answer_listing", "is_version_2", "serve_upload"]

_PIECE = 256 * 1024
_VERSION_2 = (
    "version 2\n",
    "agent=steersman\n",
    "ls-refs=unborn\n",
    "fetch=shallow wait-for-done filter\n",
    "server-option\n",
    "object-format=sha1\n",
)


def is_version_2(git_protocol: str) -> bool:
    """Whether a ``Git-Protocol`` header asks for version 2."""
    return "version=2" in git_protocol.split(":")


async def advertise_upload(repository: Repository, git: GitProgram, git_protocol: str) -> bytes:
    """Returns the answer to ``info/refs?service=git-upload-pack``."""
    if is_version_2(git_protocol):
        return pktline.encode([*_VERSION_2, FLUSH])
    listing = await git.run(
        "upload-pack", "--http-backend-info-refs", str(repository.path), git_dir=repository.path
    )
    return pktline.encode(["# service=git-upload-pack\n", FLUSH]) + listing


async def answer_listing(repository: Repository, body: bytes) -> bytes | None:
    """Answers a version 2 request for references; ``None`` when it asks for something else."""
    packets = list(pktline.read_packets(body))
    if not packets or packets[0] not in (b"command=ls-refs", b"command=ls-refs\n"):
        return None
    references = await run_blocking(repository.references)
    return _listing(packets, references, repository.head())


def _listing(packets: Sequence[Packet], references: Sequence[Reference], head: str) -> bytes:
    delimiter = packets.index(DELIMITER) if DELIMITER in packets else len(packets)
    options = {item.rstrip(b"\n") for item in packets[delimiter:] if isinstance(item, bytes)}
    prefixes = tuple(
        item.removeprefix(b"ref-prefix ").decode(errors="replace")
        for item in options
        if item.startswith(b"ref-prefix ")
    )
    lines = []
    targets = {item.name: item.target for item in references}
    if not prefixes or "HEAD".startswith(prefixes):
        symbolic = f" symref-target:{head}" if b"symrefs" in options else ""
        if head in targets:
            lines.append(f"{targets[head]} HEAD{symbolic}\n")
        elif b"unborn" in options:
            lines.append(f"unborn HEAD{symbolic}\n")
    for item in references:
        if prefixes and not item.name.startswith(prefixes):
            continue
        peeled = f" peeled:{item.peeled}" if item.peeled and b"peel" in options else ""
        lines.append(f"{item.target} {item.name}{peeled}\n")
    return pktline.encode([*lines, FLUSH])


async def serve_upload(
    repository: Repository,
    git: GitProgram,
    body: bytes,
    *,
    git_protocol: str,
    write: Callable[[bytes], Awaitable[None]],
) -> None:
    """Answers a request for objects, handing the answer to ``write`` in pieces."""
    async with git.running(
        "upload-pack",
        "--stateless-rpc",
        str(repository.path),
        git_dir=repository.path,
        env={"GIT_PROTOCOL": "version=2"} if is_version_2(git_protocol) else None,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_feed(process.stdin, body), name="request to upload-pack")
            tasks.create_task(_discard(process.stderr), name="complaints of upload-pack")
            while piece := await process.stdout.read(_PIECE):
                await write(piece)
        await process.wait()


async def _feed(stdin: asyncio.StreamWriter, body: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(body)
        await stdin.drain()
    stdin.close()


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(_PIECE):
        pass
