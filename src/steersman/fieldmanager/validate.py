"""Does a value fit its type? The messages are the API server's."""

from __future__ import annotations

from typing import Any

from steersman.fieldmanager.elements import describe_element
from steersman.fieldmanager.listitems import BadItem, item_path_element
from steersman.fieldmanager.types import MAP, SCALAR, ListType, MapType, Type
from steersman.kit.goformat import plain, syntax, type_name

__all__ = ["Problem", "TypeMismatch", "validate"]

Problem = tuple[str, str]
"""A path as people read it, and what is wrong there."""


class TypeMismatch(ValueError):
    """A value that does not fit its type; the text lists every problem."""

    def __init__(self, problems: list[Problem]) -> None:
        texts = [f"{path}: {text}" if path else text for path, text in problems]
        one_line = texts[0] if len(texts) == 1 else "\n  ".join(["errors:", *texts])
        super().__init__(one_line)
        self.problems = problems


def validate(value: Any, value_type: Type, *, allow_duplicates: bool = False) -> None:
    """Checks a value.

    Args:
        value: plain JSON data.
        value_type: what it should be.
        allow_duplicates: whether lists may hold two items with one key, as live objects may.

    Raises:
        TypeMismatch: it does not fit.
    """
    problems: list[Problem] = []
    _check(value, value_type, "", problems, allow_duplicates)
    if problems:
        raise TypeMismatch(problems)


def _check(
    value: Any, value_type: Type, path: str, problems: list[Problem], allow_duplicates: bool
) -> None:
    form = value_type.single or value_type.form_of(value)
    if form == MAP:
        if value.__class__ is dict:
            assert value_type.map is not None
            _check_map(value, value_type.map, path, problems, allow_duplicates)
        elif value is not None:
            problems.append((path, f"expected map, got &{{{plain(value)}}}"))
    elif form == SCALAR:
        assert value_type.scalar is not None
        text = scalar_problem(value, value_type.scalar)
        if text:
            problems.append((path, text))
    elif value.__class__ is list:
        assert value_type.list is not None
        _check_list(value, value_type.list, path, problems, allow_duplicates)
    elif value is not None:
        problems.append((path, f"expected list, got &{{{plain(value)}}}"))


def _check_map(
    value: dict[str, Any],
    map_type: MapType,
    path: str,
    problems: list[Problem],
    allow_duplicates: bool,
) -> None:
    fields, element = map_type.fields, map_type.element
    for key, item in value.items():
        field = fields.get(key)
        if field is not None:
            item_type = field.type
        elif element is not None:
            item_type = element
        else:
            problems.append((f"{path}.{key}", "field not declared in schema"))
            return
        if item.__class__ in item_type.accepts:
            continue
        _check(item, item_type, f"{path}.{key}", problems, allow_duplicates)


def _check_list(
    value: list[Any],
    list_type: ListType,
    path: str,
    problems: list[Problem],
    allow_duplicates: bool,
) -> None:
    seen: set[str] = set()
    for index, item in enumerate(value):
        if list_type.atomic:
            step = f"[{index}]"
        else:
            try:
                element = item_path_element(list_type, item)
            except BadItem as error:
                problems.append((path, f"element {index}: {error}"))
                return
            step = describe_element(element)
            if element in seen and not allow_duplicates:
                problems.append((path, f"duplicate entries for key {step}"))
            seen.add(element)
        if item.__class__ not in list_type.element.accepts:
            _check(item, list_type.element, path + step, problems, allow_duplicates)


def scalar_problem(value: Any, scalar: str) -> str:
    """Returns what is wrong with a scalar, or an empty text; null always fits."""
    if value is None:
        return ""
    match scalar:
        case "numeric":
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
            return "" if fits else f"expected numeric (int or float), got {type_name(value)}"
        case "string":
            fits = isinstance(value, str)
            got = f"&value.valueUnstructured{{Value:{'' if fits else syntax(value)}}}"
            return "" if fits else f"expected string, got {got}"
        case "boolean":
            fits = isinstance(value, bool)
            return "" if fits else f"expected boolean, got &{{{plain(value)}}}"
        case _:
            fits = isinstance(value, (str, int, float))
            return "" if fits else f"expected any scalar, got &{{{plain(value)}}}"
