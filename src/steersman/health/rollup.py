"""Is a wait over? One decision over the verdicts of a set of objects.

Source: behaviour of fluxcd/pkg ssa (WaitForSet); the first line of every message is its text, the
lines below say why.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import TypeAlias

from steersman.health.verdict import Health, Verdict
from steersman.objects.identity import ObjectRef

__all__ = ["Done", "Failed", "Progress", "Waiting", "decide_wait"]


@dataclass(frozen=True, slots=True)
class Done:
    """Every object is current."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something is on its way.

    Args:
        pending: what is not current yet, in the order of the set.
    """

    pending: tuple[ObjectRef, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Waiting longer does not help, or time is up.

    Args:
        message: Flux's text, then one line an object with its reason.
    """

    message: str


Progress: TypeAlias = Done | Waiting | Failed


def decide_wait(
    verdicts: Mapping[ObjectRef, Verdict],
    *,
    fail_fast: bool = True,
    timed_out: bool = False,
    may_vanish: Set[ObjectRef] = frozenset(),
) -> Progress:
    """Decides over all verdicts.

    Args:
        verdicts: every object of the set, in its order.
        fail_fast: one failure ends the wait; otherwise it ends when nothing is on its way.
        timed_out: the deadline has passed.
        may_vanish: Jobs that remove themselves: not found means finished.
    """
    effective = {
        ref: Health.CURRENT
        if verdict.health is Health.NOT_FOUND and ref in may_vanish
        else verdict.health
        for ref, verdict in verdicts.items()
    }
    pending = tuple(ref for ref, health in effective.items() if health is not Health.CURRENT)
    if not pending:
        return Done()
    lost = tuple(ref for ref in pending if effective[ref] is Health.FAILED)
    if lost and (fail_fast or len(lost) == len(pending)):
        return Failed(_describe("failed early due to stalled resources", lost, verdicts))
    if timed_out:
        return Failed(_describe("timeout waiting for", pending, verdicts))
    return Waiting(pending)


def _describe(lead: str, refs: tuple[ObjectRef, ...], verdicts: Mapping[ObjectRef, Verdict]) -> str:
    states = [f"{ref} status: '{verdicts[ref].health}'" for ref in refs]
    reasons = [f"{ref}: {verdicts[ref].message}" for ref in refs if verdicts[ref].message]
    return "\n".join([f"{lead}: [{', '.join(states)}]", *reasons])
