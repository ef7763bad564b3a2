"""Reading fields of objects whose shape nobody promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["StatusCondition", "conditions_of", "field_of", "integer_of", "text_of"]


class StatusCondition(NamedTuple):
    """The parts of a condition that verdicts look at."""

    type: str
    status: str
    reason: str
    message: str


def field_of(manifest: Mapping[str, Any], *path: str) -> Any:
    """Returns the value at a path, or None when any part of it is missing."""
    value: Any = manifest
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def integer_of(manifest: Mapping[str, Any], *path: str, default: int = 0) -> int:
    """Returns an integer field; anything else counts as missing."""
    value = field_of(manifest, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def text_of(manifest: Mapping[str, Any], *path: str, default: str = "") -> str:
    """Returns a text field; anything else counts as missing."""
    value = field_of(manifest, *path)
    return value if isinstance(value, str) else default


def conditions_of(manifest: Mapping[str, Any]) -> Iterator[StatusCondition]:
    """Yields ``status.conditions`` in order, leaving out what is not a mapping."""
    conditions = field_of(manifest, "status", "conditions")
    for item in conditions if isinstance(conditions, list) else ():
        if isinstance(item, dict):
            yield StatusCondition(
                *(str(item.get(key) or "") for key in ("type", "status", "reason", "message"))
            )
