from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.kit.duration import format_duration, parse_duration

PRINTED = {
    "0s": timedelta(),
    "1µs": timedelta(microseconds=1),
    "1.5ms": timedelta(microseconds=1500),
    "750ms": timedelta(milliseconds=750),
    "1.5s": timedelta(seconds=1.5),
    "59.999999s": timedelta(seconds=59, microseconds=999999),
    "1m0s": timedelta(minutes=1),
    "10m30s": timedelta(minutes=10, seconds=30),
    "1h0m0.05s": timedelta(hours=1, milliseconds=50),
    "100h0m0s": timedelta(hours=100),
    "-2m0s": timedelta(minutes=-2),
}
ONLY_READ = {
    "0": timedelta(),
    "+5s": timedelta(seconds=5),
    "1h": timedelta(hours=1),
    "1.5h": timedelta(minutes=90),
    ".5s": timedelta(milliseconds=500),
    "1.s": timedelta(seconds=1),
    "3us": timedelta(microseconds=3),
    "3μs": timedelta(microseconds=3),
    "1999ns": timedelta(microseconds=1),
    "1m1m": timedelta(minutes=2),
    "0.1m0.1s": timedelta(seconds=6, milliseconds=100),
}


@pytest.mark.parametrize(("text", "duration"), {**PRINTED, **ONLY_READ}.items())
def test_is_read_as_go_reads_it(text: str, duration: timedelta):
    assert parse_duration(text) == duration


@pytest.mark.parametrize(("text", "duration"), PRINTED.items())
def test_is_printed_as_go_prints_it(text: str, duration: timedelta):
    assert format_duration(duration) == text


@pytest.mark.parametrize(
    "text", ["", "-", "5", "1d", "s", ".s", "1h 5m", "1e3s", "--1s", "9" * 20 + "h"]
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(days=-9999), max_value=timedelta(days=9999)))
def test_what_is_printed_is_read_back(duration: timedelta):
    assert parse_duration(format_duration(duration)) == duration
