"""What differs between two objects, as field sets."""

from __future__ import annotations

from typing import Any, NamedTuple

from steersman.fieldmanager.fieldset import (
    LEAF,
    FieldSet,
    as_member,
    recursive_difference,
    union,
)
from steersman.fieldmanager.listitems import BadItem, elements_of, group_items, item_path_element
from steersman.fieldmanager.types import LIST, MAP, SCALAR, ListType, MapType, Type
from steersman.fieldmanager.validate import TypeMismatch

__all__ = ["Comparison", "compare", "same"]


class Comparison(NamedTuple):
    """The fields that went, changed and came. Containers come and go with what they hold."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    def without(self, fields: FieldSet) -> Comparison:
        """Returns the comparison without some fields and everything below them."""
        if not fields:
            return self
        return Comparison(*(recursive_difference(part, fields) for part in self))


_Nodes = tuple[FieldSet | None, FieldSet | None, FieldSet | None]
_NOTHING: _Nodes = (None, None, None)
_MODIFIED: _Nodes = (None, LEAF, None)


def compare(old: Any, new: Any, value_type: Type) -> Comparison:
    """Compares two values of one type.

    Raises:
        TypeMismatch: an item of a list has no key.
    """
    removed, modified, added = _compare(old, new, value_type)
    return Comparison(removed or LEAF, modified or LEAF, added or LEAF)


def same(left: Any, right: Any) -> bool:
    """Says whether two values are equal; integers equal floats, but never booleans."""
    if left is right:
        return True
    kind = left.__class__
    if kind is str:
        return bool(left == right)
    if kind is dict:
        return (
            right.__class__ is dict
            and len(left) == len(right)
            and all(key in right and same(value, right[key]) for key, value in left.items())
        )
    if kind is list:
        return right.__class__ is list and len(left) == len(right) and all(map(same, left, right))
    if kind is bool or right.__class__ is bool:
        return kind is right.__class__ and left == right
    return bool(left == right)


def _compare(old: Any, new: Any, value_type: Type) -> _Nodes:
    if old is new:
        return _NOTHING
    single = value_type.single
    if single:
        return _compare_as(single, old, new, value_type)
    old_form, new_form = value_type.form_of(old), value_type.form_of(new)
    if old_form == new_form:
        return _compare_as(new_form, old, new, value_type)
    # The form changed: what it was as the old form goes, what it is as the new form comes.
    return _join(
        _compare_as(old_form, old, new, value_type), _compare_as(new_form, old, new, value_type)
    )


def _join(left: _Nodes, right: _Nodes) -> _Nodes:
    def either(first: FieldSet | None, second: FieldSet | None) -> FieldSet | None:
        if first is None or second is None:
            return second if first is None else first
        return as_member(union(first, second)) if not first or not second else union(first, second)

    return (either(left[0], right[0]), either(left[1], right[1]), either(left[2], right[2]))


def _compare_as(form: int, old: Any, new: Any, value_type: Type) -> _Nodes:
    if form == SCALAR:
        return _NOTHING if same(old, new) else _MODIFIED
    if form == MAP:
        map_type = value_type.map
        assert map_type is not None
        mine = old if old.__class__ is dict else None
        theirs = new if new.__class__ is dict else None
        if map_type.atomic or (not mine and not theirs):
            return _NOTHING if same(old, new) else _MODIFIED
        return _compare_maps(mine or {}, theirs or {}, map_type)
    list_type = value_type.list
    assert list_type is not None
    ours = old if old.__class__ is list else None
    others = new if new.__class__ is list else None
    if list_type.atomic or (not ours and not others):
        return _NOTHING if same(old, new) else _MODIFIED
    return _compare_lists(ours or [], others or [], list_type)


def _compare_maps(old: dict[str, Any], new: dict[str, Any], map_type: MapType) -> _Nodes:
    removed: FieldSet = {}
    modified: FieldSet = {}
    added: FieldSet = {}
    fields, element = map_type.fields, map_type.element
    for key, value in new.items():
        if key in old:
            before = old[key]
            if before is value:
                continue
            field = fields.get(key)
            item_type = element if field is None else field.type
            assert item_type is not None
            gone, changed, came = _compare(before, value, item_type)
            if gone is not None:
                removed["f:" + key] = gone
            if changed is not None:
                modified["f:" + key] = changed
            if came is not None:
                added["f:" + key] = came
        else:
            field = fields.get(key)
            item_type = element if field is None else field.type
            assert item_type is not None
            added["f:" + key] = whole(value, item_type)
    for key, value in old.items():
        if key not in new:
            field = fields.get(key)
            item_type = element if field is None else field.type
            assert item_type is not None
            removed["f:" + key] = whole(value, item_type)
    return (removed or None, modified or None, added or None)


def _compare_lists(old: list[Any], new: list[Any], list_type: ListType) -> _Nodes:
    try:
        old_items = group_items(elements_of(list_type, old), old)
        new_items = group_items(elements_of(list_type, new), new)
    except BadItem as error:
        raise TypeMismatch([("", str(error))]) from None
    removed: FieldSet = {}
    modified: FieldSet = {}
    added: FieldSet = {}
    for element in {**old_items, **new_items}:
        before, after = old_items.get(element, []), new_items.get(element, [])
        gone, changed, came = _compare_items(before, after, list_type.element)
        if gone is not None:
            removed[element] = gone
        if changed is not None:
            modified[element] = changed
        if came is not None:
            added[element] = came
    return (removed or None, modified or None, added or None)


def _compare_items(before: list[Any], after: list[Any], item_type: Type) -> _Nodes:
    """Compares what one element names; duplicates count as one atomic thing."""
    if len(before) > 1 and len(after) > 1:
        return _NOTHING if same(before, after) else _MODIFIED
    if len(before) > 1:
        return (LEAF, None, whole(after[0], item_type) if after else None)
    if len(after) > 1:
        return (whole(before[0], item_type) if before else None, None, LEAF)
    if not before:
        return (None, None, whole(after[0], item_type))
    if not after:
        return (whole(before[0], item_type), None, None)
    return _compare(before[0], after[0], item_type)


def whole(value: Any, value_type: Type) -> FieldSet:
    """Returns the node of a value that comes or goes as a whole: itself and all its parts."""
    form = value_type.single or value_type.form_of(value)
    if form == MAP and value.__class__ is dict and value:
        map_type = value_type.map
        assert map_type is not None
        if map_type.atomic:
            return LEAF
        result: FieldSet = {".": LEAF}
        for key, item in value.items():
            field = map_type.fields.get(key)
            item_type = map_type.element if field is None else field.type
            assert item_type is not None
            result["f:" + key] = whole(item, item_type)
        return result
    if form == LIST and value.__class__ is list and value:
        list_type = value_type.list
        assert list_type is not None
        return LEAF if list_type.atomic else _whole_list(value, list_type)
    return LEAF


def _whole_list(value: list[Any], list_type: ListType) -> FieldSet:
    result: FieldSet = {".": LEAF}
    for index, item in enumerate(value):
        try:
            element = item_path_element(list_type, item)
        except BadItem as error:
            raise TypeMismatch([("", f"element {index}: {error}")]) from None
        result[element] = LEAF if element in result else whole(item, list_type.element)
    return result
