"""Which path element names a list item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steersman.fieldmanager.elements import Element, item_element, value_element
from steersman.fieldmanager.types import ListType

__all__ = ["BadItem", "index_items", "item_path_element"]


class BadItem(ValueError):
    """A list item that has no path element."""


def item_path_element(list_type: ListType, item: Any) -> Element:
    """Returns the element of an item of an associative list.

    Raises:
        BadItem: the item has no keys, or a set holds something that is no scalar.
    """
    if not list_type.keys:
        return _set_element(item)
    if item is None:
        raise BadItem("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise BadItem("associative list with keys may not have non-map elements")
    keys = []
    for name in list_type.keys:
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
    keys.sort(key=_first)
    return item_element(keys)


def _first(pair: tuple[str, Any]) -> str:
    return pair[0]


def _set_element(item: Any) -> Element:
    if isinstance(item, dict):
        raise BadItem("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise BadItem("not supported: associative list with lists as elements")
    if item is None:
        raise BadItem("associative list without keys has an element that's an explicit null")
    return value_element(item)


def index_items(list_type: ListType, items: Sequence[Any]) -> dict[Element, list[Any]]:
    """Groups items by their element, in order; more than one means duplicates.

    Raises:
        BadItem: as :func:`item_path_element`, saying which item.
    """
    grouped: dict[Element, list[Any]] = {}
    for index, item in enumerate(items):
        try:
            element = item_path_element(list_type, item)
        except BadItem as error:
            raise BadItem(f"element {index}: {error}") from None
        grouped.setdefault(element, []).append(item)
    return grouped
