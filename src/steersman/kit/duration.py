"""Go durations (``1h30m``, ``500ms``) and ``timedelta``.

Nanoseconds below one microsecond are dropped, since ``timedelta`` cannot hold them.
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

__all__ = ["format_duration", "parse_duration"]

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, what Go prints
    "μs": 1_000,  # U+03BC, what some keyboards give
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_LARGEST = 2**63 - 1


def parse_duration(text: str) -> timedelta:
    """Parses what Go's ``time.ParseDuration`` accepts.

    Raises:
        ValueError: the text is no duration, or beyond 64 bits of nanoseconds (292 years).
    """
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return timedelta()
    position, nanoseconds = 0, Fraction(0)
    while position < len(body):
        part = _PART.match(body, position)
        if part is None or not (part[1] or part[2]):
            break
        number = Fraction(f"{part[1] or 0}.{part[2] or 0}")
        nanoseconds += number * _NANOSECONDS[part[3]]
        position = part.end()
    if not body or position != len(body) or nanoseconds > _LARGEST:
        raise ValueError(f"`{text}` is not a duration such as `1h30m` or `500ms`")
    moved = timedelta(microseconds=int(nanoseconds) // 1_000)
    return -moved if text[0] == "-" else moved


def format_duration(duration: timedelta) -> str:
    """Formats as Go prints a ``time.Duration``: ``1h30m0s``, ``1.5s``, ``750ms``, ``0s``."""
    microseconds = duration // timedelta(microseconds=1)
    sign, microseconds = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    if microseconds == 0:
        return "0s"
    if microseconds < 1_000:
        return f"{sign}{microseconds}µs"
    if microseconds < 1_000_000:
        return f"{sign}{_decimal(microseconds, 1_000)}ms"
    minutes, rest = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000)}s"
    if hours:
        text = f"{hours}h{minutes}m{text}"
    elif minutes:
        text = f"{minutes}m{text}"
    return sign + text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    digits = str(fraction).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{whole}.{digits}"
