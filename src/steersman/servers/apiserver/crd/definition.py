"""Reads a CustomResourceDefinition: what it serves and under which names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import ResourceInfo, SubresourceInfo
from steersman.servers.apiserver.strategy import Scale

__all__ = ["ServedVersion", "is_established", "served_versions", "storage_version"]

_VERBS: Final = (
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
)
_WRITE: Final = ("get", "patch", "update")


class ServedVersion(NamedTuple):
    """One version of a custom kind.

    Attributes:
        info: as discovery shows it.
        schema: its ``openAPIV3Schema``.
        has_status: the ``status`` subresource is on.
        scale: where the ``scale`` subresource reads and writes, when it is on.
        columns: ``additionalPrinterColumns``, when given.
        selectable: paths of ``selectableFields``.
        deprecation: the warning to send with every answer; empty when not deprecated.
        is_storage: objects are stored in this version.
    """

    info: ResourceInfo
    schema: Mapping[str, Any]
    has_status: bool
    scale: Scale | None
    columns: Sequence[Mapping[str, Any]] | None
    selectable: tuple[str, ...]
    deprecation: str
    is_storage: bool


def _path(text: str) -> tuple[str, ...]:
    return tuple(text.lstrip(".").split(".")) if text else ()


def _scale(raw: Mapping[str, Any] | None) -> Scale | None:
    if raw is None:
        return None
    return Scale(
        _path(raw["specReplicasPath"]),
        _path(raw["statusReplicasPath"]),
        _path(raw.get("labelSelectorPath") or ""),
    )


def _deprecation(raw: Mapping[str, Any], group: str, kind: str) -> str:
    if not raw.get("deprecated"):
        return ""
    default = f"{group}/{raw['name']} {kind} is deprecated"
    return str(raw.get("deprecationWarning") or default)


def served_versions(crd: Manifest) -> Sequence[ServedVersion]:
    """Returns the served versions, in the order of the definition."""
    spec = crd["spec"]
    names = {**spec["names"], **((crd.get("status") or {}).get("acceptedNames") or {})}
    if not names.get("kind"):
        names = spec["names"]
    group: str = spec["group"]
    return tuple(
        _served(raw, group, names, spec["scope"] == "Namespaced")
        for raw in spec["versions"]
        if raw.get("served")
    )


def _served(
    raw: Mapping[str, Any], group: str, names: Mapping[str, Any], namespaced: bool
) -> ServedVersion:
    kind = names["kind"]
    subresources = raw.get("subresources") or {}
    has_status = subresources.get("status") is not None
    scale = subresources.get("scale")
    served = []
    if has_status:
        served.append(SubresourceInfo("status", "", "", kind, _WRITE))
    if scale is not None:
        served.append(SubresourceInfo("scale", "autoscaling", "v1", "Scale", _WRITE))
    info = ResourceInfo(
        group=group,
        version=raw["name"],
        kind=kind,
        plural=names["plural"],
        singular=names.get("singular") or kind.lower(),
        namespaced=namespaced,
        verbs=_VERBS,
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(served),
    )
    return ServedVersion(
        info=info,
        schema=(raw.get("schema") or {}).get("openAPIV3Schema") or {},
        has_status=has_status,
        scale=_scale(scale),
        columns=raw.get("additionalPrinterColumns"),
        selectable=tuple(one["jsonPath"] for one in raw.get("selectableFields") or ()),
        deprecation=_deprecation(raw, group, kind),
        is_storage=bool(raw.get("storage")),
    )


def storage_version(crd: Manifest) -> str:
    """Returns the version in which objects are stored, or an empty text."""
    return next((str(one["name"]) for one in crd["spec"]["versions"] if one.get("storage")), "")


def is_established(crd: Manifest) -> bool:
    """Says whether the definition's kinds are served."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
