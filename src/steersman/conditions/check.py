"""What a status must not be once a run has ended: invariants of kstatus and of Flux.

Named, so that a test or ``lint`` can say which one broke. Follows the intent of fluxcd/pkg
runtime/conditions/check, with Ready allowed to be Unknown while work goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from steersman.apis.meta import READY, RECONCILING, STALLED, Condition
from steersman.conditions.contract import StatusContract
from steersman.conditions.edit import read_conditions
from steersman.conditions.summarize import summarize
from steersman.kit.clock import parse_rfc3339
from steersman.objects.manifest import Manifest, generation_of

__all__ = ["INVARIANTS", "Facts", "violations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the invariants look at.

    Args:
        raw: entries of ``status.conditions`` as they are.
        conditions: the well-formed ones by type.
        generation: of the object.
        observed: ``status.observedGeneration``; None when absent.
        suspended: nobody works on the object, so its status may be old.
        contract: of the kind.
    """

    raw: tuple[Any, ...]
    conditions: Mapping[str, Condition]
    generation: int
    observed: int | None
    suspended: bool
    contract: StatusContract

    def status(self, type: str) -> str | None:
        """Returns the status of a condition; None when it is absent."""
        condition = self.conditions.get(type)
        return None if condition is None else condition.status


def _well_formed(facts: Facts) -> Iterator[str]:
    seen: set[str] = set()
    for entry in facts.raw:
        try:
            condition = msgspec.convert(entry, Condition)
            parse_rfc3339(condition.last_transition_time)
        except (msgspec.ValidationError, ValueError) as error:
            yield f"condition {entry!r}: {error}"
            continue
        if condition.type in seen:
            yield f"{condition.type} is there twice"
        seen.add(condition.type)


def _has_ready(facts: Facts) -> Iterator[str]:
    if facts.conditions and READY not in facts.conditions:
        yield f"Ready is missing beside {sorted(facts.conditions)}"


def _ready_alone(facts: Facts) -> Iterator[str]:
    if facts.status(READY) == "True":
        for type in sorted(facts.contract.negative & facts.conditions.keys()):
            yield f"Ready is True and {type} is {facts.status(type)}"


def _working_is_not_ready(facts: Facts) -> Iterator[str]:
    for type in (RECONCILING, STALLED):
        if facts.status(type) == "True" and facts.status(READY) == "True":
            yield f"{type} and Ready are both True"


def _one_of_two(facts: Facts) -> Iterator[str]:
    if RECONCILING in facts.conditions and STALLED in facts.conditions:
        yield "Reconciling and Stalled stand together"


def _stalled_is_false(facts: Facts) -> Iterator[str]:
    if facts.status(STALLED) == "True" and facts.status(READY) != "False":
        yield f"Stalled is True and Ready is {facts.status(READY)}"


def _only_true_work(facts: Facts) -> Iterator[str]:
    for type in (RECONCILING, STALLED):
        if facts.status(type) not in (None, "True"):
            yield f"{type} is {facts.status(type)} instead of absent"


def _not_from_the_future(facts: Facts) -> Iterator[str]:
    if facts.observed is not None and facts.observed > facts.generation:
        yield f"observed generation {facts.observed} is above {facts.generation}"
    for type, condition in facts.conditions.items():
        if condition.observed_generation > facts.generation:
            yield f"{type} observed {condition.observed_generation}, above {facts.generation}"


def _ready_is_current(facts: Facts) -> Iterator[str]:
    if facts.suspended or facts.status(READY) != "True":
        return
    if facts.observed != facts.generation:
        yield f"Ready is True at generation {facts.generation}, observed {facts.observed}"
    ready = facts.conditions[READY]
    if ready.observed_generation != facts.generation:
        yield f"Ready is of generation {ready.observed_generation}, not {facts.generation}"


def _stalled_is_observed(facts: Facts) -> Iterator[str]:
    stalled = facts.conditions.get(STALLED)
    if stalled is not None and facts.observed != stalled.observed_generation:
        yield f"Stalled at {stalled.observed_generation}, observed generation {facts.observed}"


def _ready_is_the_summary(facts: Facts) -> Iterator[str]:
    if not facts.contract.summarized or READY not in facts.conditions:
        return
    summary = summarize(facts.conditions, facts.contract)
    ready = facts.conditions[READY]
    if summary is not None and summary.status == "True" and ready.status == "False":
        yield f"Ready is False and its conditions say {summary.reason}: {summary.message}"
    if summary is not None and summary.status == "False" and ready.status == "True":
        yield f"Ready is True and its conditions say {summary.reason}: {summary.message}"


INVARIANTS: Final[Mapping[str, Callable[[Facts], Iterator[str]]]] = {
    "conditions are well formed and unique": _well_formed,
    "Ready is there as soon as anything is": _has_ready,
    "beside a true Ready nothing negative remains": _ready_alone,
    "work and a true Ready exclude each other": _working_is_not_ready,
    "Reconciling and Stalled exclude each other": _one_of_two,
    "a stalled object is not ready": _stalled_is_false,
    "Reconciling and Stalled are True or absent": _only_true_work,
    "nothing was observed before it was written": _not_from_the_future,
    "a true Ready is about the current generation": _ready_is_current,
    "a stall is about an observed generation": _stalled_is_observed,
    "Ready does not contradict what it summarizes": _ready_is_the_summary,
}
"""Sentence that must hold, and what finds out how it does not."""


def violations(obj: Manifest, contract: StatusContract) -> tuple[str, ...]:
    """Returns how the status of an object breaks the invariants, as ``sentence: finding``.

    Args:
        obj: after a run has ended; an object that nobody has touched yet breaks none.
        contract: of its kind.
    """
    status = obj.get("status")
    status = status if isinstance(status, dict) else {}
    spec = obj.get("spec")
    observed = status.get("observedGeneration")
    facts = Facts(
        raw=tuple(status.get("conditions") or ()),
        conditions=read_conditions(status),
        generation=generation_of(obj),
        observed=observed if isinstance(observed, int) else None,
        suspended=isinstance(spec, dict) and spec.get("suspend") is True,
        contract=contract,
    )
    return tuple(
        f"{sentence}: {finding}" for sentence, find in INVARIANTS.items() for finding in find(facts)
    )
