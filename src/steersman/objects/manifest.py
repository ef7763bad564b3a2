"""``Manifest``: a Kubernetes object as a plain dict, and accessors that never raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = [
    "Manifest",
    "annotations_of",
    "api_version_of",
    "generation_of",
    "kind_of",
    "labels_of",
    "metadata_of",
    "name_of",
    "namespace_of",
    "resource_version_of",
    "uid_of",
]

Manifest: TypeAlias = dict[str, Any]
"""A decoded object. Never mutated after it was handed on: replace, do not edit."""


def metadata_of(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns ``metadata``, or an empty mapping when it is missing or not a mapping."""
    metadata = manifest.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def api_version_of(manifest: Mapping[str, Any]) -> str:
    """Returns ``apiVersion``, or an empty text."""
    return _text(manifest.get("apiVersion"))


def kind_of(manifest: Mapping[str, Any]) -> str:
    """Returns ``kind``, or an empty text."""
    return _text(manifest.get("kind"))


def name_of(manifest: Mapping[str, Any]) -> str:
    """Returns ``metadata.name``, or an empty text."""
    return _text(metadata_of(manifest).get("name"))


def namespace_of(manifest: Mapping[str, Any]) -> str:
    """Returns ``metadata.namespace``, or an empty text for cluster-scoped objects."""
    return _text(metadata_of(manifest).get("namespace"))


def uid_of(manifest: Mapping[str, Any]) -> str:
    """Returns ``metadata.uid``, or an empty text."""
    return _text(metadata_of(manifest).get("uid"))


def resource_version_of(manifest: Mapping[str, Any]) -> str:
    """Returns ``metadata.resourceVersion``, or an empty text."""
    return _text(metadata_of(manifest).get("resourceVersion"))


def generation_of(manifest: Mapping[str, Any]) -> int:
    """Returns ``metadata.generation``, or 0."""
    generation = metadata_of(manifest).get("generation")
    return generation if isinstance(generation, int) else 0


def labels_of(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """Returns ``metadata.labels``, or an empty mapping."""
    labels = metadata_of(manifest).get("labels")
    return labels if isinstance(labels, dict) else {}


def annotations_of(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """Returns ``metadata.annotations``, or an empty mapping."""
    annotations = metadata_of(manifest).get("annotations")
    return annotations if isinstance(annotations, dict) else {}
