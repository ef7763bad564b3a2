"""What the exit code of the command line means."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """Scripts rely on these numbers; they are listed in ``docs/reference/exit-codes.md``."""

    OK = 0
    """Done, and where something was asked to be ready, it is."""

    FAILED = 1
    """The command could not do what it was asked to; the last line on stderr says why."""

    USAGE = 2
    """The command line itself is wrong."""

    NOT_READY = 3
    """The answer is complete, but something in it is not Ready."""

    DRIFT = 4
    """The answer is complete, but something in it differs from what Git says."""

    BUG = 70
    """A broken invariant of ours; please report it."""

    INTERRUPTED = 130
    """Stopped by Ctrl-C."""
