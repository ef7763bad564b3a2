"""Who asks: bearer tokens, client certificates, anonymous."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from steersman.servers.apiserver.answers import unauthorized

__all__ = [
    "ANONYMOUS",
    "AUTHENTICATED",
    "MASTERS",
    "Authenticator",
    "User",
    "service_account_user",
]

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An identity as authorisation sees it.

    Attributes:
        name: such as ``alice`` or ``system:serviceaccount:apps:deployer``.
        groups: in the order the authenticator gives them.
        extra: more facts, such as the token's id.
    """

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_master(self) -> bool:
        """Says whether authorisation always agrees."""
        return MASTERS in self.groups


ANONYMOUS = User(name="system:anonymous", groups=(UNAUTHENTICATED,))


def service_account_user(
    namespace: str, name: str, uid: str = "", extra: Mapping[str, tuple[str, ...]] | None = None
) -> User:
    """Returns the identity of a service account."""
    return User(
        name=f"system:serviceaccount:{namespace}:{name}",
        uid=uid,
        groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED),
        extra=extra or {},
    )


class Authenticator:
    """Finds the user of a request.

    Args:
        tokens: static bearer tokens.
        issued: judges any other token (those of service accounts), or ``None`` when unknown.
    """

    def __init__(
        self,
        tokens: Mapping[str, User],
        issued: Callable[[str], User | None] = lambda token: None,
    ) -> None:
        self._tokens = dict(tokens)
        self._issued = issued

    def authenticate(self, authorization: str, certificate: Mapping[str, Any] | None) -> User:
        """Returns who presented a token, else who presented a certificate, else anonymous.

        Args:
            authorization: the header of that name, or an empty text.
            certificate: the peer's verified certificate as Python's ``ssl`` gives it.

        Raises:
            ApiError: 401, the token is not known.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            user = self.of_token(token.strip())
            if user is None:
                raise unauthorized()
            return user
        return _certificate_user(certificate) if certificate else ANONYMOUS

    def of_token(self, token: str) -> User | None:
        """Returns whose token it is."""
        user = self._tokens.get(token) or self._issued(token)
        if user is None:
            return None
        return _authenticated(user)


def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups:
        return user
    return User(
        name=user.name, uid=user.uid, groups=(*user.groups, AUTHENTICATED), extra=user.extra
    )


def _certificate_user(certificate: Mapping[str, Any]) -> User:
    names = list(_subject(certificate.get("subject", ()), "commonName"))
    groups = tuple(_subject(certificate.get("subject", ()), "organizationName"))
    return User(name=names[0] if names else "", groups=(*groups, AUTHENTICATED))


def _subject(subject: Iterable[Iterable[tuple[str, str]]], wanted: str) -> Iterable[str]:
    return (value for parts in subject for name, value in parts if name == wanted)
