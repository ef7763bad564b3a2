"""A repository in a directory: its objects are read where they are, nothing is transferred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from steersman.clients.git.errors import GitOperationFailed
from steersman.clients.git.limits import GitLimits
from steersman.clients.git.objects import RawObject, parse_tree
from steersman.clients.git.pack import Fetched, KnownObjects
from steersman.clients.git.protocol import FetchRequest
from steersman.kit.tasks import run_blocking
from steersman.sources.checkout import RemoteReference

__all__ = ["LocalConnection"]

_COMMIT, _TREE, _BLOB, _TAG = 1, 2, 3, 4
_KINDS = {_COMMIT: "commit", _TREE: "tree", _BLOB: "blob", _TAG: "tag"}


class LocalConnection:
    """A repository at a ``file://`` address.

    Args:
        url: its address.
        limits: what this may cost.
    """

    def __init__(self, url: str, *, limits: GitLimits) -> None:
        self._path = Path(unquote(urlsplit(url).path))
        self._limits = limits

    async def references(self, prefixes: Iterable[str]) -> Sequence[RemoteReference]:
        """Lists all references.

        Raises:
            GitOperationFailed: there is no repository.
        """
        return await run_blocking(self._references)

    async def objects(self, request: FetchRequest, known: KnownObjects) -> Fetched:
        """Reads what is wanted; with a depth only the commits themselves, else their history.

        Args:
            request: which objects.
            known: not needed, reading costs nothing.

        Raises:
            GitOperationFailed: something wanted is not there.
        """
        return await run_blocking(self._objects, request)

    def _open(self) -> Any:
        import pygit2

        try:
            return pygit2.Repository(str(self._path))
        except (pygit2.GitError, KeyError) as error:
            raise GitOperationFailed("repository not found") from error

    def _references(self) -> list[RemoteReference]:
        import pygit2

        repository = self._open()
        found = []
        if not repository.head_is_unborn:
            found.append(RemoteReference("HEAD", str(repository.head.target)))
        for reference in repository.listall_reference_objects():
            try:
                target = str(reference.resolve().target)
                peeled = str(reference.peel().id)
            except (pygit2.GitError, KeyError):
                continue  # a symbolic reference to nothing
            annotated = reference.name.startswith("refs/tags/") and peeled != target
            found.append(RemoteReference(reference.name, target, peeled if annotated else ""))
        return found

    def _objects(self, request: FetchRequest) -> Fetched:
        repository = self._open()
        found: dict[str, RawObject] = {}
        shallows: set[str] = set()
        for want in request.wants:
            target = want
            while self._take(repository, target, found).kind == "tag":
                target = _header(found[target], b"object ")
            for commit in self._commits(repository, target, request.depth):
                raw = self._take(repository, commit, found)
                if request.depth and b"\nparent " in (raw.data or b"").split(b"\n\n", 1)[0]:
                    shallows.add(commit)
                if commit == target:
                    self._take_tree(repository, _header(raw, b"tree "), found)
        return Fetched(found, frozenset(shallows))

    def _commits(self, repository: Any, commit: str, depth: int) -> Iterator[str]:
        if depth:
            yield commit
            return
        for found in repository.walk(commit):
            yield str(found.id)

    def _take_tree(self, repository: Any, tree: str, found: dict[str, RawObject]) -> None:
        pending = [tree]
        while pending:
            raw = self._take(repository, pending.pop(), found)
            if raw.kind != "tree" or raw.data is None:
                continue
            pending += [
                entry.target
                for entry in parse_tree(tree, raw.data)
                if entry.mode & 0o170000 != 0o160000 and entry.target not in found
            ]

    def _take(self, repository: Any, target: str, found: dict[str, RawObject]) -> RawObject:
        known = found.get(target)
        if known is not None:
            return known
        try:
            kind, size = repository.odb.read_header(target)
            large = kind == _BLOB and size > self._limits.file_bytes
            data = None if large else repository.odb.read(target)[1]
        except (KeyError, ValueError) as error:
            raise GitOperationFailed(f"object '{target}' not found") from error
        found[target] = RawObject(_KINDS[int(kind)], data, size)
        return found[target]


def _header(raw: RawObject, key: bytes) -> str:
    data = raw.data or b""
    start = data.find(key) + len(key)
    return data[start : start + 40].decode("ascii", errors="replace")
