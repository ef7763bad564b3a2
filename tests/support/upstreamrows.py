"""Rows of the shared conformance data as plain lists, for tests that compare a table as a whole."""

from __future__ import annotations

import json
from typing import Any

from tests.support.tools import conformance_data


def rows_of(name: str) -> list[dict[str, Any]]:
    """Returns the rows of ``tables/<name>.jsonl``, or skips the test."""
    text = conformance_data("tables", f"{name}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def go_table(project: str, file: str, test: str, variable: str | None = None) -> list[Any]:
    """Returns the rows of one table of an upstream test file, or skips the test."""
    document = json.loads(conformance_data("upstream-tables", project, f"{file}.json").read_text())
    for table in document["tables"]:
        if table["test"] == test and variable in (None, table["var"]):
            return list(table["rows"])
    raise LookupError(f"{file} has no table {test}")
