"""Taking fields out of an object, or keeping only some."""

from __future__ import annotations

from typing import Any

from steersman.fieldmanager.fieldset import FieldSet, is_member
from steersman.fieldmanager.listitems import item_path_element
from steersman.fieldmanager.types import LIST, MAP, ListType, MapType, Type

__all__ = ["extract", "remove"]


def remove(value: Any, fields: FieldSet, value_type: Type) -> Any:
    """Returns a value without the fields of a set and what is below them.

    A container that loses everything becomes null, not empty: so did structured merge in the
    Kubernetes releases we follow.
    """
    if not fields:
        return value
    form = value_type.single or value_type.form_of(value)
    if form == MAP:
        assert value_type.map is not None
        if value.__class__ is not dict or not value or value_type.map.atomic:
            return None
        return _remove_from_map(value, fields, value_type.map) or None
    if form == LIST:
        assert value_type.list is not None
        if value.__class__ is not list or not value or value_type.list.atomic:
            return None
        return _remove_from_list(value, fields, value_type.list) or None
    return value


def _remove_from_map(value: dict[str, Any], fields: FieldSet, map_type: MapType) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in value.items():
        node = fields.get("f:" + key)
        if node is None:
            result[key] = item
        elif not is_member(node):
            field = map_type.fields.get(key)
            item_type = map_type.element if field is None else field.type
            assert item_type is not None
            result[key] = remove(item, node, item_type)
    return result


def _remove_from_list(value: list[Any], fields: FieldSet, list_type: ListType) -> list[Any]:
    result = []
    for item in value:
        node = fields.get(item_path_element(list_type, item))
        if node is None:
            result.append(item)
        elif not is_member(node):
            result.append(remove(item, node, list_type.element))
    return result


def extract(value: Any, fields: FieldSet, value_type: Type) -> Any:
    """Returns a value with nothing but the fields of a set; null when nothing is left."""
    form = value_type.single or value_type.form_of(value)
    if form == MAP:
        map_type = value_type.map
        assert map_type is not None
        if not value or map_type.atomic:
            return value
        kept = {}
        for key, item in value.items():
            node = fields.get("f:" + key)
            if node is None:
                continue
            field = map_type.fields.get(key)
            item_type = map_type.element if field is None else field.type
            assert item_type is not None
            kept[key] = extract(item, node, item_type)
        return kept or None
    if form == LIST:
        list_type = value_type.list
        assert list_type is not None
        if not value or list_type.atomic:
            return value
        items = []
        for item in value:
            node = fields.get(item_path_element(list_type, item))
            if node is not None:
                items.append(extract(item, node, list_type.element) if node else item)
        return items or None
    return value
