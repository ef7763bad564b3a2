"""Reads a JSON tree as a Go type would and gives back what Go would print.

This round trip is what makes stored objects look as they do: unknown fields vanish, zero values of
``omitempty`` fields vanish, empty structs appear, quantities and times take their canonical form,
and fields come in declaration order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from steersman.servers.apiserver.goforms import FORMS, Form, TypeMismatch, json_kind
from steersman.servers.apiserver.gotypes import GoField

__all__ = ["Codec", "Problems"]


class Problems:
    """Collects the paths of unknown fields; parents prefix what their children found."""

    __slots__ = ("paths",)

    def __init__(self) -> None:
        self.paths: list[str] = []

    def prefix(self, since: int, name: str) -> None:
        """Puts ``name`` before every path found since."""
        paths = self.paths
        for index in range(since, len(paths)):
            path = paths[index]
            paths[index] = f"{name}{path}" if path.startswith("[") else f"{name}.{path}"


class _Node(ABC):
    """How one type is read."""

    __slots__ = ("go_type",)
    droppable = True
    """An ``omitempty`` field of this type can be left out at all."""

    def __init__(self, go_type: str) -> None:
        self.go_type = go_type

    @abstractmethod
    def read(self, value: Any, problems: Problems) -> Any:
        """Reads one value."""

    def zero(self) -> Any:
        """Returns what an absent value prints as."""
        return None

    def is_empty(self, value: Any) -> bool:
        """Says whether ``omitempty`` leaves the value out."""
        return not value


class _Scalar(_Node):
    """A string, a boolean or a number."""

    __slots__ = ("_zero", "kind")

    def __init__(self, kind: str, go_type: str) -> None:
        super().__init__(go_type)
        self.kind = kind
        self._zero: Any = {"string": "", "bool": False}.get(kind, 0)

    def read(self, value: Any, problems: Problems) -> Any:
        if value is None:
            return self._zero
        kind = type(value)
        if self.kind == "string":
            if kind is str:
                return value
        elif self.kind == "bool":
            if kind is bool:
                return value
        elif kind is int:
            if self.kind != "int32" or -0x80000000 <= value <= 0x7FFFFFFF:
                return value
            raise TypeMismatch(f"number {value}", self.go_type)
        elif kind is float:
            return self._read_float(value)
        raise TypeMismatch(json_kind(value), self.go_type)

    def _read_float(self, value: float) -> Any:
        if self.kind == "float64":
            return value
        if value.is_integer():
            return int(value)
        raise TypeMismatch(f"number {value}", self.go_type)

    def zero(self) -> Any:
        return self._zero


class _Special(_Node):
    """A type with a JSON form of its own."""

    __slots__ = ("_form", "droppable")

    def __init__(self, form: Form) -> None:
        super().__init__(form.go_type)
        self._form = form
        self.droppable = form.droppable

    def read(self, value: Any, problems: Problems) -> Any:
        return self._form.zero if value is None else self._form.parse(value)

    def zero(self) -> Any:
        return self._form.zero


class _Pointer(_Node):
    """A pointer: only null is absent."""

    __slots__ = ("target",)

    def __init__(self, target: _Node) -> None:
        super().__init__(target.go_type)
        self.target = target

    def is_empty(self, value: Any) -> bool:
        return value is None

    def read(self, value: Any, problems: Problems) -> Any:
        return None if value is None else self.target.read(value, problems)


class _List(_Node):
    """A slice."""

    __slots__ = ("item",)

    def __init__(self, item: _Node) -> None:
        super().__init__(f"[]{item.go_type}")
        self.item = item

    def read(self, value: Any, problems: Problems) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            raise TypeMismatch(json_kind(value), self.go_type)
        read = self.item.read
        result = []
        paths = problems.paths
        for index, item in enumerate(value):
            since = len(paths)
            result.append(read(item, problems))
            if len(paths) > since:
                problems.prefix(since, f"[{index}]")
        return result


class _Map(_Node):
    """A map with text keys; printed with sorted keys."""

    __slots__ = ("item",)

    def __init__(self, item: _Node) -> None:
        super().__init__(f"map[string]{item.go_type}")
        self.item = item

    def read(self, value: Any, problems: Problems) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            raise TypeMismatch(json_kind(value), self.go_type)
        read = self.item.read
        paths = problems.paths
        result = {}
        for name in sorted(value):
            since = len(paths)
            result[name] = read(value[name], problems)
            if len(paths) > since:
                problems.prefix(since, name)
        return result


class _Struct(_Node):
    """A struct; ``fields`` is filled after construction, because types refer to each other."""

    __slots__ = ("always", "fields", "name")
    droppable = False

    def __init__(self, full_name: str) -> None:
        package, _, self.name = full_name.rpartition(".")
        super().__init__(f"{package.rsplit('/', 1)[-1]}.{self.name}")
        self.fields: dict[str, tuple[_Node, bool, int]] = {}
        self.always: list[tuple[str, _Node]] = []

    def add(self, field: GoField, node: _Node, index: int) -> None:
        """Adds a field in declaration order."""
        omits = "o" in field.flags and node.droppable
        zero_omits = "z" in field.flags
        self.fields[field.name] = (node, omits or zero_omits, index)
        if not omits and not zero_omits:
            self.always.append((field.name, node))

    def read(self, value: Any, problems: Problems) -> Any:
        if value is None:
            return self.zero()
        if type(value) is not dict:
            raise TypeMismatch(json_kind(value), self.go_type)
        fields = self.fields
        paths = problems.paths
        result: list[tuple[int, str, Any]] = []
        for name, raw in value.items():
            field = fields.get(name)
            if field is None:
                paths.append(name)
                continue
            node, omits, index = field
            since = len(paths)
            try:
                read = node.read(raw, problems)
            except TypeMismatch as mismatch:
                mismatch.within(self.name, name)
                raise
            if len(paths) > since:
                problems.prefix(since, name)
            if omits and (node.is_empty(read) or read is None):
                continue
            result.append((index, name, read))
        for name, node in self.always:
            if name not in value:
                result.append((fields[name][2], name, node.zero()))
        result.sort(key=_by_index)
        return {name: read for _, name, read in result}

    def zero(self) -> Any:
        return {name: node.zero() for name, node in self.always}


def _by_index(entry: tuple[int, str, Any]) -> int:
    return entry[0]


class Codec:
    """Compiles types on demand and reads values with them.

    Args:
        types: the field table of :func:`~steersman.servers.apiserver.gotypes.load_go_types`.
    """

    def __init__(self, types: Mapping[str, tuple[GoField, ...]]) -> None:
        self._types = types
        self._nodes: dict[str, _Node] = {}

    def read(self, type_name: str, value: Any, problems: Problems) -> Any:
        """Returns the value as Go would print it after reading it as ``type_name``.

        Raises:
            CodecError: with the text of the real server.
        """
        return self._node(type_name).read(value, problems)

    def has(self, type_name: str) -> bool:
        """Says whether the struct is known."""
        return type_name in self._types

    def _node(self, name: str) -> _Node:
        node = self._nodes.get(name)
        if node is None:
            node = self._compile(name)
        return node

    def _compile(self, name: str) -> _Node:
        node: _Node
        if name in self._types:
            struct = self._nodes[name] = _Struct(name)
            for index, field in enumerate(self._types[name]):
                struct.add(field, self._node(field.type), index)
            return struct
        if name.startswith("*"):
            node = _Pointer(self._node(name[1:]))
        elif name.startswith("[]"):
            node = _List(self._node(name[2:]))
        elif name.startswith("{}"):
            node = _Map(self._node(name[2:]))
        elif name.startswith("!schema"):
            node = _SchemaUnion(name, self)
        elif name.startswith(("!", "bytes")):
            node = _Special(FORMS[name])
        else:
            kind, _, go_type = name.partition("/")
            node = _Scalar(kind, go_type or kind)
        self._nodes[name] = node
        return node


class _SchemaUnion(_Node):
    """``JSONSchemaProps`` or a boolean, a list of schemas or a list of texts."""

    __slots__ = ("_codec", "_other")
    droppable = False

    def __init__(self, name: str, codec: Codec) -> None:
        super().__init__("v1.JSONSchemaProps")
        self._codec = codec
        self._other = {
            "!schemaorbool": "bool",
            "!schemaorarray": "[]apiextensions/v1.JSONSchemaProps",
            "!schemaorstrings": "[]string",
        }[name]

    def read(self, value: Any, problems: Problems) -> Any:
        if isinstance(value, dict):
            return self._codec.read("apiextensions/v1.JSONSchemaProps", value, problems)
        return self._codec.read(self._other, value, problems)
