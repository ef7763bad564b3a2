from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.clusters import Cluster, a_cluster


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """An embedded cluster under the test's clock, with a client that acts as its administrator."""
    async with a_cluster() as cluster:
        yield cluster
