"""Text to the objects of a build, as kustomize reads a resource file."""

from __future__ import annotations

from functools import lru_cache

from steersman.kit.yaml import YamlError, load_all, split_documents
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.node import MISSING, Tree, from_plain, is_empty, is_null, text_of, to_plain
from steersman.kustomize.resource import Resource
from steersman.kustomize.schema import MergeSchema

__all__ = ["parse_resources", "parse_trees"]

_LARGE = 256 * 1024
"""Longer texts are not remembered here, so that what is remembered stays small."""


def parse_resources(content: str | bytes, schema: MergeSchema, *, file: str = "") -> list[Resource]:
    """Reads every object of a stream; lists are taken apart, empty documents dropped.

    Args:
        content: YAML or JSON.
        schema: knows which kinds have no namespace.
        file: name for errors.

    Raises:
        BuildFailed: the text is malformed, or an object lacks kind or name.
    """
    return [Resource(tree, schema) for tree in parse_trees(content, file)]


def parse_trees(content: str | bytes, file: str = "") -> tuple[Tree, ...]:
    """Reads the trees of a stream; equal contents share one result."""
    text = content if isinstance(content, str) else content.decode("utf-8", "surrogateescape")
    result = _parsed(text) if len(text) <= _LARGE else _parse(text)
    if isinstance(result, BuildFailed):
        raise result.placed(file, result.line) if file else result
    return result


@lru_cache(maxsize=2048)
def _parsed(content: str) -> tuple[Tree, ...] | BuildFailed:
    return _parse(content)


def _parse(content: str) -> tuple[Tree, ...] | BuildFailed:
    try:
        return tuple(_inlined(_checked(_documents(content))))
    except BuildFailed as error:
        return error


def _documents(content: str) -> list[Tree]:
    """Reads the first value of each piece between separators."""
    if "\r\n" in content:
        content = content.replace("\r\n", "\n")
    try:
        pieces = split_documents(content) if content else []
    except YamlError as error:
        raise BuildFailed(error.problem) from None
    trees: list[Tree] = []
    for first_line, piece in pieces:
        try:
            documents = load_all(piece, "kyaml", first_line=first_line, first_only=True)
        except YamlError as error:
            failure = BuildFailed(f"MalformedYAMLError: {error.problem}")
            failure.line = error.line
            raise failure from None
        if not documents or is_null(documents[0].value):
            continue
        tree = documents[0].value
        if len(pieces) == 1 and _is_list(tree):
            items = tree.get("items", MISSING)
            trees.extend(items if isinstance(items, list) else ())
            continue
        trees.append(tree)
    return trees


def _is_list(tree: Tree) -> bool:
    if not isinstance(tree, dict):
        return False
    return text_of(tree.get("kind", "")) in ("List", "ResourceList") and (
        "items" in tree or "functionConfig" in tree
    )


def _checked(trees: list[Tree]) -> list[Tree]:
    """Drops empty trees; others must have kind and name."""
    kept = []
    for tree in trees:
        if is_empty(tree):
            continue
        _check(tree)
        kept.append(tree)
    return kept


def _check(tree: Tree) -> None:
    root = tree if isinstance(tree, dict) else {}
    api_version, kind = _text(root, "apiVersion"), _text(root, "kind")
    metadata = root.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name, namespace = _text(metadata, "name"), _text(metadata, "namespace")
    if not (api_version or kind or name or namespace) and not any(
        not is_empty(metadata.get(field, MISSING)) for field in ("labels", "annotations")
    ):
        raise BuildFailed("missing Resource metadata")
    if kind.endswith("List"):
        return
    if not kind or not name:
        missing = "metadata.name" if kind else "kind"
        labels, annotations = (_go_map(metadata.get(f)) for f in ("labels", "annotations"))
        shown = f"{{{{{api_version} {kind}}} {{{{{name} {namespace}}} {labels} {annotations}}}}}"
        raise BuildFailed(f"missing {missing} in object {shown}")


def _text(mapping: dict[str, Tree], field: str) -> str:
    value = mapping.get(field, MISSING)
    return "" if is_empty(value) or isinstance(value, dict | list) else text_of(value)


def _go_map(value: Tree) -> str:
    """Writes a map as Go's ``%v`` does."""
    if not isinstance(value, dict):
        return "map[]"
    pairs = sorted((text_of(key), text_of(item)) for key, item in value.items())
    return f"map[{' '.join(f'{key}:{item}' for key, item in pairs)}]"


def _inlined(trees: list[Tree]) -> list[Tree]:
    """Replaces every ``FooList`` with ``items`` by its items, which go to the end."""
    pending, result = list(trees), []
    position = 0
    while position < len(pending):
        tree = pending[position]
        position += 1
        kind = text_of(tree.get("kind", ""))
        if not kind.endswith("List") or "items" not in tree:
            result.append(tree)
            continue
        items = tree["items"]
        if is_null(items):
            continue
        if not isinstance(items, list):
            shown = "map[string]interface {}" if isinstance(items, dict) else "string"
            raise BuildFailed(f"expected array in {kind}/items, but found {shown}")
        objects = [from_plain(to_plain(item)) for item in items]
        pending.extend(_checked(objects))
    return result
