"""Fetches artifacts: verified by digest, unpacked into memory, once per digest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from steersman.apis.meta import Artifact
from steersman.errors import NetworkFailed, SteersmanError
from steersman.kit.archive import FileEntry, Tree, UnpackLimits, unpack
from steersman.kit.clock import Clock
from steersman.kit.digest import is_digest_of, parse_digest
from steersman.kit.tasks import run_blocking

__all__ = ["ArtifactFetcher", "ArtifactNotFound", "ArtifactTree", "ArtifactUnusable"]

_PIECE = 256 * 1024
_UNPACK_IN_THREAD_FROM = 64 * 1024


class ArtifactNotFound(SteersmanError):
    """The server has no such file: it was replaced, or the server lost its storage."""

    default_reason = "ArtifactFailed"


class ArtifactUnusable(SteersmanError):
    """What was fetched is not what the artifact says, or cannot be unpacked."""

    default_reason = "ArtifactFailed"


@dataclass(frozen=True, slots=True)
class ArtifactTree:
    """An artifact's files.

    Attributes:
        digest: of the archive.
        files: by relative path.
        size: bytes of all files.
    """

    digest: str
    files: Tree
    size: int


class ArtifactFetcher:
    """Fetches artifacts and remembers the most recent ones by digest.

    Args:
        session: the HTTP session.
        clock: waits between tries.
        cache_bytes: how many bytes of files are remembered.
        download_bytes: an archive may not be larger.
        limits: what unpacking may cost.
        tries: how often a server that does not answer is asked.
        rewrite_host: puts this ``host:port`` in place of the one in every address.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        cache_bytes: int = 64 * 1024 * 1024,
        download_bytes: int = 256 * 1024 * 1024,
        limits: UnpackLimits | None = None,
        tries: int = 3,
        rewrite_host: str = "",
    ) -> None:
        self._session = session
        self._clock = clock
        self._cache_bytes = cache_bytes
        self._download_bytes = download_bytes
        self._limits = limits or UnpackLimits()
        self._tries = tries
        self._rewrite_host = rewrite_host
        self._trees: OrderedDict[str, ArtifactTree] = OrderedDict()
        self._held_bytes = 0
        self._locks: dict[str, asyncio.Lock] = {}

    async def fetch(self, artifact: Artifact) -> ArtifactTree:
        """Returns the files of an artifact.

        Raises:
            ArtifactNotFound: the server says 404.
            ArtifactUnusable: the digest is another one, or the archive is refused.
            NetworkFailed: the server cannot be reached or fails.
        """
        known = self._remembered(artifact.digest)
        if known is not None:
            return known
        lock = self._locks.setdefault(artifact.digest, asyncio.Lock())
        try:
            async with lock:
                known = self._remembered(artifact.digest)
                return known or self._remember(await self._load(artifact))
        finally:
            if not lock.locked():
                self._locks.pop(artifact.digest, None)

    async def fetch_file(self, artifact: Artifact) -> bytes:
        """Returns the archive itself, verified; for artifacts that are no trees.

        Raises: as :meth:`fetch`.
        """
        try:
            digest = parse_digest(artifact.digest)
        except ValueError as error:
            raise ArtifactUnusable(
                f"failed to parse digest '{artifact.digest}': {error}"
            ) from error
        data = await self._download(artifact.url)
        if not is_digest_of(digest, data):
            raise ArtifactUnusable(
                "failed to verify archive: computed digest doesn't match provided "
                f"'{artifact.digest}'"
            )
        return data

    async def _load(self, artifact: Artifact) -> ArtifactTree:
        data = await self.fetch_file(artifact)
        work: Callable[[], dict[str, FileEntry]] = lambda: unpack(data, self._limits)  # noqa: E731
        try:
            files = await run_blocking(work) if len(data) > _UNPACK_IN_THREAD_FROM else work()
        except SteersmanError as error:
            raise ArtifactUnusable(f"failed to extract archive: {error.message}") from error
        return ArtifactTree(
            artifact.digest, files, sum(len(entry.data) for entry in files.values())
        )

    def _remembered(self, digest: str) -> ArtifactTree | None:
        tree = self._trees.get(digest)
        if tree is not None:
            self._trees.move_to_end(digest)
        return tree

    def _remember(self, tree: ArtifactTree) -> ArtifactTree:
        self._trees[tree.digest] = tree
        self._held_bytes += tree.size
        while self._held_bytes > self._cache_bytes and self._trees:
            _, oldest = self._trees.popitem(last=False)
            self._held_bytes -= oldest.size
        return tree

    async def _download(self, url: str) -> bytes:
        url = self._rewritten(url)
        for attempt in range(1, self._tries + 1):
            try:
                return await self._get(url)
            except NetworkFailed:
                if attempt == self._tries:
                    raise
                await self._clock.sleep(float(attempt))
        raise AssertionError("unreachable")

    async def _get(self, url: str) -> bytes:
        try:
            async with self._session.get(url, allow_redirects=False) as answer:
                if answer.status == 404:
                    raise ArtifactNotFound("file not found")
                if answer.status != 200:
                    raise NetworkFailed(
                        f"failed to download archive from {url} "
                        f"(status: {answer.status} {answer.reason})"
                    )
                return await self._read_body(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NetworkFailed(f"failed to download archive: {error}") from error

    async def _read_body(self, answer: aiohttp.ClientResponse) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in answer.content.iter_chunked(_PIECE):
            size += len(piece)
            if size > self._download_bytes:
                raise ArtifactUnusable(
                    f"artifact is larger than the max download size of {self._download_bytes} bytes"
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _rewritten(self, url: str) -> str:
        if not self._rewrite_host:
            return url
        return urlunsplit(urlsplit(url)._replace(netloc=self._rewrite_host))
