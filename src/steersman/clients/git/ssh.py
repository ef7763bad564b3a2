"""Git over SSH: one connection on which references are listed and objects fetched.

Only the key and the known hosts of the repository's own Secret count; the machine's agent,
configuration and known hosts are never looked at.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from steersman.clients.git.auth import GitAuth
from steersman.clients.git.errors import GitOperationFailed
from steersman.clients.git.limits import GitLimits
from steersman.clients.git.pack import Fetched, KnownObjects, unpack_answer
from steersman.clients.git.protocol import (
    Advertisement,
    FetchReader,
    FetchRequest,
    PacketReader,
    encode_fetch,
    encode_listing,
    parse_advertisement,
    parse_listing,
)
from steersman.errors import Forbidden, NetworkFailed, Unauthorized
from steersman.kit.pktline import FLUSH, Packet
from steersman.kit.tasks import run_blocking
from steersman.sources.checkout import RemoteReference

__all__ = ["SshConnection", "needs_passphrase", "open_ssh"]

_DEFAULT_PORT = 22
_PIECE = 256 * 1024
# ssh-keygen uses 24; 1000 take some seconds.
_MAX_ROUNDS = 1000
_LISTING_PACKETS = 400_000
_NO_REPOSITORY = ("not found", "does not exist", "not a git repo", "not appear to be a git repo")


def needs_passphrase(auth: GitAuth) -> bool:
    """Whether the private key is encrypted and no password was given."""
    import asyncssh

    if auth.identity is None or auth.password:
        return False
    try:
        asyncssh.import_private_key(auth.identity.reveal())
    except asyncssh.KeyEncryptionError:
        return True
    except asyncssh.KeyImportError as error:
        return "passphrase" in str(error).lower()
    return False


@asynccontextmanager
async def open_ssh(url: str, *, auth: GitAuth, limits: GitLimits) -> AsyncIterator[SshConnection]:
    """Connects to a repository.

    Args:
        url: its ``ssh://`` address.
        auth: key and known hosts.
        limits: what this may cost.

    Raises:
        Unauthorized: the key is not accepted or cannot be read.
        GitOperationFailed: the host's key is not the one that is known.
        NetworkFailed: the host cannot be reached.
    """
    import asyncssh

    parts = urlsplit(url)
    host = parts.hostname or ""
    key = await run_blocking(_private_key, auth)
    command = f"git-upload-pack {shlex.quote(unquote(parts.path))}"
    try:
        async with asyncssh.connect(
            host,
            parts.port or _DEFAULT_PORT,
            username=auth.username,
            client_keys=[key],
            known_hosts=_known_hosts(auth),
            config=[],
            agent_path=None,
            password=None,
            preferred_auth="publickey",
        ) as connection:
            process = await connection.create_process(
                command, encoding=None, env={"GIT_PROTOCOL": "version=2"}
            )
            async with process:
                session = SshConnection(process, limits=limits)
                yield session
                await session.say_goodbye()
    except asyncssh.HostKeyNotVerifiable as error:
        raise GitOperationFailed(f"ssh: host key of {host} is not in known_hosts") from error
    except asyncssh.PermissionDenied as error:
        raise Unauthorized(
            f"ssh: {host} does not accept the key", reason="GitOperationFailed"
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise NetworkFailed(f"ssh: {host}: {error}") from error


def _private_key(auth: GitAuth) -> Any:
    import asyncssh

    assert auth.identity is not None
    if _rounds(auth.identity.reveal()) > _MAX_ROUNDS:
        raise Unauthorized("ssh: the private key would take too long to decrypt")
    passphrase = auth.password.reveal() if auth.password else None
    try:
        return asyncssh.import_private_key(auth.identity.reveal(), passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise Unauthorized(f"ssh: cannot use the private key: {error}") from error


def _rounds(key: bytes) -> int:
    """How often the password of an encrypted OpenSSH key is stretched; 0 for all others."""
    _, _, rest = key.partition(b"-----BEGIN OPENSSH PRIVATE KEY-----")
    try:
        raw = base64.b64decode(rest.partition(b"-----END")[0])
    except binascii.Error:
        return 0
    begin = raw.find(b"bcrypt")
    if begin < 0:
        return 0
    # A length, then the salt with its own length, then the rounds.
    salt = begin + 6 + 4
    rounds = salt + 4 + int.from_bytes(raw[salt : salt + 4], "big")
    return int.from_bytes(raw[rounds : rounds + 4], "big")


def _known_hosts(auth: GitAuth) -> Any:
    import asyncssh

    try:
        return asyncssh.import_known_hosts(auth.known_hosts.decode())
    except ValueError as error:
        raise Unauthorized(f"ssh: cannot read known_hosts: {error}") from error


class SshConnection:
    """A repository over an open SSH channel; made by :func:`open_ssh`.

    Args:
        process: the remote ``git-upload-pack``.
        limits: what this may cost.
    """

    def __init__(self, process: Any, *, limits: GitLimits) -> None:
        self._process = process
        self._limits = limits
        self._reader = PacketReader()
        self._advertisement: Advertisement | None = None
        self._fetched = False

    async def references(self, prefixes: Iterable[str]) -> Sequence[RemoteReference]:
        """Lists references.

        Args:
            prefixes: hints which ones matter.

        Raises:
            GitOperationFailed: the repository is not there or is broken.
            Forbidden: we may not read it.
        """
        advertisement = await self._greet()
        if advertisement.version != 2:
            return advertisement.references
        self._process.stdin.write(encode_listing(prefixes))
        return parse_listing(await self._packets(), self._limits)

    async def objects(self, request: FetchRequest, known: KnownObjects) -> Fetched:
        """Fetches objects.

        Args:
            request: which ones.
            known: finds objects we already have.

        Raises: as :meth:`references`.
        """
        advertisement = await self._greet()
        reader = FetchReader(
            version=advertisement.version, deepens=bool(request.depth), limits=self._limits
        )
        self._process.stdin.write(encode_fetch(request, advertisement))
        self._fetched = advertisement.version != 2
        reader.feed(self._reader.rest())
        while not reader.is_done:
            piece = await self._process.stdout.read(_PIECE)
            if not piece:
                break
            reader.feed(piece)
        return await unpack_answer(reader.finish(), known, self._limits)

    async def say_goodbye(self) -> None:
        """Ends the conversation so that the server does not log a failure."""
        if not self._fetched:
            self._process.stdin.write(b"0000")
        self._process.stdin.write_eof()

    async def _greet(self) -> Advertisement:
        if self._advertisement is None:
            packets = await self._packets()
            self._advertisement = parse_advertisement(packets, self._limits)
        return self._advertisement

    async def _packets(self) -> list[Packet]:
        """Reads packets up to the one that ends the message."""
        packets: list[Packet] = []
        while True:
            packet = self._reader.take()
            if packet is FLUSH:
                return packets
            if packet is not None:
                packets.append(packet)
                if len(packets) > _LISTING_PACKETS:
                    raise GitOperationFailed("the server's list of references is too long")
                continue
            piece = await self._process.stdout.read(_PIECE)
            if not piece:
                await self._explain_end()
            self._reader.feed(piece)

    async def _explain_end(self) -> None:
        complaint = (await self._process.stderr.read(4096)).decode(errors="replace").strip()
        lowered = complaint.lower()
        if any(words in lowered for words in _NO_REPOSITORY):
            raise GitOperationFailed("repository not found")
        if "denied" in lowered or "permission" in lowered:
            raise Forbidden("authorization failed", reason="GitOperationFailed")
        last = complaint.splitlines()[-1] if complaint else "the server ended the connection"
        raise GitOperationFailed(last)
