r"""Shell patterns for ``${name#pattern}`` and its kin: ``*``, ``?``, ``[...]``, ``\c``.

Unlike file name patterns, ``*`` and ``?`` also match a slash.
"""

from __future__ import annotations

import re

__all__ = ["BadPattern", "matches_glob", "parse_glob"]


class BadPattern(ValueError):
    """The pattern is malformed; such a pattern matches nothing."""


def parse_glob(pattern: str) -> tuple[str | re.Pattern[str] | None, ...]:
    """Splits a pattern into atoms.

    Returns:
        ``None`` for ``*``, a one-character text for a literal, a regular expression for one
        character otherwise.

    Raises:
        BadPattern: an open or empty class, or a trailing backslash.
    """
    atoms: list[str | re.Pattern[str] | None] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "*":
            atoms.append(None)
            position += 1
        elif character == "?":
            atoms.append(re.compile(".", re.DOTALL))
            position += 1
        elif character == "[":
            expression, position = _parse_class(pattern, position + 1)
            atoms.append(expression)
        else:
            literal, position = _parse_character(pattern, position)
            atoms.append(literal)
    return tuple(atoms)


def _parse_character(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position] == "\\":
        position += 1
    if position >= len(pattern):
        raise BadPattern(f"`{pattern}` ends in an escape")
    return pattern[position], position + 1


def _parse_class(pattern: str, position: int) -> tuple[re.Pattern[str], int]:
    negated = pattern.startswith("^", position)
    position += negated
    ranges: list[str] = []
    while not ranges or not pattern.startswith("]", position):
        low, position = _parse_bound(pattern, position)
        high = low
        if pattern.startswith("-", position):
            high, position = _parse_bound(pattern, position + 1)
        # An inverted range matches nothing, and `re` refuses it.
        ranges.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
    body = "".join(ranges)
    if not body:
        return re.compile("." if negated else r"(?!)", re.DOTALL), position + 1
    return re.compile(f"[{'^' if negated else ''}{body}]", re.DOTALL), position + 1


def _parse_bound(pattern: str, position: int) -> tuple[str, int]:
    if position >= len(pattern) or pattern[position] in "-]":
        raise BadPattern(f"`{pattern}` has a malformed class")
    bound, position = _parse_character(pattern, position)
    if position >= len(pattern):
        raise BadPattern(f"`{pattern}` has an open class")
    return bound, position


def matches_glob(atoms: tuple[str | re.Pattern[str] | None, ...], text: str) -> bool:
    """Tells whether the atoms match the whole text; linear in atoms times characters."""
    at_atom = at_text = 0
    star = -1
    resume = 0
    while at_text < len(text):
        atom = atoms[at_atom] if at_atom < len(atoms) else ""
        if atom is None:
            star, resume = at_atom, at_text
            at_atom += 1
        elif atom and _fits(atom, text[at_text]):
            at_atom += 1
            at_text += 1
        elif star >= 0:
            resume += 1
            at_atom, at_text = star + 1, resume
        else:
            return False
    return all(atom is None for atom in atoms[at_atom:])


def _fits(atom: str | re.Pattern[str], character: str) -> bool:
    if isinstance(atom, str):
        return atom == character
    return atom.match(character) is not None
