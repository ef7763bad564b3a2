"""One way to print what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Row", "print_table"]


class Row(NamedTuple):
    """One measured figure.

    Attributes:
        what: what was measured.
        value: the figure with its unit.
        beside: the peer's figure in the same run, or an empty text.
        ratio: ours beside the peer's, or an empty text.
    """

    what: str
    value: str
    beside: str = ""
    ratio: str = ""


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Prints a title and aligned columns."""
    heads = Row("what", "ours", "peer", "ratio")
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    print(f"\n## {title.strip().splitlines()[0]}")
    for row in (heads, *rows):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
