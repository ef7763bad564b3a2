"""Remembers builds and bases together with everything they read.

An entry is keyed by where the build stands and proven by content: it is used again only if every
file, directory and question that it depended on still has the same answer. So an unchanged tree
costs its reads, and a change re-does the bases that read what changed, and what lies above them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from steersman.kustomize.filesystem import FileSystem, NotFound

__all__ = ["BuildCache", "Journal", "Journaled"]

Question: TypeAlias = tuple[str, str]
"""What was asked (``read``, ``resolve``, ``is_dir``, ``is_file``, ``list``) of which path."""

Journal: TypeAlias = dict[Question, Any]
"""Every question that a build asked of its files, with the answer."""


@dataclass(frozen=True, slots=True)
class _Entry:
    journal: Journal
    value: Any
    cost: int


class BuildCache:
    """Results of builds, bounded by the bytes that they read.

    Args:
        max_bytes: most bytes of files that all entries together may stand for.
    """

    def __init__(self, *, max_bytes: int = 128 * 1024 * 1024) -> None:
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0
        self.hits = 0
        self.misses = 0

    def find(self, key: Hashable, files: FileSystem) -> _Entry | None:
        """Returns an entry whose every question still has the same answer, or None."""
        entry = self._entries.get(key)
        if entry is None or not _holds(entry.journal, files):
            self.misses += 1
            return None
        self._entries.move_to_end(key)
        self.hits += 1
        return entry

    def keep(self, key: Hashable, journal: Journal, value: Any) -> None:
        """Remembers a result with what it depended on, and forgets the oldest beyond the bound."""
        old = self._entries.pop(key, None)
        self._bytes -= old.cost if old is not None else 0
        cost = sum(len(answer) if isinstance(answer, bytes) else 64 for answer in journal.values())
        if cost > self._max_bytes:
            return
        self._entries[key] = _Entry(journal, value, cost)
        self._bytes += cost
        while self._bytes > self._max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.cost


def _holds(journal: Journal, files: FileSystem) -> bool:
    return all(_ask(files, question) == answer for question, answer in journal.items())


def _ask(files: FileSystem, question: Question) -> Any:
    """Asks, with a failure as an answer like any other."""
    name, path = question
    try:
        return getattr(files, name)(path)
    except NotFound as error:
        return str(error)


class Journaled:
    """A file system that writes down what is asked of it.

    Args:
        files: where answers come from.
    """

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._journals: list[Journal] = [{}]

    @property
    def root(self) -> str:
        """The root of the files below."""
        return str(getattr(self._files, "root", "/"))

    @property
    def journal(self) -> Journal:
        """Everything asked so far."""
        return self._journals[0]

    @contextmanager
    def recording(self) -> Iterator[Journal]:
        """Writes what is asked meanwhile into a journal of its own, and into those around it."""
        journal: Journal = {}
        self._journals.append(journal)
        try:
            yield journal
        finally:
            self._journals.pop()
            self._journals[-1].update(journal)

    def recall(self, journal: Journal) -> None:
        """Writes down what a remembered result had asked."""
        self._journals[-1].update(journal)

    def _answer(self, name: str, path: str) -> Any:
        question = (name, path)
        try:
            answer = getattr(self._files, name)(path)
        except NotFound as error:
            self._journals[-1][question] = str(error)
            raise
        self._journals[-1][question] = answer
        return answer

    def resolve(self, path: str) -> str:
        """Follows symlinks."""
        return str(self._answer("resolve", path))

    def read(self, path: str) -> bytes:
        """Reads a file."""
        data: bytes = self._answer("read", path)
        return data

    def is_dir(self, path: str) -> bool:
        """Whether the path leads to a directory."""
        return bool(self._answer("is_dir", path))

    def is_file(self, path: str) -> bool:
        """Whether the path leads to a file."""
        return bool(self._answer("is_file", path))

    def list(self, path: str) -> list[str]:
        """Names in a directory."""
        names: list[str] = self._answer("list", path)
        return names
