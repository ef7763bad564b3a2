"""Accounts of an embedded cluster and the credentials they use, kept across restarts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from steersman.servers.apiserver.authn import User
from steersman.servers.apiserver.tls import Authority, KeyPair

__all__ = ["ADMIN", "Account", "Credentials"]

ADMIN = "kubernetes-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may use the cluster.

    Attributes:
        name: the user name.
        groups: such as ``system:masters``.
        token: the bearer token; empty lets the server choose one.
    """

    name: str
    groups: tuple[str, ...] = ()
    token: str = ""

    @property
    def user(self) -> User:
        """The identity that authorisation sees."""
        return User(name=self.name, groups=self.groups)


class _Kept(msgspec.Struct):
    """What a restart needs to find again."""

    authority_certificate: str
    authority_key: str
    server_certificate: str
    server_key: str
    signing_key: str
    tokens: dict[str, str]
    http_port: int = 0
    tls_port: int = 0


class Credentials:
    """The authority, the server's certificate and everybody's token.

    Args:
        kept: the values.
        now: when certificates begin to be valid.
        path: where the values are kept, or ``None``.
    """

    def __init__(self, kept: _Kept, now: datetime, path: Path | None) -> None:
        self._kept = kept
        self._path = path
        pair = KeyPair(certificate=kept.authority_certificate, key=kept.authority_key)
        self.authority = Authority(pair, now)
        self.server = KeyPair(certificate=kept.server_certificate, key=kept.server_key)

    @classmethod
    def load(
        cls, path: Path | None, now: datetime, host: str, new_token: Iterable[str]
    ) -> Credentials:
        """Reads the credentials from a file, or makes them.

        Args:
            path: the file, or ``None`` to keep nothing.
            now: when new certificates begin to be valid.
            host: the address that is served.
            new_token: gives fresh secrets.
        """
        if path is not None and path.exists():
            return cls(msgspec.json.decode(path.read_bytes(), type=_Kept), now, path)
        authority = Authority.create("steersman-ca", now)
        addresses = ["127.0.0.1", "::1"]
        if host not in addresses and host.replace(".", "").isdigit():
            addresses.append(host)
        names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        server = authority.server(names, addresses)
        kept = _Kept(
            authority_certificate=authority.pair.certificate,
            authority_key=authority.pair.key,
            server_certificate=server.certificate,
            server_key=server.key,
            signing_key=next(iter(new_token)),
            tokens={},
        )
        credentials = cls(kept, now, path)
        credentials.save()
        return credentials

    def save(self) -> None:
        """Writes the values, readable by the owner only."""
        if self._path is None:
            return
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(self._kept))
        fresh.replace(self._path)

    def token_of(self, account: Account, fresh: Iterable[str]) -> str:
        """Returns an account's token: the one it was given, or one that is kept."""
        if account.token:
            return account.token
        if account.name not in self._kept.tokens:
            self._kept.tokens[account.name] = next(iter(fresh))
        return self._kept.tokens[account.name]

    @property
    def signing_key(self) -> bytes:
        """The secret that signs service account tokens."""
        return self._kept.signing_key.encode()

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of the last run: plain and TLS; 0 for none."""
        return self._kept.http_port, self._kept.tls_port

    def keep_ports(self, http_port: int, tls_port: int) -> None:
        """Remembers the ports for the next run."""
        self._kept.http_port, self._kept.tls_port = http_port, tls_port
        self.save()
