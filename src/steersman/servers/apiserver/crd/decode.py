"""Reads custom resources: undeclared fields and stray nulls go, defaults come.

Keys come out sorted, as the real server prints custom resources. Source of the rules: the pruning
and defaulting packages of ``k8s.io/apiextensions-apiserver``.
"""

from __future__ import annotations

from typing import Any

from steersman.servers.apiserver.codec import Codec, Problems
from steersman.servers.apiserver.crd.structural import ABSENT, Structural

__all__ = ["Reader", "copy_sorted"]

_OBJECT_META = "meta/v1.ObjectMeta"
_HEAD = frozenset({"apiVersion", "kind", "metadata"})


def copy_sorted(value: Any) -> Any:
    """Copies a JSON tree with sorted keys."""
    match value:
        case dict():
            return {name: copy_sorted(value[name]) for name in sorted(value)}
        case list():
            return [copy_sorted(one) for one in value]
        case _:
            return value


class Reader:
    """Reads one object.

    Args:
        codec: reads ``metadata``.
        keep_nulls: keep nulls where none are allowed, for validation to find.

    Attributes:
        unknown: paths of the fields that were dropped.
    """

    def __init__(self, codec: Codec, *, keep_nulls: bool = False) -> None:
        self._codec = codec
        self._keep_nulls = keep_nulls
        self.unknown: list[str] = []

    def read_resource(self, value: dict[str, Any], schema: Structural, path: str = "") -> Any:
        """Reads a whole resource, at the root or embedded.

        Raises:
            CodecError: the metadata of the root cannot be read.
        """
        result = {}
        for name in sorted(value):
            if name == "metadata":
                result[name] = self._read_metadata(value[name], path)
            elif name in _HEAD:
                result[name] = value[name]
            else:
                self._read_entry(result, name, value[name], schema, path)
        self._fill(result, schema, path)
        return result

    def _read_metadata(self, value: Any, path: str) -> Any:
        problems = Problems()
        read = self._codec.read(_OBJECT_META, value, problems)
        prefix = f"{path}.metadata" if path else "metadata"
        self.unknown += [f"{prefix}.{one}" for one in problems.paths]
        return copy_sorted(read)

    def read(self, value: Any, schema: Structural, path: str) -> Any:
        """Reads one value."""
        match value:
            case dict():
                if schema.embedded:
                    return self.read_resource(value, schema, path)
                result: dict[str, Any] = {}
                for name in sorted(value):
                    self._read_entry(result, name, value[name], schema, path)
                self._fill(result, schema, path)
                return result
            case list():
                return [
                    self._read_item(one, schema, f"{path}[{index}]")
                    for index, one in enumerate(value)
                ]
            case _:
                return value

    def _read_item(self, value: Any, schema: Structural, path: str) -> Any:
        items = schema.items
        if items is None:
            return copy_sorted(value) if schema.preserves else self._drop_all(value, path)
        if value is None and not items.nullable and items.default is not ABSENT:
            value = items.default
        return self.read(value, items, path)

    def _read_entry(
        self, result: dict[str, Any], name: str, value: Any, schema: Structural, path: str
    ) -> None:
        below = schema.properties.get(name, schema.additional)
        where = f"{path}.{name}" if path else name
        if below is not None:
            if value is None and not below.nullable:
                if below.default is not ABSENT:
                    value = below.default
                elif not self._keep_nulls:
                    return
            result[name] = self.read(value, below, where)
        elif schema.preserves:
            result[name] = copy_sorted(value)
        elif schema.allows_any:
            result[name] = self._drop_all(value, where)
        else:
            self.unknown.append(where)

    def _drop_all(self, value: Any, path: str) -> Any:
        """What has no schema at all keeps its scalars and the length of its lists."""
        match value:
            case dict():
                self.unknown += [f"{path}.{name}" for name in value]
                return {}
            case list():
                return [self._drop_all(one, f"{path}[{at}]") for at, one in enumerate(value)]
            case _:
                return value

    def _fill(self, result: dict[str, Any], schema: Structural, path: str) -> None:
        if not schema.has_defaults:
            return
        missing = [
            (name, one)
            for name, one in schema.properties.items()
            if one.default is not ABSENT and name not in result
        ]
        if not missing:
            return
        for name, one in missing:
            result[name] = self.read(one.default, one, f"{path}.{name}")
        ordered = {name: result[name] for name in sorted(result)}
        result.clear()
        result.update(ordered)
