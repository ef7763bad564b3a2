"""Cron schedules: five fields, names, steps, ranges and the ``@hourly`` family.

Source of the grammar: ``github.com/robfig/cron/v3`` ``ParseStandard``, whose texts the Kubernetes
API passes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

__all__ = ["BadSchedule", "Schedule", "parse_schedule"]


class BadSchedule(ValueError):
    """The text is no schedule."""


class _Bounds(NamedTuple):
    low: int
    high: int
    names: dict[str, int]


_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_DAYS: Final = "sun mon tue wed thu fri sat"
_BOUNDS: Final = (
    _Bounds(0, 59, {}),
    _Bounds(0, 23, {}),
    _Bounds(1, 31, {}),
    _Bounds(1, 12, {name: at + 1 for at, name in enumerate(_MONTHS.split())}),
    _Bounds(0, 6, {name: at for at, name in enumerate(_DAYS.split())}),
)
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_HORIZON: Final = timedelta(days=366 * 5)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due.

    Attributes:
        minutes: allowed minutes, and so on for the other sets.
        any_day: the day-of-month field is a star, and the same for ``any_weekday``.
        every: a fixed pause instead of fields (``@every 1h``).
    """

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = True
    any_weekday: bool = True
    every: timedelta | None = None

    def next_after(self, moment: datetime) -> datetime | None:
        """Returns the first due time after ``moment``, in its time zone; None if there is none."""
        if self.every is not None:
            return moment.replace(microsecond=0) + self.every
        due = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + _HORIZON
        while due < end:
            if due.month not in self.months or not self._is_day(due):
                due = due.replace(hour=0, minute=0) + timedelta(days=1)
            elif due.hour not in self.hours:
                due = due.replace(minute=0) + timedelta(hours=1)
            elif due.minute not in self.minutes:
                due += timedelta(minutes=1)
            else:
                return due
        return None

    def _is_day(self, moment: datetime) -> bool:
        day = moment.day in self.days
        weekday = moment.isoweekday() % 7 in self.weekdays
        return day and weekday if self.any_day or self.any_weekday else day or weekday


def parse_schedule(text: str) -> Schedule:
    """Reads a schedule.

    Raises:
        BadSchedule: with the text of the real parser.
    """
    if not text:
        raise BadSchedule("empty spec string")
    if text.startswith("@every "):
        from steersman.kit.duration import parse_duration

        try:
            return Schedule(every=parse_duration(text.removeprefix("@every ")))
        except ValueError as error:
            raise BadSchedule(f"failed to parse duration {text}: {error}") from None
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise BadSchedule(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != len(_BOUNDS):
        shown = " ".join(fields)
        raise BadSchedule(f"expected exactly 5 fields, found {len(fields)}: [{shown}]")
    sets = [_parse_field(one, bounds) for one, bounds in zip(fields, _BOUNDS, strict=True)]
    minutes, hours, days, months, weekdays = sets
    return Schedule(
        minutes,
        hours,
        days,
        months,
        weekdays,
        any_day=fields[2][0] in "*?",
        any_weekday=fields[4][0] in "*?",
    )


def _parse_field(text: str, bounds: _Bounds) -> frozenset[int]:
    return frozenset(value for one in text.split(",") for value in _parse_range(one, bounds))


def _parse_range(text: str, bounds: _Bounds) -> range:
    span, slash, step_text = text.partition("/")
    low_text, dash, high_text = span.partition("-")
    if low_text in ("*", "?"):
        low, high = bounds.low, bounds.high
    else:
        low = _parse_value(low_text, bounds)
        high = _parse_value(high_text, bounds) if dash else low
    step = 1
    if slash:
        step = _parse_number(step_text)
        if not dash and low_text not in ("*", "?"):
            high = bounds.high
    if low < bounds.low:
        raise BadSchedule(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise BadSchedule(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise BadSchedule(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise BadSchedule(f"step of range should be a positive number: {text}")
    return range(low, high + 1, step)


def _parse_value(text: str, bounds: _Bounds) -> int:
    named = bounds.names.get(text.lower())
    return _parse_number(text) if named is None else named


def _parse_number(text: str) -> int:
    if not text.isdecimal():
        raise BadSchedule(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    return int(text)
