"""The client of one Kubernetes API."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeAlias

from steersman.clients.kube import request as requests
from steersman.clients.kube.connection import Connection, Impersonation
from steersman.clients.kube.discovery import Discovery, NoMatch
from steersman.clients.kube.request import ListOptions, PatchType, Request
from steersman.clients.kube.response import (
    LineSplitter,
    ObjectList,
    Response,
    WatchEvent,
    read_list,
    read_object,
    read_watch_line,
)
from steersman.clients.kube.transport import Limits, Transport
from steersman.kit.clock import Clock
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import ResourceInfo

__all__ = ["Kind", "KubeClient"]

Kind: TypeAlias = GroupVersionKind | ResourceInfo
"""What to act on: a kind, looked up by discovery, or its resource if that is at hand."""

# The chunk that client-go's reflector and kubectl ask for.
_PAGE: Final = 500
_WATCH_SECONDS: Final = 300


class KubeClient:
    """Talks to one API server. Use as an async context manager.

    Objects are plain dicts as the server sent them. An answer with a failure raises
    :class:`~steersman.objects.apistatus.ApiError`; no answer raises
    :class:`~steersman.errors.NetworkFailed`; an unknown kind raises
    :class:`~steersman.clients.kube.discovery.NoMatch`.

    Args:
        connection: where and who.
        user_agent: told to the server.
        clock: for waits that the server asks for.
        limits: bounds on requests.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        user_agent: str,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._transport = Transport(connection, user_agent=user_agent, clock=clock, limits=limits)
        self._impersonation: Impersonation | None = None
        self._discovery = Discovery(self._transport.send)

    async def __aenter__(self) -> KubeClient:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._transport.__aexit__(*error)

    @property
    def connection(self) -> Connection:
        """Where this client sends its requests."""
        return self._transport.connection

    @property
    def requests_sent(self) -> int:
        """How many requests were sent so far, by clients that share the connection too."""
        return self._transport.sent

    def impersonating(self, user: str, groups: Sequence[str] = ()) -> KubeClient:
        """Returns a client that acts as somebody else over the same connections.

        It lives as long as this one and is not to be entered. Kinds are still discovered as us,
        since tenants need not have the right to.
        """
        other = copy.copy(self)
        other._impersonation = Impersonation(user=user, groups=tuple(groups))
        return other

    async def discover(self, kind: Kind) -> ResourceInfo:
        """Returns the resource that holds a kind; asked once, and again while it is missing.

        Raises:
            NoMatch: the API does not serve it.
        """
        if isinstance(kind, ResourceInfo):
            return kind
        return await self._discovery.resource_of(kind)

    async def resources(self) -> tuple[ResourceInfo, ...]:
        """Returns everything that the API serves, each group in its preferred version."""
        return await self._discovery.everything()

    def forget(self, kind: GroupVersionKind) -> None:
        """Drops what discovery told about a kind, for example since its definition was deleted."""
        self._discovery.forget(kind)

    async def get(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        subresource: str = "",
        metadata_only: bool = False,
    ) -> Manifest:
        """Reads one object; a missing one is an ``ApiError`` with code 404."""
        resource = await self.discover(kind)
        return await self._object(
            requests.get_request(
                resource, name, namespace, subresource=subresource, metadata_only=metadata_only
            )
        )

    async def find(self, kind: Kind, name: str, namespace: str = "") -> Manifest | None:
        """Reads one object; None when it, or its kind, does not exist."""
        try:
            return await self.get(kind, name, namespace)
        except NoMatch:
            return None
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = _PAGE,
        metadata_only: bool = False,
    ) -> ObjectList:
        """Reads a collection, page by page, as of one resource version.

        Should the snapshot expire between two pages, the whole is read again in one page.

        Args:
            kind: what to list.
            namespace: empty for all namespaces.
            label_selector: as kubectl takes it.
            field_selector: as kubectl takes it.
            limit: objects a page; 0 for one page.
            metadata_only: objects without spec and status.
        """
        resource = await self.discover(kind)
        options = ListOptions(
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            metadata_only=metadata_only,
        )
        try:
            return await self._pages(resource, options, limit)
        except ApiError as error:
            if error.code != 410 or not limit:
                raise
            return await self._pages(resource, options, 0)

    async def _pages(self, resource: ResourceInfo, options: ListOptions, limit: int) -> ObjectList:
        items: list[Manifest] = []
        token = ""
        while True:
            request = requests.list_request(resource, options, limit=limit, continue_token=token)
            page = read_list(request, await self._send(request), resource)
            items += page.items
            token = page.continue_token
            if not token:
                return ObjectList(tuple(items), page.resource_version)

    async def watch(
        self,
        kind: Kind,
        *,
        resource_version: str,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        initial_events: bool = False,
        timeout_seconds: int = _WATCH_SECONDS,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yields what happens after a resource version, bookmarks included.

        Ends when the server ends the watch, which it does now and then. To be closed by
        ``contextlib.aclosing`` when it is left early.

        Args:
            kind: what to watch.
            resource_version: the last one seen; empty with ``initial_events`` for the newest.
            namespace: empty for all namespaces.
            label_selector: as kubectl takes it.
            field_selector: as kubectl takes it.
            metadata_only: objects without spec and status.
            initial_events: first the present objects as ADDED, ended by a bookmark for which
                :func:`~steersman.clients.kube.response.ends_initial_events` holds.
            timeout_seconds: when the server should end it.

        Raises:
            ApiError: the watch was refused or broken off; 410 means to list again.
            NetworkFailed: the connection could not be opened, or was lost.
        """
        resource = await self.discover(kind)
        options = ListOptions(
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            metadata_only=metadata_only,
        )
        request = requests.watch_request(
            resource,
            options,
            resource_version=resource_version,
            timeout_seconds=timeout_seconds,
            initial_events=initial_events,
        )
        lines = self._lines(request, timeout_seconds)
        async with aclosing(lines):
            async for line in lines:
                yield read_watch_line(request, line, resource)

    async def _lines(self, request: Request, timeout_seconds: float) -> AsyncGenerator[bytes, None]:
        splitter = LineSplitter()
        async with self._transport.stream(
            request, self._impersonation, timeout_seconds=timeout_seconds
        ) as chunks:
            async for chunk in chunks:
                for line in splitter.feed(chunk):
                    yield line

    async def create(
        self, manifest: Manifest, *, field_manager: str, dry_run: bool = False
    ) -> Manifest:
        """Creates an object; an existing one is an ``ApiError`` with code 409."""
        resource = await self.discover(GroupVersionKind.of(manifest))
        return await self._object(
            requests.create_request(
                resource, manifest, field_manager=field_manager, dry_run=dry_run
            )
        )

    async def update(
        self,
        manifest: Manifest,
        *,
        field_manager: str,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Manifest:
        """Replaces an object; a stale resource version is an ``ApiError`` with code 409."""
        resource = await self.discover(GroupVersionKind.of(manifest))
        return await self._object(
            requests.update_request(
                resource,
                manifest,
                field_manager=field_manager,
                subresource=subresource,
                dry_run=dry_run,
            )
        )

    async def apply(
        self,
        manifest: Manifest,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
        subresource: str = "",
    ) -> Manifest:
        """Applies a configuration on the server side; returns the object as it is then.

        Without ``force`` a field that belongs to somebody else is an ``ApiError`` with code 409.
        """
        resource = await self.discover(GroupVersionKind.of(manifest))
        return await self._object(
            requests.apply_request(
                resource,
                manifest,
                field_manager=field_manager,
                force=force,
                subresource=subresource,
                dry_run=dry_run,
            )
        )

    async def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        body: Any,
        *,
        type: PatchType,
        field_manager: str,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Manifest:
        """Changes parts of an object; returns the object as it is then."""
        resource = await self.discover(kind)
        return await self._object(
            requests.patch_request(
                resource,
                name,
                namespace,
                body,
                type=type,
                field_manager=field_manager,
                subresource=subresource,
                dry_run=dry_run,
            )
        )

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        propagation: str = "Background",
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> Manifest:
        """Deletes one object; returns it while finalizers keep it, else the API's Status.

        Args:
            kind: its kind.
            name: its name.
            namespace: its namespace.
            propagation: ``Background``, ``Foreground`` or ``Orphan``.
            uid: delete only the object with this uid; 409 otherwise.
            resource_version: delete only this version; 409 otherwise.
            dry_run: only tell what would be.
        """
        resource = await self.discover(kind)
        return await self._object(
            requests.delete_request(
                resource,
                name,
                namespace,
                propagation=propagation,
                uid=uid,
                resource_version=resource_version,
                dry_run=dry_run,
            )
        )

    async def get_path(self, path: str) -> Manifest:
        """Reads a document that is no object, such as ``/version``."""
        return await self._object(Request(method="GET", path=path))

    async def _send(self, request: Request) -> Response:
        return await self._transport.send(request, self._impersonation)

    async def _object(self, request: Request) -> Manifest:
        return read_object(request, await self._send(request))
