"""Three-way merge: what changed between an original and its update goes into a local copy.

The rules are kustomize's ``merge3``: a field that the update changes, adds or removes follows the
update; one that only the local copy has stays; lists with merge keys are merged element by element.
"""

from __future__ import annotations

from collections.abc import Sequence

from steersman.kustomize.merge import index_of, key_values, schema_of, with_keys
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
    text_of,
    wrong_kind,
)
from steersman.kustomize.schema import FieldSchema, MergeSchema

__all__ = ["merge_three"]


def merge_three(
    local: Tree, original: Tree, update: Tree, schema: MergeSchema, *, infer: bool = False
) -> Tree:
    """Brings the change from ``original`` to ``update`` into ``local``.

    Args:
        local: the copy that somebody else may have changed; unchanged.
        original: what both came from.
        update: what the original has become.
        schema: says which lists merge.
        infer: merge lists of unknown kinds by ``name`` where every element has one.

    Returns:
        The merged tree, or MISSING when nothing is left.

    Raises:
        BuildFailed: kinds do not fit.
    """
    return _Merger(schema, infer=infer).walk((local, original, update), None)


def _gone(node: Tree) -> bool:
    return node is MISSING or is_null(node)


class _Merger:
    """One merge. Sources are always local, original, update, in this order."""

    def __init__(self, schema: MergeSchema, *, infer: bool) -> None:
        self._schema = schema
        self._infer = infer

    def walk(self, sources: Sequence[Tree], schema: FieldSchema | None) -> Tree:
        kinds = [kind for kind in map(container_kind, sources) if kind]
        for node in sources:
            if kinds and container_kind(node) not in ("", kinds[0]):
                raise wrong_kind(kinds[0], node)
        if kinds and kinds[0] == "ScalarNode":
            return _chosen(sources, text_of)
        for node in sources:
            schema = schema or schema_of(self._schema, node)
        if kinds and kinds[0] == "SequenceNode":
            if self._merges(schema, sources):
                return self._walk_elements(sources, schema)
            return _chosen(sources, contents)
        return self._walk_map(sources, schema)

    def _walk_map(self, sources: Sequence[Tree], schema: FieldSchema | None) -> Tree:
        local, _, update = sources
        if is_null(update) or is_null(local) or (local is MISSING and update is MISSING):
            return MISSING
        result = {} if local is MISSING else dict(local)
        maps = [node if isinstance(node, dict) else {} for node in sources]
        for key in {**maps[0], **maps[1], **maps[2]}:
            field = schema.field(text_of(key)) if schema is not None else None
            value = self.walk([each.get(key, MISSING) for each in maps], field)
            if _gone(value):
                result.pop(key, None)
            else:
                result[key] = value
        return result

    def _merges(self, schema: FieldSchema | None, sources: Sequence[Tree]) -> bool:
        if schema is not None:
            return schema.merges
        return self._infer and any(_is_named(node) for node in sources if not _gone(node))

    def _walk_elements(self, sources: Sequence[Tree], schema: FieldSchema | None) -> Tree:
        local, original, update = sources
        if _gone(update) and not _gone(original):
            return MISSING
        result = [] if _gone(local) else list(local)
        keys = (schema.merge_keys if schema is not None else ("name",)) or ("",)
        values = key_values(sources, keys)
        if len(keys) > 1:
            values = merged_values(values)
        elements = schema.elements() if schema is not None else None
        items: list[Tree] = []
        chosen_keys: list[str] = list(keys)
        for wanted in values:
            chosen_keys, chosen = valid_keys(values, wanted, keys)
            found = [_element(node, chosen_keys, chosen) for node in (result, original, update)]
            value = self.walk(found, elements)
            if is_empty(value) and not isinstance(value, list):
                set_element(result, chosen_keys, chosen, MISSING)
                continue
            set_element(items, chosen_keys, chosen, with_keys(value, chosen_keys, chosen))
        return append_elements(result, items, chosen_keys) if values else result


def _is_named(node: Tree) -> bool:
    return isinstance(node, list) and all(
        isinstance(item, dict) and "name" in item for item in node
    )


def _element(node: Tree, keys: Sequence[str], values: Sequence[str]) -> Tree:
    if not isinstance(node, list):
        return MISSING
    index = index_of(node, keys, values)
    return MISSING if index is None else node[index]


def _chosen(sources: Sequence[Tree], shown: object) -> Tree:
    """Chooses a scalar, or a list that is taken as a whole."""
    assert callable(shown)
    local, original, update = sources
    if is_null(update) or is_null(local):
        return MISSING
    if _gone(update) != _gone(original):
        return update
    if _gone(update):
        return local
    return update if shown(update) != shown(original) else local
