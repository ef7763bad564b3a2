"""Brings a status into the shape that the end of a run demands; the only place that does.

Rules of flux-controllers' summarizers: on success only positive conditions remain; Reconciling and
Stalled never stand together; ``lastHandledReconcileAt`` is written at the end of every run, also a
failed one, and ``observedGeneration`` only when the run succeeded or can get no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from steersman.apis.meta import READY, RECONCILING, STALLED
from steersman.apis.reasons import PROGRESSING_WITH_RETRY, SUCCEEDED
from steersman.conditions.contract import ObserveRule, StatusContract
from steersman.conditions.edit import StatusEditor
from steersman.conditions.summarize import Summary, summarize

__all__ = ["RunEnd", "Verdict", "conclude"]


class RunEnd(StrEnum):
    """How a run ended, as far as the status is concerned."""

    SUCCEEDED = "succeeded"
    """All steps were done."""

    FAILED = "failed"
    """A step failed, or waits; it will be tried again."""

    STALLED = "stalled"
    """No retry can help."""

    SUSPENDED = "suspended"
    """The object asks to be left alone."""

    AGAIN = "again"
    """Nothing is concluded: the run is to be repeated at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The end of a run, and why.

    Args:
        end: how it ended.
        reason: CamelCase word for failures.
        message: for people, for failures.
    """

    end: RunEnd
    reason: str = ""
    message: str = ""


def conclude(
    status: StatusEditor, contract: StatusContract, verdict: Verdict, *, requested_at: str | None
) -> bool:
    """Edits a status to its final form.

    Args:
        status: as the reconciler left it.
        contract: of the kind.
        verdict: how the run ended.
        requested_at: the value of ``reconcile.fluxcd.io/requestedAt`` that the run has seen.

    Returns:
        Whether the object is ready as far as a successful run should make it: False after a
        success means that its conditions contradict it, and that the run is to be retried.
    """
    if requested_at is not None:
        status.set("lastHandledReconcileAt", requested_at)
    match verdict.end:
        case RunEnd.SUCCEEDED:
            status.delete(RECONCILING, STALLED)
            _settle_ready(status, contract)
        case RunEnd.FAILED:
            status.delete(STALLED)
            _keep_reconciling(status)
            _fail_ready(status, contract, verdict)
        case RunEnd.STALLED:
            status.mark_stalled(verdict.reason, verdict.message)
            _fail_ready(status, contract, verdict)
        case RunEnd.SUSPENDED | RunEnd.AGAIN:
            pass
    _observe(status, contract, verdict.end)
    return verdict.end is not RunEnd.SUCCEEDED or status.is_true(READY)


def _keep_reconciling(status: StatusEditor) -> None:
    reconciling = status.condition(RECONCILING)
    if reconciling is not None:
        status.mark(RECONCILING, "True", PROGRESSING_WITH_RETRY, reconciling.message)


def _summary(status: StatusEditor, contract: StatusContract) -> Summary | None:
    return summarize({found.type: found for found in status.conditions}, contract)


def _settle_ready(status: StatusEditor, contract: StatusContract) -> None:
    if contract.summarized:
        summary = _summary(status, contract)
        if summary is not None:
            status.mark(READY, *summary)
            return
    ready = status.condition(READY)
    if ready is None or ready.status == "Unknown" or contract.summarized:
        status.mark_ready(SUCCEEDED, "Reconciliation succeeded")


def _fail_ready(status: StatusEditor, contract: StatusContract, verdict: Verdict) -> None:
    """Lets Ready say what failed: the reconciler's own words where it found any."""
    if contract.summarized:
        causes = contract.negative - {RECONCILING, STALLED}
        if any(map(status.is_true, causes)) or any(map(status.is_false, contract.bipolar)):
            summary = _summary(status, contract)
            if summary is not None and summary.status == "False":
                status.mark(READY, *summary)
                return
    elif READY in status.touched and status.is_false(READY):
        return
    status.mark_not_ready(verdict.reason, verdict.message)


def _observe(status: StatusEditor, contract: StatusContract, end: RunEnd) -> None:
    if end is RunEnd.AGAIN:
        return
    stalled = end is RunEnd.STALLED
    match contract.observe:
        case ObserveRule.READY:
            observed = stalled or status.is_true(READY)
        case ObserveRule.SUCCEEDED:
            observed = stalled or (
                end in (RunEnd.SUCCEEDED, RunEnd.SUSPENDED) and bool(status.conditions)
            )
    if observed:
        status.set("observedGeneration", status.generation)
