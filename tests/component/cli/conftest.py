from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.liveclusters import LiveClusters


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveClusters]:
    """Two clusters, staging and prod, found by STEERSMAN_DATA."""
    monkeypatch.setenv("STEERSMAN_DATA", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with LiveClusters(tmp_path).running(["staging", "prod"]) as live:
        yield live
