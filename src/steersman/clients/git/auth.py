"""Credentials and trust for one repository, from the data of Secrets. Pure.

The rules are Flux's: a bearer token goes before a user name; user information in the address
fills what the Secret leaves open; SSH needs a key and known hosts, and its user is ``git`` unless
the address says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from steersman.errors import InvalidSpec, Unauthorized
from steersman.kit.mask import Secret

__all__ = ["GitAuth", "ProxySettings", "auth_from_secret", "bare_url", "proxy_from_secret"]

_DEFAULT_SSH_USER = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAuth:
    """Who we are, and whom we trust.

    Attributes:
        username: for basic authentication and SSH.
        password: for basic authentication, or of an encrypted SSH key.
        bearer_token: for HTTP, instead of a user name.
        identity: SSH private key, in PEM or OpenSSH form.
        known_hosts: host keys that are trusted, in OpenSSH form.
        ca: certificate authorities that are trusted instead of the system's, as PEM.
        client_certificate: our certificate for TLS, as PEM.
        client_key: its key, as PEM.
    """

    username: str = ""
    password: Secret[str] | None = None
    bearer_token: Secret[str] | None = None
    identity: Secret[bytes] | None = None
    known_hosts: bytes = b""
    ca: bytes = b""
    client_certificate: bytes = b""
    client_key: Secret[bytes] | None = None

    def secrets(self) -> Iterator[Secret[str]]:
        """Yields what must be struck out of messages."""
        for secret in (self.password, self.bearer_token):
            if secret:
                yield secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """The proxy to go through.

    Attributes:
        url: address without user information.
        username: may be empty.
        password: may be missing.
    """

    url: str
    username: str = ""
    password: Secret[str] | None = None


def bare_url(url: str) -> str:
    """Returns the address without user information, for messages."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def auth_from_secret(url: str, data: Mapping[str, bytes]) -> GitAuth:
    """Reads the credentials for an address.

    Args:
        url: the repository's address.
        data: the decoded data of ``spec.secretRef``; empty without one.

    Raises:
        InvalidSpec: the address cannot be read.
        Unauthorized: the data is not enough, or contradicts itself.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise InvalidSpec(f"failed to parse url '{url}': {error}", reason="URLInvalid") from error
    match parts.scheme:
        case "http" | "https":
            return _http_auth(parts, data)
        case "ssh":
            return _ssh_auth(parts, host or "", data)
        case "file":
            return GitAuth()
    raise Unauthorized(f"unknown transport '{parts.scheme}'")


def _http_auth(parts: SplitResult, data: Mapping[str, bytes]) -> GitAuth:
    username, password = _text(data, "username"), _text(data, "password")
    token = _text(data, "bearerToken") if "bearerToken" in data else ""
    if "bearerToken" in data:
        username = password = ""
    username = username or unquote(parts.username or "")
    password = password or unquote(parts.password or "")
    if password and not username:
        raise Unauthorized(
            f"invalid '{parts.scheme}' auth option: 'password' requires 'username' to be set"
        )
    if token and (username or password):
        raise Unauthorized("basic auth and bearer token cannot be set at the same time")
    key = data.get("tls.key", b"")
    return GitAuth(
        username=username,
        password=Secret(password) if password else None,
        bearer_token=Secret(token) if token else None,
        ca=data.get("ca.crt") or data.get("caFile", b""),
        client_certificate=data.get("tls.crt", b""),
        client_key=Secret(key) if key else None,
    )


def _ssh_auth(parts: SplitResult, host: str, data: Mapping[str, bytes]) -> GitAuth:
    for missing, found in (
        ("host", host),
        ("identity", data.get("identity")),
        ("known_hosts", data.get("known_hosts")),
    ):
        if not found:
            raise Unauthorized(f"invalid 'ssh' auth option: '{missing}' is required")
    password = _text(data, "password")
    return GitAuth(
        username=unquote(parts.username or "") or _DEFAULT_SSH_USER,
        password=Secret(password) if password else None,
        identity=Secret(data["identity"]),
        known_hosts=data["known_hosts"],
    )


def proxy_from_secret(name: str, data: Mapping[str, bytes]) -> ProxySettings:
    """Reads ``spec.proxySecretRef``.

    Args:
        name: ``namespace/name`` of the Secret, for messages.
        data: its decoded data.

    Raises:
        Unauthorized: there is no usable address in it.
    """
    address = _text(data, "address")
    if not address:
        raise Unauthorized(
            f"failed to configure proxy options: secret '{name}': key 'address' not found"
        )
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unauthorized(
            f"failed to configure proxy options: secret '{name}': only http and https proxies "
            "are supported"
        )
    username = _text(data, "username") or unquote(parts.username or "")
    password = _text(data, "password") or unquote(parts.password or "")
    return ProxySettings(
        url=bare_url(address),
        username=username,
        password=Secret(password) if password else None,
    )


def _text(data: Mapping[str, bytes], key: str) -> str:
    return data.get(key, b"").decode(errors="replace")
