"""Plain values to YAML text, byte for byte as Go's ``sigs.k8s.io/yaml`` writes it.

Keys are sorted in Go's natural order, sequences are not indented under their key, a text is quoted
only where Go's emitter would, and long texts fold at column 80.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cmp_to_key, lru_cache
from typing import Any, TypeAlias

from steersman.kit.yaml.scalars import Scalar, is_word, resolve_plain

__all__ = ["dump", "dump_all", "format_float", "natural_order"]

_Order: TypeAlias = Callable[[tuple[Any, ...]], tuple[Any, ...]]
_WIDTH = 80
_UINT64 = 1 << 64
_LONGEST_SIMPLE_KEY = 128
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_SIMPLE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@=+,-]*\Z")
_LETTERS = re.compile(r"[A-Za-z]+\Z")
_BREAKS = "\r\n\x85\u2028\u2029"
_UNPRINTABLE = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_MUST_ESCAPE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\"\\\u2028\u2029]")
_BROKEN_LINE = re.compile(r"[\r\n\x85\u2028\u2029]")
_SPACE_BREAK = re.compile(r" [\r\n\x85\u2028\u2029]")
_BREAK_SPACE = re.compile(r"[\r\n\x85\u2028\u2029] ")
_INDICATED = re.compile(r"[#,\[\]{}&*!|>'\"%@`]|[?:-](?:[ \t\r\n\x85\u2028\u2029]|\Z)|---|\.\.\.")
_INSIDE = re.compile(r":(?:[ \t\r\n\x85\u2028\u2029]|\Z)|[ \t\r\n\x85\u2028\u2029]#")
_ESCAPES = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f",
    "\r": "\\r", "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\xa0": "\\_",
    "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip


def dump(value: Any, *, sort_keys: bool = True) -> str:
    """Writes one value as a YAML document that ends with a newline.

    Args:
        value: plain values, or what the ``kyaml`` dialect reads.
        sort_keys: write keys in Go's natural order, else in their own.
    """
    order: _Order = _sorted_keys if sort_keys else tuple
    lines: list[str] = []
    if isinstance(value, dict) and value:
        _write_mapping(value, "", "", lines, order)
    elif isinstance(value, list) and value:
        _write_sequence(value, "", lines, order)
    else:
        return _inline(value, 0, "") + "\n"
    lines.append("")
    return "\n".join(lines)


def dump_all(values: Iterable[Any]) -> str:
    """Writes documents with ``---`` between them."""
    return "---\n".join(dump(value) for value in values)


def _write_mapping(
    value: Mapping[Any, Any], indent: str, first: str, lines: list[str], order: _Order
) -> None:
    """Appends the lines of a mapping; ``first`` replaces the indent of the first line."""
    lead = first or indent
    append = lines.append
    for key in order(tuple(value)):
        item = value[key]
        name = _key_text(key)
        if name is None:
            _write_long_key(key, item, indent, lead, lines, order)
        elif item.__class__ is str:
            append(lead + name + ": " + _text(item, len(indent) + len(name) + 2, indent))
        elif item.__class__ is dict and item:
            append(lead + name + ":")
            _write_mapping(item, indent + "  ", "", lines, order)
        elif item.__class__ is list and item:
            append(lead + name + ":")
            _write_sequence(item, indent, lines, order)
        elif isinstance(item, Mapping) and item:
            append(lead + name + ":")
            _write_mapping(item, indent + "  ", "", lines, order)
        else:
            append(lead + name + ": " + _inline(item, 0, indent))
        lead = indent


def _write_long_key(
    key: Any, item: Any, indent: str, lead: str, lines: list[str], order: _Order
) -> None:
    """Writes a key that is too long to be simple in the ``? key`` form."""
    lines.append(lead + "? " + _text(_go_text(key), len(indent) + 2, indent))
    held: list[str] = []
    _write_item(item, indent, held, order)
    lines.append(indent + ":" + held[0][len(indent) + 1 :])
    lines.extend(held[1:])


def _write_sequence(value: Sequence[Any], indent: str, lines: list[str], order: _Order) -> None:
    for item in value:
        _write_item(item, indent, lines, order)


def _write_item(item: Any, indent: str, lines: list[str], order: _Order) -> None:
    if item.__class__ is str:
        lines.append(indent + "- " + _text(item, len(indent) + 2, indent))
    elif isinstance(item, Mapping) and item:
        _write_mapping(item, indent + "  ", indent + "- ", lines, order)
    elif isinstance(item, list) and item:
        start = len(lines)
        _write_sequence(item, indent + "  ", lines, order)
        lines[start] = indent + "- " + lines[start][len(indent) + 2 :]
    else:
        lines.append(indent + "- " + _inline(item, 0, indent))


def _inline(value: Any, column: int, indent: str) -> str:
    """Writes a scalar or an empty collection."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _text(value, column, indent)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, Scalar):
        return _inline(value.value, column, indent)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list):
        return "[]"
    raise TypeError(f"{type(value).__name__} has no YAML form")


def go_float(value: float) -> str:
    """Writes a float as Go does after a round trip through JSON: ``1`` for 1.0, ``1e+21``."""
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    if math.isnan(value):
        return ".nan"
    if value == 0:
        return "0"
    if value.is_integer() and abs(value) < _UINT64:
        return str(int(Decimal(repr(value))))
    return format_float(value)


def format_float(value: float) -> str:
    """Writes a finite float as Go's shortest ``%g``: ``1e+06``, ``1.5``."""
    shortest = Decimal(repr(value))
    digits = "".join(map(str, shortest.as_tuple().digits)).rstrip("0")
    sign, power = "-" if value < 0 else "", shortest.adjusted()
    if -4 <= power < 6:
        return _positional(sign, digits, power)
    body = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{body}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _positional(sign: str, digits: str, power: int) -> str:
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    whole = digits[: power + 1].ljust(power + 1, "0")
    rest = digits[power + 1 :]
    return f"{sign}{whole}{'.' + rest if rest else ''}"


@lru_cache(maxsize=16384)
def _style(text: str) -> str:
    """Chooses plain (``p``), single (``s``), double (``d``) or literal (``l``) for a value."""
    if _SIMPLE.match(text) and not is_word(text, "sigs"):
        return "p"
    special = _UNPRINTABLE.search(text) is not None or _SPACE_BREAK.search(text) is not None
    if "\n" in text:
        return "d" if special or text[-1] == " " else "l"
    if resolve_plain(text, "sigs")[0] != "!!str" or _BASE60.match(text):
        return "d"
    if special:
        return "d"
    if _BREAK_SPACE.search(text):
        return "d"
    if text[0] == " " or text[-1] == " " or _BROKEN_LINE.search(text):
        return "s"
    return "s" if _INDICATED.match(text) or _INSIDE.search(text) else "p"


def _text(text: str, column: int, indent: str) -> str:
    """Writes a text that begins at ``column`` under a parent at ``indent``."""
    style = _style(text) if len(text) < 4096 else _style.__wrapped__(text)
    if style == "p":
        return text if column + len(text) <= _WIDTH else _folded(text, column, indent)
    if style == "s":
        quoted = "'" + text.replace("'", "''") + "'"
        short = column + len(quoted) <= _WIDTH and not _BROKEN_LINE.search(text)
        return quoted if short else _folded_single(text, column, indent)
    if style == "d":
        return _double(text, column, indent)
    return _literal(text, indent)


@lru_cache(maxsize=4096)
def _key_text(key: Any) -> str | None:
    """Writes a key on one line, or None when it is too long for that."""
    text = _go_text(key)
    if len(text.encode("utf-8", "surrogatepass")) > _LONGEST_SIMPLE_KEY:
        return None
    style = _style(text)
    if style == "p":
        return text
    if style == "s":
        return "'" + text.replace("'", "''") + "'"
    return _double(text, -(1 << 30), "")


def _go_text(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, Scalar):
        return key.text
    return _inline(key, 0, "")


def _folded(text: str, column: int, indent: str) -> str:
    """Folds a plain text where a single space lies beyond the width."""
    pad = "\n" + indent + "  "
    out: list[str] = []
    start = 0
    for index in _fold_points(text, column, len(indent) + 2):
        out.append(text[start:index])
        start = index + 1
    out.append(text[start:])
    return pad.join(out)


def _fold_points(text: str, column: int, left: int) -> list[int]:
    """Finds the spaces at which Go's emitter breaks the line: single, and past the width."""
    points: list[int] = []
    line_start, offset = 0, column
    index = text.find(" ", max(0, _WIDTH - column + 1))
    end = len(text)
    while index != -1:
        single = text[index - 1 : index] != " " and text[index + 1 : index + 2] != " "
        if single and offset + index - line_start > _WIDTH and index < end:
            points.append(index)
            line_start, offset = index + 1, left
            index = text.find(" ", line_start + max(0, _WIDTH - left + 1))
        else:
            index = text.find(" ", index + 1)
    return points


def _folded_single(text: str, column: int, indent: str) -> str:
    pad = "\n" + indent + "  "
    out: list[str] = ["'"]
    position, spaces, broken = column + 1, False, False
    last = len(text) - 1
    for index, char in enumerate(text):
        if char in _BREAKS:
            out.append(char)
            position, broken = 0, True
            continue
        if broken:
            out.append(pad[1:])
            position, broken = len(pad) - 1, False
        if char == " ":
            foldable = not spaces and position > _WIDTH and 0 < index < last
            if foldable and text[index + 1] != " ":
                out.append(pad)
                position = len(indent) + 2
            else:
                out.append(" ")
                position += 1
            spaces = True
            continue
        out.append("''" if char == "'" else char)
        position += 2 if char == "'" else 1
        spaces = False
    out.append("'")
    return "".join(out)


def _double(text: str, column: int, indent: str) -> str:
    if column + len(text) + 2 <= _WIDTH and not _MUST_ESCAPE.search(text):
        return '"' + text + '"'
    pad = "\n" + indent + "  "
    out: list[str] = ['"']
    position, spaces = column + 1, False
    last = len(text) - 1
    for index, char in enumerate(text):
        if char == " ":
            if not spaces and position > _WIDTH and 0 < index < last:
                # A space after the break must be escaped, or it would be lost.
                escape = "\\" if text[index + 1] == " " else ""
                out.append(pad + escape)
                position = len(indent) + 2 + len(escape)
            else:
                out.append(" ")
                position += 1
            spaces = True
            continue
        shown = _escaped(char)
        out.append(shown)
        position += len(shown)
        spaces = False
    out.append('"')
    return "".join(out)


def _escaped(char: str) -> str:
    if char not in '"\\' and char not in _BREAKS and not _UNPRINTABLE.match(char):
        return char
    known = _ESCAPES.get(char)
    if known is not None:
        return known
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _literal(text: str, indent: str) -> str:
    hint = "2" if text[0] in " " + _BREAKS else ""
    if text[-1] != "\n":
        chomp = "-"
        body = text
    else:
        body = text[:-1]
        chomp = "+" if not body or body[-1] in _BREAKS else ""
    pad = indent + "  "
    shown = "\n".join(pad + line if line else "" for line in body.split("\n"))
    return f"|{hint}{chomp}\n{shown}"


@lru_cache(maxsize=16384)
def _sorted_keys(keys: tuple[Any, ...]) -> tuple[Any, ...]:
    if all(isinstance(key, str) and _LETTERS.match(key) for key in keys):
        return tuple(sorted(keys))
    return tuple(sorted(keys, key=_NATURAL))


def natural_order(left: Any, right: Any) -> int:
    """Compares two keys as Go's YAML encoder sorts them: numbers inside texts by their value."""
    a, b = _go_text(left), _go_text(right)
    for index, (x, y) in enumerate(zip(a, b, strict=False)):
        if x == y:
            continue
        x_letter, y_letter = x.isalpha(), y.isalpha()
        if x_letter and y_letter:
            return -1 if x < y else 1
        if x_letter or y_letter:
            return -1 if y_letter else 1
        return _compare_numbers(a, b, index)
    return len(a) - len(b)


def _compare_numbers(a: str, b: str, index: int) -> int:
    lead = 0
    if "0" in (a[index], b[index]):
        before = index - 1
        while before >= 0 and a[before].isdecimal():
            if a[before] != "0":
                lead = 1
                break
            before -= 1
    x, x_end = _digits(a, index, lead)
    y, y_end = _digits(b, index, lead)
    if x != y:
        return -1 if x < y else 1
    if x_end != y_end:
        return -1 if x_end < y_end else 1
    return -1 if a[index] < b[index] else 1


def _digits(text: str, index: int, value: int) -> tuple[int, int]:
    while index < len(text) and text[index].isdecimal():
        value = value * 10 + ord(text[index]) - 48
        index += 1
    return value, index


_NATURAL = cmp_to_key(natural_order)
