"""Remote bases: how an address is read, and the interface by which somebody else fetches it.

The engine does no I/O of its own. A caller that allows remote bases hands in :class:`Remotes`;
without it they are refused, as Flux does with ``--no-remote-bases``.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from steersman.kustomize.filesystem import FileSystem

__all__ = ["Remotes", "RepoSpec", "is_remote_file", "parse_repo_spec"]

_SCHEMES = ("ssh://", "https://", "http://", "file://")
_USER = re.compile(r"([a-zA-Z][a-zA-Z0-9-]*)@")


class Remotes(Protocol):
    """Fetches what lies elsewhere."""

    def clone(self, spec: RepoSpec) -> FileSystem:
        """Returns the files of a repository at ``spec.ref``, the repository's root being ``/``."""

    def get(self, url: str) -> bytes:
        """Returns the body of a file at an HTTP address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoSpec:
    """A directory in a repository.

    Args:
        raw: the address as written.
        host: scheme, user and host, with the separator that follows.
        repo_path: path of the repository on the host.
        directory: path of the base inside the repository.
        ref: branch, tag or commit; empty for the default branch.
        submodules: whether submodules are wanted.
    """

    raw: str
    host: str
    repo_path: str
    directory: str
    ref: str
    submodules: bool = True

    @property
    def clone_url(self) -> str:
        """The address to clone from."""
        return self.host + self.repo_path


def is_remote_file(path: str) -> bool:
    """Whether a path is an HTTP address."""
    return urlsplit(path).scheme in ("http", "https") if ":" in path else False


def parse_repo_spec(address: str) -> RepoSpec | None:
    """Reads a repository address, or returns None when it is none.

    Source: the forms that kustomize's documentation lists under remote targets.
    """
    if address.startswith("/"):
        return None
    rest, _, query = address.partition("?")
    parts = _split_host(rest)
    if parts is None:
        return None
    host, rest = parts
    repo_path, directory = _split_path(rest, host.startswith("file://"))
    if not repo_path or posixpath.normpath(directory.lstrip("/") or ".").split("/")[0] == "..":
        return None
    values = parse_qs(query)
    ref = (values.get("ref") or values.get("version") or [""])[0]
    submodules = (values.get("submodules") or ["true"])[0].lower() not in ("false", "0", "f")
    return RepoSpec(
        raw=address,
        host=host,
        repo_path=repo_path,
        directory=directory.removeprefix("/"),
        ref=ref,
        submodules=submodules,
    )


def _split_host(text: str) -> tuple[str, str] | None:
    if text.lower().startswith("git::"):
        text = text[5:]
    scheme = next((prefix for prefix in _SCHEMES if text.lower().startswith(prefix)), "")
    text = text[len(scheme) :]
    match = _USER.match(text)
    user = match.group() if match else ""
    text = text[len(user) :]
    github = text.lower().startswith(("github.com/", "github.com:"))
    scp = not scheme and (bool(user) or github)
    if not scheme and not scp:
        return None
    if scheme == "file://":
        return scheme, user + text
    host, rest = _cut_host(text, scp)
    if github:
        if scheme == "ssh://" or user:
            scheme, host = "", "github.com:"
        else:
            scheme, user, host = "https://", "", "github.com/"
    return (scheme + user + host, rest) if host else None


def _cut_host(text: str, scp: bool) -> tuple[str, str]:
    cut = text.find("/")
    if scp:
        colon = text.find(":")
        if cut == -1 or 0 < colon < cut:
            cut = colon
    return (text[: cut + 1], text[cut + 1 :]) if cut >= 0 else (text, "")


def _split_path(text: str, whole: bool) -> tuple[str, str]:
    marker = text.find("_git/")
    if marker >= 0:
        name, _, directory = text[marker + 5 :].partition("/")
        return text[: marker + 5] + name, directory
    if "//" in text:
        repo, _, directory = text.partition("//")
        return repo, directory
    suffix = text.find(".git")
    if suffix >= 0:
        return text[: suffix + 4], text[suffix + 4 :]
    if whole:
        return text, ""
    segments = text.split("/")
    if len(segments) < 2:
        return "", ""
    return "/".join(segments[:2]), "/".join(segments[2:])
