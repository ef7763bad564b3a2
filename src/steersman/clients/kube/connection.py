"""Where an API server is and how we prove who we are."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from steersman.errors import InvalidSpec
from steersman.kit.mask import Secret

__all__ = ["Connection", "Impersonation", "ssl_context"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Impersonation:
    """Whom a request acts as, if the caller has the right to."""

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One API server and one identity.

    Args:
        server: ``http`` or ``https`` URL; a path below it is kept.
        token: bearer token.
        token_file: file that holds the token and is read again for every request, as service
            account tokens are renewed in place; wins over ``token``.
        username: for basic authentication, with ``password``.
        password: for basic authentication.
        client_certificate: PEM, with ``client_key``.
        client_key: PEM.
        certificate_authority: PEM; the system's authorities when None.
        insecure: do not verify the server's certificate.
        tls_server_name: name to verify instead of the URL's host.
        proxy: URL of an HTTP proxy.
        impersonate: who to act as from the start.
        namespace: default namespace of the kubeconfig's context.
        name: what to call the cluster in messages.
    """

    server: str
    token: Secret[str] | None = None
    token_file: Path | None = None
    username: str = ""
    password: Secret[str] | None = None
    client_certificate: bytes | None = None
    client_key: Secret[bytes] | None = None
    certificate_authority: bytes | None = None
    insecure: bool = False
    tls_server_name: str | None = None
    proxy: str | None = None
    impersonate: Impersonation | None = None
    namespace: str = "default"
    name: str = field(default="")


def ssl_context(connection: Connection) -> ssl.SSLContext | None:
    """Makes the TLS context of a connection; None for plain ``http``.

    Raises:
        InvalidSpec: a certificate or key cannot be read.
    """
    if not connection.server.startswith("https://"):
        return None
    try:
        context = ssl.create_default_context(
            cadata=(connection.certificate_authority or b"").decode("ascii") or None
        )
        if connection.client_certificate is not None:
            _load_pair(context, connection.client_certificate, connection.client_key)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidSpec(f"the certificates for `{connection.server}` cannot be used") from error
    if connection.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: Secret[bytes] | None) -> None:
    # OpenSSL reads pairs from files only; the file is private and gone before we return.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(certificate + b"\n" + (key.reveal() if key else b""))
        file.flush()
        context.load_cert_chain(file.name)
