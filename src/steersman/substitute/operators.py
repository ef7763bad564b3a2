"""What the operators of ``${name<operator>...}`` do to a value.

Source: behaviour of fluxcd/pkg envsubst. Unlike a shell, lengths and offsets count bytes, and
every default-like operator, ``:+`` and ``:?`` included, replaces an empty value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from steersman.substitute.glob import BadPattern, matches_glob, parse_glob
from steersman.substitute.template import BadSubstitution

__all__ = ["apply_operator"]

_INTEGER = re.compile(r"[+-]?[0-9]+")


def apply_operator(operator: str, value: str, arguments: Sequence[str]) -> str:
    """Applies one operator to the value of a variable.

    Args:
        operator: as parsed; an unknown one acts as a default.
        value: the variable's value, empty when it has none.
        arguments: the expanded arguments.

    Raises:
        BadSubstitution: a negative length.
    """
    if operator == "#" and not arguments:
        return str(len(_bytes(value)))
    function = _FUNCTIONS.get(operator, _default)
    return function(value, arguments)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _default(value: str, arguments: Sequence[str]) -> str:
    return value or "".join(arguments)


def _lower(text: str) -> str:
    # Go maps rune by rune and never changes the number of them.
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def _upper(text: str) -> str:
    return "".join(up if len(up := c.upper()) == 1 else c for c in text)


def _substring(value: str, arguments: Sequence[str]) -> str:
    if not all(_INTEGER.fullmatch(argument) for argument in arguments):
        return value
    raw = _bytes(value)
    start = int(arguments[0])
    if start < 0:
        start = max(0, len(raw) + start)
    if len(arguments) == 1:
        return _text(raw[start:])
    end = start + int(arguments[1])
    if end >= len(raw):
        return _text(raw[start:])
    if end < start:
        raise BadSubstitution("bad substitution: negative length")
    return _text(raw[start:end])


def _replace_first(value: str, arguments: Sequence[str]) -> str:
    return value.replace(arguments[0], "".join(arguments[1:]), 1)


def _replace_all(value: str, arguments: Sequence[str]) -> str:
    return value.replace(arguments[0], "".join(arguments[1:]))


def _replace_prefix(value: str, arguments: Sequence[str]) -> str:
    if len(arguments) != 2 or not value.startswith(arguments[0]):
        return value
    return arguments[1] + value[len(arguments[0]) :]


def _replace_suffix(value: str, arguments: Sequence[str]) -> str:
    if len(arguments) != 2 or not value.endswith(arguments[0]):
        return value
    return value[: len(value) - len(arguments[0])] + arguments[1]


def _trim(value: str, pattern: str, *, longest: bool) -> str:
    try:
        atoms = parse_glob(pattern)
    except BadPattern:
        return value
    lengths = range(len(value), 0, -1) if longest else range(1, len(value) + 1)
    for length in lengths:
        if matches_glob(atoms, value[:length]):
            return value[length:]
    return value


def _trim_start(value: str, arguments: Sequence[str]) -> str:
    return _trim(value, arguments[0], longest=False)


def _trim_start_longest(value: str, arguments: Sequence[str]) -> str:
    return _trim(value, arguments[0], longest=True)


def _trim_end(value: str, arguments: Sequence[str]) -> str:
    return _trim(value[::-1], arguments[0][::-1], longest=False)[::-1]


def _trim_end_longest(value: str, arguments: Sequence[str]) -> str:
    return _trim(value[::-1], arguments[0][::-1], longest=True)[::-1]


_FUNCTIONS: dict[str, Callable[[str, Sequence[str]], str]] = {
    ",": lambda value, _: _lower(value[:1]) + value[1:],
    ",,": lambda value, _: _lower(value),
    "^": lambda value, _: _upper(value[:1]) + value[1:],
    "^^": lambda value, _: _upper(value),
    "#": _trim_start,
    "##": _trim_start_longest,
    "%": _trim_end,
    "%%": _trim_end_longest,
    ":": _substring,
    "/": _replace_first,
    "//": _replace_all,
    "/#": _replace_prefix,
    "/%": _replace_suffix,
}
