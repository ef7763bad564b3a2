"""Strategic merge patches of the Kubernetes API: merge patches that know the lists of a type.

Lists with ``x-kubernetes-patch-strategy: merge`` are merged by their merge key, or as sets of
scalars. Directives in the patch: ``$patch`` (replace, delete), ``$retainKeys``,
``$setElementOrder/<list>`` and ``$deleteFromPrimitiveList/<list>``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from steersman.kit.goformat import plain, type_name
from steersman.kit.jsonpatch import json_equal
from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import Schema

__all__ = ["apply_strategic"]

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList"
SET_ORDER = "$setElementOrder"
_DROPPED = object()


def apply_strategic(
    current: Manifest,
    patch: Mapping[str, Any],
    schema: Schema,
    resolve: Callable[[str], Schema],
) -> Manifest:
    """Returns the patched object; the arguments are left as they are.

    Args:
        current: the object.
        patch: the patch.
        schema: of the object's kind.
        resolve: finds the schema of a ``$ref``, such as ``Catalogue.resolve``.

    Raises:
        ApiError: 400 for a malformed directive, 422 for lists of lists, 500 for whatever else the
            API server answers with an internal error, such as an item without its merge key.
    """
    return _Merger(resolve).merge_map(current, patch, _Shape(schema))


class _Shape:
    """What a patch may know of one place: its schema and how lists merge there."""

    __slots__ = ("key", "schema", "strategy")

    def __init__(self, schema: Schema, strategy: str = "", key: str = "") -> None:
        self.schema = schema
        self.strategy = strategy
        self.key = key


class _Merger:
    def __init__(self, resolve: Callable[[str], Schema]) -> None:
        self._resolve = resolve

    def merge_map(
        self, original: Mapping[str, Any], patch: Mapping[str, Any], shape: _Shape
    ) -> dict[str, Any]:
        if DIRECTIVE in patch:
            return _whole_map(patch)
        result, rest = _retain_keys(dict(original), patch)
        self._merge_ordered_lists(result, rest, shape)
        for key, value in rest.items():
            if key.startswith(DELETE_FROM):
                self._delete_from_list(result, key, value, shape)
            elif value is None:
                result.pop(key, None)
            else:
                self._merge_key(result, key, value, shape)
        return result

    def _merge_key(self, result: dict[str, Any], key: str, value: Any, shape: _Shape) -> None:
        current = result.get(key)
        if isinstance(current, dict) and isinstance(value, dict):
            below = self._field(shape, key)
            is_replaced = below.strategy == "replace"
            result[key] = value if is_replaced else self.merge_map(current, value, below)
        elif isinstance(current, list) and isinstance(value, list):
            below = self._list_field(shape, key)
            is_merged = below.strategy == "merge"
            result[key] = self._merge_list(current, value, below)[0] if is_merged else value
        else:
            kept = _without_directives(_without_nulls(value))
            if kept is _DROPPED:
                result.pop(key, None)
            else:
                result[key] = kept

    def _delete_from_list(
        self, result: dict[str, Any], key: str, value: Any, shape: _Shape
    ) -> None:
        name = _named(key, DELETE_FROM, "invalid patch format of primitive list")
        if value is None:
            result.pop(name, None)
            return
        current = result.get(name)
        if not isinstance(current, list) or not isinstance(value, list):
            return
        if not current and not value:
            return
        self._list_field(shape, name)
        _check_items(current, value)
        result[name] = [item for item in current if not _contains(value, item)]

    def _merge_ordered_lists(
        self, result: dict[str, Any], rest: dict[str, Any], shape: _Shape
    ) -> None:
        """Merges the lists whose order the patch gives, and takes them out of the rest."""
        for key in [key for key in rest if key.startswith(SET_ORDER)]:
            order = rest.pop(key)
            if not isinstance(order, list):
                _fail(f"expected a []interface {{}}, but received a {type_name(order)}")
            name = _named(key, SET_ORDER, "invalid patch format of setElementOrder list")
            current, patch = _list_of(result, name), _list_of(rest, name)
            below = self._list_field(shape, name)
            _check_order(patch or [], order, below.key)
            if current is None and patch is None:
                continue
            seen = current or []
            if current is None:
                merged = _without_directives(patch)
            elif patch is None:
                merged = current
            elif below.strategy == "merge":
                merged, seen = self._merge_list(current, patch, below)
            else:
                merged = patch
            ours, others = _split(merged, order, below.key)
            is_map = _check_items(current or [], patch or [])
            result[name] = _arrange(ours, others, order, seen, below.key if is_map else "")
            rest.pop(name, None)

    def _merge_list(
        self, current: list[Any], patch: list[Any], shape: _Shape
    ) -> tuple[list[Any], list[Any]]:
        """Merges two lists.

        Returns:
            The merged list, and what the API server holds for the list's old order afterwards:
            it deletes and appends in place, so that new items take the places of deleted ones.
        """
        if not current and not patch:
            return current, current
        if not _check_items(current, patch):
            merged = _unique(current + patch)
            ours, others = _split(merged, patch, "")
            return _arrange(ours, others, patch, current, ""), current
        if not shape.key:
            _fail("cannot merge lists without merge key for struct")
        kept, items, seen = _apply_item_directives(current, patch, shape.key)
        merged = self._merge_items(kept, items, shape)
        for place, item in enumerate(merged[len(kept) :], len(kept)):
            if place < len(seen):
                seen[place] = item
        ours, others = _split(merged, items, shape.key)
        return _arrange(ours, others, items, kept, shape.key), seen

    def _merge_items(self, current: list[Any], items: list[Any], shape: _Shape) -> list[Any]:
        result = list(current)
        for item in items:
            value = _key_of(item, shape.key)
            at = _find(result, shape.key, value)
            if at is None:
                result.append(item)
            else:
                result[at] = self.merge_map(result[at], item, shape)
        return result

    def _resolved(self, schema: Schema) -> Schema:
        ref = schema.get("$ref")
        return self._resolve(ref) if ref is not None else schema

    def _field(self, shape: _Shape, key: str) -> _Shape:
        """Looks up a field of a struct."""
        properties = self._resolved(shape.schema).get("properties")
        if properties is None:
            _fail("merging an object in json but data type is not struct, instead is: map")
        schema = properties.get(key)
        if schema is None:
            _fail(f'unable to find api field in struct for the json field "{key}"')
        strategies = [
            one
            for one in schema.get("x-kubernetes-patch-strategy", "").split(",")
            if one and one != "retainKeys"
        ]
        strategy = strategies[0] if strategies else ""
        return _Shape(schema, strategy, schema.get("x-kubernetes-patch-merge-key", ""))

    def _list_field(self, shape: _Shape, key: str) -> _Shape:
        """Looks up a list field of a struct; the result's schema is that of its items."""
        found = self._field(shape, key)
        items = self._resolved(found.schema).get("items")
        if items is None:
            _fail("expected slice or array type, but got: struct")
        return _Shape(items, found.strategy, found.key)


def _fail(message: str, code: int = 500) -> NoReturn:
    raise ApiError(code, "BadRequest" if code == 400 else "", message)


def _whole_map(patch: Mapping[str, Any]) -> dict[str, Any]:
    """Applies a directive for a whole map."""
    match patch[DIRECTIVE]:
        case "replace":
            return {key: value for key, value in patch.items() if key != DIRECTIVE}
        case "delete":
            return {}
        case other:
            _fail(f"unknown patch type: {plain(other)} in map: {plain(dict(patch))}")


def _retain_keys(
    original: dict[str, Any], patch: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Clears the keys that a patch does not retain; returns the map and the rest of the patch."""
    rest = dict(patch)
    if RETAIN_KEYS not in rest:
        return original, rest
    retained = rest.pop(RETAIN_KEYS)
    is_list = isinstance(retained, list)
    unlisted = [
        key
        for key, value in rest.items()
        if value is not None
        and not key.startswith((DELETE_FROM, SET_ORDER))
        and not (is_list and key in retained)
    ]
    if not is_list or unlisted:
        _fail("invalid patch format of retainKeys", 400)
    return {key: value for key, value in original.items() if key in retained}, rest


def _named(key: str, prefix: str, message: str) -> str:
    """Returns the field that a directive with a path names."""
    head, slash, name = key.partition("/")
    if not slash or head != prefix:
        _fail(message, 400)
    return name


def _list_of(mapping: Mapping[str, Any], key: str) -> list[Any] | None:
    if key not in mapping:
        return None
    value = mapping[key]
    if not isinstance(value, list):
        _fail(f"expected a []interface {{}}, but received a {type_name(value)}")
    return value


def _check_items(*lists: list[Any]) -> bool:
    """Says whether the items of lists are maps; all must be of one kind."""
    names = [type_name(item) for items in lists for item in items]
    if not names:
        _fail("no elements in any of the given slices")
    if names[0] == "[]interface {}":
        _fail("lists of lists are not supported", 422)
    if any(name != names[0] for name in names):
        _fail(f"list element types are not identical: {plain(list(lists))}")
    return names[0] == "map[string]interface {}"


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict):
        _fail(f"expected a map[string]interface {{}}, but received a {type_name(item)}")
    if key not in item:
        _fail(f"map: {plain(item)} does not contain declared merge key: {key}")
    return item[key]


def _find(items: list[Any], key: str, value: Any) -> int | None:
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            _fail(f"value for key {index} is not a map")
        if key in item and json_equal(item[key], value):
            return index
    return None


def _contains(items: list[Any], value: Any) -> bool:
    return any(json_equal(item, value) for item in items)


def _unique(items: list[Any]) -> list[Any]:
    result: list[Any] = []
    for item in items:
        if not _contains(result, item):
            result.append(item)
    return result


def _apply_item_directives(
    current: list[Any], patch: list[Any], key: str
) -> tuple[list[Any], list[Any], list[Any]]:
    """Deletes the items that a patch deletes.

    Returns:
        The list, the items left to merge, and the list's old storage: deleting moves what follows
        one place ahead and leaves the last item where it was, too.
    """
    items: list[Any] = []
    is_replaced = False
    storage, size = list(current), len(current)
    for item in patch:
        match item.get(DIRECTIVE, _DROPPED):
            case found if found is _DROPPED:
                items.append(item)
            case "delete":
                value = _key_of(item, key)
                while (at := _find(storage[:size], key, value)) is not None:
                    storage[at : size - 1] = storage[at + 1 : size]
                    size -= 1
            case "replace":
                is_replaced = True
            case "merge":
                _fail("merging lists cannot yet be specified in the patch")
            case other:
                _fail(f"unknown patch type: {plain(other)} in map: {plain(item)}")
    return (items, [], storage) if is_replaced else (storage[:size], items, storage)


def _check_order(patch: list[Any], order: list[Any], key: str) -> None:
    """Checks that the items of a patch come in the order that it asks for."""
    if not patch or not order:
        return
    kept = patch
    if key:
        kept = [item for item in patch if not _is_deletion(item)]
    at = 0
    place = 0
    while at < len(kept) and place < len(order):
        item = kept[at]
        if isinstance(item, dict) and DIRECTIVE in item:
            at += 1
            continue
        wanted = order[place]
        if (
            json_equal(_key_of(item, key), _key_of(wanted, key))
            if key
            else json_equal(item, wanted)
        ):
            at += 1
        place += 1
    if at < len(kept) and place >= len(order):
        _fail(
            f"The order in patch list:\n{plain(patch)}\n doesn't match {SET_ORDER} list:\n"
            f"{plain(order)}\n"
        )


def _is_deletion(item: Any) -> bool:
    if not isinstance(item, dict):
        _fail(f"expected a map[string]interface {{}}, but received a {type_name(item)}")
    return item.get(DIRECTIVE) == "delete"


def _split(items: list[Any], known: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Splits items into those that ``known`` names and the server's own."""
    ours: list[Any] = []
    others: list[Any] = []
    for item in items:
        found = (
            _contains(known, item)
            if not key
            else (_find(known, key, _key_of(item, key)) is not None)
        )
        (ours if found else others).append(item)
    return ours, others


def _arrange(
    ours: list[Any], others: list[Any], order: list[Any], server_order: list[Any], key: str
) -> list[Any]:
    """Puts the patch's items into its order and the server's where they were, as far as can be."""
    left = _sorted_by(others, server_order, key)
    right = _sorted_by(ours, order, key)
    result: list[Any] = []
    i = j = 0
    while i < len(left) and j < len(right):
        place, other = _index(server_order, left[i], key), _index(server_order, right[j], key)
        if 0 <= place < other:
            result.append(left[i])
            i += 1
        else:
            result.append(right[j])
            j += 1
    return result + left[i:] + right[j:]


def _sorted_by(items: list[Any], order: list[Any], key: str) -> list[Any]:
    deleted: list[Any] = []
    if key:
        for item in [*items, *order]:
            _key_of(item, key)
        deleted = [item for item in items if item.get(DIRECTIVE) == "delete"]
        items = [item for item in items if item.get(DIRECTIVE) != "delete"]

    def before(one: tuple[int, Any], other: tuple[int, Any]) -> int:
        return (one[0] > other[0]) - (one[0] < other[0])

    placed = [(_index(order, item, key), item) for item in items]
    return [item for _, item in sorted(placed, key=functools.cmp_to_key(before))] + deleted


def _index(items: list[Any], item: Any, key: str) -> int:
    wanted = item.get(key) if key else item
    for place, other in enumerate(items):
        if json_equal(other.get(key) if key else other, wanted):
            return place
    return -1


def _without_nulls(value: Any) -> Any:
    """Drops null fields, also inside lists; null items of lists stay."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _without_directives(value: Any) -> Any:
    """Drops every map that holds a directive."""
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return _DROPPED
        kept = {key: _without_directives(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not _DROPPED}
    if isinstance(value, list):
        items = [_without_directives(item) for item in value]
        return [item for item in items if item is not _DROPPED]
    return value
