"""Sends requests over HTTP: identity, limits, retries, and the translation of foreign errors."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from steersman.clients.kube.connection import Connection, Impersonation, ssl_context
from steersman.clients.kube.request import Request
from steersman.clients.kube.response import Response, read_error, retry_after_of
from steersman.errors import InvalidSpec, NetworkFailed, SteersmanError
from steersman.kit.clock import Clock

__all__ = ["Limits", "Transport", "translate"]

_CONNECT_SECONDS: Final = 10.0
# A watch that was cut without a word is noticed this long after the server should have ended it.
_WATCH_GRACE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a transport.

    Args:
        concurrent: requests in flight; watches do not count.
        seconds: for one request, answer included.
        attempts: how often a request is sent when the server asks to come back later.
        most_wait_seconds: longest wait that a server may ask for.
        idle_seconds: how long an unused connection is kept.
    """

    concurrent: int = 64
    seconds: float = 60.0
    attempts: int = 6
    most_wait_seconds: float = 30.0
    idle_seconds: float = 30.0


def translate(error: BaseException, request: Request, server: str) -> SteersmanError:
    """Turns what aiohttp and the system raise into our errors.

    Certificates that do not fit, names that do not resolve and peers that hang up are all
    :class:`NetworkFailed`, since they may heal without us; an address that cannot be used at all
    is :class:`InvalidSpec`.
    """
    where = f"{request.method} {server}{request.path}"
    match error:
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return InvalidSpec(f"`{server}` is not an address of an API server")
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return NetworkFailed(
                f"{where}: the server's certificate is not trusted",
                hint="check the certificate authority and the server's name",
            )
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return NetworkFailed(f"{where}: the TLS handshake failed")
        case TimeoutError():
            return NetworkFailed(f"{where}: no answer in time")
        case aiohttp.ClientConnectorError():
            return NetworkFailed(f"{where}: cannot connect: {error.strerror or error.os_error}")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return NetworkFailed(f"{where}: the connection was lost")
        case aiohttp.ClientError():
            return NetworkFailed(f"{where}: {type(error).__name__}")
        case OSError():
            return NetworkFailed(f"{where}: {error.strerror or type(error).__name__}")
        case _:
            raise error


def identity_headers(connection: Connection) -> dict[str, str]:
    """Returns the ``Authorization`` header, if the connection has a token or a password."""
    if connection.token_file is not None:
        token = connection.token_file.read_text("utf-8").strip()
        return {"Authorization": f"Bearer {token}"}
    if connection.token is not None:
        return {"Authorization": f"Bearer {connection.token.reveal()}"}
    if connection.username and connection.password is not None:
        pair = f"{connection.username}:{connection.password.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
    return {}


def impersonation_headers(impersonation: Impersonation | None) -> list[tuple[str, str]]:
    """Returns the ``Impersonate-*`` headers, groups in their order."""
    if impersonation is None:
        return []
    headers = [("Impersonate-User", impersonation.user)]
    headers += [("Impersonate-Group", group) for group in impersonation.groups]
    if impersonation.uid:
        headers.append(("Impersonate-Uid", impersonation.uid))
    return headers


class Transport:
    """A pool of connections to one API server. Use as an async context manager.

    Args:
        connection: where and who.
        user_agent: told to the server.
        clock: for waits that the server asks for.
        limits: bounds.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        user_agent: str,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._connection = connection
        self._user_agent = user_agent
        self._clock = clock
        self._limits = limits or Limits()
        self._tickets = asyncio.Semaphore(self._limits.concurrent)
        self._session: aiohttp.ClientSession | None = None
        self.sent = 0

    @property
    def connection(self) -> Connection:
        """Where requests go."""
        return self._connection

    async def __aenter__(self) -> Transport:
        context = ssl_context(self._connection)
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=self._limits.idle_seconds,
            ssl=context if context is not None else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._user_agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: Request, impersonation: Impersonation | None = None) -> Response:
        """Sends a request; waits and sends it again while the server asks to come back later.

        Answers with any status are returned, not raised.

        Raises:
            NetworkFailed: there was no answer.
            InvalidSpec: the address cannot be used.
        """
        timeout = aiohttp.ClientTimeout(total=self._limits.seconds, sock_connect=_CONNECT_SECONDS)
        for attempt in range(1, self._limits.attempts + 1):
            async with self._tickets, self._open(request, impersonation, timeout) as answer:
                body = await answer.read()
                headers = {name.lower(): value for name, value in answer.headers.items()}
                response = Response(answer.status, headers, body)
            wait = retry_wait(response)
            if wait is None or attempt == self._limits.attempts:
                break
            await self._clock.sleep(min(wait, self._limits.most_wait_seconds))
        return response

    @asynccontextmanager
    async def stream(
        self,
        request: Request,
        impersonation: Impersonation | None = None,
        *,
        timeout_seconds: float,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Opens a watch; gives the chunks of its body.

        Raises:
            ApiError: the server refused the watch.
            NetworkFailed: it could not be opened, or broke while it was read.
        """
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=_CONNECT_SECONDS,
            sock_read=timeout_seconds + _WATCH_GRACE_SECONDS,
        )
        async with self._open(request, impersonation, timeout) as answer:
            if answer.status >= 400:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                raise read_error(request, Response(answer.status, headers, await answer.read()))
            connection = answer.connection
            wire = connection.transport if connection else None
            try:
                yield answer.content.iter_any()
            finally:
                # A stream that is left early is cut, not shut down: a TLS farewell would outlive
                # the loop of a command that ends now.
                if wire is not None and not answer.content.at_eof():
                    wire.abort()

    @asynccontextmanager
    async def _open(
        self,
        request: Request,
        impersonation: Impersonation | None,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise NetworkFailed(f"{request}: the client is closed")
        url = _url(self._connection.server, request)
        self.sent += 1
        try:
            async with self._session.request(
                request.method,
                url,
                data=request.body,
                headers=self._headers(request, impersonation),
                timeout=timeout,
                proxy=self._connection.proxy,
                server_hostname=self._connection.tls_server_name,
                allow_redirects=False,
            ) as answer:
                yield answer
        except (aiohttp.ClientError, OSError) as error:
            raise translate(error, request, self._connection.server) from error

    def _headers(self, request: Request, impersonation: Impersonation | None) -> Mapping[str, str]:
        headers: CIMultiDict[str] = CIMultiDict(identity_headers(self._connection))
        headers["Accept"] = request.accept
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        for name, value in impersonation_headers(impersonation or self._connection.impersonate):
            headers.add(name, value)
        return headers


def _url(server: str, request: Request) -> URL:
    try:
        url = URL(server + request.path, encoded=True)
    except ValueError as error:
        raise InvalidSpec(f"`{server}` is not an address of an API server") from error
    return url.with_query(request.query) if request.query else url


def retry_wait(response: Response) -> float | None:
    """Returns the seconds after which the server wants the same request again, if it does.

    As client-go: 429 and 5xx count only with ``Retry-After``; the request was not carried out.
    """
    if response.status != 429 and response.status < 500:
        return None
    return retry_after_of(response.headers)
