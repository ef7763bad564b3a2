"""Where a field of a document stands in its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import yaml

__all__ = ["Position", "locate"]


class Position(NamedTuple):
    """A place in a text, both parts one-based."""

    line: int
    column: int


def locate(text: str | bytes, path: Sequence[str | int] = (), *, document: int = 0) -> Position:
    """Finds the value at ``path`` in the given document of a stream.

    The deepest part of the path that exists is used; keys are compared by their text, aliases are
    not followed. A stream that cannot be read gives line 1. Meant for error messages: it parses
    anew, so that reading costs nothing for positions.
    """
    try:
        for index, node in enumerate(yaml.compose_all(text, Loader=yaml.CBaseLoader)):
            if index == document:
                return _descend(node, path)
    except yaml.YAMLError:
        pass
    return Position(1, 1)


def _descend(node: yaml.Node, path: Sequence[str | int]) -> Position:
    place = node.start_mark
    for part in path:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    found, place = value, key.start_mark
        elif isinstance(node, yaml.SequenceNode) and part in range(len(node.value)):
            found = node.value[int(part)]
            place = found.start_mark
        if found is None:
            break
        node = found
    return Position(place.line + 1, place.column + 1)
