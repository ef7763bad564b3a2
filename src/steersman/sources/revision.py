"""Revisions of Git sources as text: ``main@sha1:<commit>``, ``v1.2.3@sha1:…``, ``sha1:…``."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["GitRevision", "parse_revision"]

_SHA1_LENGTH = 40


class GitRevision(NamedTuple):
    """A commit and the name under which it was found.

    Attributes:
        pointer: branch, tag, or full reference name; empty when only the commit was asked for.
        commit: the commit's hash in hexadecimal.
    """

    pointer: str
    commit: str

    @property
    def digest(self) -> str:
        """``sha1:<commit>``; the algorithm is told from the length, as Flux does."""
        algorithm = "sha1" if len(self.commit) == _SHA1_LENGTH else "<unknown>"
        return f"{algorithm}:{self.commit}" if self.commit else ""

    def __str__(self) -> str:
        return f"{self.pointer}@{self.digest}" if self.pointer else self.digest


def parse_revision(text: str) -> GitRevision:
    """Parses a revision, also in the form of before 2023 (``main/<commit>``, ``HEAD/<commit>``)."""
    pointer, at, rest = text.rpartition("@")
    if at:
        return GitRevision(pointer, rest.rpartition(":")[2])
    if ":" in text:
        return GitRevision("", text.rpartition(":")[2])
    pointer, _, commit = text.rpartition("/")
    return GitRevision("" if pointer == "HEAD" else pointer, commit)
