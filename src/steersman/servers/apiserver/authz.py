"""Who may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from steersman.kit.gotext import quote
from steersman.objects.apistatus import ApiError
from steersman.servers.apiserver.answers import forbidden
from steersman.servers.apiserver.authn import User
from steersman.servers.apiserver.requests import RequestInfo

__all__ = ["Authorizer", "Decision", "refusal"]


class Decision(NamedTuple):
    """An answer and, where there is one, its reason."""

    allowed: bool
    reason: str = ""


Authorizer = Callable[[User, RequestInfo], Decision]
"""Decides about requests."""


def refusal(user: User, info: RequestInfo) -> ApiError:
    """Returns the 403 answer in the words of the real server."""
    if not info.is_resource:
        text = f"User {quote(user.name)} cannot {info.verb} path {quote(info.path)}"
        return ApiError(403, "Forbidden", f"forbidden: {text}", details={})
    resource = f"{info.plural}/{info.subresource}" if info.subresource else info.plural
    scope = (
        f"in the namespace {quote(info.namespace)}" if info.namespace else ("at the cluster scope")
    )
    text = (
        f"User {quote(user.name)} cannot {info.verb} resource {quote(resource)} in API group "
        f"{quote(info.group)} {scope}"
    )
    return forbidden(info.group, info.plural, info.name, text)
