"""Parts of cells that many kinds share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.printers.age import age_since
from steersman.servers.apiserver.strategy import Column

__all__ = [
    "AGE",
    "NONE",
    "UNKNOWN",
    "age_of",
    "columns",
    "containers_and_images",
    "format_label_selector",
    "format_labels",
    "part",
    "shorten",
]

NONE: Final = "<none>"
UNKNOWN: Final = "<unknown>"
AGE: Final = Column("Age", description="Time since the object was created")


def columns(*names: str | Column) -> tuple[Column, ...]:
    """Builds columns of text; a leading ``+`` makes a wide one, ``#`` an integer one."""
    result = []
    for name in names:
        if isinstance(name, Column):
            result.append(name)
            continue
        wide, integer = "+" in name[:2], "#" in name[:2]
        text = name.lstrip("+#")
        kind = "integer" if integer else "string"
        result.append(AGE if text == "Age" else Column(text, kind, priority=int(wide)))
    return tuple(result)


def part(obj: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Returns the mapping at a path, or an empty one."""
    value: Any = obj
    for name in path:
        value = value.get(name)
        if not isinstance(value, dict):
            return {}
    return value  # type: ignore[no-any-return]


def age_of(obj: Manifest, now: datetime) -> str:
    """Shows how long ago an object was created."""
    return age_since(metadata_of(obj).get("creationTimestamp"), now)


def format_labels(labels: Mapping[str, str] | None) -> str:
    """Shows labels as ``a=b,c=d``."""
    return ",".join(f"{name}={labels[name]}" for name in sorted(labels)) if labels else NONE


_OPERATORS: Final = {"In": "in", "NotIn": "notin"}


def format_label_selector(selector: Mapping[str, Any] | None) -> str:
    """Shows a ``metav1.LabelSelector``; without any terms it is ``<none>``."""
    if not selector:
        return NONE
    terms = {name: f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()}
    for one in selector.get("matchExpressions") or ():
        key, operator = one["key"], one["operator"]
        values = ",".join(sorted(one.get("values") or ()))
        match operator:
            case "Exists":
                terms[key] = key
            case "DoesNotExist":
                terms[key] = f"!{key}"
            case _:
                terms[key] = f"{key} {_OPERATORS.get(operator, operator)} ({values})"
    return ",".join(terms[name] for name in sorted(terms)) or NONE


def containers_and_images(spec: Mapping[str, Any]) -> tuple[str, str]:
    """Returns names and images of a pod spec's containers, with commas between."""
    containers: Iterable[Mapping[str, Any]] = spec.get("containers") or ()
    pairs = [(str(one.get("name") or ""), str(one.get("image") or "")) for one in containers]
    return ",".join(name for name, _ in pairs), ",".join(image for _, image in pairs)


def shorten(texts: Sequence[str], limit: int) -> str:
    """Joins the first texts, and says how many are left out."""
    shown = ",".join(texts[:limit])
    return f"{shown} + {len(texts) - limit} more..." if len(texts) > limit else shown
