"""The strategy of a built-in kind: its Go type, plus the kind's own rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import (
    Manifest,
    annotations_of,
    generation_of,
    name_of,
    namespace_of,
)
from steersman.schemas.catalogue import ResourceInfo
from steersman.servers.apiserver.codec import Codec, Problems
from steersman.servers.apiserver.fielderrors import FieldError
from steersman.servers.apiserver.goforms import CodecError
from steersman.servers.apiserver.printers.layout import Layout
from steersman.servers.apiserver.strategies.rules import KindRules
from steersman.servers.apiserver.strategy import Decoded, Scale, Table, Traits, WriteContext
from steersman.servers.apiserver.validation.objectmeta import (
    validate_metadata,
    validate_metadata_update,
)

__all__ = ["BuiltinStrategy"]


class BuiltinStrategy:
    """One built-in resource.

    Args:
        info: the resource.
        type_name: its Go type, such as ``apps/v1.Deployment``.
        codec: the compiled types.
        rules: what the kind adds.
        layout: how it looks in a table.
    """

    def __init__(
        self, info: ResourceInfo, type_name: str, codec: Codec, rules: KindRules, layout: Layout
    ) -> None:
        self._info = info
        self._type = type_name
        self._codec = codec
        self._rules = rules
        self._layout = layout
        self._has_status = info.subresource("status") is not None

    @property
    def info(self) -> ResourceInfo:
        """The resource."""
        return self._info

    @property
    def traits(self) -> Traits:
        """See :class:`~steersman.servers.apiserver.strategy.Strategy`."""
        return self._rules.traits

    @property
    def scale(self) -> Scale | None:
        """See :class:`~steersman.servers.apiserver.strategy.Strategy`."""
        return self._rules.scale

    def decode(self, raw: Mapping[str, Any], *, merged: bool = False) -> Decoded:
        """Reads the body with the Go type and fills in the defaults."""
        problems = Problems()
        try:
            read: Manifest = self._codec.read(self._type, raw, problems)
        except CodecError as error:
            kind = self.info.kind
            version = self.info.gvk.api_version
            text = f'{kind} in version "{version}" cannot be handled as a {kind}: {error}'
            raise ApiError(400, "BadRequest", text) from None
        obj = {"kind": self.info.kind, "apiVersion": self.info.gvk.api_version}
        obj.update((name, value) for name, value in read.items() if name not in obj)
        self._rules.default(obj)
        unknown = tuple(f'unknown field "{path}"' for path in problems.paths)
        return Decoded(obj=obj, problems=unknown)

    def _empty_status(self) -> Mapping[str, Any]:
        empty: Manifest = self._codec.read(self._type, {}, Problems())
        return {"status": empty["status"]} if "status" in empty else {}

    def prepare_create(self, obj: Manifest, ctx: WriteContext) -> Manifest:
        """Empties the status and starts the generation."""
        if self._has_status:
            obj.pop("status", None)
            obj.update(self._empty_status())
        metadata = obj["metadata"]
        if self._rules.counts_generation:
            metadata["generation"] = 1
        self._rules.prepare_create(obj, ctx)
        return obj

    def validate_create(self, obj: Manifest, ctx: WriteContext) -> list[FieldError]:
        """Checks the metadata, then the kind's own rules."""
        errors = validate_metadata(
            obj, namespaced=self.info.namespaced, name_rule=self._rules.name_rule
        )
        return errors + self._rules.validate(obj)

    def prepare_update(self, new: Manifest, old: Manifest, ctx: WriteContext) -> Manifest:
        """Keeps the other half of the object and counts the generation."""
        if ctx.subresource == "status":
            return self._prepare_status(new, old)
        if self._has_status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        self._rules.prepare_update(new, old, ctx)
        if self._rules.counts_generation:
            changed = any(new.get(one) != old.get(one) for one in self._rules.generation_parts)
            if self._rules.annotations_count:
                changed |= annotations_of(new) != annotations_of(old)
            deleted = "deletionTimestamp" in new["metadata"] and (
                "deletionTimestamp" not in old["metadata"]
            )
            new["metadata"]["generation"] = generation_of(old) + (changed or deleted)
        return new

    def _prepare_status(self, new: Manifest, old: Manifest) -> Manifest:
        kept = {name: value for name, value in old.items() if name not in ("status", "metadata")}
        metadata = dict(new["metadata"])
        for name in ("generation", *self._rules.status_keeps):
            metadata.pop(name, None)
            if name in old["metadata"]:
                metadata[name] = old["metadata"][name]
        kept["metadata"] = metadata
        if "status" in new:
            kept["status"] = new["status"]
        return {name: kept[name] for name in (*_HEAD, *kept) if name in kept}

    def validate_update(self, new: Manifest, old: Manifest, ctx: WriteContext) -> list[FieldError]:
        """Checks the metadata, then the kind's own rules for a change.

        The metadata is checked twice, as the real server does: once for every kind, and again by
        the kind, so that its problems appear twice.
        """
        errors = validate_metadata_update(new, old)
        errors += errors
        if ctx.subresource == "status":
            return errors
        whole, change = self._rules.validate(new), self._rules.validate_update(new, old)
        return errors + (change + whole if self._rules.immutables_first else whole + change)

    def warnings(self, new: Manifest, old: Manifest | None) -> Sequence[str]:
        """Returns the kind's warnings."""
        return self._rules.warn(new, old)

    def selectable_fields(self, obj: Manifest) -> Mapping[str, str]:
        """Returns name, namespace and the kind's own fields."""
        fields = {"metadata.name": name_of(obj)}
        if self.info.namespaced:
            fields["metadata.namespace"] = namespace_of(obj)
        return {**fields, **self._rules.selectable(obj)}

    def table(self, objs: Sequence[Manifest], now: str) -> Table:
        """Shows objects in the kind's columns."""
        return self._layout.table(objs, now)


_HEAD = ("kind", "apiVersion", "metadata")
