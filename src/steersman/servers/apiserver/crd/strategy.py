"""The strategy of a custom resource in one version."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.kit.gotext import quote
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest, generation_of, metadata_of, name_of, namespace_of
from steersman.schemas.catalogue import ResourceInfo
from steersman.servers.apiserver.codec import Codec
from steersman.servers.apiserver.crd.columns import column_layout
from steersman.servers.apiserver.crd.decode import Reader
from steersman.servers.apiserver.crd.definition import ServedVersion
from steersman.servers.apiserver.crd.embedded import validate_embedded
from steersman.servers.apiserver.crd.listtypes import validate_list_types
from steersman.servers.apiserver.crd.rules import CompiledRule, RuleRun
from steersman.servers.apiserver.crd.structural import ABSENT, Structural, compile_schema
from steersman.servers.apiserver.crd.values import NO_FIELD, is_same, validate_value
from steersman.servers.apiserver.fielderrors import FieldError, invalid
from steersman.servers.apiserver.goforms import CodecError
from steersman.servers.apiserver.printers.jsonpath import find, print_value
from steersman.servers.apiserver.strategy import Decoded, Scale, Table, Traits, WriteContext
from steersman.servers.apiserver.validation.names import name_is_subdomain, qualified_name
from steersman.servers.apiserver.validation.objectmeta import (
    validate_metadata,
    validate_metadata_update,
)

__all__ = ["CustomStrategy"]

_BLOCKING: Final = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
_NOT_CHECKED: Final = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
_STANDARD_FINALIZERS: Final = frozenset({"orphan", "foregroundDeletion", "kubernetes"})
_GO_TYPES: Final = {str: "string", bool: "bool", float: "float64", list: "[]interface {}"}
_MAX_INT32: Final = 2**31 - 1


class CustomStrategy:
    """One custom resource in one version: a strategy made from its definition.

    Args:
        version: what the definition says.
        codec: reads ``metadata``.
    """

    def __init__(self, version: ServedVersion, codec: Codec) -> None:
        self.version = version
        self._codec = codec
        self._schema = compile_schema(version.schema)
        self._status_schema = self._schema.properties.get("status")
        self._layout = column_layout(version.columns)
        self._compiled: dict[tuple[int, int], tuple[CompiledRule, ...]] = {}
        reset = (
            {"": (("status",),), "status": (("metadata",), ("spec",))} if version.has_status else {}
        )
        self._traits = Traits(
            unconditional_update=False,
            strategic_merge=False,
            items_carry_kind=True,
            reset_fields=reset,
            deprecation=version.deprecation,
        )

    @property
    def info(self) -> ResourceInfo:
        """The resource."""
        return self.version.info

    @property
    def traits(self) -> Traits:
        """How the REST layer treats the resource."""
        return self._traits

    @property
    def scale(self) -> Scale | None:
        """Where the ``scale`` subresource reads and writes."""
        return self.version.scale

    def decode(self, raw: Mapping[str, Any], *, merged: bool = False) -> Decoded:
        """Prunes, drops stray nulls, fills in defaults; keys come out sorted.

        The nulls that an apply leaves where a map lost its last key stay: the real server drops
        nulls when it reads a body, and refuses these.
        """
        reader = Reader(self._codec, keep_nulls=merged)
        kind = self.info.kind
        version = self.info.gvk.api_version
        whole = {"apiVersion": version, "kind": kind, "metadata": {}, **raw}
        try:
            obj = reader.read_resource(whole, self._schema)
        except CodecError as error:
            text = f'{kind} in version "{version}" cannot be handled as a {kind}: {error}'
            raise ApiError(400, "BadRequest", text) from None
        unknown = tuple(f"unknown field {quote(path)}" for path in sorted(reader.unknown))
        return Decoded(obj=obj, problems=unknown)

    def convert(self, obj: Manifest) -> Manifest:
        """Shows an object of another version in this one, which only prunes and defaults."""
        return self.decode({**obj, "apiVersion": self.info.gvk.api_version}).obj

    def prepare_create(self, obj: Manifest, ctx: WriteContext) -> Manifest:
        """Drops the status where it is a subresource, and starts the generation.

        What remains of the status is its default, as if the object had been read back.
        """
        if self.version.has_status:
            obj.pop("status", None)
            if self._status_schema is not None and self._status_schema.default is not ABSENT:
                obj["status"] = copy.deepcopy(self._status_schema.default)
        _set_generation(obj, 1)
        return obj

    def validate_create(self, obj: Manifest, ctx: WriteContext) -> list[FieldError]:
        """Checks type, metadata, schema, scale paths, embedded objects, lists and rules."""
        errors = self._validate_type(obj)
        if errors:
            return errors
        errors += validate_metadata(
            obj, namespaced=self.info.namespaced, name_rule=name_is_subdomain, builtin=False
        )
        validate_value(obj, self._schema, "", errors)
        errors += self._validate_scale(obj, spec=True)
        errors += validate_embedded(obj, self._schema, root=True)
        errors += validate_list_types(obj, self._schema)
        return self._with_rules(errors, obj, ABSENT)

    def _validate_type(self, obj: Manifest) -> list[FieldError]:
        gvk = GroupVersionKind.of(obj)
        errors = []
        if gvk.kind != self.info.kind:
            errors.append(invalid("kind", gvk.kind, f"must be {self.info.kind}"))
        if gvk.api_version != self.info.gvk.api_version:
            text = f"must be {self.info.gvk.api_version}"
            errors.append(invalid("apiVersion", gvk.api_version, text))
        return errors

    def _with_rules(self, errors: list[FieldError], obj: Manifest, old: Any) -> list[FieldError]:
        if not self._schema.has_rules:
            return errors
        if any(one.type in _BLOCKING for one in errors):
            return [*errors, invalid(NO_FIELD, None, _NOT_CHECKED)]
        run = RuleRun(self._compiled)
        run.run(obj, old, self._schema, root=True)
        return errors + run.errors

    def _validate_scale(self, obj: Manifest, *, spec: bool) -> list[FieldError]:
        scale = self.version.scale
        if scale is None:
            return []
        paths = [scale.spec_replicas] if spec else []
        errors: list[FieldError] = []
        for path in [*paths, scale.status_replicas]:
            errors += _validate_replicas(obj, path)
        return errors

    def prepare_update(self, new: Manifest, old: Manifest, ctx: WriteContext) -> Manifest:
        """Keeps the other half of the object and counts the generation."""
        if ctx.subresource == "status":
            return _with_status_of(new, old)
        if self.version.has_status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        names = (new.keys() | old.keys()) - {"metadata"}
        changed = any(not is_same(new.get(name), old.get(name)) for name in names)
        _set_generation(new, generation_of(old) + changed)
        return new

    def validate_update(self, new: Manifest, old: Manifest, ctx: WriteContext) -> list[FieldError]:
        """Checks a change; what did not change is not judged again."""
        errors = validate_metadata_update(new, old)
        typed = self._validate_type(new)
        if typed:
            return errors + typed
        errors += validate_metadata_update(new, old)
        if ctx.subresource == "status":
            errors += self._validate_status(new, old)
        else:
            validate_value(new, self._schema, "", errors, old)
        errors += self._validate_scale(new, spec=ctx.subresource != "status")
        errors += validate_embedded(new, self._schema, root=True)
        if not validate_list_types(old, self._schema):
            errors += validate_list_types(new, self._schema)
        return self._with_rules(errors, new, old)

    def _validate_status(self, new: Manifest, old: Manifest) -> list[FieldError]:
        if "status" not in new or self._status_schema is None:
            return []
        found: list[FieldError] = []
        before = old.get("status", ABSENT)
        validate_value(new["status"], self._status_schema, "", found, before)
        return [
            one._replace(field=f"status.{one.field}" if one.field != NO_FIELD else "status")
            for one in found
        ]

    def warnings(self, new: Manifest, old: Manifest | None) -> Sequence[str]:
        """Names odd finalizers, and rules that could not be judged."""
        before = metadata_of(old).get("finalizers") or () if old else ()
        added = sorted(set(metadata_of(new).get("finalizers") or ()) - set(before))
        texts = [text for one in added for text in _finalizer_warnings(one)]
        if any(one.unjudged for rules in self._compiled.values() for one in rules):
            run = RuleRun(self._compiled)
            run.run(new, ABSENT if old is None else old, self._schema, root=True)
            texts += run.unjudged
        return texts

    def selectable_fields(self, obj: Manifest) -> Mapping[str, str]:
        """Returns name, namespace and the definition's selectable fields."""
        fields = {"metadata.name": name_of(obj)}
        if self.info.namespaced:
            fields["metadata.namespace"] = namespace_of(obj)
        for path in self.version.selectable:
            found = find(path, obj)
            empty = not found or found[0] is None
            fields[path.removeprefix(".")] = "" if empty else print_value(found[0])
        return fields

    def table(self, objs: Sequence[Manifest], now: str) -> Table:
        """Shows objects in the printer columns."""
        return self._layout.table(objs, now)

    @property
    def schema(self) -> Structural:
        """The compiled schema."""
        return self._schema


def _set_generation(obj: Manifest, generation: int) -> None:
    metadata = {**obj["metadata"], "generation": generation}
    obj["metadata"] = {name: metadata[name] for name in sorted(metadata)}


def _with_status_of(new: Manifest, old: Manifest) -> Manifest:
    metadata = dict(old["metadata"])
    for name in ("managedFields", "resourceVersion"):
        metadata.pop(name, None)
        if name in new["metadata"]:
            metadata[name] = new["metadata"][name]
    result = {**old, "metadata": {name: metadata[name] for name in sorted(metadata)}}
    result.pop("status", None)
    if "status" in new:
        result["status"] = new["status"]
    return {name: result[name] for name in sorted(result)}


def _validate_replicas(obj: Manifest, path: tuple[str, ...]) -> list[FieldError]:
    value: Any = obj
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return []
        value = value[name]
    field = "." + ".".join(path)
    if isinstance(value, bool) or not isinstance(value, int):
        shown = print_value(value)
        kind = _GO_TYPES.get(type(value), "map[string]interface {}")
        text = f"{field} accessor error: {shown} is of the type {kind}, expected int64"
        return [invalid(field, 0, text)]
    if value < 0:
        return [invalid(field, value, "should be a non-negative integer")]
    if value > _MAX_INT32:
        return [invalid(field, value, f"should be less than or equal to {_MAX_INT32}")]
    return []


def _finalizer_warnings(name: str) -> list[str]:
    field = "metadata.finalizers"
    texts = [f"{field}: {quote(name)}: {text}" for text in qualified_name(name)]
    if "/" not in name and name not in _STANDARD_FINALIZERS:
        including = " including a path (/)" if "." in name else ""
        texts.append(
            f"{field}: {quote(name)}: prefer a domain-qualified finalizer name{including} to avoid "
            "accidental conflicts with other finalizer writers"
        )
    return texts
