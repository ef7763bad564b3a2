"""A Kubernetes API for tests: a pytest fixture, and the context manager behind it.

In ``conftest.py``::

    pytest_plugins = ["steersman.testing"]

and then::

    def test_deploys(kubernetes_api):
        run("kubectl", "--kubeconfig", kubernetes_api.kubeconfig_path, "apply", "-f", "app.yaml")

The server runs in a thread of its own, so synchronous clients can talk to it. Tests that run in an
event loop may use :class:`~steersman.servers.apiserver.server.ApiServer` directly, also under
virtual time.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from steersman.kit.clock import SystemClock
from steersman.servers.apiserver.server import ApiServer
from steersman.servers.nodes.pretend import PretendNodes

__all__ = ["RunningCluster", "kubernetes_api", "running_cluster"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCluster:
    """Where a running cluster is, and how to get in.

    Attributes:
        url: plain HTTP address.
        tls_url: TLS address.
        token: of the administrator, for both.
        certificate_authority: PEM, verifies the TLS address.
        kubeconfig: a kubeconfig's text.
        kubeconfig_path: a file that holds it.
    """

    url: str
    tls_url: str
    token: str
    certificate_authority: str
    kubeconfig: str
    kubeconfig_path: Path


@contextmanager
def running_cluster(*, nodes: bool = False, **options: Any) -> Iterator[RunningCluster]:
    """Runs a cluster in a thread until the block ends.

    Args:
        nodes: let workloads become ready on pretend nodes.
        options: of :class:`~steersman.servers.apiserver.server.ApiServer`.
    """
    started: list[RunningCluster | BaseException] = []
    ready = threading.Event()
    loop_box: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve(folder: Path) -> None:
        stop = asyncio.Event()
        loop_box.append((asyncio.get_running_loop(), stop))
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(ApiServer(clock=SystemClock(), **options))
            if nodes:
                await stack.enter_async_context(PretendNodes(server))
            await server.wait_settled()
            path = folder / "kubeconfig"
            path.touch(mode=0o600)
            path.write_text(server.kubeconfig())
            started.append(
                RunningCluster(
                    url=server.url,
                    tls_url=server.tls_url,
                    token=server.token(),
                    certificate_authority=server.certificate_authority,
                    kubeconfig=server.kubeconfig(),
                    kubeconfig_path=path,
                )
            )
            ready.set()
            await stop.wait()

    def run(folder: Path) -> None:
        try:
            asyncio.run(serve(folder))
        except BaseException as error:
            started.append(error)
            ready.set()

    with tempfile.TemporaryDirectory() as folder:
        thread = threading.Thread(target=run, args=(Path(folder),), name="steersman-cluster")
        thread.start()
        ready.wait()
        try:
            first = started[0]
            if isinstance(first, BaseException):
                raise first
            yield first
        finally:
            if loop_box and thread.is_alive():
                loop, stop = loop_box[0]
                loop.call_soon_threadsafe(stop.set)
            thread.join()


@pytest.fixture
def kubernetes_api() -> Iterator[RunningCluster]:
    """A fresh cluster for one test."""
    with running_cluster() as cluster:
        yield cluster
