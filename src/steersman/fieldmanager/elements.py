"""Path elements: one step from an object into one of its parts.

An element is the text that ``fieldsV1`` uses as a key: ``f:replicas`` names a field,
``k:{"name":"web"}`` the list item with that key, ``v:"TCP"`` the item of a set, ``i:0`` a position.
Texts are canonical, so equal elements are equal texts and field sets are plain nested dicts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from steersman.kit.goformat import float_text

__all__ = [
    "Element",
    "Path",
    "canonical_element",
    "describe_element",
    "describe_path",
    "describe_value",
    "field_element",
    "item_element",
    "quote",
    "sort_key",
    "value_element",
]

Element: TypeAlias = str
Path: TypeAlias = tuple[Element, ...]

_HTML = re.compile("[<>&\u2028\u2029]")
_KNOWN_PREFIXES = ("f:", "k:", "v:", "i:")
_CACHE = 1 << 14


class UnknownElement(ValueError):
    """A kind of element that a later version of Kubernetes may know."""


def field_element(name: str) -> Element:
    """Returns the element of a field."""
    return "f:" + name


@lru_cache(maxsize=_CACHE)
def quote(text: str) -> str:
    """Quotes a text as Go's JSON encoder does: HTML characters become escapes."""
    return _HTML.sub(lambda match: f"\\u{ord(match[0]):04x}", encode_basestring(text))


def value_text(value: Any) -> str:
    """Returns the JSON text of a value in its canonical form: no blanks, sorted keys."""
    match value:
        case str():
            return quote(value)
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case float():
            return float_text(value)
        case int():
            return str(value)
        case list():
            return f"[{','.join(map(value_text, value))}]"
        case _:
            inner = ",".join(f"{quote(key)}:{value_text(value[key])}" for key in sorted(value))
            return f"{{{inner}}}"


def value_element(value: Any) -> Element:
    """Returns the element of an item of a set."""
    return "v:" + value_text(value)


def item_element(keys: Iterable[tuple[str, Any]]) -> Element:
    """Returns the element of a list item from its keys, given sorted by name."""
    return f"k:{{{','.join(f'{quote(name)}:{value_text(value)}' for name, value in keys)}}}"


@lru_cache(maxsize=_CACHE)
def canonical_element(text: str) -> Element:
    """Reads an element that a client wrote.

    Raises:
        UnknownElement: an element of a kind not known here; to be ignored.
        ValueError: not an element.
    """
    if len(text) < 2:
        raise ValueError("key must be 2 characters long:")
    if text[1] != ":":
        raise ValueError(f"missing colon: {text}")
    prefix, rest = text[:2], text[2:]
    match prefix:
        case "f:":
            return text
        case "v:":
            return value_element(json.loads(rest))
        case "k:":
            keys = json.loads(rest)
            if not isinstance(keys, dict):
                raise ValueError(f"not an object: {text}")
            return item_element(sorted(keys.items()))
        case "i:":
            return f"i:{int(rest)}"
        case _:
            raise UnknownElement(text)


def _value_order(value: Any) -> tuple[Any, ...]:
    """Orders values as Kubernetes does: numbers, texts, booleans, lists, objects, null."""
    match value:
        case bool():
            return (2, value)
        case int() | float():
            return (0, value)
        case str():
            return (1, value.encode("utf-8", "surrogatepass"))
        case list():
            return (3, tuple(map(_value_order, value)))
        case dict():
            return (4, tuple((key, _value_order(value[key])) for key in sorted(value)))
        case _:
            return (5,)


@lru_cache(maxsize=_CACHE)
def sort_key(element: Element) -> tuple[Any, ...]:
    """Returns what puts elements into the order of ``fieldsV1``; ``.`` comes first."""
    rest = element[2:]
    match element[:2]:
        case "f:":
            return (1, rest.encode("utf-8", "surrogatepass"))
        case "k:":
            keys = json.loads(rest)
            return (2, tuple((name, _value_order(keys[name])) for name in keys))
        case "v:":
            return (3, _value_order(json.loads(rest)))
        case "i:":
            return (4, int(rest))
        case _:
            return (0,)


def describe_value(value: Any) -> str:
    """Prints a key's value for people, as conflict messages do."""
    match value:
        case None:
            return "null"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{','.join(map(describe_value, value))}]"
        case dict():
            return "".join(f"{key}={describe_value(item)}" for key, item in value.items())
        case _:
            return value_text(value)


@lru_cache(maxsize=_CACHE)
def describe_element(element: Element) -> str:
    """Prints an element for people: ``.name``, ``[name="web"]``, ``[="TCP"]``, ``[0]``."""
    rest = element[2:]
    match element[:2]:
        case "f:":
            return "." + rest
        case "k:":
            keys: Mapping[str, Any] = json.loads(rest)
            return f"[{','.join(f'{name}={describe_value(keys[name])}' for name in keys)}]"
        case "v:":
            return f"[={describe_value(json.loads(rest))}]"
        case _:
            return f"[{rest}]"


def describe_path(path: Iterable[Element]) -> str:
    """Prints a path for people."""
    return "".join(map(describe_element, path))
