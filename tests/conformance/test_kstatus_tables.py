"""Our verdicts against kstatus' own table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml

from steersman.health.kstatus import compute_health
from steersman.health.verdict import Health, Verdict
from tests.support.upstreamrows import rows_of

pytestmark = pytest.mark.conformance
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def condition_types(verdict: Verdict) -> list[tuple[str, str]]:
    if verdict.health is Health.IN_PROGRESS:
        return [("Reconciling", verdict.reason)]
    if verdict.health is Health.FAILED:
        return [("Stalled", verdict.reason)]
    return []


def test_every_row_has_upstreams_status_and_reason() -> None:
    rows = rows_of("kstatus")
    wrong = []
    for row in rows:
        verdict = compute_health(yaml.safe_load(row["manifest"]), now=NOW)
        expected = "Unknown" if row["expected_error"] else row["expected_status"]
        conditions = [(c["Type"], c["Reason"]) for c in row["expected_conditions"]]
        actual = condition_types(verdict)
        if verdict.health != expected or (conditions and actual != conditions):
            wrong.append((row["name"], expected, verdict, conditions))
    assert len(rows) >= 28
    assert wrong == []
