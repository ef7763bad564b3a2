"""Replaces a value inside a text that holds JSON or YAML itself, such as ConfigMap data."""

from __future__ import annotations

import json
from collections.abc import Sequence

from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldpath import lookup
from steersman.kustomize.filters.matchpath import Made, Route, find
from steersman.kustomize.filters.splice import splice_scalars
from steersman.kustomize.node import (
    MISSING,
    Tree,
    contents,
    edit_at,
    is_null,
    retexted,
    text_of,
    to_json,
    to_plain,
)

__all__ = ["replace_inside"]


def replace_inside(tree: Tree, path: Sequence[str], value: Tree, create: Made) -> Tree:
    """Returns the tree with the value set inside the text that the path goes through.

    Returns MISSING when no text on the path holds structured data with that field.
    """
    for end in range(1, len(path)):
        try:
            held = lookup(tree, path[:end])
        except BuildFailed:
            continue
        if held is MISSING or is_null(held) or isinstance(held, dict | list):
            continue
        text = text_of(held)
        document = _parsed(text)
        if document is MISSING:
            continue
        return _replaced(tree, path, end, (held, text, document), value, create)
    return MISSING


def _parsed(text: str) -> Tree:
    try:
        documents = load_all(text, "kyaml")
    except YamlError:
        return MISSING
    return documents[0].value if documents else MISSING


def _replaced(
    tree: Tree,
    path: Sequence[str],
    end: int,
    found: tuple[Tree, str, Tree],
    value: Tree,
    create: Made,
) -> Tree:
    held, text, document = found
    try:
        document, routes = find(document, path[end:], create=create)
        if not routes:
            return MISSING
        kept = _spliced(text, document, routes, value)
        for route in routes:
            document = edit_at(document, route, lambda node: _set(node, value))
        written = _written(document, text) if kept is None else kept
        routes = find(tree, path[:end])[1]
    except (BuildFailed, ValueError):
        return MISSING
    return edit_at(tree, routes[0], lambda node: retexted(held, written)) if routes else MISSING


def _spliced(text: str, document: Tree, routes: Sequence[Route], value: Tree) -> str | None:
    """Changes YAML text in place where only scalars that were there before change."""
    if text.strip()[:1] in ("{", "[") or isinstance(value, dict | list):
        return None
    if document != _parsed(text):
        return None
    return splice_scalars(text, routes, value)


def _set(node: Tree, value: Tree) -> Tree:
    if isinstance(node, dict | list):
        return value
    return retexted(node, text_of(value))


def _written(document: Tree, original: str) -> str:
    start = original.strip()[:1]
    if start not in ("{", "["):
        return contents(document).strip()
    if "\n" in original and "  " in original:
        return json.dumps(
            to_plain(document), indent=2, sort_keys=True, ensure_ascii=False, separators=(",", ": ")
        )
    return to_json(document)
