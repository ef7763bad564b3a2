"""How a build names objects: group, version, kind, name and namespace.

The text forms are kustomize's, since its error messages are made of them.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["NO_NAMESPACE", "Gvk", "ResId", "split_version"]

NO_NAMESPACE = "_non_namespaceable_"
"""The effective namespace of cluster-scoped objects."""


def split_version(api_version: str) -> tuple[str, str]:
    """Splits at the first slash: group and version."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", api_version)


class Gvk(NamedTuple):
    """Group, version and kind; empty parts of a selector match anything."""

    group: str = ""
    version: str = ""
    kind: str = ""

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` text."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def is_selected(self, selector: Gvk) -> bool:
        """Whether every part that the selector names is equal."""
        return (
            (not selector.group or selector.group == self.group)
            and (not selector.version or selector.version == self.version)
            and (not selector.kind or selector.kind == self.kind)
        )

    def __str__(self) -> str:
        return f"{self.kind or '[noKind]'}.{self.version or '[noVer]'}.{self.group or '[noGrp]'}"


class ResId(NamedTuple):
    """One object. ``cluster_scoped`` is true only for kinds known to have no namespace."""

    gvk: Gvk
    name: str
    namespace: str = ""
    cluster_scoped: bool = False

    @property
    def effective_namespace(self) -> str:
        """The namespace used for comparing: never empty."""
        if self.cluster_scoped:
            return NO_NAMESPACE
        return self.namespace or "default"

    @property
    def key(self) -> tuple[Gvk, str, str]:
        """What two ids must share to name the same object."""
        return self.gvk, self.name, self.effective_namespace

    def same(self, other: ResId) -> bool:
        """Whether both name the same object."""
        return self.key == other.key

    def is_selected_by(self, selector: ResId) -> bool:
        """Whether every part that the selector names is equal."""
        return (
            (not selector.name or selector.name == self.name)
            and (not selector.namespace or selector.effective_namespace == self.effective_namespace)
            and self.gvk.is_selected(selector.gvk)
        )

    def __str__(self) -> str:
        return f"{self.gvk}/{self.name or '[noName]'}.{self.namespace or '[noNs]'}"
