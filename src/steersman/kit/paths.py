"""Paths that cannot leave their root.

Two families: texts with slashes inside a tree in memory (:func:`clean_path`, :func:`rooted_path`),
and paths on disk, where symbolic links are followed but only inside the root
(:func:`secure_join`).
"""

from __future__ import annotations

import posixpath
import stat
from pathlib import Path

__all__ = ["PathEscapes", "clean_path", "is_plain_relative", "rooted_path", "secure_join"]

_MAX_LINKS = 255
"""As the Linux kernel's and filepath-securejoin's bound on links followed in one path."""


class PathEscapes(ValueError):
    """A path would lead out of its root."""


def is_plain_relative(path: str) -> bool:
    """Whether ``path`` is relative, has no backslash, no NUL and no ``..`` part."""
    if not path or path.startswith("/") or "\\" in path or "\0" in path:
        return False
    return ".." not in path.split("/")


def clean_path(path: str) -> str:
    """Returns the relative path in shortest form; the root is the empty text.

    Raises:
        PathEscapes: the path has more ``..`` than parents, is absolute, or contains NUL.
    """
    if path.startswith("/") or "\0" in path:
        raise PathEscapes(f"`{path}` is not a path inside the tree")
    shortest = posixpath.normpath(path) if path else ""
    if shortest == ".." or shortest.startswith("../"):
        raise PathEscapes(f"`{path}` leads out of the tree")
    return "" if shortest == "." else shortest


def rooted_path(base: str, path: str) -> str:
    """Joins inside a tree, clamping at its root: ``..`` at the root stays there, ``/x`` is ``x``.

    This is how Flux joins ``fromPath`` and ``toPath`` of an include.
    """
    joined = posixpath.normpath("/" + base + "/" + path)
    return joined.lstrip("/")


def secure_join(root: Path, path: str) -> Path:
    """Joins ``path`` to ``root`` on disk so that the result is inside ``root``, whatever links say.

    Links met on the way are resolved as if ``root`` were the root of the file system. Parts that
    do not exist are kept as they are.

    Raises:
        PathEscapes: more than 255 links were followed.
    """
    pending = [part for part in reversed(path.split("/")) if part]
    resolved: list[str] = []
    links = 0
    while pending:
        part = pending.pop()
        if part == ".":
            continue
        if part == "..":
            if resolved:
                resolved.pop()
            continue
        candidate = root.joinpath(*resolved, part)
        try:
            is_link = stat.S_ISLNK(candidate.lstat().st_mode)
        except OSError:
            is_link = False
        if not is_link:
            resolved.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise PathEscapes(f"`{path}` follows too many symbolic links")
        target = str(candidate.readlink())
        if target.startswith("/"):
            resolved.clear()
        pending.extend(step for step in reversed(target.split("/")) if step)
    return root.joinpath(*resolved)
