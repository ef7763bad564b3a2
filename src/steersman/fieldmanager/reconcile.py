"""Field sets after a schema changed: what became atomic is owned as a whole."""

from __future__ import annotations

from steersman.fieldmanager.elements import Path
from steersman.fieldmanager.fieldset import FieldSet, from_paths, recursive_difference, union
from steersman.fieldmanager.types import DEDUCED, MapType, Type

__all__ = ["reconcile"]


def reconcile(fields: FieldSet, value_type: Type) -> FieldSet:
    """Returns the set as the current type allows it; the same object when nothing changed.

    Only a change from granular to atomic matters: who owned a part now owns the whole.
    """
    changed: list[Path] = []
    _collect(fields, value_type, (), changed)
    if not changed:
        return fields
    atomic = from_paths(changed)
    return union(recursive_difference(fields, atomic), atomic)


def _collect(node: FieldSet, value_type: Type, path: Path, changed: list[Path]) -> None:
    """Finds nodes with members below them whose type is atomic now."""
    map_type = value_type.map
    if map_type is not None:
        if _is_open(map_type):
            return
        if map_type.atomic:
            changed.append(path)
            return
        fields = map_type.fields
        for element, child in node.items():
            if child:
                field = fields.get(element[2:])
                below = map_type.element if field is None else field.type
                if below is not None:
                    _collect(child, below, (*path, element), changed)
        return
    list_type = value_type.list
    if list_type is None or value_type.scalar is not None:
        return
    if list_type.atomic:
        changed.append(path)
        return
    for element, child in node.items():
        if child:
            _collect(child, list_type.element, (*path, element), changed)


def _is_open(map_type: MapType) -> bool:
    """Says whether a map is typed by its values only."""
    element = map_type.element
    if map_type.fields or element is None:
        return False
    return element is DEDUCED or (not element.name and element.scalar == "untyped")
