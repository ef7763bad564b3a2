"""Which fields does a value set?"""

from __future__ import annotations

from typing import Any

from steersman.fieldmanager.fieldset import LEAF, SELF, FieldSet, as_member
from steersman.fieldmanager.listitems import item_path_element
from steersman.fieldmanager.types import MAP, SCALAR, ListType, MapType, Type

__all__ = ["fields_of", "named_fields_of", "with_named_fields"]


def fields_of(value: Any, value_type: Type) -> FieldSet:
    """Returns the set of fields that a valid value sets.

    Scalars and atomic values are members, list items and the keys of open maps too; declared
    fields that hold other fields are not.
    """
    return _node_of(value, value_type, named=False) or LEAF


def named_fields_of(value: Any, value_type: Type) -> FieldSet:
    """Returns :func:`fields_of` with the declared fields that hold other fields."""
    return _node_of(value, value_type, named=True) or LEAF


def _node_of(value: Any, value_type: Type, *, named: bool) -> FieldSet | None:
    """Returns a new node of a value, None when nothing in it is a member."""
    form = value_type.single or value_type.form_of(value)
    if form == MAP:
        map_type = value_type.map
        assert map_type is not None
        if map_type.atomic:
            return LEAF
        return _node_of_map(value, map_type, named) if value else None
    if form == SCALAR:
        return LEAF
    list_type = value_type.list
    assert list_type is not None
    if list_type.atomic:
        return LEAF
    return _node_of_list(value, list_type, named) if value else None


def _node_of_map(value: dict[str, Any], map_type: MapType, named: bool) -> FieldSet | None:
    result: FieldSet = {}
    fields, element = map_type.fields, map_type.element
    for key, item in value.items():
        field = fields.get(key)
        item_type = element if field is None else field.type
        assert item_type is not None
        is_scalar = item_type.single == SCALAR
        node = LEAF if is_scalar else _node_of(item, item_type, named=named)
        if node:
            if field is None or named:
                # The node is new, so that it can be changed in place.
                node[SELF] = LEAF
            result["f:" + key] = node
        elif node is not None or field is None or item is None or item == {}:
            result["f:" + key] = LEAF
    return result or None


def _node_of_list(value: list[Any], list_type: ListType, named: bool) -> FieldSet | None:
    result: FieldSet = {}
    for item in value:
        element = item_path_element(list_type, item)
        is_duplicate = element in result
        node = None if is_duplicate else _node_of(item, list_type.element, named=named)
        if node:
            node[SELF] = LEAF
        result[element] = node or LEAF
    return result or None


def with_named_fields(fields: FieldSet, value_type: Type | None) -> FieldSet:
    """Returns the set in which declared fields that lead to members are members too."""
    map_type = value_type.map if value_type is not None else None
    list_type = value_type.list if value_type is not None else None
    result: FieldSet = {}
    for element, node in fields.items():
        if not node:
            result[element] = node
            continue
        below: Type | None = None
        is_named = False
        if map_type is not None and element[:2] == "f:":
            field = map_type.fields.get(element[2:])
            is_named = field is not None
            below = map_type.element if field is None else field.type
        elif list_type is not None and element[:2] == "k:":
            below = list_type.element
        completed = with_named_fields(node, below)
        result[element] = as_member(completed) if is_named else completed
    return result
