"""What a scalar means in Go's two YAML dialects.

``sigs`` is what kubectl, Helm and Flux read with (YAML 1.1 words such as ``on`` are booleans);
``kyaml`` is what kustomize keeps in its trees (YAML 1.1 words stay texts, a date is a timestamp).
Source of the rules: ``resolve.go`` of go.yaml.in/yaml v2 and v3.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = [
    "HINTS",
    "Dialect",
    "Scalar",
    "Tag",
    "is_word",
    "resolve_plain",
    "resolve_tagged",
]

Dialect: TypeAlias = Literal["sigs", "kyaml"]
Tag: TypeAlias = str

HINTS = frozenset("+-0123456789yYnNtTfFoO~.")
"""First characters of plain texts that may mean something else than themselves."""

_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")
_OLD_TRUE = ("y", "Y", "yes", "Yes", "YES", "on", "On", "ON")
_OLD_FALSE = ("n", "N", "no", "No", "NO", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
_NAN = (".nan", ".NaN", ".NAN")
_INF = (".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF")
_MINUS_INF = ("-.inf", "-.Inf", "-.INF")

_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_DOT_FLOAT = re.compile(r"\.[0-9]+([eE][-+]?[0-9]+)?\Z")
_DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:([Tt ])(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?(Z|[-+]\d{2}:\d{2})?)?\Z"
)
_INT64 = 1 << 63


class Scalar(NamedTuple):
    """A scalar of the ``kyaml`` dialect that is not a plain text.

    Args:
        tag: short tag such as ``!!int``.
        text: as written.
        value: what it decodes to: bool, int, float, or a text (timestamps, binary).
    """

    tag: str
    text: str
    value: Any


def _words(dialect: Dialect) -> dict[str, tuple[Tag, Any]]:
    table: dict[str, tuple[Tag, Any]] = {}
    table |= dict.fromkeys(_TRUE, ("!!bool", True)) | dict.fromkeys(_FALSE, ("!!bool", False))
    if dialect == "sigs":
        table |= dict.fromkeys(_OLD_TRUE, ("!!bool", True))
        table |= dict.fromkeys(_OLD_FALSE, ("!!bool", False))
    table |= dict.fromkeys(_NULL, ("!!null", None))
    table |= dict.fromkeys(_NAN, ("!!float", math.nan)) | dict.fromkeys(_INF, ("!!float", math.inf))
    table |= dict.fromkeys(_MINUS_INF, ("!!float", -math.inf))
    return table


_WORDS: dict[Dialect, dict[str, tuple[Tag, Any]]] = {
    "sigs": _words("sigs"),
    "kyaml": _words("kyaml"),
}


def is_word(text: str, dialect: Dialect) -> bool:
    """Whether ``text`` is one of the fixed words (booleans, nulls, infinities)."""
    return text in _WORDS[dialect]


@lru_cache(maxsize=8192)
def resolve_plain(text: str, dialect: Dialect) -> tuple[Tag, Any]:
    """Gives tag and Python value of an unquoted, untagged scalar.

    Timestamps come as the text Go prints for them in JSON; the ``sigs`` dialect hands on the text
    as written instead. Integers beyond 64 bits become floats.
    """
    word = _WORDS[dialect].get(text)
    if word is not None:
        return word
    first = text[0]
    if first == ".":
        return _as_float(text, text) if _DOT_FLOAT.match(text) else ("!!str", text)
    if first not in "+-0123456789":
        return "!!str", text
    moment = _timestamp(text)
    if moment is not None:
        return "!!timestamp", text if dialect == "sigs" else moment
    tag, value = _number(text)
    if dialect == "sigs" and tag == "!!int" and value >= _INT64:
        return tag, float(value)
    return tag, value


def _number(text: str) -> tuple[Tag, Any]:
    digits = text.replace("_", "")
    number = _go_int(digits)
    if number is not None and -_INT64 <= number < (_INT64 if digits[0] == "+" else 2 * _INT64):
        return "!!int", number
    if _FLOAT.match(digits):
        return _as_float(text, digits)
    return "!!str", text


def _as_float(text: str, digits: str) -> tuple[Tag, Any]:
    value = float(digits)
    return ("!!str", text) if math.isinf(value) else ("!!float", value)


def _go_int(text: str) -> int | None:
    """Reads an integer as Go's ``ParseInt`` with base 0 does, and YAML's ``0b`` and ``0o``."""
    body = text.lstrip("+-") if text[:1] in "+-" else text
    if len(text) - len(body) > 1 or not body or not body.isascii():
        return None
    sign = -1 if text[0] == "-" else 1
    if body.isdigit():
        if body[0] == "0" and len(body) > 1:
            return None if ("8" in body or "9" in body) else sign * int(body, 8)
        return sign * int(body) if len(body) < 40 else None
    base = {"0x": 16, "0o": 8, "0b": 2}.get(body[:2].lower())
    if base is None or not body[2:].isalnum():
        return None
    try:
        return sign * int(body[2:], base)
    except ValueError:
        return None


def _timestamp(text: str) -> str | None:
    """Reads the timestamp forms Go accepts, and prints them as Go's JSON does."""
    if len(text) < 8 or text[4] != "-":
        return None
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day, separator, hour, minute, second, fraction, zone = match.groups()
    if separator and (separator == " ") == (zone is not None):
        return None
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            tzinfo=_zone(zone),
        )  # fmt: skip
    except ValueError:
        return None
    fraction = (fraction or "")[:9].rstrip("0")
    offset = "Z" if zone in (None, "Z", "+00:00", "-00:00") else zone
    shown = f"{moment.year:04d}{moment.strftime('-%m-%dT%H:%M:%S')}"
    return f"{shown}{'.' + fraction if fraction else ''}{offset}"


def _zone(zone: str | None) -> timezone:
    if zone in (None, "Z"):
        return UTC
    assert zone is not None
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))


_SHORT_TAGS = {
    "tag:yaml.org,2002:str": "!!str",
    "tag:yaml.org,2002:int": "!!int",
    "tag:yaml.org,2002:float": "!!float",
    "tag:yaml.org,2002:bool": "!!bool",
    "tag:yaml.org,2002:null": "!!null",
    "tag:yaml.org,2002:timestamp": "!!timestamp",
    "tag:yaml.org,2002:binary": "!!binary",
    "!!binary": "!!binary",
}


def resolve_tagged(tag: str, text: str, dialect: Dialect) -> tuple[Tag, Any]:
    """Gives tag and value of a scalar with an explicit tag; unknown tags leave the text alone.

    Raises:
        ValueError: the text is not of the tag's type; the message is Go's.
    """
    short = _SHORT_TAGS.get(tag)
    if short is None or short == "!!str":
        return "!!str", text
    if short == "!!binary":
        try:
            data = base64.b64decode("".join(text.split()), validate=True)
        except binascii.Error:
            raise ValueError("!!binary value contains invalid base64 data") from None
        return short, data.decode("utf-8", "replace")
    found, value = resolve_plain(text, dialect)
    if found == short:
        return found, value
    if short == "!!float" and found == "!!int":
        return short, float(value)
    raise ValueError(f"cannot decode {found} `{text}` as a {short}")
