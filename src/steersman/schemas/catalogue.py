"""The built-in kinds of one Kubernetes minor: their schemas and how the API serves them.

The data files are distilled at build time (``make schemas``); reading one takes a few milliseconds.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import resources as package_files
from typing import Any, NamedTuple, TypeAlias

import msgspec

from steersman.errors import InvalidSpec
from steersman.objects.identity import GroupKind, GroupVersionKind

__all__ = [
    "DEFAULT_MINOR",
    "MINORS",
    "Catalogue",
    "ResourceInfo",
    "Schema",
    "SubresourceInfo",
    "load_catalogue",
]

Schema: TypeAlias = Mapping[str, Any]
"""One OpenAPI v3 schema as plain data. Shared and never changed."""

MINORS = ("1.35", "1.36", "1.37")
DEFAULT_MINOR = "1.36"
REF_PREFIX = "#/components/schemas/"


class SubresourceInfo(NamedTuple):
    """One subresource. ``group`` and ``version`` are empty where they equal the parent's."""

    name: str
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...]


class ResourceInfo(NamedTuple):
    """How the API serves one kind, as discovery tells it."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[SubresourceInfo, ...] = ()

    @property
    def gvk(self) -> GroupVersionKind:
        """The kind that the resource holds."""
        return GroupVersionKind(self.group, self.version, self.kind)

    @property
    def group_resource(self) -> str:
        """``plural.group`` as error messages name it, or ``plural`` in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def subresource(self, name: str) -> SubresourceInfo | None:
        """Returns the subresource of that name."""
        return next((sub for sub in self.subresources if sub.name == name), None)


class Catalogue:
    """Schemas by kind and by reference, and the resource table in discovery order.

    Args:
        minor: the Kubernetes minor, such as ``1.36``.
        definitions: schemas by their OpenAPI name.
        resources: the served resources.
    """

    def __init__(
        self, minor: str, definitions: Mapping[str, Schema], resources: Iterable[ResourceInfo]
    ) -> None:
        self.minor = minor
        self.definitions = definitions
        self.resources = tuple(resources)
        self._names = dict(_kind_names(definitions))
        self._by_gvk = {resource.gvk: resource for resource in self.resources}
        self._scopes = {
            GroupKind(resource.group, resource.kind): resource.namespaced
            for resource in self.resources
        }

    def definition_name(self, gvk: GroupVersionKind) -> str | None:
        """Returns the OpenAPI name of a kind's schema, such as ``io.k8s.api.core.v1.Pod``."""
        return self._names.get(gvk)

    def schema_of(self, gvk: GroupVersionKind) -> Schema | None:
        """Returns the schema of a kind, also of lists and of request bodies."""
        name = self._names.get(gvk)
        return None if name is None else self.definitions[name]

    def resolve(self, ref: str) -> Schema:
        """Returns the schema that a ``$ref`` of this catalogue points to.

        Raises:
            KeyError: the reference is not of this catalogue.
        """
        return self.definitions[ref.removeprefix(REF_PREFIX)]

    def resource_of(self, gvk: GroupVersionKind) -> ResourceInfo | None:
        """Returns the resource that holds a kind."""
        return self._by_gvk.get(gvk)

    def is_namespaced(self, group_kind: GroupKind) -> bool | None:
        """Says whether a built-in kind lives in namespaces; None when it is not built in."""
        return self._scopes.get(group_kind)


def _kind_names(definitions: Mapping[str, Schema]) -> Iterator[tuple[GroupVersionKind, str]]:
    for name, schema in definitions.items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            yield GroupVersionKind(gvk["group"], gvk["version"], gvk["kind"]), name


@lru_cache(maxsize=len(MINORS))
def load_catalogue(minor: str = DEFAULT_MINOR) -> Catalogue:
    """Reads the catalogue of a minor.

    Raises:
        InvalidSpec: no data for that minor.
    """
    if minor not in MINORS:
        raise InvalidSpec(
            f"Kubernetes {minor} is not known",
            hint=f"supported minors: {', '.join(MINORS)}",
        )
    file = package_files.files("steersman.schemas") / "data" / f"kubernetes-{minor}.json.gz"
    document = msgspec.json.decode(gzip.decompress(file.read_bytes()), type=_Document)
    return Catalogue(document.minor, document.definitions, map(_resource, document.resources))


class _Document(msgspec.Struct):
    minor: str
    definitions: dict[str, dict[str, Any]]
    resources: list[dict[str, Any]]


def _resource(row: dict[str, Any]) -> ResourceInfo:
    subresources = tuple(
        SubresourceInfo(sub["name"], sub["group"], sub["version"], sub["kind"], tuple(sub["verbs"]))
        for sub in row["subresources"]
    )
    return ResourceInfo(
        group=row["group"],
        version=row["version"],
        kind=row["kind"],
        plural=row["plural"],
        singular=row["singular"],
        namespaced=row["namespaced"],
        verbs=tuple(row["verbs"]),
        short_names=tuple(row["short_names"]),
        categories=tuple(row["categories"]),
        subresources=subresources,
    )
