"""Answers as JSON or YAML documents."""

from __future__ import annotations

import json
from typing import Any

from steersman.cli.flags import Output

__all__ = ["render_document"]


def render_document(value: Any, output: Output) -> str:
    """Returns the text of plain data, with a line break at its end.

    Args:
        value: mappings, lists, texts, numbers, booleans, None.
        output: JSON or YAML.
    """
    if output is Output.JSON:
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    from steersman.kit.yaml import dump

    return dump(value)
