"""What a running engine says about itself over HTTP: probes, metrics, the state of the fleet."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from steersman.apis.crds import KINDS
from steersman.clients.kube import KubeClient
from steersman.queries.report import plain
from steersman.queries.status import read_status

__all__ = ["StatusServer"]


class StatusServer:
    """Answers on loopback; an async context manager.

    ======== =======================================================================
    path      answer
    ======== =======================================================================
    /healthz  200 while the process serves
    /readyz   200 when every Flux object of every cluster is Ready, else 503
    /status   the same ``StatusReport`` as ``steersman get all -A -o json``
    /metrics  Prometheus' text format, by the names of Flux's controllers
    ======== =======================================================================

    Args:
        clients: of the clusters, by name.
        registry: the metrics.
        host: the address to listen on.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        clients: Mapping[str, KubeClient],
        registry: CollectorRegistry,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._clients = clients
        self._registry = registry
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> StatusServer:
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/status", self._status)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        report = await read_status(self._clients, KINDS)
        if report.all_ready:
            return web.Response(text=f"{report.summary.ready} objects are Ready\n")
        waiting = [
            f"{item.cluster}: {item.kind}/{item.namespace}/{item.name}: {item.message}"
            for item in report.items
            if not item.is_ready
        ]
        waiting += [f"{failure.cluster}: {failure.message}" for failure in report.failures]
        return web.Response(status=503, text="\n".join(waiting) + "\n")

    async def _status(self, _: web.Request) -> web.Response:
        report = await read_status(self._clients, KINDS)
        body = msgspec.json.encode(plain(report))
        return web.Response(body=body, content_type="application/json")

    async def _metrics(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(self._registry), headers=headers)
