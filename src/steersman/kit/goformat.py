"""How Go prints decoded JSON, for messages that must read as the API server's do."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["float_text", "plain", "syntax", "type_name"]


def float_text(value: float) -> str:
    """Prints a float as Go's JSON encoder does: the shortest digits, exponents only at extremes."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    if "e" not in text:
        return text
    if 1e-6 <= abs(value) < 1e21:
        return f"{value:.20f}".rstrip("0")
    mantissa, _, exponent = text.partition("e")
    power = int(exponent)
    return f"{mantissa}e{power:+03d}" if power >= 0 else f"{mantissa}e-{-power}"


def type_name(value: Any) -> str:
    """Names the Go type of a value, as ``%T`` does."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "int64"
        case float():
            return "float64"
        case list():
            return "[]interface {}"
        case dict():
            return "map[string]interface {}"
        case _:
            return "<nil>"


def plain(value: Any) -> str:
    """Prints a value as ``%v`` does: ``map[a:1 b:[x y]]``."""
    match value:
        case None:
            return "<nil>"
        case str():
            return value
        case list():
            return f"[{' '.join(map(plain, value))}]"
        case dict():
            return f"map[{' '.join(f'{key}:{plain(value[key])}' for key in sorted(value))}]"
        case _:
            return _number(value)


def syntax(value: Any) -> str:
    """Prints a value as ``%#v`` does: ``map[string]interface {}{"a":1}``."""
    match value:
        case None:
            return "interface {}(nil)"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[]interface {{}}{{{', '.join(map(syntax, value))}}}"
        case dict():
            inner = ", ".join(
                f"{json.dumps(key, ensure_ascii=False)}:{syntax(value[key])}"
                for key in sorted(value)
            )
            return f"map[string]interface {{}}{{{inner}}}"
        case _:
            return _number(value)


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return float_text(value) if isinstance(value, float) else str(value)
