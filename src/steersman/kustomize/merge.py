"""Strategic merge as kustomize does it: two trees, a schema, and directives in the patch.

This is not the API server's merge. The whole object is walked, so nulls left blank vanish even
where the patch is silent; elements of merged lists come first in the patch's order; a list without
merge keys in the schema is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.merge_lists import (
    append_elements,
    merged_values,
    set_element,
    valid_keys,
)
from steersman.kustomize.node import (
    MISSING,
    Tree,
    container_kind,
    contents,
    is_empty,
    is_null,
    kind_of_node,
    text_of,
    untagged,
    wrong_kind,
)
from steersman.kustomize.schema import FieldSchema, MergeSchema

__all__ = ["MAPPING_DIRECTIVE", "index_of", "key_values", "merge", "schema_of", "with_keys"]

MAPPING_DIRECTIVE: Final = "$patch"
_ACTIONS = ("replace", "delete", "merge")


def merge(patch: Tree, target: Tree, schema: MergeSchema, *, prepend: bool = True) -> Tree:
    """Merges ``patch`` into ``target``.

    Args:
        patch: the strategic merge patch.
        target: the object; unchanged.
        schema: says which lists merge.
        prepend: elements that only the patch has come first, else last.

    Returns:
        The merged tree, or MISSING when the patch deletes the object.

    Raises:
        BuildFailed: kinds do not fit, or a directive is unknown.
    """
    return _Merger(schema, prepend=prepend).walk(target, patch, None, ())


class _Merger:
    """One merge; holds what never changes during the walk."""

    def __init__(self, schema: MergeSchema, *, prepend: bool, infer: bool = False) -> None:
        self._schema = schema
        self._prepend = prepend
        self._infer = infer

    def walk(
        self, dest: Tree, origin: Tree, schema: FieldSchema | None, path: tuple[str, ...]
    ) -> Tree:
        kind = container_kind(dest) or container_kind(origin)
        for node in (dest, origin):
            if kind and container_kind(node) not in ("", kind):
                raise wrong_kind(kind, node)
        if kind == "ScalarNode":
            return dest if origin is MISSING else origin
        if schema is None:
            schema = schema_of(self._schema, dest) or schema_of(self._schema, origin)
        if kind == "SequenceNode":
            return self._walk_list(dest, origin, schema, path)
        return self._walk_map(dest, origin, schema, path)

    def _walk_map(
        self, dest: Tree, origin: Tree, schema: FieldSchema | None, path: tuple[str, ...]
    ) -> Tree:
        same = False
        if dest is MISSING or is_null(dest):
            action, origin = _tolerant_directive(origin)
            if action == "delete":
                return MISSING
            if origin is MISSING:
                # A null that was written out is kept, one left blank is not.
                return None if dest is None else MISSING
            if is_null(origin):
                return MISSING
            dest, same = origin, True
        elif is_null(origin):
            return MISSING
        elif origin is not MISSING:
            action, origin = _mapping_directive(origin)
            if action == "delete":
                return MISSING
            if action == "replace":
                dest, same = origin, True
        if not isinstance(dest, dict):
            return dest
        return self._walk_fields(dest, dest if same else origin, schema, path)

    def _walk_fields(
        self,
        dest: dict[Any, Tree],
        origin: Tree,
        schema: FieldSchema | None,
        path: tuple[str, ...],
    ) -> Tree:
        result = dict(dest)
        theirs = origin if isinstance(origin, dict) else {}
        if theirs and theirs is not dest:
            theirs = _same_keys(dest, theirs)
        keys = list(dest) if not theirs or theirs is dest else list({**dest, **theirs})
        for key in keys:
            mine = dest.get(key, MISSING)
            other = theirs.get(key, MISSING)
            if mine.__class__ is str and other is MISSING:
                continue
            name = text_of(key)
            field = schema.field(name) if schema is not None else None
            value = self.walk(mine, other, field, (*path, name))
            if value is MISSING or (is_null(value) and not (mine is None and other is MISSING)):
                result.pop(key, None)
            elif value is not mine:
                result[key] = value
        return result

    def _walk_list(
        self, dest: Tree, origin: Tree, schema: FieldSchema | None, path: tuple[str, ...]
    ) -> Tree:
        if not self._is_associative(schema, dest, origin):
            return dest if origin is MISSING else origin
        if dest is MISSING or is_null(dest):
            dest = origin
        elif is_null(origin):
            return MISSING
        elif origin is not MISSING:
            action, origin = _sequence_directive(origin)
            if action == "delete":
                return MISSING
            if action == "replace":
                dest = origin
        keys = schema.merge_keys if schema is not None else ()
        if not keys and not (schema is not None and schema.strategy):
            keys = (_inferred_key(dest, origin, path),)
        return self._merge_elements(dest, origin, keys or ("",), schema)

    def _is_associative(self, schema: FieldSchema | None, dest: Tree, origin: Tree) -> bool:
        if schema is not None:
            return schema.merges
        if not self._infer:
            return False
        return any(_associative_key(node) for node in (dest, origin) if isinstance(node, list))

    def _merge_elements(
        self, dest: Tree, origin: Tree, keys: Sequence[str], schema: FieldSchema | None
    ) -> Tree:
        sources = (origin, dest) if self._prepend else (dest, origin)
        values = key_values(sources, keys)
        if len(keys) > 1:
            values = merged_values(values)
        elements = schema.elements() if schema is not None else None
        result = list(dest)
        items: list[Tree] = []
        chosen_keys: list[str] = list(keys)
        for wanted in values:
            chosen_keys, chosen = valid_keys(values, wanted, keys)
            index = index_of(result, chosen_keys, chosen)
            mine = result[index] if index is not None else MISSING
            at = index_of(origin, chosen_keys, chosen) if isinstance(origin, list) else None
            other = mine if origin is dest else (origin[at] if at is not None else MISSING)
            value = self.walk(mine, other, elements, ())
            if is_empty(value) and not isinstance(value, list):
                set_element(result, chosen_keys, chosen, MISSING)
                continue
            value = with_keys(value, chosen_keys, chosen)
            if index is not None and not _replaces(other):
                # A replaced element is not changed in its place. Where elements of the patch come
                # first, it then wins again: `$patch: replace` in an element does nothing, as in
                # kustomize.
                result[index] = value
            set_element(items, chosen_keys, chosen, value)
        if not values:
            return result
        if self._prepend:
            return append_elements(items, result, chosen_keys)
        return append_elements(result, items, chosen_keys)


def schema_of(schema: MergeSchema, node: Tree) -> FieldSchema | None:
    """Returns the schema of a node that says which kind it is."""
    if not isinstance(node, dict):
        return None
    api_version, kind = node.get("apiVersion", MISSING), node.get("kind", MISSING)
    if is_empty(api_version) or is_empty(kind):
        return None
    return schema.of_kind(text_of(api_version), text_of(kind))


def _replaces(element: Tree) -> bool:
    return isinstance(element, dict) and text_of(element.get(MAPPING_DIRECTIVE, "")) == "replace"


def _same_keys(dest: dict[Any, Tree], theirs: dict[Any, Tree]) -> dict[Any, Tree]:
    """Renames keys of the patch that differ from the target's only in their type, as 1 and "1"."""
    if all(map(_is_text, dest)) and all(map(_is_text, theirs)):
        return theirs
    held = {text_of(key): key for key in dest}
    return {held.get(text_of(key), key): value for key, value in theirs.items()}


def _is_text(key: Any) -> bool:
    return key.__class__ is str


def with_keys(value: Tree, keys: Sequence[str], values: Sequence[str]) -> Tree:
    """Makes sure that a merged element has its keys."""
    if not isinstance(value, dict):
        return value
    for key, text in zip(keys, values, strict=False):
        if text and key not in value:
            value = {**value, key: untagged(text)}
    return value


def key_values(sources: Sequence[Tree], keys: Sequence[str]) -> list[list[str]]:
    """Lists the key values of all elements once, in the order of the sources."""
    found: list[list[str]] = []
    seen: set[tuple[str, ...]] = set()
    for source in sources:
        if not isinstance(source, list):
            continue
        for element in source:
            if keys[0]:
                texts = [_key_text(element, key) for key in keys]
            else:
                texts = ["" if isinstance(element, dict | list) else text_of(element)]
            if tuple(texts) not in seen:
                seen.add(tuple(texts))
                found.append(texts)
    return found


def _key_text(element: Tree, key: str) -> str:
    value = element.get(key, MISSING) if isinstance(element, dict) else MISSING
    return "" if is_empty(value) else text_of(value)


def index_of(elements: Sequence[Tree], keys: Sequence[str], values: Sequence[str]) -> int | None:
    """Finds the first element with these key values."""
    pairs = [(key, text) for key, text in zip(keys, values, strict=False) if text]
    if not pairs:
        pairs = list(zip(keys, values, strict=False))
    for index, element in enumerate(elements):
        if not pairs[0][0]:
            if not isinstance(element, dict | list) and text_of(element) == pairs[0][1]:
                return index
        elif isinstance(element, dict) and all(
            key in element and text_of(element[key]) == text for key, text in pairs
        ):
            return index
    return None


def _associative_key(elements: Sequence[Tree]) -> str:
    every = all(isinstance(element, dict) and "name" in element for element in elements)
    return "name" if every else ""


def _inferred_key(dest: Tree, origin: Tree, path: tuple[str, ...]) -> str:
    key = ""
    for node in (dest, origin):
        if isinstance(node, list) and node:
            found = _associative_key(node)
            if key and key != found:
                raise BuildFailed(
                    f"conflicting merge keys [{key},{found}] for field {'.'.join(path)}"
                )
            key = found
    if not key:
        raise BuildFailed(f"no merge key found for field {'.'.join(path)}")
    return key


def _tolerant_directive(patch: Tree) -> tuple[str, Tree]:
    if not isinstance(patch, dict | list):
        return "merge", patch
    try:
        return _mapping_directive(patch) if isinstance(patch, dict) else _sequence_directive(patch)
    except BuildFailed:
        return "merge", patch


def _mapping_directive(patch: Tree) -> tuple[str, Tree]:
    """Reads and removes ``$patch`` of a mapping."""
    if not isinstance(patch, dict):
        raise BuildFailed(
            "no implemented strategic merge patch strategy for "
            f"'{kind_of_node(patch)}' ('{contents(patch)}')"
        )
    value = patch.get(MAPPING_DIRECTIVE, MISSING)
    if value is MISSING:
        return "merge", patch
    action = text_of(value)
    if action not in _ACTIONS:
        raise BuildFailed(f"unknown patch strategy '{action}'")
    return action, {key: item for key, item in patch.items() if key != MAPPING_DIRECTIVE}


def _sequence_directive(patch: Tree) -> tuple[str, Tree]:
    """Reads and removes an element that consists of ``$patch`` alone."""
    for element in patch:
        if isinstance(element, dict) and MAPPING_DIRECTIVE in element:
            if len(element) > 1:
                return "merge", patch
            action = text_of(element[MAPPING_DIRECTIVE])
            if action not in _ACTIONS:
                raise BuildFailed(f"unknown patch strategy '{action}'")
            rest = list(patch)
            set_element(rest, [MAPPING_DIRECTIVE], [action], MISSING)
            return action, rest
    return "merge", patch
