"""Requests to the Kubernetes API as values; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import msgspec

from steersman.objects.identity import format_api_version
from steersman.objects.manifest import Manifest, name_of, namespace_of
from steersman.schemas.catalogue import ResourceInfo

__all__ = [
    "ListOptions",
    "PatchType",
    "Request",
    "apply_request",
    "create_request",
    "delete_request",
    "get_request",
    "list_request",
    "patch_request",
    "resource_path",
    "update_request",
    "watch_request",
]

Query = tuple[tuple[str, str], ...]

_JSON = "application/json"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class PatchType(StrEnum):
    """How a patch body is to be understood; the value is its media type."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request below a server's URL.

    Args:
        method: HTTP verb.
        path: absolute path, already quoted.
        query: pairs in order.
        body: encoded body, None for none.
        content_type: of the body.
        accept: media type asked for.
        long: a watch; it does not count against the limit of concurrent requests.
    """

    method: str
    path: str
    query: Query = ()
    body: bytes | None = None
    content_type: str = _JSON
    accept: str = _JSON
    long: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def resource_path(
    resource: ResourceInfo, *, namespace: str = "", name: str = "", subresource: str = ""
) -> str:
    """Returns the path of a collection or object.

    The namespace of a cluster-scoped resource is ignored; a namespaced collection without one is
    that of all namespaces.
    """
    version = format_api_version(resource.group, resource.version)
    parts = ["apis" if resource.group else "api", version]
    if resource.namespaced and namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(resource.plural)
    if name:
        parts.append(quote(name, safe=":"))
    if subresource:
        parts.append(subresource)
    return "/" + "/".join(parts)


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _write_query(*, field_manager: str, dry_run: bool) -> Query:
    query: Query = (("fieldManager", field_manager),) if field_manager else ()
    return (*query, ("dryRun", "All")) if dry_run else query


def get_request(
    resource: ResourceInfo,
    name: str,
    namespace: str = "",
    *,
    subresource: str = "",
    metadata_only: bool = False,
) -> Request:
    """Reads one object."""
    path = resource_path(resource, namespace=namespace, name=name, subresource=subresource)
    return Request(method="GET", path=path, accept=_METADATA if metadata_only else _JSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Which objects a list or watch is about. Empty selectors select everything."""

    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False

    def query(self) -> Query:
        """The selectors as query parameters."""
        pairs = (("labelSelector", self.label_selector), ("fieldSelector", self.field_selector))
        return tuple(pair for pair in pairs if pair[1])


def list_request(
    resource: ResourceInfo,
    options: ListOptions,
    *,
    limit: int = 0,
    continue_token: str = "",
    resource_version: str = "",
) -> Request:
    """Reads a page of a collection; ``limit`` 0 asks for all of it."""
    query = options.query()
    if limit:
        query += (("limit", str(limit)),)
    if continue_token:
        query += (("continue", continue_token),)
    elif resource_version:
        query += (("resourceVersion", resource_version),)
    return Request(
        method="GET",
        path=resource_path(resource, namespace=options.namespace),
        query=query,
        accept=_METADATA_LIST if options.metadata_only else _JSON,
    )


def watch_request(
    resource: ResourceInfo,
    options: ListOptions,
    *,
    resource_version: str,
    timeout_seconds: int,
    initial_events: bool = False,
) -> Request:
    """Watches a collection from a resource version on.

    Args:
        resource: what to watch.
        options: which of them.
        resource_version: the last one seen.
        timeout_seconds: when the server should end the watch.
        initial_events: ask for the present objects first, ended by an annotated bookmark
            (``WatchList``); a server that cannot do it answers 422.
    """
    query = (*options.query(), ("watch", "true"), ("allowWatchBookmarks", "true"))
    if resource_version:
        query += (("resourceVersion", resource_version),)
    if initial_events:
        query += (("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan"))
    query += (("timeoutSeconds", str(timeout_seconds)),)
    return Request(
        method="GET",
        path=resource_path(resource, namespace=options.namespace),
        query=query,
        accept=_METADATA if options.metadata_only else _JSON,
        long=True,
    )


def create_request(
    resource: ResourceInfo, manifest: Manifest, *, field_manager: str, dry_run: bool = False
) -> Request:
    """Creates an object; its name may be left to the server by ``generateName``."""
    return Request(
        method="POST",
        path=resource_path(resource, namespace=namespace_of(manifest)),
        query=_write_query(field_manager=field_manager, dry_run=dry_run),
        body=_encode(manifest),
    )


def update_request(
    resource: ResourceInfo,
    manifest: Manifest,
    *,
    field_manager: str,
    subresource: str = "",
    dry_run: bool = False,
) -> Request:
    """Replaces an object; its ``resourceVersion``, when set, must be the current one."""
    return Request(
        method="PUT",
        path=resource_path(
            resource,
            namespace=namespace_of(manifest),
            name=name_of(manifest),
            subresource=subresource,
        ),
        query=_write_query(field_manager=field_manager, dry_run=dry_run),
        body=_encode(manifest),
    )


def patch_request(
    resource: ResourceInfo,
    name: str,
    namespace: str,
    body: Any,
    *,
    type: PatchType,
    field_manager: str,
    subresource: str = "",
    dry_run: bool = False,
) -> Request:
    """Changes parts of an object.

    Args:
        resource: its resource.
        name: its name.
        namespace: its namespace; ignored for cluster-scoped resources.
        body: a list of operations for JSON patches, else a mapping; bytes are sent as they are.
        type: how to understand the body.
        field_manager: whose fields these are.
        subresource: ``status``, ``scale``, or empty.
        dry_run: only tell what would be.
    """
    return Request(
        method="PATCH",
        path=resource_path(resource, namespace=namespace, name=name, subresource=subresource),
        query=_write_query(field_manager=field_manager, dry_run=dry_run),
        body=body if isinstance(body, bytes) else _encode(body),
        content_type=type.value,
    )


def apply_request(
    resource: ResourceInfo,
    manifest: Manifest,
    *,
    field_manager: str,
    force: bool,
    subresource: str = "",
    dry_run: bool = False,
) -> Request:
    """Applies a configuration on the server side. JSON is YAML, so JSON is what we send."""
    query = _write_query(field_manager=field_manager, dry_run=dry_run)
    return Request(
        method="PATCH",
        path=resource_path(
            resource,
            namespace=namespace_of(manifest),
            name=name_of(manifest),
            subresource=subresource,
        ),
        query=(*query, ("force", "true")) if force else query,
        body=_encode(manifest),
        content_type=PatchType.APPLY.value,
    )


def delete_request(
    resource: ResourceInfo,
    name: str,
    namespace: str = "",
    *,
    propagation: str = "Background",
    uid: str | None = None,
    resource_version: str | None = None,
    dry_run: bool = False,
) -> Request:
    """Deletes one object, if its uid and resource version are still those given."""
    preconditions = {"uid": uid, "resourceVersion": resource_version}
    preconditions = {key: value for key, value in preconditions.items() if value is not None}
    options: Mapping[str, Any] = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": propagation,
        **({"preconditions": preconditions} if preconditions else {}),
        **({"dryRun": ["All"]} if dry_run else {}),
    }
    return Request(
        method="DELETE",
        path=resource_path(resource, namespace=namespace, name=name),
        body=_encode(options),
    )
