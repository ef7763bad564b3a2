"""Loads files relative to one kustomization, and refuses cycles and escapes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.filesystem import FileSystem, NotFound, join
from steersman.kustomize.remote import Remotes, RepoSpec, is_remote_file, parse_repo_spec

__all__ = ["Loader", "Restriction", "root_loader"]

Restriction: TypeAlias = Literal["none", "root"]
"""Whether files outside of the kustomization's own directory may be loaded (bases always may)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """Files as one kustomization sees them.

    Args:
        files: the file system.
        root: real path of the kustomization's directory.
        restriction: what may be loaded.
        remotes: fetches remote bases; None refuses them.
        referrer: the loader of the kustomization that refers to this one.
        repo: the repository the files were fetched from.
    """

    files: FileSystem
    root: str
    restriction: Restriction
    remotes: Remotes | None = None
    referrer: Loader | None = None
    repo: RepoSpec | None = None

    def load(self, path: str) -> bytes:
        """Reads a file.

        Raises:
            BuildFailed: not there, not a file, outside of what may be read, or remote.
        """
        if is_remote_file(path):
            if self.remotes is None:
                raise _remote_refused(path)
            return self.remotes.get(path)
        target = path if path.startswith("/") else join(self.root, path)
        directory, name = _clean(self.files, target)
        if not name:
            raise BuildFailed(f"'{target}' must resolve to a file")
        if self.restriction == "root" and not _within(directory, self.root):
            raise BuildFailed(f"security; file '{target}' is not in or below '{self.root}'")
        try:
            return self.files.read(join(directory, name))
        except NotFound as error:
            raise BuildFailed(str(error)) from None

    def real_path(self, path: str) -> str:
        """Returns the cleaned path of a file for messages and caches."""
        return path if path.startswith("/") or is_remote_file(path) else join(self.root, path)

    def enter(self, path: str) -> Loader:
        """Returns the loader of another kustomization's directory, local or remote.

        Raises:
            BuildFailed: not a directory, a cycle, outside of its repository, or remote.
        """
        if not path:
            raise BuildFailed("new root cannot be empty")
        spec = parse_repo_spec(path)
        if spec is not None:
            return self._clone(spec)
        if path.startswith("/"):
            raise BuildFailed(f"new root '{path}' cannot be absolute")
        root = _confirmed_dir(self.files, join(self.root, path))
        visited = self._visited_within(root)
        if visited is not None:
            raise BuildFailed(
                f"cycle detected: candidate root '{root}' contains visited root '{visited}'"
            )
        return Loader(
            files=self.files,
            root=root,
            restriction=self.restriction,
            remotes=self.remotes,
            referrer=self,
        )

    def _visited_within(self, root: str) -> str | None:
        """Returns the root of this loader or a referrer that lies in ``root``."""
        ancestor: Loader | None = self
        while ancestor is not None:
            if ancestor.files is self.files and _within(ancestor.root, root):
                return ancestor.root
            ancestor = ancestor.referrer
        return None

    def would_cycle(self, entered: Iterable[str]) -> bool:
        """Whether entering any of the directories from below here would be a cycle."""
        above = self.referrer
        return above is not None and any(
            above._visited_within(path) is not None for path in entered
        )

    def _clone(self, spec: RepoSpec) -> Loader:
        if self.remotes is None:
            raise _remote_refused(spec.raw)
        ancestor: Loader | None = self
        while ancestor is not None:
            if ancestor.repo is not None and ancestor.repo.raw.startswith(spec.raw):
                raise BuildFailed(
                    f"cycle detected: URI '{spec.raw}' "
                    f"referenced by previous URI '{ancestor.repo.raw}'"
                )
            ancestor = ancestor.referrer
        files = self.remotes.clone(spec)
        return Loader(
            files=files,
            root=_confirmed_dir(files, join("/", spec.directory)),
            restriction="root",
            remotes=self.remotes,
            referrer=self,
            repo=spec,
        )


def root_loader(
    files: FileSystem, path: str, *, restriction: Restriction, remotes: Remotes | None
) -> Loader:
    """Returns the loader of the directory that is to be built."""
    root = _confirmed_dir(files, path)
    return Loader(files=files, root=root, restriction=restriction, remotes=remotes)


def _remote_refused(address: str) -> BuildFailed:
    return BuildFailed(f"remote bases are not allowed: '{address}'")


def _within(path: str, directory: str) -> bool:
    return directory == "/" or path == directory or path.startswith(directory + "/")


def _clean(files: FileSystem, path: str) -> tuple[str, str]:
    """Resolves symlinks: (directory, file name), the name empty for a directory."""
    try:
        real = files.resolve(path)
    except NotFound as error:
        raise BuildFailed(f"evalsymlink failure on '{path}' : {error}") from None
    if files.is_dir(real):
        return real, ""
    return posixpath.split(real)


def _confirmed_dir(files: FileSystem, path: str) -> str:
    try:
        directory, name = _clean(files, path)
    except BuildFailed as error:
        raise error.within("not a valid directory").within("must build at directory") from None
    if name:
        raise BuildFailed(f"must build at directory: '{path}': file is not directory")
    return directory
