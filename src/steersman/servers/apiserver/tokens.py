"""Tokens of service accounts: signed, bound to the account, valid for a while."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from steersman.objects.manifest import metadata_of
from steersman.servers.apiserver.authn import User, service_account_user
from steersman.servers.apiserver.cluster import Cluster

__all__ = ["AUDIENCE", "ServiceAccountTokens"]

AUDIENCE = "https://kubernetes.default.svc"


class ServiceAccountTokens:
    """Issues and judges tokens.

    Args:
        cluster: where the accounts are.
        key: signs the tokens.
    """

    def __init__(self, cluster: Cluster, key: bytes) -> None:
        self._cluster = cluster
        self._key = key

    def issue(
        self, namespace: str, name: str, uid: str, audiences: list[str], seconds: int
    ) -> tuple[str, int]:
        """Returns a new token, and when it expires as seconds since 1970."""
        now = int(self._cluster.clock.now().timestamp())
        claims = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "iss": AUDIENCE,
            "jti": self._cluster.new_uid(),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": name, "uid": uid},
            },
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{name}",
        }
        head = _encode(b'{"alg":"HS256","typ":"JWT"}')
        text = f"{head}.{_encode(msgspec.json.encode(claims))}"
        return f"{text}.{self._sign(text)}", now + seconds

    def user_of(self, token: str) -> User | None:
        """Returns whose token it is; ``None`` when it is not ours, expired or its account gone."""
        claims = self._claims(token)
        if claims is None or AUDIENCE not in claims.get("aud", ()):
            return None
        if claims.get("exp", 0) <= self._cluster.clock.now().timestamp():
            return None
        facts = claims.get("kubernetes.io") or {}
        namespace, account = facts.get("namespace", ""), facts.get("serviceaccount") or {}
        stored = self._cluster.get("", "serviceaccounts", namespace, account.get("name", ""))
        if stored is None or metadata_of(stored)["uid"] != account.get("uid"):
            return None
        extra = {"authentication.kubernetes.io/credential-id": (f"JTI={claims.get('jti', '')}",)}
        return service_account_user(namespace, account["name"], account["uid"], extra)

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        text, _, signature = token.rpartition(".")
        if text.count(".") != 1 or not hmac.compare_digest(self._sign(text), signature):
            return None
        body = text.partition(".")[2]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims if isinstance(claims, dict) else None

    def _sign(self, text: str) -> str:
        return _encode(hmac.new(self._key, text.encode(), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
