"""How a generated object takes the place of another of the same id."""

from __future__ import annotations

from steersman.kustomize.metadata import annotations_of
from steersman.kustomize.node import Tree, string_map
from steersman.kustomize.resource import BUILD_ANNOTATIONS, NEEDS_HASH, ORIGIN, Resource

__all__ = ["take_metadata", "take_over"]


def take_over(resource: Resource, old: Resource, *, merge: bool) -> None:
    """Gives a generated object the metadata (and data) of the one whose place it takes."""
    origin = old.annotations.get(ORIGIN)
    take_metadata(resource, old)
    if not merge:
        return
    resource.change(lambda tree: _with_merged_data(old.tree, tree))
    if origin is not None:
        resource.set_annotations({**annotations_of(resource.tree), ORIGIN: origin})


def take_metadata(resource: Resource, other: Resource) -> None:
    """Merges labels and annotations over another object's, and takes its name and namespace."""
    resource.set_labels({**other.labels, **resource.labels})
    own, theirs = resource.annotations, other.annotations
    merged = {**theirs, **own}
    for key in BUILD_ANNOTATIONS:
        if key in theirs:
            merged[key] = theirs[key]
        else:
            merged.pop(key, None)
    if NEEDS_HASH not in own:
        merged.pop(NEEDS_HASH, None)
    resource.set_annotations(merged)
    resource.set_name(other.name)
    resource.set_namespace(other.namespace)
    resource.variables = other.variables


def _with_merged_data(old: Tree, tree: Tree) -> Tree:
    """Adds the old data under the new; binary data stays apart from text."""
    result = dict(tree)
    for field in ("data", "binaryData"):
        values = {**string_map(old.get(field)), **string_map(tree.get(field))}
        result.pop(field, None)
        if values:
            result[field] = {key: values[key] for key in sorted(values)}
    return result
