"""The end of a run, for a kind that summarizes (sources) and one that does not (Kustomization)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from steersman.conditions import ObserveRule, StatusContract, StatusEditor, Verdict, conclude
from steersman.conditions.check import violations
from steersman.conditions.conclude import RunEnd
from steersman.conditions.edit import to_wire

SOURCE = StatusContract(
    owned=("Ready", "Reconciling", "Stalled", "FetchFailed", "ArtifactInStorage"),
    summarized=("FetchFailed", "ArtifactInStorage", "Stalled", "Reconciling"),
    negative=frozenset({"FetchFailed", "Stalled", "Reconciling"}),
    announces=True,
)
APPLIER = StatusContract(
    owned=("Ready", "Reconciling", "Stalled", "Healthy"), observe=ObserveRule.READY
)

Marks = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Case:
    id: str
    contract: StatusContract
    verdict: Verdict
    expected: Marks
    observed: int
    before: Callable[[StatusEditor], None] = lambda status: None
    run: Callable[[StatusEditor], None] = lambda status: None
    ready: bool = True
    requested: str | None = None
    fields: dict[str, object] = field(default_factory=dict)


def was_ready(status: StatusEditor) -> None:
    status.mark_ready("Succeeded", "stored old")
    status.mark_true("ArtifactInStorage", "Succeeded", "stored old")


def fetched(status: StatusEditor) -> None:
    status.mark_progressing("Progressing", "reconciliation in progress")
    status.delete("FetchFailed")
    status.mark_true("ArtifactInStorage", "Succeeded", "stored new")


def not_fetched(status: StatusEditor) -> None:
    status.mark_progressing("Progressing", "reconciliation in progress")
    status.mark_true("FetchFailed", "GitOperationFailed", "no route")


def working(status: StatusEditor) -> None:
    status.mark_reconciling("Progressing", "Building manifests")
    status.mark_unknown("Ready", "Progressing", "Reconciliation in progress")


def applied(status: StatusEditor) -> None:
    working(status)
    status.mark_ready("ReconciliationSucceeded", "Applied revision: x")


def named_failure(status: StatusEditor) -> None:
    working(status)
    status.mark_not_ready("BuildFailed", "line 3")


SUCCEEDED = Verdict(end=RunEnd.SUCCEEDED)
FAILED = Verdict(end=RunEnd.FAILED, reason="NetworkFailed", message="no route")
STALLED = Verdict(end=RunEnd.STALLED, reason="InvalidURL", message="bad")
SUSPENDED = Verdict(end=RunEnd.SUSPENDED)
AGAIN = Verdict(end=RunEnd.AGAIN)

CASES = [
    Case(
        "a source that succeeded keeps only positive conditions",
        SOURCE,
        SUCCEEDED,
        {"Ready": ("True", "Succeeded"), "ArtifactInStorage": ("True", "Succeeded")},
        observed=3,
        before=not_fetched,
        run=fetched,
    ),
    Case(
        "a source that failed tells what failed and goes on trying",
        SOURCE,
        FAILED,
        {
            "Reconciling": ("True", "ProgressingWithRetry"),
            "Ready": ("False", "GitOperationFailed"),
            "ArtifactInStorage": ("True", "Succeeded"),
            "FetchFailed": ("True", "GitOperationFailed"),
        },
        observed=1,
        before=was_ready,
        run=not_fetched,
    ),
    Case(
        "a source that failed without naming a condition tells the error",
        SOURCE,
        FAILED,
        {
            "Reconciling": ("True", "ProgressingWithRetry"),
            "Ready": ("False", "NetworkFailed"),
        },
        observed=1,
        run=lambda status: status.mark_progressing("Progressing", "begin"),
    ),
    Case(
        "a stalled source is observed and no longer works",
        SOURCE,
        STALLED,
        {"Stalled": ("True", "InvalidURL"), "Ready": ("False", "InvalidURL")},
        observed=3,
        run=lambda status: status.mark_progressing("Progressing", "begin"),
    ),
    Case(
        "a success that its conditions contradict is no success",
        SOURCE,
        SUCCEEDED,
        {"Ready": ("False", "GitOperationFailed"), "FetchFailed": ("True", "GitOperationFailed")},
        observed=3,
        run=not_fetched,
        ready=False,
    ),
    Case(
        "a suspended source keeps its words and is observed",
        SOURCE,
        SUSPENDED,
        {"Ready": ("True", "Succeeded"), "ArtifactInStorage": ("True", "Succeeded")},
        observed=3,
        before=was_ready,
        requested="now",
    ),
    Case("an untouched suspended source stays untouched", SOURCE, SUSPENDED, {}, observed=1),
    Case(
        "an applier that succeeded says what it marked",
        APPLIER,
        SUCCEEDED,
        {"Ready": ("True", "ReconciliationSucceeded")},
        observed=3,
        run=applied,
        requested="now",
    ),
    Case(
        "an applier that marked nothing has succeeded all the same",
        APPLIER,
        SUCCEEDED,
        {"Ready": ("True", "Succeeded")},
        observed=3,
        run=working,
    ),
    Case(
        "an applier that failed after its own words keeps them",
        APPLIER,
        FAILED,
        {
            "Reconciling": ("True", "ProgressingWithRetry"),
            "Ready": ("False", "BuildFailed"),
        },
        observed=1,
        run=named_failure,
        requested="now",
    ),
    Case(
        "an applier that failed without words of its own tells the error",
        APPLIER,
        FAILED,
        {
            "Reconciling": ("True", "ProgressingWithRetry"),
            "Ready": ("False", "NetworkFailed"),
        },
        observed=1,
        run=working,
    ),
    Case(
        "an old failure does not speak for a new one",
        APPLIER,
        FAILED,
        {"Ready": ("False", "NetworkFailed")},
        observed=1,
        before=lambda status: status.mark_not_ready("BuildFailed", "line 3"),
    ),
    Case(
        "a stalled applier is observed",
        APPLIER,
        STALLED,
        {"Stalled": ("True", "InvalidURL"), "Ready": ("False", "InvalidURL")},
        observed=3,
        run=working,
    ),
    Case(
        "a suspended applier is observed while it is ready",
        APPLIER,
        SUSPENDED,
        {"Ready": ("True", "ReconciliationSucceeded")},
        observed=3,
        before=lambda status: status.mark_ready("ReconciliationSucceeded", "x"),
    ),
    Case(
        "a suspended applier that had failed is not observed",
        APPLIER,
        SUSPENDED,
        {"Ready": ("False", "BuildFailed")},
        observed=1,
        before=lambda status: status.mark_not_ready("BuildFailed", "x"),
    ),
    Case(
        "a run that is repeated at once concludes nothing",
        APPLIER,
        AGAIN,
        {"Ready": ("True", "ReconciliationSucceeded")},
        observed=1,
        before=lambda status: status.mark_ready("ReconciliationSucceeded", "x"),
    ),
]


def now() -> str:
    return "2026-01-01T00:00:00Z"


def an_object(case: Case) -> dict:
    status = StatusEditor({"metadata": {"generation": 1}}, now)
    case.before(status)
    return {
        "metadata": {"generation": 3},
        "status": {"observedGeneration": 1, "conditions": to_wire(status.conditions)},
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_end_of_a_run(case: Case):
    status = StatusEditor(an_object(case), now)
    case.run(status)
    ready = conclude(status, case.contract, case.verdict, requested_at=case.requested)
    assert {c.type: (c.status, c.reason) for c in status.conditions} == case.expected
    assert status.get("observedGeneration") == case.observed
    assert status.get("lastHandledReconcileAt") == case.requested
    assert ready is case.ready


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.verdict is not AGAIN and case.ready],
    ids=lambda case: case.id,
)
def test_no_end_of_a_run_breaks_an_invariant(case: Case):
    status = StatusEditor(an_object(case), now)
    case.run(status)
    conclude(status, case.contract, case.verdict, requested_at=case.requested)
    finished = {
        "metadata": {"generation": 3},
        "spec": {"suspend": case.verdict is SUSPENDED},
        "status": {**status.fields, "conditions": to_wire(status.conditions)},
    }
    assert violations(finished, case.contract) == ()


def test_every_end_has_a_case_for_both_kinds():
    covered = {(case.verdict.end, case.contract.summarized != ()) for case in CASES}
    assert covered >= {(end, kind) for end in RunEnd if end is not RunEnd.AGAIN for kind in (0, 1)}
