"""Labels and annotations at the fields that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters.fields import change_fields, set_entry
from steersman.kustomize.node import Tree

__all__ = ["set_entries"]


def set_entries(tree: Tree, specs: Iterable[FieldSpec], entries: Mapping[str, str]) -> Tree:
    """Writes labels or annotations into every field of ``specs``, in the order of their keys."""
    specs = tuple(specs)
    for key in sorted(entries):
        tree = change_fields(tree, specs, set_entry(key, entries[key]), create="mapping")
    return tree
