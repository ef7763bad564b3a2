"""Field errors: what is wrong with one value, in the words the Kubernetes API uses.

Source of the wording: ``k8s.io/apimachinery/pkg/util/validation/field``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from steersman.kit.gotext import quote
from steersman.objects.apistatus import ApiError, status_cause
from steersman.objects.identity import GroupKind

__all__ = [
    "OMITTED",
    "FieldError",
    "GoText",
    "duplicate",
    "forbidden",
    "format_number",
    "invalid",
    "invalid_object",
    "key",
    "not_found",
    "not_supported",
    "required",
    "to_go_json",
    "too_long",
    "too_many",
    "type_invalid",
]

_WORDS: Final[Mapping[str, str]] = {
    "FieldValueNotFound": "Not found",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueInvalid": "Invalid value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueTooLong": "Too long",
    "FieldValueTooMany": "Too many",
    "FieldValueTooShort": "Too short",
    "FieldValueTooFew": "Too few",
    "InternalError": "Internal error",
    "FieldValueTypeInvalid": "Invalid value",
}
_WITHOUT_VALUE: Final = frozenset(
    {
        "FieldValueRequired",
        "FieldValueForbidden",
        "FieldValueTooLong",
        "FieldValueTooShort",
        "InternalError",
    }
)
_HTML: Final = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


class _Omitted:
    """The type of :data:`OMITTED`."""


OMITTED: Final = _Omitted()
"""A value that is not repeated in the text."""


class GoText(str):
    """A value that is printed bare, without quotes."""

    __slots__ = ()


class FieldError(NamedTuple):
    """One problem of one field.

    Attributes:
        field: the path, such as ``spec.ports[0].name`` or ``data[a/b]``.
        type: the cause's reason, such as ``FieldValueInvalid``.
        value: the value as decoded; maps and lists are printed as JSON, :class:`GoText` bare,
            :data:`OMITTED` not at all.
        detail: what is wrong with it; may be empty.
    """

    field: str
    type: str
    value: object = None
    detail: str = ""

    @property
    def body(self) -> str:
        """The text without the field: ``Invalid value: "x": must be …``."""
        text = _WORDS[self.type]
        if self.type not in _WITHOUT_VALUE and self.value is not OMITTED:
            text = f"{text}: {_format_value(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


def _format_value(value: object) -> str:
    match value:
        case GoText():
            return str(value)
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value)
        case int():
            return str(value)
        case float():
            return format_number(value)
        case _:
            return to_go_json(value)


def to_go_json(value: object, *, sort_keys: bool = True) -> str:
    """Prints as ``json.Marshal`` does: sorted keys, no blanks, HTML characters escaped.

    Structs keep the order of their fields; for those say ``sort_keys=False``.
    """
    text = json.dumps(value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_HTML)


def format_number(value: float) -> str:
    """Prints a number as Go's ``%v`` does for amounts of everyday size."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e21 else repr(value)


def required(field: str, detail: str = "") -> FieldError:
    """The value is missing."""
    return FieldError(field, "FieldValueRequired", "", detail)


def invalid(field: str, value: object, detail: str) -> FieldError:
    """The value is malformed."""
    return FieldError(field, "FieldValueInvalid", value, detail)


def type_invalid(field: str, value: object, detail: str) -> FieldError:
    """The value has the wrong JSON type."""
    return FieldError(field, "FieldValueTypeInvalid", value, detail)


def forbidden(field: str, detail: str) -> FieldError:
    """The value is not allowed here."""
    return FieldError(field, "FieldValueForbidden", "", detail)


def duplicate(field: str, value: object) -> FieldError:
    """The value must be unique and is not."""
    return FieldError(field, "FieldValueDuplicate", value)


def not_found(field: str, value: object) -> FieldError:
    """The value names something that is not there."""
    return FieldError(field, "FieldValueNotFound", value)


def not_supported(field: str, value: object, supported: Iterable[str]) -> FieldError:
    """The value is not one of an enumeration, listed in the order given."""
    values = ", ".join(quote(one) for one in supported)
    detail = f"supported values: {values}" if values else ""
    return FieldError(field, "FieldValueNotSupported", value, detail)


def too_long(field: str, detail: str) -> FieldError:
    """The value has too many bytes; it is not repeated in the text."""
    return FieldError(field, "FieldValueTooLong", "", detail)


def too_many(field: str, actual: int, allowed: int) -> FieldError:
    """The list has too many items."""
    return FieldError(field, "FieldValueTooMany", actual, f"must have at most {allowed} items")


def key(path: str, name: str) -> str:
    """Appends a map key to a path: ``data[a.b]``."""
    return f"{path}[{name}]"


def invalid_object(kind: GroupKind, name: str, errors: Sequence[FieldError]) -> ApiError:
    """Builds the 422 answer for an object with at least one field error.

    Equal errors are named once in the message, but each stays a cause.
    """
    texts = list(dict.fromkeys(str(error) for error in errors))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: dict[str, Any] = {"name": name} if name else {}
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.kind
    details["causes"] = [status_cause(error.type, error.body, error.field) for error in errors]
    message = f"{kind} {quote(name)} is invalid: {joined}"
    return ApiError(422, "Invalid", message, details=details)
