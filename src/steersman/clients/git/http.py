"""Smart HTTP: one request to greet, one to list, one to fetch. No thread, no program.

Redirects are followed only for the first request, as Git does; to another host our credentials do
not go along.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from steersman.clients.git.auth import GitAuth, ProxySettings, bare_url
from steersman.clients.git.errors import GitOperationFailed
from steersman.clients.git.limits import GitLimits
from steersman.clients.git.pack import Fetched, KnownObjects, unpack_answer
from steersman.clients.git.protocol import (
    Advertisement,
    FetchAnswer,
    FetchReader,
    FetchRequest,
    PacketReader,
    encode_fetch,
    encode_listing,
    parse_advertisement,
    parse_listing,
)
from steersman.errors import Forbidden, NetworkFailed, Unauthorized
from steersman.kit.pktline import Packet
from steersman.sources.checkout import RemoteReference

__all__ = ["HttpConnection", "tls_context"]

_MAX_REDIRECTS = 5
_PIECE = 256 * 1024
_LISTING_BYTES = 64 * 1024 * 1024
_UPLOAD_PACK = "git-upload-pack"


def tls_context(auth: GitAuth) -> ssl.SSLContext | None:
    """Builds the TLS settings of one repository; ``None`` when the system's are right.

    Raises:
        GitOperationFailed: a certificate or key cannot be read.
    """
    if not auth.ca and not auth.client_certificate:
        return None
    try:
        context = ssl.create_default_context(
            cadata=auth.ca.decode("ascii", errors="replace") if auth.ca else None
        )
        if auth.client_certificate:
            _load_client_certificate(context, auth)
    except (ssl.SSLError, ValueError) as error:
        raise GitOperationFailed(f"tls: {error}") from error
    return context


def _load_client_certificate(context: ssl.SSLContext, auth: GitAuth) -> None:
    key = auth.client_key.reveal() if auth.client_key else b""
    if b"PRIVATE KEY" not in key:
        raise GitOperationFailed("tls: failed to find any PEM data in key input")
    # The standard library reads a certificate only from a file, which is gone again at once.
    with tempfile.NamedTemporaryFile(prefix="steersman-tls-") as file:
        file.write(auth.client_certificate + b"\n" + key)
        file.flush()
        context.load_cert_chain(Path(file.name), password="")


class HttpConnection:
    """A repository over HTTP.

    Args:
        session: the HTTP session.
        url: the repository's address; user information in it is not used.
        auth: who we are.
        proxy: the proxy to go through.
        limits: what this may cost.
        greeting: what the server said first another time; saves asking again.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        auth: GitAuth,
        proxy: ProxySettings | None,
        limits: GitLimits,
        greeting: Advertisement | None = None,
    ) -> None:
        self._session = session
        self._url = bare_url(url).rstrip("/")
        self._auth = auth
        self._proxy = proxy
        self._limits = limits
        self._ssl = tls_context(auth) or True
        self._headers = {"User-Agent": "git/steersman", "Git-Protocol": "version=2"}
        self._authorization = _authorization(auth)
        self._advertisement = greeting
        self._moved = False

    @property
    def greeting(self) -> Advertisement | None:
        """What the server said first, if that will hold for other connections to it."""
        advertisement = self._advertisement
        lasts = advertisement is not None and advertisement.version == 2 and not self._moved
        return advertisement if lasts else None

    async def references(self, prefixes: Iterable[str]) -> Sequence[RemoteReference]:
        """Lists references.

        Args:
            prefixes: hints which ones matter.

        Raises:
            GitOperationFailed: the repository is not there or is broken.
            Unauthorized: we must say who we are.
            Forbidden: we may not.
            NetworkFailed: the server cannot be reached.
        """
        advertisement = await self._greet()
        if advertisement.version != 2:
            return advertisement.references
        answer = await self._post(encode_listing(prefixes))
        return parse_listing(answer, self._limits)

    async def objects(self, request: FetchRequest, known: KnownObjects) -> Fetched:
        """Fetches objects.

        Args:
            request: which ones.
            known: finds objects we already have.

        Raises: as :meth:`references`.
        """
        return await unpack_answer(await self._fetch(request), known, self._limits)

    async def _fetch(self, request: FetchRequest) -> FetchAnswer:
        advertisement = await self._greet()
        reader = FetchReader(
            version=advertisement.version, deepens=bool(request.depth), limits=self._limits
        )
        async with self._request("POST", _UPLOAD_PACK, encode_fetch(request, advertisement)) as got:
            async for piece in got.content.iter_chunked(_PIECE):
                reader.feed(piece)
        return reader.finish()

    async def _greet(self) -> Advertisement:
        if self._advertisement is None:
            where = f"info/refs?service={_UPLOAD_PACK}"
            async with self._request("GET", where, None) as answer:
                expected = f"application/x-{_UPLOAD_PACK}-advertisement"
                if answer.content_type != expected:
                    raise GitOperationFailed("the server does not speak Git's smart protocol")
                packets = await self._packets(answer)
            self._advertisement = parse_advertisement(packets, self._limits)
        return self._advertisement

    async def _post(self, body: bytes) -> list[Packet]:
        async with self._request("POST", _UPLOAD_PACK, body) as answer:
            return await self._packets(answer)

    async def _packets(self, answer: aiohttp.ClientResponse) -> list[Packet]:
        reader, packets, size = PacketReader(), [], 0
        async for piece in answer.content.iter_chunked(_PIECE):
            size += len(piece)
            if size > _LISTING_BYTES:
                raise GitOperationFailed("the server's list of references is too long")
            reader.feed(piece)
            while (packet := reader.take()) is not None:
                packets.append(packet)
        return packets

    @asynccontextmanager
    async def _request(
        self, method: str, where: str, body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            for _ in range(_MAX_REDIRECTS):
                async with self._send(method, where, body) as answer:
                    if method == "GET" and answer.status in (301, 302, 303, 307, 308):
                        self._follow(answer.headers.get("Location", ""), where)
                        continue
                    _check(answer)
                    yield answer
                    return
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkFailed(_explain(error, self._url)) from error
        raise GitOperationFailed("the server redirects too often")

    def _send(
        self, method: str, where: str, body: bytes | None
    ) -> aiohttp.client._RequestContextManager:
        headers = dict(self._headers)
        if self._authorization:
            headers["Authorization"] = self._authorization
        if body is not None:
            headers["Content-Type"] = f"application/x-{_UPLOAD_PACK}-request"
            headers["Accept"] = f"application/x-{_UPLOAD_PACK}-result"
        url = f"{self._url}/{where}"
        to_proxy = _proxy_headers(self._proxy)
        if url.startswith("http://"):
            headers |= to_proxy  # the proxy reads the request itself, there is no tunnel
        return self._session.request(
            method,
            url,
            data=body,
            headers=headers,
            ssl=self._ssl,
            proxy=self._proxy.url if self._proxy is not None else None,
            proxy_headers=to_proxy or None,
            allow_redirects=False,
        )

    def _follow(self, location: str, where: str) -> None:
        """Takes up a redirect: from now on the repository is there."""
        suffix = f"/{where}"
        if location.startswith("/"):
            parts = urlsplit(self._url)
            location = f"{parts.scheme}://{parts.netloc}{location}"
        before, after = urlsplit(self._url), urlsplit(location)
        if not location.endswith(suffix) or after.scheme not in ("http", "https"):
            raise GitOperationFailed("the server redirects to what is no repository")
        if before.scheme == "https" and after.scheme == "http":
            raise GitOperationFailed("the server redirects to an insecure address")
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            self._authorization = ""
        self._url = location.removesuffix(suffix)
        self._moved = True


def _authorization(auth: GitAuth) -> str:
    if auth.bearer_token:
        return f"Bearer {auth.bearer_token.reveal()}"
    if auth.username:
        password = auth.password.reveal() if auth.password else ""
        return aiohttp.encode_basic_auth(auth.username, password, encoding="utf-8")
    return ""


def _proxy_headers(proxy: ProxySettings | None) -> dict[str, str]:
    if proxy is None or not proxy.username:
        return {}
    password = proxy.password.reveal() if proxy.password else ""
    return {"Proxy-Authorization": aiohttp.encode_basic_auth(proxy.username, password)}


def _check(answer: aiohttp.ClientResponse) -> None:
    match answer.status:
        case 200:
            return
        case 401:
            raise Unauthorized("authentication required", reason="GitOperationFailed")
        case 403:
            raise Forbidden("authorization failed", reason="GitOperationFailed")
        case 407:
            raise Unauthorized("the proxy refuses us", reason="GitOperationFailed")
        case 404 | 410:
            raise GitOperationFailed("repository not found")
    raise GitOperationFailed(f"unexpected client error: status code {answer.status}")


def _explain(error: Exception, url: str) -> str:
    """What went wrong, without the library's wrapping and without any credentials."""
    host = urlsplit(url).netloc
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify the certificate of {host}: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {host}: {error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return f"{host} ended the connection"
    return f"{host}: {error}" if str(error) else f"{host}: {type(error).__name__}"
