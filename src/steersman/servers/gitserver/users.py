"""Who may do what on the Git server."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["GitUser", "Role", "identify"]


class Role(Enum):
    """What a user may do."""

    READER = "reader"
    """Reads every repository, writes nothing."""
    BOT = "bot"
    """Reads every repository, writes only the integration branch (``main``)."""
    WRITER = "writer"
    """Reads and writes every repository, within the branch rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitUser:
    """A user of the Git server.

    Attributes:
        role: what the user may do.
        token: the password of basic authentication, or the bearer token.
    """

    role: Role
    token: str = field(repr=False)


def identify(authorization: str, users: Mapping[str, GitUser]) -> str | None:
    """Returns the name of the user an ``Authorization`` header proves, or ``None``."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        found = [name for name, user in users.items() if _same(credentials.strip(), user.token)]
        return found[0] if found else None
    if scheme.lower() != "basic":
        return None
    try:
        name, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    user = users.get(name)
    return name if user is not None and _same(token, user.token) else None


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
