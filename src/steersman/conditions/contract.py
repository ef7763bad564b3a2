"""What a kind's status promises, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from steersman.apis.meta import READY, RECONCILING, STALLED

__all__ = ["ObserveRule", "StatusContract"]


class ObserveRule(StrEnum):
    """When ``status.observedGeneration`` follows the generation, besides when stalled."""

    SUCCEEDED = "succeeded"
    """The run succeeded, or had nothing to do since the object is suspended (sources)."""

    READY = "ready"
    """Ready is True at the end of the run, for whatever reason (Kustomization)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusContract:
    """The conditions of one kind.

    Args:
        owned: types that we write; all others belong to somebody else and are kept.
        summarized: types that Ready follows from, most important first. Empty when the
            reconciler marks Ready itself.
        negative: types among them that are bad when True.
        bipolar: types that are written True and False, and whose False is the reason why the
            object is not ready.
        observe: when ``observedGeneration`` follows.
        announces: the envelope marks Reconciling at the start of each run and writes it when there
            is a new generation or request, as Flux's sources do; else the reconciler does.
    """

    owned: tuple[str, ...] = (READY, RECONCILING, STALLED)
    summarized: tuple[str, ...] = ()
    negative: frozenset[str] = frozenset({RECONCILING, STALLED})
    bipolar: tuple[str, ...] = ()
    observe: ObserveRule = ObserveRule.SUCCEEDED
    announces: bool = False
