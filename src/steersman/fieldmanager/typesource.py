"""Where types come from: the built-in catalogue, a CRD's schemas, or the value itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steersman.fieldmanager.types import DEDUCED, UNTYPED, Field, ListType, MapType, Type
from steersman.objects.identity import GroupVersionKind
from steersman.schemas.catalogue import Catalogue, Schema

__all__ = ["TypeSource"]

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
RAW_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension"
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
REF_PREFIX = "#/components/schemas/"
PRESERVE = "x-kubernetes-preserve-unknown-fields"


class TypeSource:
    """Finds the type of a kind at a version; compiled types are kept.

    Args:
        find: returns the type of a kind, or None when that version does not exist.
        empty: returns what the server compares a new object with.
    """

    def __init__(
        self,
        find: Callable[[GroupVersionKind], Type | None],
        empty: Callable[[GroupVersionKind], dict[str, Any]],
    ) -> None:
        self._find = find
        self._empty = empty
        self._types: dict[GroupVersionKind, Type | None] = {}

    def type_of(self, gvk: GroupVersionKind) -> Type | None:
        """Returns the type of a kind, or None when that version does not exist."""
        if gvk not in self._types:
            self._types[gvk] = self._find(gvk)
        return self._types[gvk]

    def empty_object(self, gvk: GroupVersionKind) -> dict[str, Any]:
        """Returns the object of that kind in which nothing was set yet.

        Go's structs are never empty: fields without ``omitempty`` are there with zero values, so
        creating an object does not add them.
        """
        return {"apiVersion": gvk.api_version, "kind": gvk.kind, **self._empty(gvk)}

    @classmethod
    def deduced(cls) -> TypeSource:
        """Types by value: maps are owned by key, everything else as a whole."""
        return cls(lambda gvk: DEDUCED, lambda gvk: {})

    @classmethod
    def from_catalogue(cls, catalogue: Catalogue) -> TypeSource:
        """The types of the built-in kinds."""
        compiler = _Compiler(catalogue.definitions)

        def find(gvk: GroupVersionKind) -> Type | None:
            name = catalogue.definition_name(gvk)
            return None if name is None else compiler.named(name)

        def empty(gvk: GroupVersionKind) -> dict[str, Any]:
            schema = catalogue.schema_of(gvk)
            return {} if schema is None else _zero_struct(schema, catalogue)

        return cls(find, empty)

    @classmethod
    def from_crd(cls, crd: Mapping[str, Any], catalogue: Catalogue) -> TypeSource:
        """The types of all versions of a custom resource definition.

        Args:
            crd: the ``CustomResourceDefinition`` (apiextensions.k8s.io/v1).
            catalogue: for ``metadata``.
        """
        spec = crd["spec"]
        group, kind = spec["group"], spec["names"]["kind"]
        compiler = _Compiler(catalogue.definitions)
        schemas = {
            GroupVersionKind(group, version["name"], kind): version.get("schema", {}).get(
                "openAPIV3Schema"
            )
            for version in spec["versions"]
        }

        def find(gvk: GroupVersionKind) -> Type | None:
            if gvk not in schemas:
                return None
            schema = schemas[gvk]
            if schema is None or spec.get("preserveUnknownFields"):
                return DEDUCED
            return compiler.compile(_with_object_fields(schema))

        return cls(find, lambda gvk: {})


def _with_object_fields(schema: Schema) -> Schema:
    """Declares ``apiVersion``, ``kind`` and ``metadata``, which a CRD need not do."""
    properties = {
        **schema.get("properties", {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": REF_PREFIX + OBJECT_META},
    }
    return {**schema, "properties": properties}


class _Compiler:
    """Turns OpenAPI schemas into types, each named one once."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._named: dict[tuple[str, bool | None], Type] = {}

    def named(self, name: str, atomic: bool | None = None) -> Type:
        """Returns the type of a definition; ``atomic`` overrides the relation of its parts."""
        key = (name, atomic)
        known = self._named.get(key)
        if known is not None:
            return known
        if name == RAW_EXTENSION:
            return UNTYPED
        made = self._named[key] = Type(name)
        if name == QUANTITY:
            made.become(scalar="untyped", list=None, map=None)
            return made
        forms = self._forms(self._definitions[name], preserve=False)
        _override(forms, atomic)
        made.become(**forms)
        return made

    def compile(self, schema: Schema, *, preserve: bool = False) -> Type:
        """Returns the type of a schema.

        Args:
            schema: inline, or a reference.
            preserve: whether an enclosing schema keeps unknown fields.
        """
        ref = schema.get("$ref")
        if ref is None and len(schema.get("allOf", ())) == 1:
            ref = schema["allOf"][0].get("$ref")
        if ref is not None:
            return self.named(ref.removeprefix(REF_PREFIX), _map_relation(schema))
        made = Type()
        made.become(**self._forms(_embedded(schema), preserve=preserve))
        return made

    def _forms(self, schema: Schema, *, preserve: bool) -> dict[str, Any]:
        preserve = preserve or schema.get(PRESERVE) is True
        match schema.get("type", ""):
            case "object":
                return {"scalar": None, "list": None, "map": self._map(schema, preserve)}
            case "array":
                return {"scalar": None, "list": self._list(schema, preserve), "map": None}
            case "integer" | "number":
                return {"scalar": "numeric", "list": None, "map": None}
            case "boolean":
                return {"scalar": "boolean", "list": None, "map": None}
            case "string":
                is_plain = schema.get("format", "") in ("", "byte")
                return {"scalar": "string" if is_plain else "untyped", "list": None, "map": None}
            case _:
                return {
                    "scalar": "untyped",
                    "list": self._list(schema, preserve),
                    "map": self._map(schema, preserve),
                }

    def _map(self, schema: Schema, preserve: bool) -> MapType:
        properties = schema.get("properties", {})
        fields = {
            name: Field(self.compile(member, preserve=preserve), member.get("default"))
            for name, member in properties.items()
        }
        match schema.get("additionalProperties"):
            case None:
                element = DEDUCED if preserve or not properties else None
            case bool() as allowed:
                element = DEDUCED if allowed else None
            case values:
                element = self.compile(values, preserve=preserve)
        return MapType(fields, element, atomic=_map_relation(schema) is True)

    def _list(self, schema: Schema, preserve: bool) -> ListType:
        items = schema.get("items")
        element = UNTYPED if items is None else self.compile(items, preserve=preserve)
        atomic, keys = _list_relation(schema)
        return ListType(element, atomic=atomic, keys=keys)


def _override(forms: dict[str, Any], atomic: bool | None) -> None:
    """Applies the relation that a referring field asks for; maps come before lists."""
    if atomic is None:
        return
    if forms["map"] is not None:
        forms["map"] = MapType(forms["map"].fields, forms["map"].element, atomic=atomic)
    elif forms["list"] is not None:
        forms["list"] = ListType(forms["list"].element, atomic=atomic, keys=forms["list"].keys)


def _embedded(schema: Schema) -> Schema:
    return _with_object_fields(schema) if schema.get("x-kubernetes-embedded-resource") else schema


def _map_relation(schema: Schema) -> bool | None:
    """Returns whether a map is atomic; None when nothing is said."""
    relation = schema.get("x-kubernetes-map-type")
    return None if relation is None else relation == "atomic"


def _list_relation(schema: Schema) -> tuple[bool, tuple[str, ...]]:
    """Returns whether a list is atomic, and its keys."""
    match schema.get("x-kubernetes-list-type"):
        case "map":
            return False, tuple(schema["x-kubernetes-list-map-keys"])
        case "set":
            return False, ()
        case "atomic":
            return True, ()
    if schema.get("x-kubernetes-patch-strategy") in ("merge", "merge,retainKeys"):
        key = schema.get("x-kubernetes-patch-merge-key")
        return False, () if key is None else (key,)
    return True, ()


_ZEROS: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}


def _zero_struct(schema: Schema, catalogue: Catalogue) -> dict[str, Any]:
    """Returns what Go writes for a struct in which nothing is set."""
    required = schema.get("required", ())
    zero: dict[str, Any] = {}
    for name, member in schema.get("properties", {}).items():
        target = catalogue.resolve(member["$ref"]) if "$ref" in member else member
        if member.get("default") == {} and target.get("type") == "object":
            zero[name] = _zero_struct(target, catalogue)
        elif name in required:
            zero[name] = _ZEROS.get(target.get("type", "")) if "default" in member else None
    return zero
