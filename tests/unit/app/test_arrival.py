"""When a promoted commit counts as arrived."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.app.actions import ReconcileFailed
from steersman.app.arrival import Arrival
from steersman.queries.status import ObjectStatus, status_of

OLD, NEW = "0" * 40, "1" * 40


def a_state(
    name: str, commit: str, *, ready: str = "True", reason: str = "ReconciliationSucceeded",
    attempted: str | None = None, suspend: bool = False, branch: str = "production",
) -> ObjectStatus:  # fmt: skip
    status: dict[str, Any] = {
        "observedGeneration": 1,
        "lastAppliedRevision": f"{branch}@sha1:{commit}",
        "lastAttemptedRevision": f"{branch}@sha1:{attempted or commit}",
        "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": "said"}],
    }
    manifest = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system", "generation": 1},
        "spec": {"suspend": suspend},
        "status": status,
    }
    return status_of(manifest, "prod")


def arrival_of(*states: ObjectStatus) -> Arrival:
    arrival = Arrival("production", NEW)
    for state in states:
        arrival.add(state)
    return arrival


@pytest.mark.parametrize(
    ("states", "complete"),
    [
        ([], False),
        ([a_state("a", NEW), a_state("b", OLD)], False),
        ([a_state("a", NEW), a_state("b", NEW)], True),
        ([a_state("a", NEW, ready="Unknown", reason="Progressing")], False),
        ([a_state("a", NEW), a_state("b", OLD, suspend=True)], True),
        ([a_state("a", NEW), a_state("fleet", OLD, branch="main")], True),
        ([a_state("a", OLD, ready="False", reason="BuildFailed"), a_state("a", NEW)], True),
    ],
    ids=[
        "nothing seen yet is not arrived",
        "one that lags is enough to wait",
        "all at the commit and Ready is arrived",
        "being worked on is not arrived",
        "suspended objects do not count",
        "objects of other branches do not count",
        "only the newest state of an object counts",
    ],
)
def test_arrival(states: list[ObjectStatus], complete: bool) -> None:
    assert arrival_of(*states).is_complete is complete


def test_a_failure_at_the_commit_ends_the_wait() -> None:
    with pytest.raises(ReconcileFailed) as caught:
        arrival_of(a_state("a", OLD, ready="False", reason="HealthCheckFailed", attempted=NEW))
    assert caught.value.reason == "HealthCheckFailed"
    assert caught.value.message == "Kustomization/flux-system/a: said"


def test_waiting_for_a_dependency_does_not() -> None:
    state = a_state("a", OLD, ready="False", reason="DependencyNotReady", attempted=NEW)
    assert list(arrival_of(state).lagging) == [state]
