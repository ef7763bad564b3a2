"""Makes one tree of several: sparse checkouts and included artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steersman.kit.archive import FileEntry, Tree
from steersman.kit.paths import rooted_path

__all__ = ["MissingDirectory", "include_tree", "select_directories"]


class MissingDirectory(ValueError):
    """A directory that was asked for is not there; the argument is its path as written."""


def select_directories(paths: Iterable[str], directories: Sequence[str]) -> list[str]:
    """Returns the files of a sparse checkout.

    As in Flux, a file belongs to it when its path *starts with* the text of a directory, so ``app``
    also takes ``apps/``; a slash at the end prevents that. The directory itself must exist.

    Args:
        paths: all files.
        directories: relative, with or without ``./`` in front.

    Raises:
        MissingDirectory: one of the directories does not exist.
    """
    known = list(paths)
    for directory in directories:
        place = rooted_path("", directory)
        if not any(not place or path == place or path.startswith(f"{place}/") for path in known):
            raise MissingDirectory(directory)
    prefixes = tuple(directory.removeprefix("./") for directory in directories)
    return [path for path in known if path.startswith(prefixes)]


def include_tree(
    tree: Tree, included: Tree, *, from_path: str, to_path: str
) -> dict[str, FileEntry]:
    """Copies a directory of an included artifact into a tree; its files win.

    Args:
        tree: what it is copied into.
        included: the included artifact's files.
        from_path: directory (or file) of ``included``; its root when empty.
        to_path: where it goes; both paths are clamped to their root.

    Raises:
        MissingDirectory: there is nothing at ``from_path``.
    """
    source, target = rooted_path("", from_path), rooted_path("", to_path)
    copied: dict[str, FileEntry] = {}
    for path, entry in included.items():
        if path == source:
            copied[target] = entry
        elif not source or path.startswith(f"{source}/"):
            copied[rooted_path(target, path[len(source) :])] = entry
    if not copied:
        raise MissingDirectory(from_path)
    return {**tree, **copied}
