"""Each invariant finds what breaks it, and a sound status breaks none."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from steersman.conditions import StatusContract, violations
from steersman.conditions.check import INVARIANTS

NOW = "2026-01-01T00:00:00Z"
CONTRACT = StatusContract(
    owned=("Ready", "Reconciling", "Stalled", "FetchFailed", "ArtifactInStorage"),
    summarized=("FetchFailed", "ArtifactInStorage", "Stalled", "Reconciling"),
    negative=frozenset({"FetchFailed", "Reconciling", "Stalled"}),
)


def condition(type: str, status: str = "True", generation: int = 2, **more: str) -> dict:
    return {
        "type": type,
        "status": status,
        "reason": "Because",
        "message": "m",
        "lastTransitionTime": NOW,
        "observedGeneration": generation,
        **more,
    }


@dataclass(frozen=True)
class Case:
    breaks: str
    conditions: list[dict]
    observed: int = 2
    spec: dict = field(default_factory=dict)


CASES = [
    Case("conditions are well formed and unique", [condition("Ready"), condition("Ready")]),
    Case("conditions are well formed and unique", [condition("Ready", lastTransitionTime="x")]),
    Case("Ready is there as soon as anything is", [condition("FetchFailed")]),
    Case(
        "beside a true Ready nothing negative remains",
        [condition("Ready"), condition("FetchFailed", "False")],
    ),
    Case(
        "work and a true Ready exclude each other", [condition("Ready"), condition("Reconciling")]
    ),
    Case(
        "Reconciling and Stalled exclude each other",
        [condition("Ready", "False"), condition("Reconciling"), condition("Stalled")],
    ),
    Case("a stalled object is not ready", [condition("Ready", "Unknown"), condition("Stalled")]),
    Case(
        "Reconciling and Stalled are True or absent",
        [condition("Ready", "False"), condition("Stalled", "False")],
    ),
    Case("nothing was observed before it was written", [condition("Ready", "False")], observed=3),
    Case("nothing was observed before it was written", [condition("Ready", "False", generation=3)]),
    Case("a true Ready is about the current generation", [condition("Ready")], observed=1),
    Case(
        "a stall is about an observed generation",
        [condition("Ready", "False"), condition("Stalled")],
        observed=1,
    ),
    Case(
        "Ready does not contradict what it summarizes",
        [condition("Ready", "False"), condition("ArtifactInStorage")],
    ),
]


def found(case: Case) -> set[str]:
    obj = {
        "metadata": {"generation": 2},
        "spec": case.spec,
        "status": {"observedGeneration": case.observed, "conditions": case.conditions},
    }
    return {violation.split(": ")[0] for violation in violations(obj, CONTRACT)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.breaks)
def test_a_broken_invariant_is_found(case: Case):
    assert case.breaks in found(case)


def test_every_invariant_has_a_case():
    assert {case.breaks for case in CASES} == set(INVARIANTS)


SOUND = [
    Case("untouched", [], observed=-1),
    Case("ready", [condition("Ready"), condition("ArtifactInStorage")]),
    Case("working", [condition("Ready", "Unknown"), condition("Reconciling")], observed=1),
    Case("stalled", [condition("Ready", "False"), condition("Stalled")]),
    Case(
        "suspended and old", [condition("Ready", generation=1)], observed=1, spec={"suspend": True}
    ),
    Case("foreign", [condition("Ready"), condition("Foreign", "False")]),
]


@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.breaks)
def test_a_sound_status_breaks_none(case: Case):
    assert found(case) == set()
