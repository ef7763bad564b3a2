"""Answers of the Kubernetes API as values; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from steersman.clients.kube.request import Request
from steersman.errors import NetworkFailed
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import format_api_version
from steersman.objects.manifest import Manifest, annotations_of, metadata_of
from steersman.schemas.catalogue import ResourceInfo

__all__ = [
    "LineSplitter",
    "ObjectList",
    "Response",
    "WatchEvent",
    "WatchType",
    "ends_initial_events",
    "read_error",
    "read_list",
    "read_object",
    "read_watch_line",
    "retry_after_of",
]

# Bodies that are no Status come from proxies; enough of them to recognise the proxy.
_EXCERPT = 200
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Response(NamedTuple):
    """A whole answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ObjectList(NamedTuple):
    """A consistent view of a collection: everything as of ``resource_version``."""

    items: tuple[Manifest, ...]
    resource_version: str
    continue_token: str = ""


class WatchType(StrEnum):
    """What a watch says happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class WatchEvent(NamedTuple):
    """One line of a watch. Of a deleted object, the last state; of a bookmark, only metadata."""

    type: WatchType
    object: Manifest


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds of a ``Retry-After`` header; dates are not used by the API."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def read_error(request: Request, response: Response) -> ApiError:
    """Reads a failure; what is no Status becomes one, as client-go does."""
    retry_after = retry_after_of(response.headers)
    try:
        status = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        error = ApiError.from_status(status, response.status)
        error.retry_after = retry_after if retry_after is not None else error.retry_after
        return error
    excerpt = response.body[:_EXCERPT].decode("utf-8", "replace").strip()
    message = f"{request}: HTTP {response.status}" + (f": {excerpt}" if excerpt else "")
    return ApiError(response.status, "", message, retry_after=retry_after)


def _decode(request: Request, body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise NetworkFailed(f"{request}: the answer is not JSON") from error
    if not isinstance(value, dict):
        raise NetworkFailed(f"{request}: the answer is not an object")
    return value


def read_object(request: Request, response: Response) -> Manifest:
    """Reads one object (or the Status that a deletion answers).

    Raises:
        ApiError: the server refused.
        NetworkFailed: what came is not an answer of the API.
    """
    if response.status >= 400:
        raise read_error(request, response)
    return _decode(request, response.body)


def _typed(resource: ResourceInfo, manifest: Manifest) -> Manifest:
    """Adds the type that the items of lists lack; metadata-only objects get their real one."""
    if manifest.get("kind") and manifest["kind"] != "PartialObjectMetadata":
        return manifest
    rest = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
    api_version = format_api_version(resource.group, resource.version)
    return {"apiVersion": api_version, "kind": resource.kind, **rest}


def read_list(request: Request, response: Response, resource: ResourceInfo) -> ObjectList:
    """Reads a page of a collection; every item carries its type.

    Raises:
        ApiError: the server refused.
        NetworkFailed: what came is not an answer of the API.
    """
    if response.status >= 400:
        raise read_error(request, response)
    document = _decode(request, response.body)
    metadata = metadata_of(document)
    return ObjectList(
        items=tuple(_typed(resource, item) for item in document.get("items") or ()),
        resource_version=str(metadata.get("resourceVersion") or ""),
        continue_token=str(metadata.get("continue") or ""),
    )


def read_watch_line(request: Request, line: bytes, resource: ResourceInfo) -> WatchEvent:
    """Reads one line of a watch.

    Raises:
        ApiError: the line is an error, for example 410 when the resource version is too old.
        NetworkFailed: the line is no watch event.
    """
    document = _decode(request, line)
    content = document.get("object")
    content = content if isinstance(content, dict) else {}
    if document.get("type") == "ERROR":
        raise ApiError.from_status(content, int(content.get("code") or 500))
    try:
        type = WatchType(document.get("type") or "")
    except ValueError as error:
        raise NetworkFailed(f"{request}: unknown event `{document.get('type')}`") from error
    return WatchEvent(type, _typed(resource, content))


def ends_initial_events(event: WatchEvent) -> bool:
    """Says whether a bookmark ends the initial objects of a ``WatchList``."""
    return (
        event.type is WatchType.BOOKMARK
        and annotations_of(event.object).get(_INITIAL_EVENTS_END) == "true"
    )


class LineSplitter:
    """Cuts a stream of chunks into lines of any length; blank lines are dropped."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Takes the next chunk; yields the lines that are complete now."""
        if b"\n" not in chunk:
            self._parts.append(chunk)
            return
        head, *lines = chunk.split(b"\n")
        self._parts.append(head)
        lines.insert(0, b"".join(self._parts))
        self._parts = [lines.pop()]
        yield from filter(None, lines)
