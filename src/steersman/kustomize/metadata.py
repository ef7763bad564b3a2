"""Reads and writes ``metadata`` of trees."""

from __future__ import annotations

from collections.abc import Mapping

from steersman.kustomize.node import Tree, string_map, untagged

__all__ = ["annotations_of", "labels_of", "with_annotation", "with_map", "with_metadata_text"]


def annotations_of(tree: Tree) -> dict[str, str]:
    """Reads the annotations as texts; a fresh dict."""
    return _map_of(tree, "annotations")


def labels_of(tree: Tree) -> dict[str, str]:
    """Reads the labels as texts; a fresh dict."""
    return _map_of(tree, "labels")


def _map_of(tree: Tree, field: str) -> dict[str, str]:
    metadata = tree.get("metadata") if isinstance(tree, dict) else None
    return string_map(metadata.get(field)) if isinstance(metadata, dict) else {}


def _metadata(tree: Tree) -> dict[str, Tree]:
    metadata = tree.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def with_map(tree: Tree, field: str, values: Mapping[str, str]) -> Tree:
    """Returns the tree with all labels or annotations written, sorted; none removes the field."""
    if not isinstance(tree, dict):
        return tree
    metadata = dict(_metadata(tree))
    metadata.pop(field, None)
    if values:
        metadata[field] = {key: values[key] for key in sorted(values)}
    return {**tree, "metadata": metadata}


def with_annotation(tree: Tree, key: str, value: str) -> Tree:
    """Returns the tree with one annotation written."""
    metadata = _metadata(tree)
    annotations = metadata.get("annotations")
    held = annotations if isinstance(annotations, dict) else {}
    return {**tree, "metadata": {**metadata, "annotations": {**held, key: value}}}


def with_metadata_text(tree: Tree, field: str, value: str) -> Tree:
    """Returns the tree with name or namespace written; an empty text removes a namespace."""
    metadata = dict(_metadata(tree))
    if not value and field == "namespace":
        metadata.pop(field, None)
    else:
        old = metadata.get(field)
        keep = isinstance(old, str) and not isinstance(untagged(old), str)
        metadata[field] = value if keep else untagged(value)
    return {**tree, "metadata": metadata}
