"""Every exception of aiohttp has a translation; a new one in an upgrade fails here."""

from __future__ import annotations

import errno
import inspect
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from steersman.clients.kube.request import Request
from steersman.clients.kube.response import Response
from steersman.clients.kube.transport import retry_wait, translate
from steersman.errors import InvalidSpec, NetworkFailed

REQUEST = Request(method="GET", path="/api/v1/pods")
SERVER = "https://cluster.example"
KEY = ConnectionKey("cluster.example", 443, True, True, None, None, None)
INFO = aiohttp.RequestInfo(URL(SERVER), "GET", None, URL(SERVER))  # type: ignore[arg-type]
REFUSED = OSError(errno.ECONNREFUSED, "Connection refused")
CERTIFICATE = ssl.SSLCertVerificationError(1, "self-signed")


def example(kind: type[BaseException]) -> BaseException:
    """An instance as aiohttp would make it."""
    if issubclass(kind, aiohttp.ClientConnectorCertificateError):
        return kind(KEY, CERTIFICATE)
    if issubclass(kind, aiohttp.ServerFingerprintMismatch):
        return kind(b"a", b"b", "cluster.example", 443)
    if kind.__name__ == "UnixClientConnectorError":
        return kind("/socket", KEY, REFUSED)
    if issubclass(kind, aiohttp.ClientConnectorError):
        return kind(KEY, REFUSED)
    if issubclass(kind, aiohttp.ClientResponseError):
        return kind(INFO, ())
    if issubclass(kind, OSError) and not issubclass(kind, TimeoutError):
        return kind(errno.EPIPE, "Broken pipe")
    return kind("something")


CLIENT_ERRORS = sorted(
    {
        value
        for _, value in inspect.getmembers(aiohttp, inspect.isclass)
        if issubclass(value, aiohttp.ClientError)
    },
    key=lambda kind: kind.__name__,
)
OTHERS = [ssl.SSLError, ConnectionResetError, TimeoutError, BrokenPipeError, OSError]
UNUSABLE = aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError


@pytest.mark.parametrize("kind", [*CLIENT_ERRORS, *OTHERS], ids=lambda kind: kind.__name__)
def test_every_foreign_error_is_ours_afterwards(kind: type[BaseException]):
    error = example(kind)
    ours = translate(error, REQUEST, SERVER)
    assert type(ours) is (InvalidSpec if isinstance(error, UNUSABLE) else NetworkFailed)
    assert SERVER in ours.message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (aiohttp.ClientConnectorError(KEY, REFUSED), "cannot connect: Connection refused"),
        (TimeoutError(), "no answer in time"),
        (aiohttp.ServerTimeoutError(), "no answer in time"),
        (aiohttp.ServerDisconnectedError(), "the connection was lost"),
        (ConnectionResetError(errno.ECONNRESET, "Reset by peer"), "Reset by peer"),
        (
            aiohttp.ClientConnectorCertificateError(KEY, CERTIFICATE),
            "the server's certificate is not trusted",
        ),
    ],
)
def test_common_errors_say_what_happened(error: BaseException, message: str):
    ours = translate(error, REQUEST, SERVER)
    assert ours.message == f"GET {SERVER}/api/v1/pods: {message}"


def test_what_is_not_foreign_is_not_hidden():
    with pytest.raises(KeyError):
        translate(KeyError("bug"), REQUEST, SERVER)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (200, {"retry-after": "1"}, None),
        (409, {"retry-after": "1"}, None),
        (429, {"retry-after": "1"}, 1),
        (429, {}, None),
        (503, {"retry-after": "3"}, 3),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (500, {}, None),
    ],
)
def test_a_request_is_repeated_only_when_the_server_says_when(status, headers, wait):
    assert retry_wait(Response(status, headers, b"")) == wait
