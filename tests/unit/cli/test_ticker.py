"""What ``up`` tells while it runs."""

from __future__ import annotations

import io
from typing import Any

import pytest

from steersman.cli.render.terminal import Terminal
from steersman.cli.render.ticker import Ticker
from steersman.queries.status import ObjectStatus, status_of

OLD, NEW = "main@sha1:" + "0" * 40, "main@sha1:" + "1" * 40


def a_state(name: str, ready: str, reason: str, message: str, revision: str = OLD) -> ObjectStatus:
    status: dict[str, Any] = {
        "observedGeneration": 1,
        "lastAppliedRevision": revision,
        "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": message}],
    }
    metadata = {"name": name, "namespace": "flux-system", "generation": 1}
    return status_of({"kind": "Kustomization", "metadata": metadata, "status": status}, "staging")


def done(name: str, revision: str) -> ObjectStatus:
    return a_state(name, "True", "ReconciliationSucceeded", f"Applied revision: {revision}")


BUSY = a_state("infra", "Unknown", "Progressing", "Building")
WAITS = a_state("infra", "False", "DependencyNotReady", "dependency 'x' is not ready")
BROKEN = a_state("infra", "False", "BuildFailed", "a.yaml:3: no such\n field")


def told(*states: ObjectStatus, arrived: bool, quiet: bool = False) -> list[str]:
    err = io.StringIO()
    ticker = Ticker(Terminal(io.StringIO(), err, colour=False, progress=False), quiet=quiet)
    ticker.arrived = arrived
    for state in states:
        ticker.take(state)
    return err.getvalue().splitlines()


@pytest.mark.parametrize(
    ("states", "lines"),
    [
        (
            [done("infra", OLD)],
            ["✔ staging: Kustomization/infra Applied revision: main@sha1:00000000"],
        ),
        ([BUSY, WAITS], []),
        ([BROKEN], ["✗ staging: Kustomization/infra BuildFailed: a.yaml:3: no such field"]),
        (
            [BROKEN, BUSY, BROKEN],
            ["✗ staging: Kustomization/infra BuildFailed: a.yaml:3: no such field"],
        ),
    ],
    ids=[
        "an arrival is one line",
        "what passes is not told",
        "a failure is one line",
        "the same failure is told once",
    ],
)
def test_what_is_told_once_it_has_arrived(states: list[ObjectStatus], lines: list[str]) -> None:
    assert told(*states, arrived=True) == lines


def test_until_then_only_counts_and_failures() -> None:
    assert told(BUSY, done("apps", OLD), BROKEN, arrived=False) == [
        "◎ 0 of 1 objects are Ready",
        "◎ 1 of 2 objects are Ready",
        "✗ staging: Kustomization/infra BuildFailed: a.yaml:3: no such field",
        "◎ 1 of 2 objects are Ready",
    ]


def test_quiet_tells_failures_only() -> None:
    assert told(done("apps", OLD), BROKEN, done("apps", NEW), arrived=True, quiet=True) == [
        "✗ staging: Kustomization/infra BuildFailed: a.yaml:3: no such field"
    ]
