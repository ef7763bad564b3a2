"""A layout: columns, and how to fill them for one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from steersman.kit.clock import parse_rfc3339
from steersman.objects.manifest import Manifest, metadata_of, name_of
from steersman.servers.apiserver.strategy import Column, Row, Table

__all__ = ["CREATED_AT", "Cells", "Layout", "default_layout"]

Cells: TypeAlias = Callable[[Manifest, datetime], Sequence[Any]]
"""Gives the cells after the name, for an object and the current time."""

NAME = Column("Name", "string", "name", "The object's name, unique in its namespace")
CREATED_AT = Column("Created At", "date")


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns and cells of a kind.

    Attributes:
        columns: the columns after the name.
        cells: fills them; the name is put in front.
        name_column: the first column; None when the cells hold the name already.
    """

    columns: tuple[Column, ...]
    cells: Cells
    name_column: Column | None = NAME

    def table(self, objs: Sequence[Manifest], now: str) -> Table:
        """Shows objects, in the order given."""
        moment = parse_rfc3339(now)
        if self.name_column is None:
            rows = tuple(Row(tuple(self.cells(obj, moment)), obj) for obj in objs)
            return Table(self.columns, rows)
        rows = tuple(Row((name_of(obj), *self.cells(obj, moment)), obj) for obj in objs)
        return Table((self.name_column, *self.columns), rows)


def _created(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (metadata_of(obj).get("creationTimestamp"),)


def default_layout() -> Layout:
    """The layout of kinds without one: name and time of creation."""
    return Layout((CREATED_AT,), _created)
