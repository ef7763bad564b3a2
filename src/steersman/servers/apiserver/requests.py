"""What a request is about: verb, resource, namespace, name and subresource, from method and path.

Source of the rules: ``k8s.io/apiserver/pkg/endpoints/request/requestinfo.go``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["RequestInfo", "parse_request"]

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = frozenset(("status", "finalize"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """One request as authorisation sees it.

    Attributes:
        verb: get, list, watch, create, update, patch, delete or deletecollection; for paths
            that are no resource, the method in lower case.
        is_resource: the path names a resource of a group version.
        path: the path as sent, without query.
    """

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    tail: Sequence[str] = ()


def parse_request(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """Reads method, path and the few query options that change the verb."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    plain = RequestInfo(verb=method.lower(), path=path)
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return plain
    verb = _VERBS.get(method, method.lower())
    if rest[0] == "watch" and method == "GET" and len(rest) > 1:
        verb, rest = "watch", rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not name and verb == "get":
        watching = query.get("watch", "") in ("true", "1", "t", "T", "True", "TRUE")
        verb = "watch" if watching else "list"
    elif not name and verb == "delete":
        verb = "deletecollection"
    return RequestInfo(
        verb=verb,
        path=path,
        is_resource=True,
        group=group,
        version=version,
        plural=rest[0],
        namespace=namespace,
        name=name,
        subresource=subresource,
        tail=tuple(rest[3:]),
    )
