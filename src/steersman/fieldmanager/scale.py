"""Owners of ``spec.replicas`` on both sides of the ``scale`` subresource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.fieldmanager.elements import Path
from steersman.fieldmanager.fieldset import FieldSet, difference, from_paths, has
from steersman.fieldmanager.managers import Managed, VersionedSet

__all__ = ["owners_from_scale", "owners_to_scale"]

SCALE_VERSION = "autoscaling/v1"
_REPLICAS: FieldSet = from_paths([("f:spec", "f:replicas")])
_REPLICAS_PATH: Path = ("f:spec", "f:replicas")

Entries = list[dict[str, Any]]


def owners_to_scale(parent: Entries | None, paths: Mapping[str, Path | None]) -> Entries:
    """Returns the entries of a resource as its ``Scale`` object shows them.

    Args:
        parent: ``managedFields`` of the resource.
        paths: where replicas are, by API version of the resource; None where there are none.

    Raises:
        BadManagedFields: an entry is malformed.
    """
    managed = Managed.read(parent)
    shown = Managed()
    for manager, owned in managed.sets.items():
        path = paths.get(owned.api_version)
        if path is not None and has(owned.fields, path):
            shown.sets[manager] = VersionedSet(_REPLICAS, SCALE_VERSION, owned.applied)
            shown.times[manager] = managed.times[manager]
    return shown.entries()


def owners_from_scale(
    parent: Entries | None,
    scale: Entries | None,
    api_version: str,
    paths: Mapping[str, Path | None],
) -> Entries:
    """Returns the entries of a resource after its ``Scale`` object was written.

    Args:
        parent: ``managedFields`` of the resource before.
        scale: ``managedFields`` of the written ``Scale``.
        api_version: of the resource in this request.
        paths: where replicas are, by API version of the resource; None where there are none.

    Raises:
        BadManagedFields: an entry is malformed.
    """
    before, written = Managed.read(parent), Managed.read(scale)
    after = Managed()
    left = dict(written.sets)
    for manager, owned in before.sets.items():
        if owned.api_version not in paths:
            continue
        path = paths[owned.api_version]
        kept: VersionedSet | None = owned
        if path is not None and has(owned.fields, path):
            if manager in left:
                del left[manager]
            else:
                # Somebody took replicas through the subresource.
                fields = difference(owned.fields, from_paths([path]))
                kept = owned._replace(fields=fields) if fields else None
        if kept is not None:
            after.sets[manager] = kept
            after.times[manager] = before.times[manager]
    path = paths.get(api_version)
    for manager, owned in left.items():
        if path is not None and has(owned.fields, _REPLICAS_PATH):
            after.sets[manager] = VersionedSet(from_paths([path]), api_version, owned.applied)
            # The time of a new owner is not known on this side, as in Kubernetes.
            after.times[manager] = before.times.get(manager)
    return after.entries()
