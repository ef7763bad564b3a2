"""Which resource holds a kind: the API's discovery documents, read when first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from steersman.clients.kube.request import Request
from steersman.clients.kube.response import Response, read_object
from steersman.errors import Retry
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind, format_api_version, split_api_version
from steersman.schemas.catalogue import ResourceInfo, SubresourceInfo

__all__ = ["Discovery", "NoMatch", "parse_resource_list"]

Send = Callable[[Request], Awaitable[Response]]


class NoMatch(Retry):
    """The API does not serve a kind; its definition may come later."""

    default_reason = "NoMatch"

    def __init__(self, gvk: GroupVersionKind) -> None:
        version = format_api_version(gvk.group, gvk.version)
        super().__init__(f'no matches for kind "{gvk.kind}" in version "{version}"')
        self.gvk = gvk


def _texts(row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(row.get(key) or ())


def parse_resource_list(document: Mapping[str, Any]) -> tuple[ResourceInfo, ...]:
    """Reads an ``APIResourceList``; subresources are folded into their resources."""
    group, version = split_api_version(str(document.get("groupVersion") or ""))
    rows: list[Mapping[str, Any]] = document.get("resources") or []
    subresources: dict[str, list[SubresourceInfo]] = {}
    for row in rows:
        parent, _, name = row["name"].partition("/")
        if name:
            info = SubresourceInfo(
                name,
                row.get("group") or "",
                row.get("version") or "",
                row["kind"],
                _texts(row, "verbs"),
            )
            subresources.setdefault(parent, []).append(info)
    return tuple(
        ResourceInfo(
            group=row.get("group") or group,
            version=row.get("version") or version,
            kind=row["kind"],
            plural=row["name"],
            singular=row.get("singularName") or row["kind"].lower(),
            namespaced=bool(row.get("namespaced")),
            verbs=_texts(row, "verbs"),
            short_names=_texts(row, "shortNames"),
            categories=_texts(row, "categories"),
            subresources=tuple(subresources.get(row["name"], ())),
        )
        for row in rows
        if "/" not in row["name"]
    )


class Discovery:
    """A cache of the kinds an API serves, one group version at a time.

    A kind that is missing is asked for again each time, since definitions appear while we run; a
    kind that is known stays known until :meth:`forget`.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._known: dict[GroupVersionKind, ResourceInfo] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def resource_of(self, gvk: GroupVersionKind) -> ResourceInfo:
        """Returns the resource of a kind.

        Raises:
            NoMatch: the API does not serve it.
            ApiError: discovery was refused.
            NetworkFailed: there was no answer.
        """
        known = self._known.get(gvk)
        if known is not None:
            return known
        lock = self._locks.setdefault((gvk.group, gvk.version), asyncio.Lock())
        async with lock:
            if gvk not in self._known:
                for resource in await self._fetch(gvk.group, gvk.version):
                    self._known.setdefault(resource.gvk, resource)
        try:
            return self._known[gvk]
        except KeyError:
            raise NoMatch(gvk) from None

    def forget(self, gvk: GroupVersionKind) -> None:
        """Drops a kind, to be asked for again: its definition was removed or changed."""
        self._known.pop(gvk, None)

    def learn(self, resources: Iterable[ResourceInfo]) -> None:
        """Takes kinds that are known from elsewhere."""
        self._known.update((resource.gvk, resource) for resource in resources)

    async def everything(self) -> tuple[ResourceInfo, ...]:
        """Returns all resources of the preferred version of each group, in the API's order."""
        found = list(await self._fetch("", "v1"))
        groups = read_object(_GROUPS, await self._send(_GROUPS)).get("groups") or ()
        for group in groups:
            preferred = group.get("preferredVersion") or group["versions"][0]
            name, version = split_api_version(preferred["groupVersion"])
            found += await self._fetch(name, version)
        self.learn(found)
        return tuple(found)

    async def _fetch(self, group: str, version: str) -> tuple[ResourceInfo, ...]:
        root = "apis" if group else "api"
        request = Request(method="GET", path=f"/{root}/{format_api_version(group, version)}")
        try:
            document = read_object(request, await self._send(request))
        except ApiError as error:
            if error.code == 404:
                return ()
            raise
        return parse_resource_list(document)


_GROUPS = Request(method="GET", path="/apis")
