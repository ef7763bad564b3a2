"""Objects and lists as bytes: fast for the plain form, complete for tables, metadata and YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.conversion import from_storage
from steersman.servers.apiserver.negotiation import Accepted, Shape
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.storage import Stored
from steersman.servers.apiserver.strategy import Row, Table

__all__ = ["Encoder", "ListMeta", "encode_value"]

_encode = msgspec.json.Encoder().encode


def encode_value(value: Mapping[str, Any], accepted: Accepted) -> tuple[bytes, str]:
    """Writes any answer.

    Returns:
        The bytes and the media type.
    """
    if accepted.yaml:
        from steersman.kit.yaml import dump

        return dump(value).encode(), "application/yaml"
    if accepted.pretty:
        return json.dumps(value, indent=2, ensure_ascii=False).encode(), "application/json"
    return _encode(value) + b"\n", "application/json"


class ListMeta(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata of a list.

    Attributes:
        rv: the version the list shows.
        continue_token: where the next chunk begins, or empty.
        remaining: how many objects follow, when that is known.
    """

    rv: int
    continue_token: str = ""
    remaining: int | None = None

    def as_dict(self, *, custom: bool = False) -> dict[str, Any]:
        """Returns the ``metadata`` of the list."""
        if custom:
            meta: dict[str, Any] = {"continue": self.continue_token}
            if self.remaining:
                meta["remainingItemCount"] = self.remaining
            return {**meta, "resourceVersion": str(self.rv)}
        meta = {"resourceVersion": str(self.rv)}
        if self.continue_token:
            meta["continue"] = self.continue_token
        if self.remaining:
            meta["remainingItemCount"] = self.remaining
        return meta


class Encoder:
    """Writes objects of one resource in one accepted form.

    Args:
        resource: the served resource; stored objects are converted to its version.
        accepted: the outcome of the negotiation.
        now: the server's time, for ages in tables.
        include: what rows of a table carry: ``Metadata``, ``Object`` or ``None``.
    """

    def __init__(
        self, resource: Resource, accepted: Accepted, *, now: str, include: str = ""
    ) -> None:
        self._resource = resource
        self._accepted = accepted
        self._now = now
        self._include = include or "Metadata"
        self._plain = accepted.shape is Shape.OBJECT and not accepted.yaml and not accepted.pretty
        self._native = resource.api_version == resource.storage_version
        info = resource.info
        kind_text = _encode(info.kind).decode()
        version_text = _encode(resource.api_version).decode()
        self._prefix = f'{{"kind":{kind_text},"apiVersion":{version_text},'.encode()

    @property
    def media_type(self) -> str:
        """The media type of every answer."""
        return "application/yaml" if self._accepted.yaml else "application/json"

    def object(self, stored: Stored) -> bytes:
        """Writes one stored object."""
        if self._plain and self._native:
            return stored.data + b"\n"
        return self.manifest(from_storage(self._resource, stored.manifest))

    def manifest(self, manifest: Manifest) -> bytes:
        """Writes one object that is in the served version already."""
        match self._accepted.shape:
            case Shape.OBJECT:
                return encode_value(manifest, self._accepted)[0]
            case Shape.METADATA:
                return encode_value(self._partial(manifest), self._accepted)[0]
            case Shape.TABLE:
                metadata = {"resourceVersion": manifest["metadata"].get("resourceVersion", "")}
                table = self._resource.strategy.table([manifest], self._now)
                return encode_value(self._table(table, metadata), self._accepted)[0]

    def event_object(self, stored: Stored, *, first: bool) -> bytes:
        """Writes an object for a watch event; only the first table carries its columns."""
        if self._plain and self._native:
            return stored.data
        if self._accepted.shape is not Shape.TABLE:
            manifest = from_storage(self._resource, stored.manifest)
            if self._accepted.shape is Shape.METADATA:
                manifest = self._partial(manifest)
            return _encode(manifest)
        manifest = from_storage(self._resource, stored.manifest)
        table = self._resource.strategy.table([manifest], self._now)
        if not first:
            table = table._replace(columns=())
        metadata = {"resourceVersion": manifest["metadata"].get("resourceVersion", "")}
        return _encode(self._table(table, metadata))

    def bookmark(self, obj: Manifest) -> bytes:
        """Writes the object of a bookmark, which has nothing but metadata."""
        match self._accepted.shape:
            case Shape.OBJECT:
                return _encode(obj)
            case Shape.METADATA:
                return _encode(self._partial(obj))
            case Shape.TABLE:
                table = Table((), (Row((), obj),))
                metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
                return _encode(self._table(table, metadata))

    def list(self, items: Sequence[Stored], meta: ListMeta) -> bytes:
        """Writes a list of stored objects."""
        if self._plain and self._native:
            return self._fast_list(items, meta)
        manifests = [from_storage(self._resource, stored.manifest) for stored in items]
        return self.manifests(manifests, meta)

    def manifests(self, manifests: Sequence[Manifest], meta: ListMeta) -> bytes:
        """Writes a list of objects that are in the served version already."""
        resource, accepted = self._resource, self._accepted
        match accepted.shape:
            case Shape.TABLE:
                table = resource.strategy.table(manifests, self._now)
                return encode_value(self._table(table, meta.as_dict()), accepted)[0]
            case Shape.METADATA:
                value: dict[str, Any] = {
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": f"meta.k8s.io/{accepted.shape_version}",
                    "metadata": meta.as_dict(),
                    "items": [self._partial(manifest) for manifest in manifests],
                }
                return encode_value(value, accepted)[0]
            case Shape.OBJECT:
                return encode_value(self._list_value(manifests, meta), accepted)[0]

    def _list_value(self, manifests: Sequence[Manifest], meta: ListMeta) -> dict[str, Any]:
        resource = self._resource
        items: list[Manifest] = list(manifests)
        if resource.custom:
            return {
                "apiVersion": resource.api_version,
                "items": items,
                "kind": resource.list_kind,
                "metadata": meta.as_dict(custom=True),
            }
        if not resource.traits.items_carry_kind:
            items = [_without_type(manifest) for manifest in manifests]
        return {
            "kind": resource.list_kind,
            "apiVersion": resource.api_version,
            "metadata": meta.as_dict(),
            "items": items,
        }

    def _fast_list(self, items: Sequence[Stored], meta: ListMeta) -> bytes:
        resource = self._resource
        if resource.custom or resource.traits.items_carry_kind:
            joined = b",".join([stored.data for stored in items])
        else:
            skip, prefix = len(self._prefix), self._prefix
            joined = b",".join(
                [
                    b"{" + stored.data[skip:]
                    if stored.data.startswith(prefix)
                    else _encode(_without_type(stored.manifest))
                    for stored in items
                ]
            )
        head = self._list_value((), meta)
        outer = _encode(head)
        mark = b'"items":[]'
        position = outer.index(mark) + len(mark) - 1
        return b"".join((outer[:position], joined, outer[position:], b"\n"))

    def _partial(self, manifest: Manifest) -> dict[str, Any]:
        return {
            "kind": "PartialObjectMetadata",
            "apiVersion": f"meta.k8s.io/{self._accepted.shape_version}",
            "metadata": manifest["metadata"],
        }

    def _table(self, table: Table, metadata: dict[str, Any]) -> dict[str, Any]:
        columns: list[dict[str, Any]] | None = [
            {
                "name": column.name,
                "type": column.type,
                "format": column.format,
                "description": column.description,
                "priority": column.priority,
            }
            for column in table.columns
        ]
        rows = []
        for row in table.rows:
            entry: dict[str, Any] = {"cells": list(row.cells)}
            if self._include == "Object":
                entry["object"] = row.obj
            elif self._include == "Metadata":
                entry["object"] = self._partial(row.obj)
            else:
                entry["object"] = None
            rows.append(entry)
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{self._accepted.shape_version}",
            "metadata": metadata,
            "columnDefinitions": columns or None,
            "rows": rows,
        }


def _without_type(manifest: Manifest) -> Manifest:
    return {key: value for key, value in manifest.items() if key not in ("kind", "apiVersion")}
