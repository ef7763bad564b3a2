"""The grammar of ``${...}``: text into a list of nodes.

Theory of operation: a cursor walks over the text once. Outside of braces everything is text and
``$$`` stands for one ``$``. Inside, the first characters after the name choose the operator, and
the operator decides which characters end its arguments. Arguments may hold further ``${...}``.

Source: behaviour of fluxcd/pkg envsubst (a fork of drone/envsubst), including what it accepts by
accident: ``:?`` and ``:+`` parse, ``-`` and ``+`` without a colon do not, runs of the separator
count as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["BadSubstitution", "Call", "Node", "parse_template"]

_DEFAULT_SIGNS = "=-?+"


class BadSubstitution(ValueError):
    """The text does not follow the grammar; the message is the one Flux prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One ``${...}``.

    Args:
        name: the variable.
        operator: such as ``:=`` or ``##``; empty for a plain reference; ``#`` with no arguments
            is the length.
        arguments: each a list of nodes whose expansions are joined.
    """

    name: str
    operator: str = ""
    arguments: tuple[tuple[Node, ...], ...] = ()


Node: TypeAlias = "str | Call"

_NEXT_DOLLAR = re.compile(r"\$(?=[${])")


def parse_template(text: str) -> tuple[Node, ...]:
    """Parses a whole text.

    Raises:
        BadSubstitution: a reference that the grammar does not know or that is not closed.
    """
    cursor = _Cursor(text)
    nodes: list[Node] = []
    pending: list[str] = []
    while (mark := _NEXT_DOLLAR.search(text, cursor.position)) is not None:
        pending.append(text[cursor.position : mark.start()])
        if text[mark.end()] == "$":
            pending.append("$")
            cursor.position = mark.end() + 1
            continue
        if any(pending):
            nodes.append("".join(pending))
        pending.clear()
        cursor.position = mark.end() + 1
        nodes.append(_parse_call(cursor))
    pending.append(text[cursor.position :])
    if any(pending):
        nodes.append("".join(pending))
    return tuple(nodes)


class _Cursor:
    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def peek(self, ahead: int = 0) -> str:
        index = self.position + ahead
        return self.text[index] if index < len(self.text) else ""

    def take_run(self, characters: str, limit: int) -> str:
        """Takes up to ``limit`` characters that are all in ``characters``."""
        start = self.position
        while self.position - start < limit and self.peek() and self.peek() in characters:
            self.position += 1
        return self.text[start : self.position]

    def take_name(self) -> str:
        start = self.position
        while (c := self.peek()) and (c.isalpha() or c.isdecimal() or c == "_"):
            self.position += 1
        return self.text[start : self.position]

    def at_reference(self) -> bool:
        return self.text.startswith("${", self.position)

    def close(self) -> None:
        if self.peek() != "}":
            raise BadSubstitution("bad substitution")
        self.position += 1


def _parse_call(cursor: _Cursor) -> Call:
    """Parses what follows ``${``, and the closing brace."""
    if cursor.peek() == "#":
        cursor.position += 1
        name = cursor.take_name()
        if not name:
            raise BadSubstitution("bad substitution")
        cursor.close()
        return Call(name=name, operator="#")
    name = cursor.take_name()
    if not name:
        raise BadSubstitution("unable to parse variable name")
    sign = cursor.peek()
    if sign == ":" and (not cursor.peek(1) or cursor.peek(1) not in _DEFAULT_SIGNS):
        return _parse_substring(cursor, name)
    parser = _PARSERS.get(sign)
    if parser is not None:
        return parser(cursor, name)
    if sign != "}":
        raise BadSubstitution("missing closing brace")
    cursor.position += 1
    return Call(name=name)


def _parse_default(cursor: _Cursor, name: str) -> Call:
    width = 1 if cursor.peek() == "=" else 2
    operator = cursor.text[cursor.position : cursor.position + width]
    cursor.position += width
    nodes: list[Node] = []
    while cursor.peek() != "}":
        nodes.append(_parse_argument(cursor, "}"))
    cursor.close()
    arguments = (tuple(nodes),) if nodes else ()
    return Call(name=name, operator=operator, arguments=arguments)


def _parse_substring(cursor: _Cursor, name: str) -> Call:
    cursor.position += 1
    if cursor.peek() > "\x7f":
        # Upstream steps back by the width of what it looked at, and loses its place.
        raise BadSubstitution("bad substitution")
    arguments = [(_parse_argument(cursor, ":}"),)]
    if cursor.peek() != "}":
        if not cursor.take_run(":", len(cursor.text)):
            raise BadSubstitution("bad substitution")
        arguments.append((_parse_argument(cursor, "}"),))
    cursor.close()
    return Call(name=name, operator=":", arguments=tuple(arguments))


def _parse_remove(cursor: _Cursor, name: str) -> Call:
    operator = cursor.take_run(cursor.peek(), 2)
    argument = (_parse_argument(cursor, "}"),)
    cursor.close()
    return Call(name=name, operator=operator, arguments=(argument,))


def _parse_casing(cursor: _Cursor, name: str) -> Call:
    operator = cursor.take_run(",^", 2)
    cursor.close()
    return Call(name=name, operator=operator)


def _parse_replace(cursor: _Cursor, name: str) -> Call:
    cursor.position += 1
    operator = "/" + cursor.take_run("/#%", 1)
    pattern = (_parse_argument(cursor, "/", escapes=True),)
    if not cursor.take_run("/", len(cursor.text)):
        raise BadSubstitution("bad substitution")
    arguments: tuple[tuple[Node, ...], ...] = (pattern,)
    if cursor.peek() != "}":
        arguments = (pattern, (_parse_argument(cursor, "}", escapes=True),))
    cursor.close()
    return Call(name=name, operator=operator, arguments=arguments)


_PARSERS: dict[str, Callable[[_Cursor, str], Call]] = {
    ":": _parse_default,
    "=": _parse_default,
    ",": _parse_casing,
    "^": _parse_casing,
    "/": _parse_replace,
    "#": _parse_remove,
    "%": _parse_remove,
}


def _parse_argument(cursor: _Cursor, stops: str, *, escapes: bool = False) -> Node:
    """Parses one nested reference, or text up to one of ``stops``; never empty text."""
    if cursor.at_reference():
        cursor.position += 2
        return _parse_call(cursor)
    pieces: list[str] = []
    while (c := cursor.peek()) and not cursor.at_reference():
        following = cursor.peek(1)
        if escapes and (c + following == "$$" or (c == "\\" and following in ("/", "\\"))):
            pieces.append(following)
            cursor.position += 2
            continue
        if c in stops:
            break
        pieces.append(c)
        cursor.position += 1
    if not pieces:
        raise BadSubstitution("unable to parse substitution within function")
    return "".join(pieces)
