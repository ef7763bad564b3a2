from __future__ import annotations

from dataclasses import dataclass

import pytest

from steersman.conditions import StatusContract, StatusEditor, summarize
from steersman.conditions.summarize import Summary

NEGATIVE = ("StorageOperationFailed", "FetchFailed", "ArtifactOutdated", "Stalled", "Reconciling")
CONTRACT = StatusContract(
    owned=("Ready", *NEGATIVE, "ArtifactInStorage", "SourceVerified"),
    summarized=(
        "StorageOperationFailed",
        "FetchFailed",
        "ArtifactOutdated",
        "ArtifactInStorage",
        "SourceVerified",
        "Stalled",
        "Reconciling",
    ),
    negative=frozenset(NEGATIVE),
    bipolar=("SourceVerified",),
)


@dataclass(frozen=True)
class Case:
    id: str
    conditions: dict[str, str]
    expected: tuple[str, str] | None


CASES = [
    Case("nothing is summarized to nothing", {}, None),
    Case("others do not count", {"Foreign": "False"}, None),
    Case("something achieved is ready", {"ArtifactInStorage": "True"}, ("True", "Artifact")),
    Case(
        "a failure outweighs what was achieved",
        {"ArtifactInStorage": "True", "FetchFailed": "True"},
        ("False", "Fetch"),
    ),
    Case(
        "the most important failure is told",
        {"FetchFailed": "True", "StorageOperationFailed": "True"},
        ("False", "Storage"),
    ),
    Case(
        "a failure outweighs something missing",
        {"ArtifactInStorage": "False", "Reconciling": "True"},
        ("False", "Reconciling"),
    ),
    Case("something missing is not ready", {"ArtifactInStorage": "False"}, ("False", "Artifact")),
    Case("a failure that is not is ready", {"FetchFailed": "False"}, ("True", "Fetch")),
    Case("what is unknown stays unknown", {"FetchFailed": "Unknown"}, ("Unknown", "Fetch")),
    Case(
        "a bipolar condition that is False comes first of all",
        {"StorageOperationFailed": "True", "SourceVerified": "False"},
        ("False", "Source"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_summaries(case: Case):
    status = StatusEditor({}, lambda: "2026-01-01T00:00:00Z")
    for type, value in case.conditions.items():
        status.mark(type, value, type, f"about {type}")
    found = summarize({c.type: c for c in status.conditions}, CONTRACT)
    if case.expected is None:
        assert found is None
        return
    word, prefix = case.expected
    type = next(t for t in case.conditions if t.startswith(prefix))
    assert found == Summary(word, type, f"about {type}")
