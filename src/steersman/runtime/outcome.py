"""How a run ends, as one closed union, and the only mapping from errors to it.

==============  =============================================  ===================================
outcome         what happened                                  what the queue does
==============  =============================================  ===================================
``Settled``     everything is as it should be                  looks again after the interval
``Later``       something else must happen first               looks again after a fixed delay
``Backoff``     a failure that may pass                        tries again, ever more slowly
``Halted``      no retry can help                              waits for a change of the object
``Gone``        the object does not exist any more             forgets it
==============  =============================================  ===================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from steersman.conditions.conclude import RunEnd
from steersman.errors import Bug, Denied, Retry, Stalled, SteersmanError, Throttled, Waiting
from steersman.objects.apistatus import ApiError

__all__ = [
    "OUTCOMES",
    "Backoff",
    "Gone",
    "Halted",
    "Later",
    "Meaning",
    "Outcome",
    "Settled",
    "as_error",
    "run_end",
    "settle",
]


@dataclass(frozen=True, slots=True)
class Settled:
    """Everything is as it should be.

    Args:
        interval: seconds until the next look; None waits for a change only.
    """

    interval: float | None


@dataclass(frozen=True, slots=True)
class Later:
    """Something else must happen first.

    Args:
        after: seconds until the next look, if no change comes earlier; 0 for at once.
    """

    after: float


@dataclass(frozen=True, slots=True)
class Backoff:
    """A failure that may pass.

    Args:
        at_least: seconds that a server asked to wait.
    """

    at_least: float = 0.0


@dataclass(frozen=True, slots=True)
class Halted:
    """No retry can help; a new generation, request or watched change is waited for."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The object does not exist any more."""


Outcome: TypeAlias = Settled | Later | Backoff | Halted | Gone


class Meaning(NamedTuple):
    """What an outcome means, for the documentation."""

    outcome: type[Outcome]
    happened: str
    queue: str


OUTCOMES: Final = (
    Meaning(Settled, "everything is as it should be", "looks again after the jittered interval"),
    Meaning(Later, "something else must happen first", "looks again after a fixed delay"),
    Meaning(Backoff, "a failure that may pass", "tries again, twice as long after each failure"),
    Meaning(Halted, "no retry can help", "waits for a change of the object or a watched one"),
    Meaning(Gone, "the object does not exist any more", "forgets it"),
)


def settle(error: SteersmanError, *, retry_seconds: float | None = None) -> Outcome:
    """Says what an error means for the queue.

    Args:
        error: what ended the run.
        retry_seconds: the kind's fixed delay after failures; None for back-off.
    """
    match error:
        case Waiting():
            return Later(error.after)
        case Stalled():
            return Halted()
        case Throttled() | ApiError() if error.retry_after:
            return Backoff(at_least=float(error.retry_after))
        case _ if retry_seconds is not None:
            return Later(retry_seconds)
        case _:
            return Backoff()


def run_end(error: SteersmanError) -> RunEnd:
    """Says what an error means for the status."""
    match error:
        case Stalled():
            return RunEnd.STALLED
        case _:
            return RunEnd.FAILED


def as_error(raised: BaseException) -> SteersmanError:
    """Returns what a run was ended by, as one of our errors.

    Of several at once, from tasks that failed together, the one that matters most: a bug before a
    stall, a stall before a denial, a denial before what may pass by itself. What is not ours is a
    bug, told by its type and place only, since its message may hold anything.
    """
    return min((_ours(leaf) for leaf in _leaves(raised)), key=_weight)


def _leaves(raised: BaseException) -> Iterator[BaseException]:
    if isinstance(raised, BaseExceptionGroup):
        for inner in raised.exceptions:
            yield from _leaves(inner)
    else:
        yield raised


def _ours(raised: BaseException) -> SteersmanError:
    if isinstance(raised, SteersmanError):
        return raised
    bug = Bug(f"internal error: {type(raised).__name__}{place_of(raised)}")
    bug.__cause__ = raised
    return bug


def place_of(raised: BaseException) -> str:
    """Returns `` in module.py:line`` of where an exception was raised, or nothing."""
    trace = raised.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f" in {file}:{trace.tb_lineno}"


def _weight(error: SteersmanError) -> int:
    for weight, kind in enumerate((Bug, Stalled, Denied, Retry, ApiError, SteersmanError)):
        if isinstance(error, kind) and not isinstance(error, Waiting):
            return weight
    return 9
