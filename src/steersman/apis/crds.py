"""The definitions of the Flux kinds that have a controller here, generated from the structs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from steersman.apis import kustomization
from steersman.apis.kustomization import Kustomization, KustomizationStatus
from steersman.apis.meta import Wire
from steersman.apis.source import gitrepository
from steersman.apis.source.gitrepository import GitRepository, GitRepositoryStatus
from steersman.apis.structural import schema_of_struct
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest

__all__ = ["KINDS", "FluxKind", "definition_of", "definitions"]


class Column(NamedTuple):
    """One column of ``kubectl get``."""

    name: str
    type: str
    path: str


class FluxKind(NamedTuple):
    """How a kind is called and shown.

    Attributes:
        gvk: its type.
        plural: name in URLs.
        short_name: what people type; empty if there is none.
        category: the group of kinds it belongs to besides ``all`` and ``fluxcd``.
        columns: printer columns, in order.
        struct: its spec and status.
        status: the type of its status, None for kinds without one.
    """

    gvk: GroupVersionKind
    plural: str
    short_name: str
    category: str
    columns: tuple[Column, ...]
    struct: type[Wire]
    status: type[Wire] | None

    @property
    def singular(self) -> str:
        """Name of one, in lower case."""
        return self.gvk.kind.lower()

    @property
    def names(self) -> tuple[str, ...]:
        """Every word that means this kind on a command line."""
        words = (self.plural, self.singular, self.short_name)
        return tuple(word for word in words if word)


_AGE: Final = Column("Age", "date", ".metadata.creationTimestamp")
_READY: Final = (
    Column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
    Column("Status", "string", '.status.conditions[?(@.type=="Ready")].message'),
)

KINDS: Final[tuple[FluxKind, ...]] = (
    FluxKind(
        gvk=gitrepository.GVK,
        plural=gitrepository.PLURAL,
        short_name="gitrepo",
        category="fluxcd-sources",
        columns=(Column("URL", "string", ".spec.url"), _AGE, *_READY),
        struct=GitRepository,
        status=GitRepositoryStatus,
    ),
    FluxKind(
        gvk=kustomization.GVK,
        plural=kustomization.PLURAL,
        short_name="ks",
        category="fluxcd-appliers",
        columns=(_AGE, *_READY),
        struct=Kustomization,
        status=KustomizationStatus,
    ),
)
"""The kinds that are installed: those with a controller, sources first."""


def definitions(kinds: Iterable[FluxKind] = KINDS) -> list[Manifest]:
    """Returns the CustomResourceDefinitions, in the order of ``kinds``, each a fresh object."""
    return [definition_of(kind) for kind in kinds]


def definition_of(kind: FluxKind) -> Manifest:
    """Returns the CustomResourceDefinition of one kind.

    It is marked so that variables in it are never substituted: a fleet may apply it itself.
    """
    names: dict[str, Any] = {
        "categories": ["all", "fluxcd", kind.category],
        "kind": kind.gvk.kind,
        "listKind": f"{kind.gvk.kind}List",
        "plural": kind.plural,
        "singular": kind.singular,
    }
    if kind.short_name:
        names["shortNames"] = [kind.short_name]
    version: dict[str, Any] = {
        "name": kind.gvk.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            {"name": column.name, "type": column.type, "jsonPath": column.path}
            for column in kind.columns
        ],
        "schema": {"openAPIV3Schema": _schema_of_kind(kind)},
    }
    if kind.status is not None:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{kind.gvk.group}",
            "annotations": {"kustomize.toolkit.fluxcd.io/substitute": "disabled"},
        },
        "spec": {
            "group": kind.gvk.group,
            "names": names,
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _schema_of_kind(kind: FluxKind) -> dict[str, Any]:
    """Returns the schema of the whole object; nothing at its top is required, as in Flux."""
    schema = schema_of_struct(kind.struct)
    schema.pop("required", None)
    schema["properties"] |= {
        "apiVersion": {"type": "string", "description": "Version of the API of this object."},
        "kind": {"type": "string", "description": "Kind of this object."},
        "metadata": {"type": "object"},
    }
    schema["properties"] = dict(sorted(schema["properties"].items()))
    return schema
