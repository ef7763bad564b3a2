"""Our substitution against the tables of the library that Flux uses."""

from __future__ import annotations

import pytest

from steersman.substitute.expand import BadSubstitution, VariableNotSet, expand
from tests.support.upstreamrows import rows_of

pytestmark = pytest.mark.conformance


def test_every_row_expands_as_upstream() -> None:
    rows = rows_of("envsubst")
    wrong = []
    for row in rows:
        try:
            actual: str | None = expand(row["template"], row["vars"], strict=row["strict"])
        except (BadSubstitution, VariableNotSet):
            actual = None
        if actual != row["expected"]:
            wrong.append((row["template"], row["vars"], row["expected"], actual))
    assert len(rows) >= 50
    assert wrong == []
