"""Decodes plain values into typed structs as Go's ``encoding/json`` does.

Names match without regard to case, null leaves the zero value, an unknown field or a value of
another type is an error with Go's text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from steersman.kit.yaml import format_float
from steersman.kustomize.failure import BuildFailed

__all__ = [
    "Decoder",
    "Place",
    "Struct",
    "boolean",
    "integer",
    "list_of",
    "map_of_text",
    "raw",
    "text",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: the innermost struct and the path of fields to it.

    Args:
        struct: Go name of the innermost struct.
        path: fields from the outermost one.
        lenient: unknown fields are ignored, and numbers and booleans are taken for text where
            text is wanted, as ``sigs.k8s.io/yaml`` does when it knows the wanted type.
    """

    struct: str
    path: tuple[str, ...] = ()
    lenient: bool = False

    def wrong(self, value: Any, wanted: str) -> BuildFailed:
        """Builds the failure for a value of another type."""
        shown = _shown(value)
        field = ".".join(self.path)
        where = f"Go struct field {self.struct}.{field}" if field else "Go value"
        return BuildFailed(
            f"json: cannot unmarshal {shown} into {where} of type {wanted}", field=field
        )


Decoder: TypeAlias = Callable[[Any, Place], Any]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return "number"


def text(value: Any, place: Place) -> str:
    """Decodes a string."""
    if isinstance(value, str):
        return value
    if place.lenient and isinstance(value, bool):
        return "true" if value else "false"
    if place.lenient and isinstance(value, int):
        return str(value)
    if place.lenient and isinstance(value, float):
        return format_float(value)
    raise place.wrong(value, "string")


def boolean(value: Any, place: Place) -> bool:
    """Decodes a bool."""
    if isinstance(value, bool):
        return value
    raise place.wrong(value, "bool")


def integer(go_type: str) -> Decoder:
    """Decodes an integer; a fraction is an error that shows the number."""

    def decode(value: Any, place: Place) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise place.wrong(value, go_type)
        if isinstance(value, float) and not value.is_integer():
            failure = place.wrong(value, go_type)
            raise failure.reworded(failure.problem.replace("number", f"number {value!r}", 1))
        return int(value)

    return decode


def raw(value: Any, place: Place) -> Any:
    """Keeps the value as it is."""
    return value


def map_of_text(value: Any, place: Place) -> dict[str, str]:
    """Decodes a map of strings."""
    if not isinstance(value, dict):
        raise place.wrong(value, "map[string]string")
    return {key: "" if item is None else text(item, place) for key, item in value.items()}


def _zero(item: Decoder, place: Place) -> Any:
    if item is text:
        return ""
    return item({}, place) if isinstance(item, Struct) else None


def list_of(item: Decoder, go_type: str) -> Decoder:
    """Decodes a list; null elements become the zero value."""

    def decode(value: Any, place: Place) -> list[Any]:
        if not isinstance(value, list):
            raise place.wrong(value, f"[]{go_type}")
        return [_zero(item, place) if each is None else item(each, place) for each in value]

    return decode


@dataclass(frozen=True, slots=True)
class Struct:
    """Decodes an object into a dataclass.

    Args:
        build: the dataclass.
        go_name: its name in Go's errors.
        fields: JSON name to (attribute, decoder).
        package: the Go package of its name.
    """

    build: Callable[..., Any]
    go_name: str
    fields: Mapping[str, tuple[str, Decoder]]
    package: str = "types"

    def __call__(self, value: Any, place: Place) -> Any:
        """Decodes a value; raises BuildFailed with Go's text."""
        if not isinstance(value, dict):
            raise place.wrong(value, f"{self.package}.{self.go_name}")
        decoded: dict[str, Any] = {}
        for key, item in value.items():
            name = key if key in self.fields else self._folded(key, place)
            if not name:
                continue
            attribute, decoder = self.fields[name]
            if item is not None:
                decoded[attribute] = decoder(
                    item, Place(self.go_name, (*place.path, name), place.lenient)
                )
        return self.build(**decoded)

    def _folded(self, key: str, place: Place) -> str:
        """Finds a field regardless of case; an unknown one is empty where that is tolerated."""
        lowered = key.lower()
        for name in self.fields:
            if name.lower() == lowered:
                return name
        if place.lenient:
            return ""
        raise BuildFailed(f'json: unknown field "{key}"', field=key)
