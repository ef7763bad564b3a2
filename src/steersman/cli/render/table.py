"""Tables as Flux prints them: upper case headings, columns two spaces apart."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["column_widths", "one_line", "render_row", "render_table"]


def render_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, header: bool = True
) -> str:
    """Returns the lines of a table; empty without rows and header."""
    widths = column_widths(headings, rows)
    lines = [headings, *rows] if header else list(rows)
    return "".join(render_row(cells, widths) + "\n" for cells in lines)


def column_widths(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Returns the width of each column, headings included."""
    return [max(map(len, column)) for column in zip(headings, *rows, strict=True)]


def render_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Returns one line; the last cell is not padded."""
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def one_line(text: str) -> str:
    """Puts a message of several lines on one."""
    return " ".join(text.split())
