"""Changes scalars inside YAML text and leaves the rest of the text as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import yaml

from steersman.kustomize.node import Tree, text_of, untagged

__all__ = ["splice_scalars"]

_COMMENT = re.compile(r"[ \t]{2,}#")


def splice_scalars(text: str, routes: Sequence[Sequence[str | int]], value: Tree) -> str | None:
    """Returns the text with the scalars at ``routes`` replaced, each in its own style.

    Comments, flow style and quotes stay; a comment behind a scalar moves to one space after it, as
    kustomize writes it. Returns None when a route leads to something else than a scalar on one
    line.
    """
    for route in routes:
        node = _node_at(text, route)
        if node is None:
            return None
        shown = _shown(node, text_of(value))
        if shown is None:
            return None
        text = text[: node.start_mark.index] + shown + text[node.end_mark.index :]
    return _with_near_comments(text).strip()


def _node_at(text: str, route: Sequence[str | int]) -> yaml.ScalarNode | None:
    node = yaml.compose(text, Loader=yaml.CBaseLoader)
    for step in route:
        if isinstance(node, yaml.MappingNode):
            node = next((item for key, item in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        else:
            return None
    return node if isinstance(node, yaml.ScalarNode) else None


def _shown(node: yaml.ScalarNode, value: str) -> str | None:
    if "\n" in value or node.start_mark.line != node.end_mark.line:
        return None
    if node.style == "'":
        return "'" + value.replace("'", "''") + "'"
    if node.style == '"':
        return json.dumps(value, ensure_ascii=False)
    if node.style not in (None, ""):
        return None
    was_text = isinstance(untagged(node.value), str)
    if was_text and not isinstance(untagged(value), str):
        return json.dumps(value, ensure_ascii=False)
    plain = re.fullmatch(r"[A-Za-z0-9_./][A-Za-z0-9_./@=+-]*", value) is not None
    return value if plain else None


def _with_near_comments(text: str) -> str:
    ends = sorted(_ends(yaml.compose(text, Loader=yaml.CBaseLoader)), reverse=True)
    for end in ends:
        match = _COMMENT.match(text, end)
        if match is not None:
            text = text[:end] + " #" + text[match.end() :]
    return text


def _ends(node: yaml.Node | None) -> Iterator[int]:
    """Yields where scalars end."""
    if isinstance(node, yaml.ScalarNode):
        yield node.end_mark.index
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _ends(key)
            yield from _ends(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _ends(item)
