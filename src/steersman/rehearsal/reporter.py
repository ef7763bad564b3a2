"""Who is told how a rehearsal goes: a terminal, or a record."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from steersman.queries.report import Answer, Piece, plain
from steersman.queries.status import StatusReport

__all__ = ["Recorder", "Reporter", "Told", "Transcript"]


class Reporter(Protocol):
    """Is told a story in order; never fails and never waits."""

    def chapter(self, title: str) -> None:
        """A new part of the story begins."""
        ...

    def command(self, line: str) -> None:
        """What a person would type to do what is done now."""
        ...

    def doing(self, text: str) -> None:
        """Something is being done."""
        ...

    def waiting(self, text: str) -> None:
        """Something is waited for; told often, only the newest matters."""
        ...

    def done(self, text: str) -> None:
        """Something is done."""
        ...

    def failed(self, text: str) -> None:
        """Something failed, which may be what the story is about."""
        ...

    def excerpt(self, text: str) -> None:
        """Some lines to look at, such as a diff."""
        ...

    def status(self, report: StatusReport) -> None:
        """The state of the fleet now."""
        ...


class Told(Piece, frozen=True):
    """One thing that was told.

    Attributes:
        what: name of the method of :class:`Reporter`.
        text: what was said, empty for a status.
        report: the state of the fleet as plain data, for a status.
    """

    what: str
    text: str = ""
    report: dict[str, Any] | None = None


class Transcript(Answer, frozen=True):
    """Everything that was told, in order."""

    KIND: ClassVar[str] = "Transcript"

    items: tuple[Told, ...]


class Recorder:
    """Keeps what it is told, except what is waited for.

    Args:
        to: is told the same things too, if given.
    """

    def __init__(self, to: Reporter | None = None) -> None:
        self.told: list[Told] = []
        self._to = to

    def transcript(self) -> Transcript:
        """Returns what was told so far."""
        return Transcript(items=tuple(self.told))

    def chapter(self, title: str) -> None:
        """Keeps the title."""
        self._keep("chapter", title)

    def command(self, line: str) -> None:
        """Keeps the line."""
        self._keep("command", line)

    def doing(self, text: str) -> None:
        """Keeps the text."""
        self._keep("doing", text)

    def waiting(self, text: str) -> None:
        """Only passes it on: how often this is told depends on the machine."""
        if self._to is not None:
            self._to.waiting(text)

    def done(self, text: str) -> None:
        """Keeps the text."""
        self._keep("done", text)

    def failed(self, text: str) -> None:
        """Keeps the text."""
        self._keep("failed", text)

    def excerpt(self, text: str) -> None:
        """Keeps the text."""
        self._keep("excerpt", text)

    def status(self, report: StatusReport) -> None:
        """Keeps the report as plain data."""
        self.told.append(Told(what="status", report=plain(report)))
        if self._to is not None:
            self._to.status(report)

    def _keep(self, what: str, text: str) -> None:
        self.told.append(Told(what=what, text=text))
        if self._to is not None:
            getattr(self._to, what)(text)
