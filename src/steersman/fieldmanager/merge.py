"""Merging an applied configuration into a live object."""

from __future__ import annotations

from typing import Any

from steersman.fieldmanager.elements import Element, describe_element
from steersman.fieldmanager.listitems import BadItem, index_items, item_path_element
from steersman.fieldmanager.types import MAP, SCALAR, ListType, MapType, Type
from steersman.fieldmanager.validate import TypeMismatch

__all__ = ["merge"]


def merge(live: Any, config: Any, value_type: Type) -> Any:
    """Returns ``live`` with what ``config`` sets.

    What only ``live`` holds is shared with it, not copied.

    Args:
        live: a value that fits the type; duplicate list items are allowed.
        config: a value that fits the type.
        value_type: the type of both.

    Raises:
        TypeMismatch: an item of a list has no key.
    """
    return _merge(live, config, value_type, "")


def _merge(live: Any, config: Any, value_type: Type, path: str) -> Any:
    if live is config:
        return live
    form = value_type.single or value_type.form_of(config)
    if form == MAP:
        map_type = value_type.map
        assert map_type is not None
        mine = live if live.__class__ is dict else None
        theirs = config if config.__class__ is dict else None
        if map_type.atomic or not mine or not theirs:
            # One side is empty: with two empty ones the right side's kind of emptiness stays.
            return config if map_type.atomic or theirs or not mine else mine
        return _merge_maps(mine, theirs, map_type, path)
    if form == SCALAR:
        return config
    list_type = value_type.list
    assert list_type is not None
    ours = live if live.__class__ is list else None
    new = config if config.__class__ is list else None
    if list_type.atomic or not ours or not new:
        return config if list_type.atomic or new or not ours else ours
    return _merge_lists(ours, new, list_type, path)


def _merge_maps(
    live: dict[str, Any], config: dict[str, Any], map_type: MapType, path: str
) -> dict[str, Any]:
    result = live.copy()
    fields, element = map_type.fields, map_type.element
    for key, value in config.items():
        if key not in live:
            result[key] = value
            continue
        field = fields.get(key)
        item_type = element if field is None else field.type
        assert item_type is not None
        result[key] = _merge(live[key], value, item_type, f"{path}.{key}")
    return result


def _merge_lists(live: list[Any], config: list[Any], list_type: ListType, path: str) -> list[Any]:
    """Keeps the order of shared items as applied, and the rest near where it was."""
    try:
        live_items = index_items(list_type, live)
        config_items = index_items(list_type, config)
    except BadItem as error:
        raise TypeMismatch([(path, str(error))]) from None
    live_elements = [item_path_element(list_type, item) for item in live]
    config_elements = list(config_items)

    def merged(element: Element, at: int | None) -> Any:
        """Merges one item; of duplicates in the live list none is merged."""
        if at is not None:
            return live[at]
        ours = live_items.get(element, ())
        new = config_items[element][0]
        if len(ours) != 1:
            return new
        return _merge(ours[0], new, list_type.element, path + describe_element(element))

    result = []
    shared = [element for element in config_elements if element in live_items]
    next_shared = 0
    done: set[Element] = set()
    left = right = 0
    while left < len(live_elements) or right < len(config_elements):
        mine = live_elements[left] if left < len(live_elements) else None
        theirs = config_elements[right] if right < len(config_elements) else None
        if mine is not None and theirs is not None:
            if mine == theirs:
                done.add(mine)
                result.append(merged(mine, None))
                left += 1
                right += 1
                next_shared += 1
                continue
            is_wanted = next_shared >= len(shared) or shared[next_shared] == mine
            if mine in config_items and not is_wanted:
                left += 1
                continue
        if mine is not None:
            if mine not in config_items:
                result.append(merged(mine, left))
                left += 1
                continue
            if mine in done:
                left += 1
        if theirs is not None:
            done.add(theirs)
            result.append(merged(theirs, None))
            right += 1
            if next_shared < len(shared) and shared[next_shared] == theirs:
                next_shared += 1
    return result
