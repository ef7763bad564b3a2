"""YAML text to the Kubernetes objects in it, as Flux reads a file."""

from __future__ import annotations

from typing import Any

from steersman.kit.yaml.failure import YamlError
from steersman.kit.yaml.read import Document, load_all

__all__ = ["load_manifests"]


def load_manifests(text: str | bytes, *, source: str = "") -> list[dict[str, Any]]:
    """Reads every object of a stream: empty documents dropped, ``*List`` objects flattened.

    Raises:
        YamlError: the text is not YAML, or a document is no object with ``apiVersion`` and
            ``kind``.
    """
    manifests: list[dict[str, Any]] = []
    for document in load_all(text, "sigs", source=source):
        if document.value is None or document.value == {}:
            continue
        _collect(document.value, document, manifests)
    return manifests


def _collect(value: Any, document: Document, into: list[dict[str, Any]]) -> None:
    if not isinstance(value, dict):
        raise _invalid("an object must be a mapping", document)
    kind = value.get("kind")
    if not isinstance(kind, str) or not kind:
        raise _invalid("Object 'Kind' is missing", document)
    items = value.get("items")
    if kind.endswith("List") and isinstance(items, list):
        for item in items:
            _collect(item, document, into)
        return
    into.append(value)


def _invalid(problem: str, document: Document) -> YamlError:
    return YamlError(problem, source=document.source, line=document.line, column=1)
