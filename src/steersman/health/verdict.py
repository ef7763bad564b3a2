"""What a health check says about one object."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Health", "Verdict", "current", "failed", "in_progress"]


class Health(StrEnum):
    """kstatus' words."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


class Verdict(NamedTuple):
    """One object's health.

    Args:
        health: the word.
        message: why, for people.
        reason: CamelCase word where kstatus has one, else empty.
    """

    health: Health
    message: str
    reason: str = ""


def current(message: str) -> Verdict:
    """The object is what its spec asks for."""
    return Verdict(Health.CURRENT, message)


def in_progress(reason: str, message: str) -> Verdict:
    """The object is on its way."""
    return Verdict(Health.IN_PROGRESS, message, reason)


def failed(reason: str, message: str) -> Verdict:
    """The object will not get there by itself."""
    return Verdict(Health.FAILED, message, reason)
