"""JSON pointers (RFC 6901): ``/metadata/annotations/example.com~1owner``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from steersman.errors import SteersmanError

__all__ = ["BadPointer", "escape", "format_pointer", "parse_pointer", "resolve"]


class BadPointer(SteersmanError):
    """A text that is no JSON pointer, or one that points at nothing."""

    default_reason = "BadPointer"


def escape(token: str) -> str:
    """Escapes one reference token."""
    return token.replace("~", "~0").replace("/", "~1")


def unescape(token: str) -> str:
    """Undoes :func:`escape`; a lone ``~`` is kept, as Kubernetes does."""
    return token.replace("~1", "/").replace("~0", "~") if "~" in token else token


def parse_pointer(pointer: str) -> tuple[str, ...]:
    """Splits a pointer into its unescaped tokens; the empty text is the whole document.

    Raises:
        BadPointer: the pointer is not empty and does not start with a slash.
    """
    if not pointer:
        return ()
    if pointer[0] != "/":
        raise BadPointer(f'pointer "{pointer}" does not start with a slash')
    return tuple(unescape(token) for token in pointer[1:].split("/"))


def format_pointer(tokens: Iterable[str | int]) -> str:
    """Joins tokens into a pointer."""
    return "".join(f"/{escape(str(token))}" for token in tokens)


def resolve(document: Any, pointer: str) -> Any:
    """Returns the value that a pointer points at.

    Raises:
        BadPointer: not a pointer, or nothing is there.
    """
    node = document
    for token in parse_pointer(pointer):
        match node:
            case dict() if token in node:
                node = node[token]
            case list() if token.isdecimal() and int(token) < len(node):
                node = node[int(token)]
            case _:
                raise BadPointer(f'nothing at "{pointer}"')
    return node
