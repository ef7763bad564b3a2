"""Which resources are served: the built-in ones and, as they come and go, those of CRDs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from steersman.fieldmanager.typesource import TypeSource
from steersman.objects.identity import GroupVersionKind, format_api_version
from steersman.schemas.catalogue import ResourceInfo, Schema
from steersman.servers.apiserver.strategy import Strategy, Traits

__all__ = ["GroupVersion", "Resource", "ResourceTable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource in one version, as it is served.

    Attributes:
        info: names, scope, verbs and subresources.
        strategy: how its objects are read, prepared, checked and shown.
        storage_version: the ``apiVersion`` its objects are kept in.
        custom: it comes from a CRD.
        list_kind: kind of a list of it.
        deprecation: text of a warning that every request gets, or empty.
        storage_version_hash: as discovery shows it.
        schema: of a custom resource, as its CRD gives it.
        types: of a custom resource, for field management.
    """

    info: ResourceInfo
    strategy: Strategy
    storage_version: str
    custom: bool = False
    list_kind: str = ""
    deprecation: str = ""
    storage_version_hash: str = ""
    schema: Schema | None = None
    types: TypeSource | None = None
    bucket: str = field(init=False)
    api_version: str = field(init=False)
    gvk: GroupVersionKind = field(init=False)
    traits: Traits = field(init=False)

    def __post_init__(self) -> None:
        info = self.info
        group = self.storage_version.rpartition("/")[0]
        object.__setattr__(self, "bucket", f"{group}/{info.plural}")
        object.__setattr__(self, "api_version", format_api_version(info.group, info.version))
        object.__setattr__(self, "gvk", GroupVersionKind(info.group, info.version, info.kind))
        object.__setattr__(self, "traits", self.strategy.traits)
        if self.traits.deprecation:
            object.__setattr__(self, "deprecation", self.traits.deprecation)
        if not self.list_kind:
            object.__setattr__(self, "list_kind", f"{info.kind}List")

    def key(self, namespace: str, name: str) -> str:
        """The storage key of one object."""
        return f"{namespace}/{name}" if self.info.namespaced else name


@dataclass(frozen=True, slots=True)
class GroupVersion:
    """A group and a version, text form ``apps/v1`` or ``v1``."""

    group: str
    version: str

    def __str__(self) -> str:
        return format_api_version(self.group, self.version)


class ResourceTable:
    """The served resources by group, version and plural name.

    ``revision`` changes with every change, so that discovery documents can be cached.
    """

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._served: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[GroupVersionKind, Resource] = {}
        self._versions: dict[str, list[str]] = {}
        self.revision = 0
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Serves a resource, or replaces how it is served."""
        info = resource.info
        self._served[info.group, info.version, info.plural] = resource
        self._by_kind[resource.gvk] = resource
        versions = self._versions.setdefault(info.group, [])
        if info.version not in versions:
            versions.append(info.version)
        self.revision += 1

    def remove(self, group: str, version: str, plural: str) -> None:
        """Serves a resource no more; absent ones are ignored."""
        resource = self._served.pop((group, version, plural), None)
        if resource is None:
            return
        self._by_kind.pop(resource.gvk, None)
        if not any(key[:2] == (group, version) for key in self._served):
            self._versions[group].remove(version)
            if not self._versions[group]:
                del self._versions[group]
        self.revision += 1

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Returns a served resource."""
        return self._served.get((group, version, plural))

    def of_kind(self, gvk: GroupVersionKind) -> Resource | None:
        """Returns the resource whose objects are of that type."""
        return self._by_kind.get(gvk)

    def of_group_resource(self, group: str, plural: str) -> Resource | None:
        """Returns the resource in the preferred version that serves it."""
        for version in self._versions.get(group, ()):
            found = self._served.get((group, version, plural))
            if found:
                return found
        return None

    def storage_resources(self) -> Iterator[Resource]:
        """Yields one resource for each bucket: the one in its storage version."""
        for resource in self._served.values():
            if resource.api_version == resource.storage_version:
                yield resource

    def has_version(self, group: str, version: str) -> bool:
        """Says whether anything is served under a group version."""
        return version in self._versions.get(group, ())

    def has_builtin(self, group: str, version: str) -> bool:
        """Says whether a group version holds resources that come from no CRD."""
        return any(
            key[:2] == (group, version) and not resource.custom
            for key, resource in self._served.items()
        )

    @property
    def groups(self) -> Mapping[str, list[str]]:
        """The versions of each group, preferred first."""
        return self._versions

    def in_version(self, group: str, version: str) -> list[Resource]:
        """Returns the resources of a group version, ordered by plural name."""
        found = [resource for key, resource in self._served.items() if key[:2] == (group, version)]
        return sorted(found, key=lambda resource: resource.info.plural)
