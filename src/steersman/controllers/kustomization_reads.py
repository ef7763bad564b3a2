"""Notes what a build reads, so that the same build need not be made from another artifact.

A push often changes nothing of what a Kustomization is built from. When every question that a build
asked of the old files has the same answer in the new ones, its result is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from steersman.kustomize.filesystem import FileSystem, NotFound

__all__ = ["ReadRecord", "RecordingFileSystem"]

AnswerT = TypeVar("AnswerT")
_DIGEST_BYTES = 16


class ReadRecord:
    """The questions a build asked and the answers it got, contents as digests."""

    __slots__ = ("_answers",)

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], object] = {}

    def note(self, question: str, path: str, answer: object) -> None:
        """Notes one answer."""
        self._answers[question, path] = answer

    def holds_in(self, files: FileSystem) -> bool:
        """Tells whether other files give the same answers to all questions."""
        replay = RecordingFileSystem(files)
        for question, path in self._answers:
            try:
                getattr(replay, question)(path)
            except NotFound:
                pass
        return replay.record._answers == self._answers


class RecordingFileSystem:
    """Passes questions on and notes the answers.

    Args:
        files: what is read.
    """

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self.record = ReadRecord()

    @property
    def root(self) -> str:
        """The root of the files."""
        return str(getattr(self._files, "root", "/"))

    def _ask(self, question: str, path: str, ask: Callable[[str], AnswerT]) -> AnswerT:
        try:
            answer = ask(path)
        except NotFound as error:
            self.record.note(question, path, f"not found: {error}")
            raise
        noted: object = answer
        if isinstance(answer, bytes):
            noted = hashlib.blake2b(answer, digest_size=_DIGEST_BYTES).digest()
        self.record.note(question, path, noted)
        return answer

    def resolve(self, path: str) -> str:
        """Follows symlinks."""
        return self._ask("resolve", path, self._files.resolve)

    def read(self, path: str) -> bytes:
        """Reads a file."""
        return self._ask("read", path, self._files.read)

    def is_dir(self, path: str) -> bool:
        """Whether the path leads to a directory."""
        return self._ask("is_dir", path, self._files.is_dir)

    def is_file(self, path: str) -> bool:
        """Whether the path leads to a file."""
        return self._ask("is_file", path, self._files.is_file)

    def list(self, path: str) -> list[str]:
        """Names in a directory."""
        return self._ask("list", path, self._files.list)
