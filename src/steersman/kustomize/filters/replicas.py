"""Replica counts."""

from __future__ import annotations

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters.fields import change_fields, set_scalar
from steersman.kustomize.model import Replica
from steersman.kustomize.node import Tree
from steersman.kustomize.resourceset import ResourceSet

__all__ = ["set_replicas", "set_replicas_of"]


def set_replicas(tree: Tree, spec: FieldSpec, count: int) -> Tree:
    """Writes a replica count into one field."""
    return change_fields(tree, (spec,), set_scalar(str(count), "!!int"), create="number")


def set_replicas_of(resources: ResourceSet, specs: tuple[FieldSpec, ...], replica: Replica) -> None:
    """Writes a replica count into every object of the name.

    Raises:
        BuildFailed: no object of the name is of a kind with replicas.
    """
    found = False
    for spec in specs:
        for resource in resources.with_any_id(
            lambda id, gvk=spec.gvk: id.name == replica.name and id.gvk.is_selected(gvk)  # type: ignore[misc]
        ):
            found = True
            resource.tree = set_replicas(resource.tree, spec, replica.count)
    if not found:
        shown = " ".join(str(spec.gvk) for spec in specs)
        raise BuildFailed(
            f"resource with name {replica.name} does not match a config "
            f"with the following GVK [{shown}]"
        )
