"""Types as structured merge sees them: scalars, lists and maps, and who may own their parts.

A type is compiled once from an OpenAPI schema. Types refer to each other directly and may be
cyclic (``JSONSchemaProps``), so they are filled in after they are made and never changed later.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

__all__ = ["DEDUCED", "LIST", "MAP", "SCALAR", "UNTYPED", "Field", "ListType", "MapType", "Type"]

SCALAR, LIST, MAP = 1, 2, 3

_SCALAR_CLASSES: dict[str, frozenset[type]] = {
    "numeric": frozenset({int, float, NoneType}),
    "string": frozenset({str, NoneType}),
    "boolean": frozenset({bool, NoneType}),
    "untyped": frozenset({str, int, float, bool, NoneType}),
}


class Field:
    """A declared field of a map: its type and its default, None without one."""

    __slots__ = ("default", "type")

    def __init__(self, field_type: Type, default: Any = None) -> None:
        self.type = field_type
        self.default = default


class ListType:
    """A list: atomic, or associative by keys, or a set when it is associative without keys."""

    __slots__ = ("atomic", "element", "keys", "sorted_keys")

    def __init__(self, element: Type, *, atomic: bool, keys: tuple[str, ...] = ()) -> None:
        self.element = element
        self.atomic = atomic
        self.keys = keys
        self.sorted_keys = tuple(sorted(keys))

    def key_default(self, name: str) -> Any:
        """Returns the default of a key field of the items, or None."""
        fields = self.element.map.fields if self.element.map else {}
        field = fields.get(name)
        return field.default if field else None


class MapType:
    """A map or struct: declared fields, and the type of all other keys (None: not allowed)."""

    __slots__ = ("atomic", "element", "fields")

    def __init__(self, fields: dict[str, Field], element: Type | None, *, atomic: bool) -> None:
        self.fields = fields
        self.element = element
        self.atomic = atomic


class Type:
    """What a value may be: any of a scalar, a list and a map.

    Args:
        name: of the schema, for error messages.
        scalar: ``numeric``, ``string``, ``boolean`` or ``untyped``; None when no scalar is allowed.
        list: the list form, or None.
        map: the map form, or None.
    """

    __slots__ = ("accepts", "list", "map", "name", "scalar", "single")

    def __init__(
        self,
        name: str = "",
        *,
        scalar: str | None = None,
        list: ListType | None = None,
        map: MapType | None = None,
    ) -> None:
        self.name = name
        self.become(scalar=scalar, list=list, map=map)

    def become(
        self,
        *,
        scalar: str | None,
        list: ListType | None,
        map: MapType | None,
    ) -> None:
        """Sets the forms; only for whoever builds the type."""
        self.scalar, self.list, self.map = scalar, list, map
        forms = [
            form
            for form, allowed in ((MAP, map), (SCALAR, scalar), (LIST, list))
            if allowed is not None
        ]
        # The only form, if there is one: then the value's own form does not matter.
        self.single = forms[0] if len(forms) == 1 else 0
        # The classes of the values that are certainly right where only a scalar is allowed.
        self.accepts: frozenset[type] = frozenset()
        if self.single == SCALAR:
            assert scalar is not None
            self.accepts = _SCALAR_CLASSES[scalar]

    def form_of(self, value: Any) -> int:
        """Returns which form a value is judged by; a null is a map where maps are allowed."""
        if self.single:
            return self.single
        match value:
            case dict() if self.map is not None:
                return MAP
            case list() if self.list is not None:
                return LIST
            case str() | bool() | int() | float() if self.scalar is not None:
                return SCALAR
        if self.map is not None:
            return MAP
        return SCALAR if self.scalar is not None else LIST


def _untyped() -> Type:
    untyped = Type("__untyped_atomic_")
    untyped.become(
        scalar="untyped",
        list=ListType(untyped, atomic=True),
        map=MapType({}, untyped, atomic=True),
    )
    return untyped


def _deduced() -> Type:
    deduced = Type("__untyped_deduced_")
    deduced.become(
        scalar="untyped",
        list=ListType(UNTYPED, atomic=True),
        map=MapType({}, deduced, atomic=False),
    )
    return deduced


UNTYPED = _untyped()
"""Anything, owned as a whole."""

DEDUCED = _deduced()
"""Anything; the parts of maps are owned one by one."""
