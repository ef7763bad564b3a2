"""Name prefixes and suffixes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters.fields import change_fields, set_scalar
from steersman.kustomize.ids import Gvk
from steersman.kustomize.node import Tree, text_of
from steersman.kustomize.resource import Resource

__all__ = ["add_affix", "affix_field"]

_SPARED = (
    Gvk(kind="CustomResourceDefinition"),
    Gvk(group="apiregistration.k8s.io", kind="APIService"),
    Gvk(kind="Namespace"),
)


def affix_field(tree: Tree, spec: FieldSpec, affix: str, side: Literal["prefix", "suffix"]) -> Tree:
    """Puts ``affix`` before or after the text of one field."""

    def change(node: Tree) -> Tree:
        held = text_of(node)
        return set_scalar(affix + held if side == "prefix" else held + affix)(node)

    return change_fields(tree, (spec,), change, create="text")


def add_affix(
    resources: Iterable[Resource],
    specs: Iterable[FieldSpec],
    affix: str,
    side: Literal["prefix", "suffix"],
) -> None:
    """Puts a prefix or suffix on names, and remembers the layer even when it is empty."""
    specs = tuple(specs)
    for resource in resources:
        original = resource.original_id
        if any(original.gvk.is_selected(spared) for spared in _SPARED):
            continue
        for spec in specs:
            if not spec.matches(original.gvk):
                continue
            if spec.path == "metadata/name":
                (resource.add_prefix if side == "prefix" else resource.add_suffix)(affix)
                if affix:
                    resource.store_previous_id()
            resource.tree = affix_field(resource.tree, spec, affix, side)
