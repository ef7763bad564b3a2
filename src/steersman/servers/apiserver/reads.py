"""get and list: resource-version semantics, chunks that show one snapshot, selectors.

Source of the rules and texts: recorded answers of kube-apiserver 1.36 and
``k8s.io/apiserver/pkg/storage``.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from steersman.objects.apistatus import ApiError
from steersman.servers.apiserver.answers import (
    ExpiredToken,
    bad_request,
    expired,
    not_found,
    too_large_version,
)
from steersman.servers.apiserver.encoding import ListMeta
from steersman.servers.apiserver.options import ListOptions
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.selection import Selection
from steersman.servers.apiserver.storage import Compacted, Store, Stored

__all__ = ["Listed", "get_object", "list_objects", "parse_version"]


class Listed(NamedTuple):
    """The objects of one chunk, and the list's metadata."""

    items: Sequence[Stored]
    meta: ListMeta


def parse_version(text: str) -> int:
    """Reads a resource version; empty is 0.

    Raises:
        ValueError: with the text of Go's parser.
    """
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        raise ValueError(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
            "invalid syntax"
        )
    return int(text)


def _checked_version(store: Store, text: str) -> int:
    try:
        version = parse_version(text)
    except ValueError as error:
        raise bad_request(f"invalid resource version: {error}") from error
    if version > store.rv:
        raise too_large_version(version, store.rv)
    return version


def get_object(
    store: Store, resource: Resource, namespace: str, name: str, resource_version: str = ""
) -> Stored:
    """Returns one object.

    Raises:
        ApiError: 404, 400 for a bad resource version, 504 for one of the future.
    """
    if resource_version:
        _checked_version(store, resource_version)
    stored = store.get(resource.bucket, resource.key(namespace, name))
    if stored is None:
        raise not_found(resource.info.group, resource.info.plural, name)
    return stored


def list_objects(store: Store, resource: Resource, namespace: str, options: ListOptions) -> Listed:
    """Returns the selected objects in key order, or one chunk of them.

    Raises:
        ApiError: 400 for selectors, versions and tokens; 410 for a snapshot that is gone; 504
            for a version of the future.
    """
    selection = Selection(resource, options.labels, options.fields)
    prefix = f"{namespace}/" if namespace else ""
    start = ""
    items: Sequence[Stored]
    if options.continue_token:
        if options.resource_version not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        version, start = _read_token(options.continue_token, prefix)
        if version < 0:
            version = store.rv
        try:
            items = store.scan_at(resource.bucket, version, prefix)
        except Compacted:
            raise _expired_token(start, prefix) from None
    else:
        version, items = _snapshot(store, resource, prefix, options)
    if start:
        items = [stored for stored in items if stored.key >= start]
    limit = 0 if options.resource_version == "0" else options.limit
    return _chunk(items, selection, version, limit, prefix)


def _snapshot(
    store: Store, resource: Resource, prefix: str, options: ListOptions
) -> tuple[int, Sequence[Stored]]:
    wanted = _checked_version(store, options.resource_version)
    exact = options.match == "Exact" or (options.limit > 0 and not options.match)
    if wanted and exact:
        try:
            return wanted, store.scan_at(resource.bucket, wanted, prefix)
        except Compacted:
            raise expired(
                f"The resourceVersion for the provided list is too old: {wanted}"
            ) from None
    return store.rv, store.scan(resource.bucket, prefix)


def _chunk(
    items: Sequence[Stored], selection: Selection, version: int, limit: int, prefix: str
) -> Listed:
    if selection:
        wanted_name = selection.name
        if wanted_name is not None:
            items = [stored for stored in items if stored.key.rpartition("/")[2] == wanted_name]
        selected = [stored for stored in items if selection.matches(stored.manifest)]
    else:
        selected = list(items)
    if not limit or len(selected) <= limit:
        return Listed(selected, ListMeta(rv=version))
    chunk = selected[:limit]
    token = _write_token(version, chunk[-1].key, prefix)
    remaining = None if selection else len(selected) - limit
    return Listed(chunk, ListMeta(rv=version, continue_token=token, remaining=remaining))


def _write_token(version: int, last_key: str, prefix: str) -> str:
    start = f"/{last_key.removeprefix(prefix)}\x00"
    token = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": version, "start": start})
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def _read_token(text: str, prefix: str) -> tuple[int, str]:
    problem = "continue key is not valid"
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        position = next((i for i, c in enumerate(text) if not (c.isalnum() or c in "-_")), 0)
        raise _bad_token(f"{problem}: illegal base64 data at input byte {position}") from None
    try:
        token = msgspec.json.decode(data)
    except msgspec.DecodeError:
        raise _bad_token(
            f"{problem}: invalid character {_rune(data[:1])} looking for beginning of value"
        ) from None
    except UnicodeDecodeError:
        raise _bad_token(problem) from None
    if not isinstance(token, dict) or token.get("v") != "meta.k8s.io/v1":
        raise _bad_token("server does not recognize this encoded version of the continue token")
    version, start = token.get("rv"), token.get("start")
    if not isinstance(version, int) or version == 0:
        raise _bad_token("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not isinstance(start, str) or not start.startswith("/"):
        raise _bad_token("encoded start key empty (version meta.k8s.io/v1)")
    return version, prefix + start[1:]


def _rune(first: bytes) -> str:
    value = first[0] if first else 0
    return f"'{chr(value)}'" if 32 <= value < 127 else f"'\\x{value:02x}'"


def _bad_token(text: str) -> ApiError:
    return bad_request(f"invalid continue token: {text}")


def _expired_token(start: str, prefix: str) -> ApiError:
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can "
        "start a new list without the continue parameter, or use the continue token in this "
        "response to retrieve the remainder of the results. Continuing with the provided token "
        "results in an inconsistent list - objects that were created, modified, or deleted "
        "between the time the first chunk was returned and now may show up in the list."
    )
    token = msgspec.json.encode(
        {"v": "meta.k8s.io/v1", "rv": -1, "start": f"/{start.removeprefix(prefix)}"}
    )
    return ExpiredToken(message, base64.urlsafe_b64encode(token).rstrip(b"=").decode())
