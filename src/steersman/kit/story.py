"""A bounded log of what a state machine went through, told when it breaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Story", "StoryLine"]


class StoryLine(NamedTuple):
    """One thing that happened: when (monotonic seconds), to whom, what."""

    at: float
    subject: str
    event: str

    def __str__(self) -> str:
        return f"{self.at:.3f} {self.subject}: {self.event}"


class Story:
    """The last things that happened, oldest first.

    Args:
        limit: how many lines are kept.
    """

    __slots__ = ("_lines",)

    def __init__(self, limit: int = 200) -> None:
        self._lines: deque[StoryLine] = deque(maxlen=limit)

    def note(self, at: float, subject: str, event: str) -> None:
        """Adds a line; the oldest falls out when the story is full."""
        self._lines.append(StoryLine(at, subject, event))

    def of(self, subject: str) -> list[StoryLine]:
        """Returns the lines about one subject."""
        return [line for line in self._lines if line.subject == subject]

    def __iter__(self) -> Iterator[StoryLine]:
        return iter(self._lines)

    def __str__(self) -> str:
        return "\n".join(map(str, self._lines))
