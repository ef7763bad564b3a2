"""What expressions see of a JSON value: only what its schema declares.

Source of the rules: ``k8s.io/apiserver/pkg/cel`` (escaping) and the schema types of
``k8s.io/apiextensions-apiserver``.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import Any, Final

from steersman.servers.apiserver.crd.structural import Structural

__all__ = ["TEMPORAL_FORMATS", "declared_fields", "escape", "type_of", "unescape", "value_of"]

TEMPORAL_FORMATS: Final = frozenset({"date", "date-time", "datetime", "duration"})
"""Formats whose values are timestamps or durations to the real server."""

_RESERVED: Final = frozenset(
    {
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    }
)
_IDENTIFIER: Final = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPES: Final = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_UNESCAPES: Final = {value: name for name, value in _ESCAPES.items()}
_SPECIAL: Final = re.compile(r"__|\.|-|/")
_ESCAPED: Final = re.compile("|".join(_UNESCAPES))
_METADATA: Final = ("name", "generateName")


@lru_cache(maxsize=8192)
def escape(name: str) -> str | None:
    """Returns the name by which expressions reach a property; None when they cannot."""
    if name in _RESERVED:
        return f"__{name}__"
    escaped = _SPECIAL.sub(lambda match: _ESCAPES[match.group()], name)
    return escaped if _IDENTIFIER.fullmatch(escaped) else None


def unescape(name: str) -> str:
    """Reverses :func:`escape`."""
    if name.startswith("__") and name.endswith("__") and name[2:-2] in _RESERVED:
        return name[2:-2]
    return _ESCAPED.sub(lambda match: _UNESCAPES[match.group()], name)


def type_of(schema: Structural) -> str:
    """Names the type of values of a schema: ``int``, ``list<string>``, ``map<dyn>``, ``dyn``.

    Objects with declared fields are ``dyn`` to the evaluator;
    :mod:`~steersman.servers.apiserver.cel.typecheck` knows their fields.
    """
    if schema.int_or_string or schema.nullable:
        return "dyn"
    match schema.type:
        case "string":
            return "bytes" if schema.format == "byte" else "string"
        case "integer":
            return "int"
        case "number":
            return "double"
        case "boolean":
            return "bool"
        case "array":
            return f"list<{type_of(schema.items)}>" if schema.items else "list<dyn>"
        case "object" if schema.additional is not None:
            return f"map<{type_of(schema.additional)}>"
        case _:
            return "dyn"


def declared_fields(schema: Structural, *, root: bool) -> dict[str, Structural | None]:
    """Returns the fields of an object by escaped name; None is a field of any type."""
    fields: dict[str, Structural | None] = {}
    if root or schema.embedded:
        text = Structural(types=("string",))
        fields["apiVersion"] = fields["kind"] = text
        properties = dict.fromkeys(_METADATA, text)
        fields["metadata"] = Structural(types=("object",), properties=properties)
    for name, below in schema.properties.items():
        escaped = escape(name)
        if escaped is not None and escaped not in fields:
            fields[escaped] = below
    return fields


def value_of(value: Any, schema: Structural, *, root: bool = False) -> Any:
    """Converts a JSON value for evaluation."""
    match value:
        case bool() | None:
            return value
        case int():
            return float(value) if schema.type == "number" else value
        case float():
            return int(value) if schema.type == "integer" else value
        case str():
            return _text(value) if schema.format == "byte" else value
        case list():
            items = schema.items
            return [value_of(one, items) if items else one for one in value]
        case dict():
            return _object(value, schema, root=root)
        case _:
            return value


def _text(value: str) -> str | bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return value


def _object(value: dict[str, Any], schema: Structural, *, root: bool) -> dict[str, Any]:
    if schema.additional is not None:
        below = schema.additional
        return {name: value_of(one, below) for name, one in value.items()}
    if not schema.properties and not (root or schema.embedded):
        return value
    result: dict[str, Any] = {}
    if root or schema.embedded:
        result = {name: value[name] for name in ("apiVersion", "kind") if name in value}
        metadata = value.get("metadata") or {}
        result["metadata"] = {name: metadata[name] for name in _METADATA if name in metadata}
    for name, below in schema.properties.items():
        if name in value and name not in result:
            escaped = escape(name)
            one = value[name]
            if escaped is not None and (one is not None or below.nullable):
                result[escaped] = value_of(one, below)
    return result
