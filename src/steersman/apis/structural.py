"""Turns a typed struct into the structural OpenAPI schema that a definition carries.

The struct is the only place where a field is written down: its type gives ``type`` and ``enum``,
its ``Meta`` the pattern, the bounds, the default and the description, its docstring the description
of the object, ``rules`` the CEL rules, and the absence of a Python default makes it ``required``.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from steersman.apis.meta import Wire
from steersman.errors import Bug

__all__ = ["schema_of_struct"]

_SCALARS: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}

_BOUNDS: Final = {
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "ge": "minimum",
    "le": "maximum",
}


def schema_of_struct(struct: type[Wire]) -> dict[str, Any]:
    """Returns the structural schema of a struct, nested structs in place.

    Properties are in alphabetical order, as in the definitions that the API server stores.
    """
    hints = get_type_hints(struct, include_extras=True)
    fields = sorted(msgspec.structs.fields(struct), key=lambda field: field.encode_name)
    schema: dict[str, Any] = {
        "description": inspect.cleandoc(struct.__doc__ or ""),
        "type": "object",
        "properties": {field.encode_name: _schema_of(hints[field.name]) for field in fields},
    }
    required = [field.encode_name for field in fields if field.required]
    if required:
        schema["required"] = required
    if struct.rules:
        schema["x-kubernetes-validations"] = [
            {"message": rule.message, "rule": rule.rule} for rule in struct.rules
        ]
    return schema


def _schema_of(hint: Any) -> dict[str, Any]:
    """Returns the schema of one type; outer ``Meta`` win over inner ones."""
    metas: list[Meta] = []
    bare = _strip(hint, metas)
    schema = _schema_of_bare(bare)
    for meta in metas:
        schema.update(_keywords_of(meta))
    return schema


def _strip(hint: Any, metas: list[Meta]) -> Any:
    """Takes ``Annotated`` and ``| None`` off a type; collects ``Meta``, the innermost first."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *extras = get_args(hint)
        bare = _strip(inner, metas)
        metas.extend(extra for extra in extras if isinstance(extra, Meta))
        return bare
    if origin in (Union, types.UnionType):
        choices = [choice for choice in get_args(hint) if choice is not types.NoneType]
        if len(choices) == 1:
            return _strip(choices[0], metas)
    return hint


def _schema_of_bare(bare: Any) -> dict[str, Any]:
    origin, args = get_origin(bare), get_args(bare)
    if bare in _SCALARS:
        return {"type": _SCALARS[bare]}
    if origin is Literal:
        return {"type": "string", "enum": list(args)}
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return {"type": "array", "items": _schema_of(args[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(args[1])}
    if isinstance(bare, type) and issubclass(bare, Wire):
        return schema_of_struct(bare)
    raise Bug(f"no structural schema for `{bare}`")


def _keywords_of(meta: Meta) -> Iterator[tuple[str, Any]]:
    if meta.description:
        yield "description", meta.description
    for attribute, keyword in _BOUNDS.items():
        value = getattr(meta, attribute)
        if value is not None:
            yield keyword, value
    yield from (meta.extra_json_schema or {}).items()
