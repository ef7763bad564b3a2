"""Serves the artifact store over HTTP: a plain file server without listings."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from aiohttp import web

from steersman.kit.paths import PathEscapes, clean_path, secure_join
from steersman.kit.tasks import run_blocking

__all__ = ["ArtifactServer"]


class ArtifactServer:
    """An HTTP server for the files in a directory; an async context manager.

    Args:
        root: the directory of the artifact store.
        host: the address to listen on.
        port: 0 takes a free one.
    """

    def __init__(self, root: Path, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._root = root
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> ArtifactServer:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
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

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = await run_blocking(self._find, request.match_info["path"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path)

    def _find(self, path: str) -> Path | None:
        try:
            found = secure_join(self._root, clean_path(path))
        except PathEscapes:
            return None
        hidden = any(part.startswith(".") for part in found.relative_to(self._root).parts)
        return found if found.is_file() and not hidden else None
