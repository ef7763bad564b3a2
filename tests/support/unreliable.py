"""A TCP relay that misbehaves by rule and seed: what networks and proxies do to connections."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from types import TracebackType

_CHUNK = 4096


@dataclass(frozen=True)
class Weather:
    """How bad it is; shares are of connections.

    Args:
        refused: closed as soon as they were accepted.
        cut: reset after a random number of answered bytes.
        most_bytes: of an answer before a cut.
        delay_seconds: at most, before each chunk of an answer.
    """

    refused: float = 0.0
    cut: float = 0.0
    most_bytes: int = 20_000
    delay_seconds: float = 0.0


class Relay:
    """Passes connections on to a server; an async context manager.

    Args:
        url: of the server, ``http://host:port``.
        seed: makes it repeatable.
    """

    def __init__(self, url: str, *, seed: int = 1) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self._target = (host, int(port))
        self._random = Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.weather = Weather()
        self.connections = 0

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.cut_all()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut_all(self) -> None:
        """Resets every connection that is open now."""
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        weather, random = self.weather, self._random
        try:
            if random.random() < weather.refused:
                return
            budget = random.randrange(weather.most_bytes) if random.random() < weather.cut else None
            there, back = await asyncio.open_connection(*self._target)
            self._open |= {writer, back}
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, back, None, 0.0))
                group.create_task(self._pass(there, writer, budget, weather.delay_seconds))
        except* (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Streams want their callback to end in peace, also when the relay is closed.
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        budget: int | None,
        delay: float,
    ) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                if delay:
                    await asyncio.sleep(self._random.random() * delay)
                writer.write(chunk if budget is None else chunk[:budget])
                await writer.drain()
                if budget is not None:
                    budget -= len(chunk)
                    if budget <= 0:
                        writer.transport.abort()
                        return
        finally:
            self._open.discard(writer)
            with suppress(RuntimeError):
                writer.transport.abort()
