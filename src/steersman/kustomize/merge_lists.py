"""Elements of merged lists: which keys count, and how elements are set and put together.

These rules are kustomize's to the letter, including what they do to elements that lack a key or
share one; results depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from steersman.kustomize.node import MISSING, Tree, is_null, text_of

__all__ = ["append_elements", "merged_values", "set_element", "valid_keys"]


def valid_keys(
    all_values: Sequence[Sequence[str]], values: Sequence[str], keys: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Keeps the keys that any element has, with this element's values."""
    known = {
        keys[index]
        for candidate in all_values
        for index, value in enumerate(candidate)
        if value and index < len(keys)
    }
    if not known:
        return list(keys), list(values)
    chosen = [key for key in keys if key in known]
    kept = [value for value, key in zip(values, keys, strict=False) if value or key in known]
    return chosen, kept


def merged_values(values: list[list[str]]) -> list[list[str]]:
    """Fills keys that one element leaves out from another that agrees in the rest."""
    for i, left in enumerate(values):
        for j, right in enumerate(values):
            match = _agreement(left, right)
            if match is not None:
                values[i] = values[j] = match
    return values


def _agreement(left: Sequence[str], right: Sequence[str]) -> list[str] | None:
    if len(left) != len(right):
        return None
    common = False
    result: list[str] = []
    for mine, theirs in zip(left, right, strict=True):
        if mine == theirs:
            common = True
        elif mine and theirs:
            return None
        result.append(mine or theirs)
    return result if common else None


def _matches(element: Tree, keys: Sequence[str], values: Sequence[str]) -> bool:
    """Whether an element has these key values; a key without a value repeats the last answer."""
    found = False
    for index, key in enumerate(keys):
        if index < len(values):
            found = _has(element, key, values[index])
        if not found:
            return False
    return True


def _has(element: Tree, key: str, value: str) -> bool:
    if not key:
        return text_of(element) == value
    if not isinstance(element, dict) or key not in element:
        return False
    return not value or text_of(element[key]) == value


def set_element(
    elements: list[Tree], keys: Sequence[str], values: Sequence[str], element: Tree
) -> None:
    """Replaces every element with these key values, else appends; MISSING removes them.

    Empty elements are dropped on the way.
    """
    for_mappings = bool(keys and keys[0] and values and values[0])
    found = False
    kept: list[Tree] = []
    for held in elements:
        if is_null(held) or held == {}:
            continue
        if for_mappings and not isinstance(held, dict):
            kept.append(held)
        elif not _matches(held, keys, values):
            if values:
                kept.append(held)
        else:
            found = True
            if element is not MISSING:
                kept.append(element)
    elements[:] = kept
    if element is not MISSING and not found:
        elements.append(element)


def append_elements(first: list[Tree], second: Sequence[Tree], keys: Sequence[str]) -> list[Tree]:
    """Adds the second list to the first: an element of equal keys takes the other's place.

    With several keys it moves to the end instead.
    """
    for element in list(second):
        if not keys[0]:
            set_element(first, [""], [text_of(element)], element)
            continue
        values: list[str] = []
        for key in keys:
            value = element.get(key, MISSING) if isinstance(element, dict) else MISSING
            if value is MISSING:
                first.append(element)
                continue
            values.append(text_of(value))
        if len(keys) > 1:
            set_element(first, keys, values, MISSING)
        set_element(first, keys, values, element)
    return first
