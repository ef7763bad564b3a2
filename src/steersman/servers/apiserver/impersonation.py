"""Acting as somebody else by ``Impersonate-*`` headers.

Source of the rules and texts: ``k8s.io/apiserver/pkg/endpoints/filters/impersonation`` and
recorded answers of kube-apiserver 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from multidict import CIMultiDictProxy

from steersman.kit.gotext import quote
from steersman.servers.apiserver.answers import bad_request
from steersman.servers.apiserver.authn import (
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    User,
    service_account_user,
)
from steersman.servers.apiserver.authz import Authorizer, refusal
from steersman.servers.apiserver.requests import RequestInfo

__all__ = ["impersonate"]

_EXTRA = "impersonate-extra-"
_SERVICE_ACCOUNT = "system:serviceaccount:"


def impersonate(
    user: User, headers: CIMultiDictProxy[str], authorizer: Authorizer, info: RequestInfo
) -> User:
    """Returns whom the request acts as.

    Args:
        user: who asks.
        headers: of the request.
        authorizer: says whether they may.
        info: the request, for the text of a refusal.

    Raises:
        ApiError: 400 without a user name, 403 when it is not allowed.
    """
    name = headers.get("Impersonate-User", "")
    groups = tuple(headers.getall("Impersonate-Group", ()))
    uid = headers.get("Impersonate-Uid", "")
    extra = _extra(headers)
    if not name:
        if not (groups or uid or extra):
            return user
        shown = " ".join(quote(group) for group in groups)
        listed = f"[]string{{{', '.join(quote(group) for group in groups)}}}"
        raise bad_request(
            f'requested &user.DefaultInfo{{Name:"", UID:{quote(uid)}, Groups:'
            f"{listed if shown else '[]string(nil)'}, Extra:map[string][]string(nil)}} without "
            "impersonating a user name"
        )
    _check(user, name, groups, uid, extra, authorizer, info)
    return _impersonated(name, groups, uid, extra)


def _extra(headers: CIMultiDictProxy[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for header, value in headers.items():
        if header.lower().startswith(_EXTRA):
            found.setdefault(unquote(header[len(_EXTRA) :].lower()), []).append(value)
    return {key: tuple(values) for key, values in found.items()}


def _check(
    user: User,
    name: str,
    groups: tuple[str, ...],
    uid: str,
    extra: Mapping[str, tuple[str, ...]],
    authorizer: Authorizer,
    info: RequestInfo,
) -> None:
    wanted = [_wish("", "users", name)]
    if name.startswith(_SERVICE_ACCOUNT) and name.count(":") == 3:
        namespace, account = name.split(":")[2:]
        wanted = [_wish("", "serviceaccounts", account, namespace)]
    wanted += [_wish("", "groups", group) for group in groups]
    authentication = "authentication.k8s.io"
    if uid:
        wanted.append(_wish(authentication, "uids", uid))
    wanted += [
        _wish(authentication, "userextras", value, subresource=key)
        for key, values in extra.items()
        for value in values
    ]
    for wish in wanted:
        if not authorizer(user, wish).allowed:
            verb = f"impersonate-on:user-info:{info.verb}"
            refused = RequestInfo(
                verb=verb,
                path=info.path,
                is_resource=info.is_resource,
                group=info.group,
                version=info.version,
                plural=info.plural,
                namespace=info.namespace,
                name=info.name,
                subresource=info.subresource,
            )
            raise refusal(user, refused)


def _wish(
    group: str, plural: str, name: str, namespace: str = "", subresource: str = ""
) -> RequestInfo:
    return RequestInfo(
        verb="impersonate",
        path="",
        is_resource=True,
        group=group,
        version="v1",
        plural=plural,
        namespace=namespace,
        name=name,
        subresource=subresource,
    )


def _impersonated(
    name: str, groups: tuple[str, ...], uid: str, extra: Mapping[str, tuple[str, ...]]
) -> User:
    if name == ANONYMOUS.name:
        default: tuple[str, ...] = (UNAUTHENTICATED,)
    elif name.startswith(_SERVICE_ACCOUNT) and name.count(":") == 3 and not groups:
        namespace, account = name.split(":")[2:]
        return service_account_user(namespace, account, uid, extra)
    else:
        default = (AUTHENTICATED,)
    missing = tuple(group for group in default if group not in groups)
    return User(name=name, uid=uid, groups=(*groups, *missing), extra=extra)
