"""Which path element names a list item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steersman.fieldmanager.elements import Element, item_element, quote, value_element
from steersman.fieldmanager.types import ListType

__all__ = ["BadItem", "elements_of", "group_items", "item_path_element"]


class BadItem(ValueError):
    """A list item that has no path element."""


def item_path_element(list_type: ListType, item: Any) -> Element:
    """Returns the element of an item of an associative list.

    Raises:
        BadItem: the item has no keys, or a set holds something that is no scalar.
    """
    names = list_type.sorted_keys
    if not names:
        return _set_element(item)
    if item.__class__ is not dict:
        kind = "a null element" if item is None else "non-map elements"
        raise BadItem(f"associative list with keys may not have {kind}")
    if len(names) == 1:
        # Nearly all lists have one key, and nearly all keys are texts.
        value = item.get(names[0])
        if value.__class__ is str:
            return f'k:{{"{names[0]}":{quote(value)}}}'
    return _keyed_element(list_type, item)


def _keyed_element(list_type: ListType, item: dict[str, Any]) -> Element:
    keys = []
    for name in list_type.sorted_keys:
        if name in item:
            keys.append((name, item[name]))
        else:
            default = list_type.key_default(name)
            if default is not None:
                keys.append((name, default))
    if not keys:
        names = " ".join(f'"{name}"' for name in list_type.keys)
        raise BadItem(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return item_element(keys)


def _set_element(item: Any) -> Element:
    if isinstance(item, dict):
        raise BadItem("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise BadItem("not supported: associative list with lists as elements")
    if item is None:
        raise BadItem("associative list without keys has an element that's an explicit null")
    return value_element(item)


def elements_of(list_type: ListType, items: Sequence[Any]) -> list[Element]:
    """Returns the elements of all items, in order.

    Raises:
        BadItem: as :func:`item_path_element`, saying which item.
    """
    elements = []
    try:
        for item in items:
            elements.append(item_path_element(list_type, item))  # noqa: PERF401 (index in errors)
    except BadItem as error:
        raise BadItem(f"element {len(elements)}: {error}") from None
    return elements


def group_items(elements: Sequence[Element], items: Sequence[Any]) -> dict[Element, list[Any]]:
    """Groups items by their element, in order; more than one means duplicates."""
    grouped: dict[Element, list[Any]] = {}
    for element, item in zip(elements, items, strict=True):
        grouped.setdefault(element, []).append(item)
    return grouped
