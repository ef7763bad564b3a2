from __future__ import annotations

import typing

import pytest

from steersman.conditions.conclude import RunEnd
from steersman.errors import (
    ApiUnavailable,
    Bug,
    CrossNamespaceDenied,
    DependencyNotReady,
    Forbidden,
    InvalidSpec,
    NetworkFailed,
    SourceNotReady,
    SteersmanError,
    Throttled,
    Unauthorized,
)
from steersman.objects.apistatus import ApiError
from steersman.runtime.outcome import (
    OUTCOMES,
    Backoff,
    Halted,
    Later,
    Outcome,
    as_error,
    run_end,
    settle,
)

FAILED, STALLED = RunEnd.FAILED, RunEnd.STALLED

#: error: outcome with back-off, outcome with a fixed retry interval, end of the run
TABLE: list[tuple[SteersmanError, Outcome, Outcome, RunEnd]] = [
    (NetworkFailed("x"), Backoff(), Later(60), FAILED),
    (ApiUnavailable("x"), Backoff(), Later(60), FAILED),
    (Throttled("x"), Backoff(), Later(60), FAILED),
    (Throttled("x", retry_after=7), Backoff(7), Backoff(7), FAILED),
    (SourceNotReady("x", after=30), Later(30), Later(30), FAILED),
    (DependencyNotReady("x", after=5), Later(5), Later(5), FAILED),
    (Unauthorized("x"), Backoff(), Later(60), FAILED),
    (Forbidden("x"), Backoff(), Later(60), FAILED),
    (InvalidSpec("x"), Halted(), Halted(), STALLED),
    (CrossNamespaceDenied("x"), Halted(), Halted(), STALLED),
    (Bug("x"), Backoff(), Later(60), FAILED),
    (ApiError(409, "Conflict", "x"), Backoff(), Later(60), FAILED),
    (ApiError(429, "TooManyRequests", "x", retry_after=3), Backoff(3), Backoff(3), FAILED),
    (SteersmanError("x"), Backoff(), Later(60), FAILED),
]


@pytest.mark.parametrize(
    ("error", "backoff", "fixed", "end"), TABLE, ids=lambda part: type(part).__name__
)
def test_what_an_error_means(error, backoff, fixed, end):
    assert settle(error) == backoff
    assert settle(error, retry_seconds=60) == fixed
    assert run_end(error) is end


def test_every_outcome_is_explained():
    assert {row.outcome for row in OUTCOMES} == set(typing.get_args(Outcome))


def test_what_is_not_ours_is_a_bug_that_tells_no_values():
    try:
        raise KeyError("hunter2")
    except KeyError as raised:
        error = as_error(raised)
    assert isinstance(error, Bug)
    assert error.reason == "InternalError"
    assert error.message.startswith("internal error: KeyError in test_outcomes.py:")


@pytest.mark.parametrize(
    ("several", "most"),
    [
        ([NetworkFailed("n"), InvalidSpec("s")], "s"),
        ([SourceNotReady("w", after=1), NetworkFailed("n")], "n"),
        ([InvalidSpec("s"), Bug("b")], "b"),
        ([NetworkFailed("n"), ExceptionGroup("", [Forbidden("d")])], "d"),
    ],
)
def test_of_several_errors_the_one_that_matters_most_is_told(several, most):
    assert as_error(ExceptionGroup("", several)).message == most
