"""From bytes to a store, over HTTP, and back: verified at both ends, garbage collected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest

from steersman.artifacts import (
    ArtifactCorrupt,
    ArtifactFetcher,
    ArtifactNotFound,
    ArtifactServer,
    ArtifactStore,
    ArtifactUnusable,
    Retention,
)
from steersman.errors import NetworkFailed
from steersman.kit.archive import FileEntry, UnpackLimits, pack
from steersman.kit.clock import VirtualClock

TREE = {"a.yaml": FileEntry(b"a: 1\n"), "bin/run": FileEntry(b"#!", executable=True)}


@dataclass
class World:
    store: ArtifactStore
    fetcher: ArtifactFetcher
    server: ArtifactServer
    clock: VirtualClock

    def put(self, file: str = "1.tar.gz", data: bytes | None = None):  # type: ignore[no-untyped-def]
        return self.store.put(
            pack(TREE) if data is None else data,
            kind="GitRepository",
            namespace="flux-system",
            name="d1",
            file=file,
            revision="main@sha1:1",
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = VirtualClock(asyncio.get_running_loop())
    async with ArtifactServer(tmp_path) as server, aiohttp.ClientSession() as session:
        store = ArtifactStore(tmp_path, server.url, clock=clock)
        limits = UnpackLimits(total_bytes=50_000)
        fetcher = ArtifactFetcher(session, clock=clock, limits=limits)
        yield World(store, fetcher, server, clock)


async def test_what_was_stored_is_fetched(world: World) -> None:
    artifact = world.put()
    assert artifact.path == "gitrepository/flux-system/d1/1.tar.gz"
    assert artifact.url == f"{world.server.url}/gitrepository/flux-system/d1/1.tar.gz"
    assert artifact.last_update_time == "2026-01-01T00:00:00Z"
    assert artifact.size == len(pack(TREE))
    assert world.store.exists(artifact)
    world.store.verify(artifact)
    fetched = await world.fetcher.fetch(artifact)
    assert (dict(fetched.files), fetched.digest, fetched.size) == (TREE, artifact.digest, 7)


async def test_one_digest_is_fetched_once(world: World) -> None:
    artifact = world.put()
    first, second = await asyncio.gather(
        world.fetcher.fetch(artifact), world.fetcher.fetch(artifact)
    )
    world.store.remove(artifact)
    assert first is second is await world.fetcher.fetch(artifact)


async def test_a_file_that_was_changed_is_noticed_at_both_ends(world: World) -> None:
    artifact = world.put()
    world.store.local_path(artifact.path).write_bytes(pack({}))
    with pytest.raises(ArtifactCorrupt):
        world.store.verify(artifact)
    with pytest.raises(ArtifactUnusable) as refused:
        await world.fetcher.fetch(artifact)
    assert refused.value.message == (
        f"failed to verify archive: computed digest doesn't match provided '{artifact.digest}'"
    )


async def test_a_file_that_is_gone_is_not_found(world: World) -> None:
    artifact = world.put()
    world.store.remove(artifact)
    assert not world.store.exists(artifact)
    with pytest.raises(ArtifactNotFound):
        await world.fetcher.fetch(artifact)


async def test_a_bomb_is_refused(world: World) -> None:
    artifact = world.put(data=pack({"zeros": FileEntry(bytes(1_000_000))}))
    with pytest.raises(ArtifactUnusable, match="failed to extract archive"):
        await world.fetcher.fetch(artifact)


async def test_a_server_that_is_down_is_tried_again(world: World) -> None:
    artifact = msgspec.structs.replace(world.put(), url="http://127.0.0.1:1/x.tar.gz")
    began = world.clock.monotonic()
    with pytest.raises(NetworkFailed, match="failed to download archive"):
        await world.fetcher.fetch(artifact)
    assert world.clock.monotonic() - began >= 3


@pytest.mark.parametrize(
    "path", ["", "gitrepository", "../secret", "%2e%2e/secret", "link", ".draft", "a/../.draft"]
)
async def test_nothing_else_is_served(world: World, tmp_path: Path, path: str) -> None:
    world.put()
    (tmp_path.parent / "secret").write_text("secret")
    (tmp_path / "link").symlink_to("../secret")
    (tmp_path / ".draft").write_text("half")
    async with aiohttp.ClientSession() as session, session.get(f"{world.server.url}/{path}") as got:
        assert got.status == 404


async def test_old_artifacts_are_collected(world: World) -> None:
    for number in range(5):
        artifact = world.put(f"{number}.tar.gz")
        await world.clock.sleep(30)
    # Ages are 150, 120, 90, 60 and 30 seconds; two files may stay.
    assert world.store.collect_garbage(artifact) == ["0.tar.gz", "1.tar.gz", "2.tar.gz"]
    assert world.store.collect_garbage(artifact) == []
    await world.clock.sleep(60)
    assert world.store.collect_garbage(artifact) == ["3.tar.gz"]
    assert world.store.exists(artifact)


async def test_young_artifacts_beyond_the_number_are_collected(world: World) -> None:
    artifacts = [world.put(f"{number}.tar.gz") for number in range(3)]
    current = artifacts[0]
    assert world.store.collect_garbage(current) == ["1.tar.gz"]
    assert world.store.exists(current)


async def test_all_artifacts_of_an_object_can_be_removed(world: World) -> None:
    artifact = world.put()
    assert world.store.remove_all("GitRepository", "flux-system", "d1")
    assert not world.store.exists(artifact)
    assert not world.store.remove_all("GitRepository", "flux-system", "d1")


def test_the_defaults_are_flux_s() -> None:
    assert (Retention().ttl.total_seconds(), Retention().records) == (60, 2)
