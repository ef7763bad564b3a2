"""Trees with lines, as Flux prints them; Flux objects with their state."""

from __future__ import annotations

from collections.abc import Iterator

from steersman.cli.render.table import one_line
from steersman.cli.render.terminal import Terminal
from steersman.queries.tree import TreeNode

__all__ = ["render_tree"]


def render_tree(node: TreeNode, terminal: Terminal) -> str:
    """Returns the lines of a tree."""
    return "".join(line + "\n" for line in _lines(node, terminal, "", ""))


def _lines(node: TreeNode, terminal: Terminal, first: str, rest: str) -> Iterator[str]:
    yield f"{first}{node.ref}{_state(node, terminal)}"
    for index, child in enumerate(node.children, start=1):
        last = index == len(node.children)
        yield from _lines(
            child,
            terminal,
            rest + ("└── " if last else "├── "),
            rest + ("    " if last else "│   "),
        )


def _state(node: TreeNode, terminal: Terminal) -> str:
    if not node.exists:
        return f" {terminal.paint('✗', 'red')} not found"
    status = node.status
    if status is None:
        return ""
    if status.is_ready:
        return f" {terminal.paint('✔', 'green')}{' suspended' if status.suspended else ''}"
    glyph = terminal.paint("✗", "red") if status.ready == "False" else terminal.paint("◎", "cyan")
    return f" {glyph} {one_line(status.message)}"
