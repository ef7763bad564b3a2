"""Rows of the shared conformance tables as pytest parameters."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Row = dict[str, Any]


def conformance_root() -> Path:
    """Returns where the shared conformance data would be."""
    root = os.environ.get("STEERSMAN_CONFORMANCE")
    return Path(root) if root else Path(__file__).parents[3] / "shared" / "conformance"


def table_rows(
    table: str, name: Callable[[Row], str], keep: Callable[[Row], bool] = lambda row: True
) -> list[Any]:
    """Returns one parameter a row of a JSON-lines table, or one skipped by name.

    Args:
        table: path below the conformance data.
        name: the id of a row; numbered when it repeats.
        keep: which rows to take.
    """
    path = conformance_root() / table
    if not path.exists():
        reason = f"conformance data {table} is not here (STEERSMAN_CONFORMANCE)"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason), id=table)]
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    seen: dict[str, int] = {}
    params = []
    for row in filter(keep, rows):
        label = name(row)
        seen[label] = seen.get(label, 0) + 1
        suffix = f" #{seen[label]}" if seen[label] > 1 else ""
        params.append(pytest.param(row, id=label + suffix))
    return params
