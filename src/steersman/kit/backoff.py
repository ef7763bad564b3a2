"""How long to wait after failures, and jitter, as pure functions of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

__all__ = ["Backoff", "jittered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential delays: ``first`` after the first failure, then ``factor`` times more, capped.

    The defaults are Flux's ``--min-retry-delay`` and ``--max-retry-delay``.
    """

    first_seconds: float = 0.75
    most_seconds: float = 900.0
    factor: float = 2.0

    def delay(self, failures: int) -> float:
        """Returns the seconds to wait after the ``failures``-th failure in a row (from 1)."""
        if failures < 1:
            return 0.0
        exponent = math.log(self.most_seconds / self.first_seconds, self.factor)
        if failures - 1 >= exponent:
            return self.most_seconds
        return self.first_seconds * self.factor ** (failures - 1)


def jittered(seconds: float, percentage: int, random: Random) -> float:
    """Moves an interval by up to ``percentage`` of itself, either way.

    Spreads objects of one interval over time. Zero gives the interval itself.
    """
    if percentage <= 0 or seconds <= 0:
        return seconds
    share = min(percentage, 100) / 100
    return seconds * (1 + share * random.uniform(-1, 1))
