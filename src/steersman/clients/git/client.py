"""The client: which commit is it now, and what are its files.

The remote is always asked first, with the credentials given; what is remembered of a repository
only saves the transfer. So nobody sees a commit who could not fetch it himself.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import aiohttp

from steersman.clients.git.auth import GitAuth, ProxySettings, bare_url
from steersman.clients.git.errors import EmptyRepository, GitOperationFailed
from steersman.clients.git.http import HttpConnection
from steersman.clients.git.limits import GitLimits
from steersman.clients.git.local import LocalConnection
from steersman.clients.git.objects import (
    CommitObject,
    TagObject,
    TreeWalk,
    parse_tag,
    walk_tree,
)
from steersman.clients.git.pack import Fetched, KnownObjects
from steersman.clients.git.protocol import FetchRequest
from steersman.clients.git.ssh import open_ssh
from steersman.clients.git.store import RepositoryMemory, Stores
from steersman.clients.git.submodules import parse_gitmodules, same_host, submodule_url
from steersman.errors import SteersmanError
from steersman.kit.archive import FileEntry
from steersman.kit.mask import mask_text
from steersman.sources.checkout import (
    Branch,
    Candidate,
    Checkout,
    Commit,
    Name,
    NotSelectable,
    RemoteReference,
    SemverRange,
    Tag,
    candidates_of,
    revision_of,
)
from steersman.sources.mirrors import mirrored
from steersman.sources.revision import GitRevision

__all__ = ["GitClient", "Snapshot", "SnapshotFile"]

_SHA1 = re.compile(r"[0-9a-f]{40}\Z")


class SnapshotFile(NamedTuple):
    """A file of a commit.

    Attributes:
        data: its content; ``None`` when it is too large to be kept.
        size: bytes of the content.
        executable: whether it may be run.
    """

    data: bytes | None
    size: int
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A commit and its files.

    Attributes:
        revision: as Flux writes it.
        reference: the full name that was followed; empty for a commit without a branch.
        commit: ``None`` when the remote still has the revision that was known.
        tag: the annotated tag that was followed, if any.
        files: path → file, with those of submodules; symbolic links are left out.
        limits: what reading may cost.
    """

    revision: GitRevision
    reference: str = ""
    commit: CommitObject | None = None
    tag: TagObject | None = None
    files: Mapping[str, SnapshotFile] = field(default_factory=dict)
    limits: GitLimits = field(default_factory=GitLimits)

    def read(self, paths: Iterable[str]) -> dict[str, FileEntry]:
        """Returns files for an archive.

        Raises:
            GitOperationFailed: one of them, or all together, are too large.
        """
        entries: dict[str, FileEntry] = {}
        total = 0
        for path in paths:
            file = self.files[path]
            if file.data is None or file.size > self.limits.file_bytes:
                raise GitOperationFailed(
                    f"file '{path}' has {file.size} bytes, more than {self.limits.file_bytes}",
                    hint="leave it out with spec.ignore or .sourceignore",
                )
            total += file.size
            if total > self.limits.tree_bytes:
                raise GitOperationFailed(
                    f"repository has more than {self.limits.tree_bytes} bytes of files",
                    hint="leave files out with spec.ignore or .sourceignore",
                )
            entries[path] = FileEntry(file.data, file.executable)
        return entries


class _Connection(Protocol):
    """What HTTP, SSH and local repositories have in common."""

    async def references(self, prefixes: Iterable[str]) -> Sequence[RemoteReference]: ...

    async def objects(self, request: FetchRequest, known: KnownObjects) -> Fetched: ...


@dataclass(frozen=True, slots=True)
class _Remote:
    """One repository and how we come to it."""

    url: str
    auth: GitAuth
    proxy: ProxySettings | None


class GitClient:
    """Fetches commits from repositories.

    Args:
        session: the HTTP session; its own time limits should be off, callers set theirs.
        limits: what a repository may cost.
        mirrors: URL prefix to URL prefix; requests go to the mapped address, messages name the
            one that was asked for.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        limits: GitLimits | None = None,
        mirrors: Mapping[str, str] | None = None,
    ) -> None:
        self._session = session
        self._mirrors = mirrors or {}
        self._limits = limits or GitLimits()
        self._stores = Stores(self._limits.cache_bytes)

    async def snapshot(
        self,
        url: str,
        checkout: Checkout,
        *,
        auth: GitAuth,
        proxy: ProxySettings | None = None,
        known: str = "",
        submodules: bool = False,
    ) -> Snapshot:
        """Finds the commit that is asked for, and its files.

        Args:
            url: http, https, ssh or file address.
            checkout: what is asked for.
            auth: who we are.
            proxy: the proxy to go through, for HTTP.
            known: a revision; when a branch, tag or name still has it, no files are fetched.
            submodules: also bring the files of submodules.

        Raises:
            GitOperationFailed, EmptyRepository, Unauthorized, Forbidden, NetworkFailed: in Flux's
                words, and never with a secret in them.
        """
        remote = _Remote(url, auth, proxy)
        polls = bool(known) or isinstance(checkout, Name)
        with_url = bare_url(url)
        try:
            async with self._connect(remote) as connection:
                references = await connection.references(_prefixes(checkout))
                polls = False
                found = await self._select(connection, checkout, references)
                revision = revision_of(checkout, found[-1])
                if known == str(revision) and isinstance(checkout, Branch | Tag | Name):
                    return Snapshot(revision=revision)
                memory = self._memory(url)
                async with memory.lock:
                    chosen = await self._obtain(connection, memory, checkout, found)
                snapshot = await self._files(remote, memory, chosen, submodules)
        except NotSelectable as error:
            raise GitOperationFailed(_not_selectable(checkout, with_url, error)) from error
        except EmptyRepository:
            raise
        except SteersmanError as error:
            action = "list remote for" if polls else "clone"
            raise _retold(
                error, f"unable to {action} '{with_url}': {error.message}", auth
            ) from error
        self._stores.shrink()
        return Snapshot(
            revision=revision_of(checkout, chosen),
            reference=chosen.reference,
            commit=snapshot.commit,
            tag=_tag(memory, chosen),
            files=snapshot.files,
            limits=self._limits,
        )

    def _memory(self, url: str) -> RepositoryMemory:
        return self._stores.of(bare_url(url))

    @asynccontextmanager
    async def _connect(self, remote: _Remote) -> AsyncIterator[_Connection]:
        remote = replace(remote, url=mirrored(remote.url, self._mirrors))
        scheme = urlsplit(remote.url).scheme
        if scheme == "ssh":
            if remote.proxy is not None:
                raise GitOperationFailed("a proxy can be used only for http and https addresses")
            async with open_ssh(remote.url, auth=remote.auth, limits=self._limits) as connection:
                yield connection
        elif scheme == "file":
            yield LocalConnection(remote.url, limits=self._limits)
        elif scheme in ("http", "https"):
            memory = self._memory(remote.url)
            http = HttpConnection(
                self._session,
                remote.url,
                auth=remote.auth,
                proxy=remote.proxy,
                limits=self._limits,
                greeting=memory.greeting,
            )
            yield http
            memory.greeting = http.greeting
        else:
            raise GitOperationFailed(f"unknown transport '{scheme}'")

    async def _select(
        self, connection: _Connection, checkout: Checkout, references: Sequence[RemoteReference]
    ) -> tuple[Candidate, ...]:
        try:
            return candidates_of(checkout, references)
        except NotSelectable:
            # The listing was narrowed; only a whole one tells an empty repository.
            if references or await connection.references(()):
                raise
        if isinstance(checkout, Branch):
            raise EmptyRepository("git repository is empty")
        raise NotSelectable("remote repository is empty")

    async def _obtain(
        self,
        connection: _Connection,
        memory: RepositoryMemory,
        checkout: Checkout,
        found: Sequence[Candidate],
    ) -> Candidate:
        """Makes sure that the commit is in memory; of several, the youngest is chosen."""
        if isinstance(checkout, Commit):
            await self._obtain_commit(connection, memory, checkout, found[0])
            return found[0]
        for candidate in found:
            if not memory.is_whole(candidate.commit):
                await self._fetch(connection, memory, candidate.target, candidate.commit)
        return max(found, key=lambda candidate: _age(memory, candidate))

    async def _fetch(
        self, connection: _Connection, memory: RepositoryMemory, target: str, commit: str
    ) -> None:
        request = FetchRequest(wants=(target,), haves=memory.haves, shallows=memory.shallows)
        memory.add(await connection.objects(request, memory.get))
        self._walk(memory, commit)
        memory.mark_whole(commit)

    async def _obtain_commit(
        self,
        connection: _Connection,
        memory: RepositoryMemory,
        checkout: Commit,
        found: Candidate,
    ) -> None:
        commit = checkout.commit
        if not _SHA1.match(commit):
            raise _no_commit(commit)
        if checkout.branch and (found.target, commit) not in memory.members:
            history = FetchRequest(wants=(found.target,), depth=0, commits_only=True)
            fetched = await connection.objects(history, _knows_nothing)
            if commit not in fetched.objects:
                raise _no_commit(commit)
            memory.members.add((found.target, commit))
        if memory.is_whole(commit):
            return
        try:
            await self._fetch(connection, memory, commit, commit)
        except GitOperationFailed as refusal:
            await self._fetch_history(connection, memory, commit, refusal)

    async def _fetch_history(
        self,
        connection: _Connection,
        memory: RepositoryMemory,
        commit: str,
        refusal: GitOperationFailed,
    ) -> None:
        """For servers that give out only tips: everything, to find the commit in it."""
        references = await connection.references(("refs/heads/", "refs/tags/"))
        tips = tuple(dict.fromkeys(reference.target for reference in references))
        if not tips:
            raise _no_commit(commit) from refusal
        fetched = await connection.objects(FetchRequest(wants=tips, depth=0), _knows_nothing)
        if commit not in fetched.objects:
            raise _no_commit(commit) from refusal
        memory.add(fetched)
        self._walk(memory, commit)
        memory.mark_whole(commit)

    def _walk(self, memory: RepositoryMemory, commit: str) -> TreeWalk:
        found = memory.commit(commit)
        if found is None:
            raise _no_commit(commit)
        return walk_tree(memory.objects, found.tree, max_files=self._limits.files)

    async def _files(
        self, remote: _Remote, memory: RepositoryMemory, chosen: Candidate, submodules: bool
    ) -> Snapshot:
        commit = memory.commit(chosen.commit)
        walk = self._walk(memory, chosen.commit)
        files = _files_of(walk, memory)
        if submodules and walk.submodules:
            files |= await self._submodules(remote, files, walk.submodules, depth=1)
        return Snapshot(revision=GitRevision("", chosen.commit), commit=commit, files=files)

    async def _submodules(
        self,
        remote: _Remote,
        files: Mapping[str, SnapshotFile],
        links: Mapping[str, str],
        *,
        depth: int,
    ) -> dict[str, SnapshotFile]:
        if depth > self._limits.submodule_depth:
            raise GitOperationFailed("submodules are nested too deeply")
        settings = files.get(".gitmodules")
        urls = parse_gitmodules((settings.data or b"").decode(errors="replace")) if settings else {}
        found: dict[str, SnapshotFile] = {}
        for path, commit in links.items():
            if path not in urls:
                continue
            url = submodule_url(remote.url, urls[path])
            auth = remote.auth if same_host(remote.url, url) else GitAuth()
            child = _Remote(url, auth, remote.proxy)
            memory = self._memory(url)
            async with self._connect(child) as connection, memory.lock:
                candidate = Candidate("", commit, commit)
                await self._obtain_commit(connection, memory, Commit(commit), candidate)
            walk = self._walk(memory, commit)
            inner = _files_of(walk, memory)
            if walk.submodules:
                inner |= await self._submodules(child, inner, walk.submodules, depth=depth + 1)
            found |= {f"{path}/{name}": file for name, file in inner.items()}
            if len(files) + len(found) > self._limits.files:
                raise GitOperationFailed(f"repository has more than {self._limits.files} files")
        return found


def _prefixes(checkout: Checkout) -> tuple[str, ...]:
    match checkout:
        case Branch(name):
            return (f"refs/heads/{name}",)
        case Tag(name):
            return (f"refs/tags/{name}",)
        case Name(name):
            return (name.removesuffix("^{}"),)
        case SemverRange():
            return ("refs/tags/",)
        case Commit(_, branch, _):
            return (f"refs/heads/{branch}",) if branch else ("HEAD",)


def _files_of(walk: TreeWalk, memory: RepositoryMemory) -> dict[str, SnapshotFile]:
    files: dict[str, SnapshotFile] = {}
    for path, (target, executable) in walk.files.items():
        raw = memory.get(target)
        if raw is None or raw.kind != "blob":
            raise GitOperationFailed(f"file '{path}' is missing")
        files[path] = SnapshotFile(raw.data, raw.size, executable)
    return files


def _age(memory: RepositoryMemory, candidate: Candidate) -> float:
    commit = memory.commit(candidate.commit)
    return commit.committer.when.timestamp() if commit else 0.0


def _tag(memory: RepositoryMemory, candidate: Candidate) -> TagObject | None:
    raw = memory.get(candidate.target)
    if raw is None or raw.kind != "tag" or raw.data is None:
        return None
    return parse_tag(candidate.target, raw.data)


def _knows_nothing(_: str) -> None:
    return None


def _no_commit(commit: str) -> GitOperationFailed:
    return GitOperationFailed(f"unable to resolve commit object for '{commit}': object not found")


def _not_selectable(checkout: Checkout, url: str, error: NotSelectable) -> str:
    match checkout:
        case Name() | SemverRange() if str(error) != "remote repository is empty":
            return str(error)
    if str(error) == "remote repository is empty":
        return f"unable to clone: {error}: git repository: '{url}'"
    return f"unable to clone '{url}': {error}"


def _retold(error: SteersmanError, message: str, auth: GitAuth) -> SteersmanError:
    """The same error with more said, and nothing secret."""
    make: Callable[..., SteersmanError] = type(error)
    return make(mask_text(message, auth.secrets()), reason=error.reason, hint=error.hint)
