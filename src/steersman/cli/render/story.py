"""A rehearsal told on a terminal."""

from __future__ import annotations

from collections.abc import Callable

from steersman.cli.render.status import StatusColumns, render_status
from steersman.cli.render.terminal import Terminal
from steersman.queries.status import StatusReport

__all__ = ["TerminalReporter"]


class TerminalReporter:
    """Tells a rehearsal: talk on stderr, tables and excerpts on stdout.

    Args:
        terminal: where to.
        seconds: seconds since the start of the story, shown with each chapter.
    """

    def __init__(self, terminal: Terminal, seconds: Callable[[], float]) -> None:
        self._terminal = terminal
        self._seconds = seconds
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """Prints a heading with its number and the time so far."""
        self._chapters += 1
        heading = self._terminal.paint(f"{self._chapters}. {title}", "bold")
        self._terminal.note(f"\n{heading}  ({self._seconds():.1f} s)")

    def command(self, line: str) -> None:
        """Prints the line as it would be typed."""
        self._terminal.note(f"  {self._terminal.paint('$', 'cyan')} {line}")

    def doing(self, text: str) -> None:
        """Prints the text."""
        self._terminal.action(text)

    def waiting(self, text: str) -> None:
        """Shows the text until something else is told."""
        self._terminal.waiting(text)

    def done(self, text: str) -> None:
        """Prints the text."""
        self._terminal.success(text)

    def failed(self, text: str) -> None:
        """Prints the text."""
        self._terminal.failure(text)

    def excerpt(self, text: str) -> None:
        """Prints the lines, indented."""
        self._terminal.data("".join(f"    {line}\n" for line in text.splitlines()))

    def status(self, report: StatusReport) -> None:
        """Prints the table that `get all -A` prints."""
        columns = StatusColumns(cluster=True, namespace=True, kind=True)
        self._terminal.data(render_status(report, columns))
