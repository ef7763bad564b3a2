"""What an object is called: group, version, kind, namespace and name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from steersman.objects.manifest import api_version_of, kind_of, name_of, namespace_of

__all__ = ["GroupKind", "GroupVersionKind", "ObjectRef", "format_api_version", "split_api_version"]


def split_api_version(api_version: str) -> tuple[str, str]:
    """Splits ``apps/v1`` into ``("apps", "v1")`` and ``v1`` into ``("", "v1")``."""
    group, _, version = api_version.rpartition("/")
    return group, version


def format_api_version(group: str, version: str) -> str:
    """Joins a group and a version; the core group has no slash."""
    return f"{group}/{version}" if group else version


class GroupKind(NamedTuple):
    """A kind regardless of its version. Text form: ``Kind.group``."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class GroupVersionKind(NamedTuple):
    """The exact type of an object."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` text."""
        return format_api_version(self.group, self.version)

    @property
    def group_kind(self) -> GroupKind:
        """The kind without its version."""
        return GroupKind(self.group, self.kind)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> GroupVersionKind:
        """Reads the type of a manifest; missing parts are empty."""
        group, version = split_api_version(api_version_of(manifest))
        return cls(group, version, kind_of(manifest))


class ObjectRef(NamedTuple):
    """Which object: kind, namespace and name. The version is not part of identity."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        """The kind without its version."""
        return GroupKind(self.group, self.kind)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> ObjectRef:
        """Reads the identity of a manifest."""
        group, _ = split_api_version(api_version_of(manifest))
        return cls(group, kind_of(manifest), namespace_of(manifest), name_of(manifest))

    def __str__(self) -> str:
        """``Kind/namespace/name``, as Flux prints objects in events and errors."""
        parts = [self.kind, self.namespace, self.name] if self.namespace else [self.kind, self.name]
        return "/".join(parts)
