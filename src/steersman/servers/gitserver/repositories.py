"""Bare repositories in a directory: what they hold, and commits made without a push."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from steersman.servers.gitserver.rules import NO_COMMIT, RefUpdate

__all__ = ["Author", "Reference", "Repository", "RepositoryName", "is_repository_name"]

RepositoryName = str

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\Z")


class Reference(NamedTuple):
    """A reference as a listing shows it.

    Attributes:
        name: the full name.
        target: the object it points to.
        peeled: what an annotated tag stands for in the end; empty for all others.
    """

    name: str
    target: str
    peeled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who made a commit, and when."""

    name: str
    email: str
    when: datetime


def is_repository_name(name: str) -> bool:
    """Whether a text may name a repository: parts joined by slashes, none hidden."""
    return bool(_NAME.match(name)) and not name.endswith((".git", ".lock"))


class Repository:
    """One bare repository on disk.

    All methods block for a moment and open the repository anew, so they may run in any thread.

    Args:
        name: as it is addressed, without ``.git``.
        path: the bare repository's directory.
    """

    def __init__(self, name: RepositoryName, path: Path) -> None:
        self.name = name
        self.path = path

    @classmethod
    def create(cls, name: RepositoryName, path: Path, default_branch: str) -> Repository:
        """Makes an empty bare repository, or opens the one that is there."""
        import pygit2

        if not (path / "HEAD").exists():
            path.mkdir(parents=True, exist_ok=True)
            pygit2.init_repository(str(path), bare=True, initial_head=default_branch)
        return cls(name, path)

    def open(self) -> Any:
        """Opens it with pygit2."""
        import pygit2

        return pygit2.Repository(str(self.path), pygit2.enums.RepositoryOpenFlag.BARE)

    def tips(self) -> dict[str, str]:
        """Returns reference name → object id, sorted by name."""
        return {reference.name: reference.target for reference in self.references()}

    def references(self) -> list[Reference]:
        """Returns all direct references, sorted by name."""
        return list(_references(self.open()))

    def head(self) -> str:
        """Returns the full name of the default branch, born or not."""
        return (self.path / "HEAD").read_text().strip().removeprefix("ref: ")

    def is_ancestor(self, older: str, newer: str, *, extra_objects: Path | None = None) -> bool:
        """Whether ``newer`` is ``older`` or descends from it; tags stand for what they mark.

        Args:
            older: an object id.
            newer: an object id.
            extra_objects: a directory with more objects, such as those of a push under way.
        """
        import pygit2

        repository = self.open()
        if extra_objects is not None:
            repository.odb.add_disk_alternate(str(extra_objects))
        try:
            first = repository[older].peel(pygit2.Commit).id
            second = repository[newer].peel(pygit2.Commit).id
        except (KeyError, pygit2.GitError, ValueError):
            return False
        return bool(first == second or repository.descendant_of(second, first))

    def kind_of(self, target: str, *, extra_objects: Path | None = None) -> str:
        """Returns ``commit``, ``tree``, ``blob`` or ``tag``, or nothing when it is not there."""
        repository = self.open()
        if extra_objects is not None:
            repository.odb.add_disk_alternate(str(extra_objects))
        try:
            return str(repository[target].type_str)
        except (KeyError, ValueError):
            return ""

    def move(self, update: RefUpdate) -> None:
        """Creates, moves or deletes a reference.

        Raises:
            ValueError: the name is impossible or clashes with another reference.
        """
        import pygit2

        repository = self.open()
        try:
            if update.is_deletion:
                repository.references.delete(update.name)
            else:
                repository.references.create(update.name, update.new, force=True)
        except (pygit2.GitError, KeyError, OSError) as error:
            raise ValueError(str(error)) from error

    def commit(
        self,
        branch: str,
        changes: Mapping[str, bytes | None],
        *,
        message: str,
        author: Author,
    ) -> RefUpdate:
        """Makes a commit on top of a branch without moving the branch.

        Args:
            branch: without ``refs/heads/``; need not exist yet.
            changes: path → new content, or ``None`` to delete. Executables and links stay as
                they are in the parent.
            message: the commit message.
            author: also the committer.
        """
        import pygit2

        repository = self.open()
        reference = f"refs/heads/{branch}"
        parent = repository.references.get(reference)
        index = pygit2.Index()
        if parent is not None:
            index.read_tree(parent.peel(pygit2.Tree))
        for path, content in changes.items():
            if content is None:
                index.remove(path)
                continue
            mode = index[path].mode if path in index else pygit2.enums.FileMode.BLOB
            index.add(pygit2.IndexEntry(path, repository.create_blob(content), mode))
        who = pygit2.Signature(author.name, author.email, int(author.when.timestamp()), 0)
        old = str(parent.target) if parent is not None else NO_COMMIT
        new = repository.create_commit(
            None, who, who, message, index.write_tree(repository), [old] if parent else []
        )
        return RefUpdate(reference, old, str(new))


def _references(repository: Any) -> Iterator[Reference]:
    for reference in sorted(repository.listall_reference_objects(), key=lambda item: item.name):
        target = reference.resolve().target
        peeled = ""
        if reference.name.startswith("refs/tags/"):
            final = str(reference.peel().id)
            peeled = final if final != str(target) else ""
        yield Reference(reference.name, str(target), peeled)
