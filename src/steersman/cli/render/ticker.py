"""What a running engine does, told as it happens: one line when an object arrives or fails."""

from __future__ import annotations

from typing import Final

from steersman.apis import reasons
from steersman.cli.render.status import short_revision
from steersman.cli.render.table import one_line
from steersman.cli.render.terminal import Terminal
from steersman.queries.status import ObjectStatus

__all__ = ["Ticker"]

_PASSING: Final = frozenset(
    {
        "",
        reasons.PROGRESSING,
        reasons.DEPENDENCY_NOT_READY,
        reasons.HEALTH_CHECK_CANCELED,
        reasons.SUSPENDED,
    }
)
"""Reasons of objects that are not Ready only because something else has to happen first."""


class Ticker:
    """Takes states and tells what is new in them.

    Until everything was Ready once, only counts and failures are told.

    Args:
        terminal: where to.
        quiet: tell nothing but failures.
    """

    def __init__(self, terminal: Terminal, *, quiet: bool = False) -> None:
        self._terminal = terminal
        self._quiet = quiet
        self._states: dict[tuple[str, str, str, str], ObjectStatus] = {}
        self._told: dict[tuple[str, str, str, str], str] = {}
        self.arrived = False

    @property
    def ready(self) -> int:
        """How many objects are Ready."""
        return sum(status.is_ready for status in self._states.values())

    @property
    def total(self) -> int:
        """How many objects there are."""
        return len(self._states)

    def take(self, status: ObjectStatus) -> None:
        """Takes the newest state of one object."""
        key = (status.cluster, status.kind, status.namespace, status.name)
        self._states[key] = status
        line = self._line(status)
        if line is not None and self._told.get(key) != line:
            self._told[key] = line
            if status.ready == "False":
                self._terminal.failure(line)
            elif self.arrived and not self._quiet:
                self._terminal.success(line)
        if not self.arrived and not self._quiet:
            self._terminal.waiting(f"{self.ready} of {self.total} objects are Ready")

    def _line(self, status: ObjectStatus) -> str | None:
        """Returns what is to be told of a state; None while it is passing."""
        who = f"{status.cluster}: {status.kind}/{status.name}"
        if status.is_ready:
            return f"{who} {short_revision(one_line(status.message))}"
        if status.ready == "False" and status.reason not in _PASSING:
            return f"{who} {status.reason}: {one_line(status.message)}"
        return None
