"""Ages as people read them: ``5m``, ``3h10m``, ``2d4h``.

Source of the rules: ``k8s.io/apimachinery/pkg/util/duration``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from steersman.kit.clock import parse_rfc3339

__all__ = ["age_since", "human_duration"]

_MINUTE = 60
_HOUR = 3600
_DAY = 24 * _HOUR


def human_duration(span: timedelta) -> str:
    """Shortens a duration; the finer unit is shown only while it tells something."""
    seconds = int(span.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    minutes = seconds // _MINUTE
    if minutes < 10:
        return _pair(minutes, "m", seconds % _MINUTE, "s")
    if minutes < 180:
        return f"{minutes}m"
    hours = seconds // _HOUR
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 24 * 8:
        return _pair(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    years = days // 365
    return _pair(years, "y", days % 365, "d") if days < 365 * 8 else f"{years}y"


def _pair(major: int, unit: str, minor: int, minor_unit: str) -> str:
    return f"{major}{unit}{minor}{minor_unit}" if minor else f"{major}{unit}"


def age_since(moment: object, now: datetime) -> str:
    """Shows how long ago a time was; ``<unknown>`` when there is none."""
    if not isinstance(moment, str) or not moment:
        return "<unknown>"
    try:
        return human_duration(now - parse_rfc3339(moment))
    except ValueError:
        return "<invalid>"
