"""Talk to people on stderr, with Flux's glyphs; progress on one line when that is a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

from steersman.errors import SteersmanError

__all__ = ["Terminal", "standard_terminal"]

_COLOURS: Final = {
    "green": "32",
    "yellow": "33",
    "red": "31",
    "cyan": "36",
    "bold": "1",
    "dim": "2",
}
_CLEAR_LINE: Final = "\r\x1b[2K"
_WIDTH: Final = 100


class Terminal:
    """Writes data to one stream and talk to another.

    Args:
        out: where data goes.
        err: where talk goes.
        colour: whether talk and tables may be coloured.
        progress: whether waiting may be shown on one line that changes.
    """

    def __init__(self, out: TextIO, err: TextIO, *, colour: bool, progress: bool) -> None:
        self._out = out
        self._err = err
        self.colour = colour
        self._progress = progress
        self._waiting = ""

    def data(self, text: str) -> None:
        """Writes one line, or several, of the answer."""
        self._settle()
        self._out.write(text if text.endswith("\n") else text + "\n")
        self._out.flush()

    def action(self, text: str) -> None:
        """Says what is being done now."""
        self._say("►", text, "cyan")

    def generated(self, text: str) -> None:
        """Says what was made."""
        self._say("✚", text, "green")

    def waiting(self, text: str) -> None:
        """Says what is waited for; the same text again is not repeated."""
        if text == self._waiting:
            return
        if self._progress:
            self._err.write(f"{_CLEAR_LINE}{self.paint('◎', 'cyan')} {text[:_WIDTH]}")
            self._err.flush()
        else:
            self._err.write(f"◎ {text}\n")
        self._waiting = text

    def success(self, text: str) -> None:
        """Says that something is done."""
        self._say("✔", text, "green")

    def warning(self, text: str) -> None:
        """Says what should be known."""
        self._say("⚠️", text, "yellow")

    def failure(self, text: str) -> None:
        """Says that something went wrong; the command goes on."""
        self._say("✗", text, "red")

    def note(self, text: str) -> None:
        """Says anything else."""
        self._settle()
        self._err.write(text + "\n")
        self._err.flush()

    def error(self, error: SteersmanError) -> None:
        """Renders an error that ends the command: reason, message, hint."""
        self._settle()
        self._err.write(f"{self.paint('✗', 'red')} error: {error.reason}: {error.message}\n")
        if error.hint:
            self._err.write(f"  hint: {error.hint}\n")
        self._err.flush()

    def paint(self, text: str, style: str) -> str:
        """Returns the text in a colour, or as it is when colours are off."""
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self.colour else text

    def _say(self, glyph: str, text: str, style: str) -> None:
        self._settle()
        self._err.write(f"{self.paint(glyph, style)} {text}\n")
        self._err.flush()

    def _settle(self) -> None:
        """Takes the line of progress away before anything else is written."""
        if self._waiting and self._progress:
            self._err.write(_CLEAR_LINE)
        self._waiting = ""


def standard_terminal(
    environment: Mapping[str, str] | None = None,
    *,
    colour: bool | None = None,
    progress: bool | None = None,
) -> Terminal:
    """Returns the terminal of this process.

    Args:
        environment: ``NO_COLOR``, ``CI`` and ``TERM`` are read from it.
        colour: overrides what the environment says.
        progress: overrides what the environment says.
    """
    environment = os.environ if environment is None else environment
    plain = "NO_COLOR" in environment or environment.get("TERM") == "dumb"
    tty = sys.stderr.isatty() and not environment.get("CI")
    return Terminal(
        sys.stdout,
        sys.stderr,
        colour=(tty and not plain) if colour is None else colour,
        progress=(tty and environment.get("TERM") != "dumb") if progress is None else progress,
    )
