from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from steersman.health.jobs import check_job, has_time_to_live
from steersman.health.kstatus import compute_health
from steersman.health.pods import judge_with_pods
from steersman.health.verdict import Health, Verdict, in_progress

NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
WAITING = in_progress("LessReady", "Ready: 0/1")


def job(spec: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("manifest", "health"),
    [
        pytest.param(job({"suspend": True}, {}), Health.CURRENT, id="a suspended job is current"),
        pytest.param(job({}, {}), Health.IN_PROGRESS, id="a job that did not start is awaited"),
        pytest.param(
            job({}, {"startTime": "2026-01-01T00:00:00Z", "active": 1}),
            Health.IN_PROGRESS,
            id="a running job is awaited",
        ),
        pytest.param(
            job({}, {"conditions": [{"type": "Complete", "status": "True"}]}),
            Health.CURRENT,
            id="a complete job is current",
        ),
        pytest.param(
            job({}, {"conditions": [{"type": "Failed", "status": "True"}]}),
            Health.FAILED,
            id="a failed job has failed",
        ),
    ],
)
def test_jobs(manifest: dict[str, Any], health: Health) -> None:
    assert check_job(manifest).health is health


def test_jobs_that_remove_themselves() -> None:
    assert has_time_to_live(job({"ttlSecondsAfterFinished": 0}, {}))
    assert not has_time_to_live(job({}, {}))


def pod(**status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": status,
    }


LOOPING = pod(
    phase="Running",
    containerStatuses=[{"name": "x", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
)
UNSCHEDULABLE = pod(
    phase="Pending",
    conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
)


def test_a_crash_looping_pod_fails_its_controller() -> None:
    assert judge_with_pods(WAITING, [LOOPING], now=NOW) == Verdict(
        Health.FAILED, "1 pods have failed", "PodsFailed"
    )


def test_a_pod_without_room_does_not() -> None:
    assert compute_health(UNSCHEDULABLE, now=NOW).health is Health.FAILED
    assert judge_with_pods(WAITING, [UNSCHEDULABLE], now=NOW) == WAITING


def test_a_pod_that_is_going_does_not() -> None:
    going = {**LOOPING, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert judge_with_pods(WAITING, [going], now=NOW) == WAITING
