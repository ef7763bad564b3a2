"""Merging an applied configuration into a live object."""

from __future__ import annotations

import operator
from typing import Any

from steersman.fieldmanager.compare import same
from steersman.fieldmanager.elements import Element, describe_element
from steersman.fieldmanager.listitems import BadItem, elements_of, group_items
from steersman.fieldmanager.types import MAP, SCALAR, ListType, MapType, Type
from steersman.fieldmanager.validate import TypeMismatch

__all__ = ["merge"]


def merge(live: Any, config: Any, value_type: Type) -> Any:
    """Returns ``live`` with what ``config`` sets.

    What stays as it is is shared with ``live``, and ``live`` itself is returned when all does.

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
    if form == SCALAR:
        return live if same(live, config) else config
    if form == MAP:
        map_type = value_type.map
        assert map_type is not None
        mine = live if live.__class__ is dict else None
        theirs = config if config.__class__ is dict else None
        if mine and theirs and not map_type.atomic:
            return _merge_maps(mine, theirs, map_type, path)
        return _either(live, config, mine, theirs, map_type.atomic)
    list_type = value_type.list
    assert list_type is not None
    ours = live if live.__class__ is list else None
    new = config if config.__class__ is list else None
    if ours and new and not list_type.atomic:
        return _merge_lists(ours, new, list_type, path)
    return _either(live, config, ours, new, list_type.atomic)


def _either(live: Any, config: Any, mine: Any, theirs: Any, atomic: bool) -> Any:
    """Chooses a side: the configuration's, unless it is empty and the live one is not.

    With two empty sides the configuration's kind of emptiness stays.
    """
    if mine and not theirs and not atomic:
        return mine
    return live if same(live, config) else config


def _merge_maps(
    live: dict[str, Any], config: dict[str, Any], map_type: MapType, path: str
) -> dict[str, Any]:
    result = live
    fields, element = map_type.fields, map_type.element
    for key, value in config.items():
        if key in live:
            current = live[key]
            field = fields.get(key)
            item_type = element if field is None else field.type
            assert item_type is not None
            value = _merge(current, value, item_type, f"{path}.{key}")
            if value is current:
                continue
        if result is live:
            result = live.copy()
        result[key] = value
    return result


def _merge_lists(live: list[Any], config: list[Any], list_type: ListType, path: str) -> list[Any]:
    try:
        live_elements = elements_of(list_type, live)
        config_elements = elements_of(list_type, config)
    except BadItem as error:
        raise TypeMismatch([(path, str(error))]) from None
    if live_elements == config_elements and len(set(live_elements)) == len(live):
        merged = [
            _merge(mine, theirs, list_type.element, path + describe_element(element))
            for mine, theirs, element in zip(live, config, live_elements, strict=True)
        ]
        is_same = all(map(operator.is_, merged, live))
        return live if is_same else merged
    return _interleave(live, live_elements, config, config_elements, list_type, path)


def _interleave(
    live: list[Any],
    live_elements: list[Element],
    config: list[Any],
    config_elements: list[Element],
    list_type: ListType,
    path: str,
) -> list[Any]:
    """Keeps the order of shared items as applied, and the rest near where it was."""
    live_items = group_items(live_elements, live)
    config_items = dict(zip(config_elements, config, strict=True))

    def merged(element: Element) -> Any:
        """Merges one item; of duplicates in the live list none is merged."""
        ours = live_items.get(element, ())
        new = config_items[element]
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
                result.append(merged(mine))
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
                result.append(live[left])
                left += 1
                continue
            if mine in done:
                left += 1
        if theirs is not None:
            done.add(theirs)
            result.append(merged(theirs))
            right += 1
            if next_shared < len(shared) and shared[next_shared] == theirs:
                next_shared += 1
    return result
