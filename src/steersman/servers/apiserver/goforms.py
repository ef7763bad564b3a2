"""Go types with a JSON form of their own, and what Go says when a value does not fit."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final, NamedTuple

from steersman.kit.clock import parse_rfc3339
from steersman.kit.gotext import quote
from steersman.objects.quantity import BadQuantity, canonical_quantity

__all__ = ["FORMS", "CodecError", "Form", "TypeMismatch", "json_kind"]


class CodecError(ValueError):
    """A value cannot be read as its type; the text is Go's."""


class TypeMismatch(CodecError):
    """A JSON value of the wrong kind; parents add where it is.

    Args:
        found: what there was, such as ``number`` or ``number 1.5``.
        go_type: the type wanted, such as ``[]v1.Container``.
    """

    def __init__(self, found: str, go_type: str) -> None:
        super().__init__(found, go_type)
        self.found = found
        self.go_type = go_type
        self.struct = ""
        self.path: list[str] = []

    def within(self, struct: str, field: str) -> None:
        """Notes a struct and field on the way out; the innermost struct is named."""
        self.struct = self.struct or struct
        self.path.insert(0, field)

    def __str__(self) -> str:
        if not self.struct:
            return f"json: cannot unmarshal {self.found} into Go value of type {self.go_type}"
        where = ".".join([self.struct, *self.path])
        found = f"json: cannot unmarshal {self.found} into Go struct field"
        return f"{found} {where} of type {self.go_type}"


def json_kind(value: object) -> str:
    """Names the JSON kind of a value as Go does."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _parse_time(value: Any) -> str | None:
    return _format_time(value, fraction=False)


def _parse_microtime(value: Any) -> str | None:
    return _format_time(value, fraction=True)


def _format_time(value: Any, *, fraction: bool) -> str | None:
    if type(value) is not str:
        raise TypeMismatch(json_kind(value), "string")
    if not value:
        return None
    layout = "2006-01-02T15:04:05.000000Z07:00" if fraction else "2006-01-02T15:04:05Z07:00"
    try:
        moment = parse_rfc3339(value)
    except ValueError:
        raise CodecError(
            f'parsing time {quote(value)} as {quote(layout)}: cannot parse {quote(value)} as "2006"'
        ) from None
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment.microsecond:06d}Z" if fraction else f"{text}Z"


def _parse_quantity(value: Any) -> str:
    if type(value) is not str and type(value) not in (int, float):
        raise CodecError(_QUANTITY_TEXT)
    try:
        return canonical_quantity(value)
    except BadQuantity as bad:
        raise CodecError(bad.message) from None


_QUANTITY_TEXT: Final = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


def _parse_int_or_string(value: Any) -> int | str:
    if type(value) is str or type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise TypeMismatch(json_kind(value), "int32")


def _parse_bytes(value: Any) -> str:
    if type(value) is not str:
        raise TypeMismatch(json_kind(value), "[]uint8")
    text = value.replace("\n", "").replace("\r", "")
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CodecError(f"illegal base64 data at input byte {_bad_base64_at(text)}") from None
    return text


def _bad_base64_at(text: str) -> int:
    alphabet = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    for index, character in enumerate(text):
        if character not in alphabet:
            return index
    return len(text) - len(text) % 4


def _parse_text(value: Any) -> str:
    if type(value) is not str:
        raise TypeMismatch(json_kind(value), "string")
    return value


def _parse_raw(value: Any) -> Any:
    match value:
        case dict():
            return {name: _parse_raw(one) for name, one in value.items()}
        case list():
            return [_parse_raw(one) for one in value]
        case _:
            return value


class Form(NamedTuple):
    """How a special type is read.

    Attributes:
        go_type: its name in messages.
        parse: reads a value that is not null.
        zero: what an absent value prints as.
        droppable: ``omitempty`` leaves an empty value out.
    """

    go_type: str
    parse: Callable[[Any], Any]
    zero: Any = None
    droppable: bool = False


FORMS: Final[Mapping[str, Form]] = {
    "!time": Form("v1.Time", _parse_time),
    "!microtime": Form("v1.MicroTime", _parse_microtime),
    "!duration": Form("string", _parse_text, "0s"),
    "!quantity": Form("resource.Quantity", _parse_quantity, "0"),
    "!intstr": Form("intstr.IntOrString", _parse_int_or_string, 0),
    "!raw": Form("runtime.RawExtension", _parse_raw),
    "bytes": Form("[]uint8", _parse_bytes, droppable=True),
}
