"""Discovery documents: the plain lists, and the aggregated form with an ETag."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from steersman.objects.identity import format_api_version
from steersman.servers.apiserver.resources import Resource, ResourceTable

__all__ = ["Discovery", "storage_version_hash", "version_rank"]


def storage_version_hash(group: str, version: str, kind: str) -> str:
    """Returns the opaque text by which clients notice a change of the storage version."""
    digest = hashlib.sha256(f"{group}/{version}/{kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STABILITY = {"": 2, "beta": 1, "alpha": 0}


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as Kubernetes prefers them when used with ``reverse=True``."""
    found = _VERSION.fullmatch(version)
    if not found:
        return -1, 0, 0, version
    major, stability, minor = found.groups()
    return _STABILITY[stability or ""], int(major), int(minor or 0), ""


class Discovery:
    """Builds the documents from the table of resources, and keeps them until it changes.

    Args:
        table: what is served.
    """

    def __init__(self, table: ResourceTable) -> None:
        self._table = table
        self._cached: dict[str, tuple[bytes, str]] = {}
        self._revision = -1

    def api_versions(self, address: str) -> dict[str, Any]:
        """``/api``: the versions of the core group."""
        return {
            "kind": "APIVersions",
            "versions": list(self._table.groups.get("", ())),
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        }

    def group_list(self) -> dict[str, Any]:
        """``/apis``: every named group."""
        groups = [_group(name, versions) for name, versions in self._named().items()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, name: str) -> dict[str, Any] | None:
        """``/apis/GROUP``."""
        versions = self._table.groups.get(name) if name else None
        if not versions:
            return None
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}

    def resource_list(self, group: str, version: str) -> dict[str, Any] | None:
        """``/api/v1`` and ``/apis/GROUP/VERSION``: resources and subresources, by name."""
        if not self._table.has_version(group, version):
            return None
        rows: list[dict[str, Any]] = []
        for resource in self._table.in_version(group, version):
            rows.append(_resource_row(resource))
            rows.extend(_subresource_rows(resource))
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": format_api_version(group, version),
            "resources": sorted(rows, key=lambda row: str(row["name"])),
        }

    def aggregated(self, *, core: bool, version: str) -> tuple[bytes, str]:
        """``/api`` or ``/apis`` as one document.

        Args:
            core: the core group only, else all the others.
            version: ``v2`` or ``v2beta1``.

        Returns:
            The document, and its hash for the ETag.
        """
        if self._revision != self._table.revision:
            self._cached.clear()
            self._revision = self._table.revision
        key = f"{core}/{version}"
        if key not in self._cached:
            groups = {"": self._table.groups.get("", [])} if core else self._named()
            document = {
                "kind": "APIGroupDiscoveryList",
                "apiVersion": f"apidiscovery.k8s.io/{version}",
                "metadata": {},
                "items": [
                    self._aggregated_group(name, versions) for name, versions in groups.items()
                ],
            }
            body = msgspec.json.encode(document)
            self._cached[key] = body + b"\n", hashlib.sha512(body).hexdigest().upper()
        return self._cached[key]

    def _named(self) -> Mapping[str, list[str]]:
        """The named groups: built-in ones in their order, then those of CRDs by name."""
        table = self._table
        custom = {
            name: _is_custom(table, name, versions)
            for name, versions in table.groups.items()
            if name
        }
        ordered = [name for name in custom if not custom[name]]
        ordered += sorted(name for name in custom if custom[name])
        return {
            name: sorted(table.groups[name], key=version_rank, reverse=True) for name in ordered
        }

    def _aggregated_group(self, name: str, versions: list[str]) -> dict[str, Any]:
        return {
            "metadata": {"name": name} if name else {},
            "versions": [
                {
                    "version": version,
                    "resources": [
                        _aggregated_resource(resource)
                        for resource in self._table.in_version(name, version)
                    ],
                    "freshness": "Current",
                }
                for version in versions
            ],
        }


def _is_custom(table: ResourceTable, group: str, versions: list[str]) -> bool:
    return all(
        resource.custom for version in versions for resource in table.in_version(group, version)
    )


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    entries = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for version in sorted(versions, key=version_rank, reverse=True)
    ]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _resource_row(resource: Resource) -> dict[str, Any]:
    info = resource.info
    row: dict[str, Any] = {
        "name": info.plural,
        "singularName": info.singular,
        "namespaced": info.namespaced,
        "kind": info.kind,
        "verbs": list(info.verbs),
    }
    if info.short_names:
        row["shortNames"] = list(info.short_names)
    if info.categories:
        row["categories"] = list(info.categories)
    if "list" in info.verbs and resource.storage_version_hash:
        row["storageVersionHash"] = resource.storage_version_hash
    return row


def _subresource_rows(resource: Resource) -> list[dict[str, Any]]:
    info = resource.info
    rows = []
    for sub in info.subresources:
        row: dict[str, Any] = {
            "name": f"{info.plural}/{sub.name}",
            "singularName": "",
            "namespaced": info.namespaced,
        }
        if (sub.group, sub.version) not in (("", ""), (info.group, info.version)):
            row |= {"group": sub.group, "version": sub.version}
        rows.append(row | {"kind": sub.kind, "verbs": list(sub.verbs)})
    return rows


def _aggregated_resource(resource: Resource) -> dict[str, Any]:
    info = resource.info
    row: dict[str, Any] = {
        "resource": info.plural,
        "responseKind": _response_kind(resource, "", "", info.kind),
        "scope": "Namespaced" if info.namespaced else "Cluster",
        "singularResource": info.singular,
        "verbs": list(info.verbs),
    }
    if info.short_names:
        row["shortNames"] = list(info.short_names)
    if info.categories:
        row["categories"] = list(info.categories)
    if info.subresources:
        row["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _response_kind(resource, sub.group, sub.version, sub.kind),
                "verbs": list(sub.verbs),
            }
            for sub in info.subresources
        ]
    return row


def _response_kind(resource: Resource, group: str, version: str, kind: str) -> dict[str, str]:
    """Built-in resources leave group and version empty where they are the list's own."""
    if resource.custom and not version:
        group, version = resource.info.group, resource.info.version
    return {"group": group, "version": version, "kind": kind}
