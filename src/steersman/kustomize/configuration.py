"""The configuration of transformers: which fields each of them changes.

``configurations`` of a kustomization and its ``crds`` add to the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec, gvk_order, merge_all, sorted_specs
from steersman.kustomize.ids import Gvk

__all__ = ["NameReference", "TransformerConfig", "parse_config"]

Specs = tuple[FieldSpec, ...]


class NameReference(NamedTuple):
    """Which fields hold the name of objects of a kind."""

    gvk: Gvk
    users: Specs


class NameUse(NamedTuple):
    """One field of a referring kind: what it names, and where."""

    target: Gvk
    spec: FieldSpec


@dataclass(frozen=True, eq=False, kw_only=True)
class TransformerConfig:
    """Field specs by transformer."""

    name_prefix: Specs = ()
    name_suffix: Specs = ()
    namespace: Specs = ()
    common_labels: Specs = ()
    labels: Specs = ()
    template_labels: Specs = ()
    common_annotations: Specs = ()
    name_reference: tuple[NameReference, ...] = ()
    var_reference: Specs = ()
    images: Specs = ()
    replicas: Specs = ()
    _uses: dict[Gvk, tuple[NameUse, ...]] = field(default_factory=dict, repr=False)

    def merged_with(self, other: TransformerConfig) -> TransformerConfig:
        """Adds another configuration.

        Raises:
            BuildFailed: both name a field and disagree on ``create``.
        """
        if other is self or other.is_empty or other._settled is self:
            return self
        if self.is_empty:
            return other._settled
        merged: dict[str, Any] = {}
        for name, shown in _TITLES.items():
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is theirs or not theirs:
                merged[name] = mine
                continue
            try:
                merge = _merge_references if name == "name_reference" else merge_all
                merged[name] = merge(mine, theirs)
            except BuildFailed as error:
                raise error.within(f"failed to merge {shown} fieldSpec") from None
        if all(merged[name] is getattr(self, name) for name in _TITLES):
            return self
        return TransformerConfig(**merged).sorted()

    @cached_property
    def _settled(self) -> TransformerConfig:
        """Merges into nothing: a spec for any kind yields to one of the same path before it."""
        lists: dict[str, Any] = {
            name: (_merge_references if name == "name_reference" else merge_all)(
                (), getattr(self, name)
            )
            for name in _TITLES
        }
        settled = TransformerConfig(**lists).sorted()
        return self if all(getattr(self, n) == getattr(settled, n) for n in _TITLES) else settled

    @cached_property
    def is_empty(self) -> bool:
        """Whether there is no spec at all."""
        return not any(getattr(self, name) for name in _TITLES)

    def sorted(self) -> TransformerConfig:
        """Sorts every list by kind."""
        ordered: dict[str, Any] = {
            name: sorted_specs(getattr(self, name)) for name in _TITLES if name != "name_reference"
        }
        references = sorted(self.name_reference, key=lambda reference: gvk_order(reference.gvk))
        return TransformerConfig(name_reference=tuple(references), **ordered)

    def uses_of(self, gvk: Gvk) -> tuple[NameUse, ...]:
        """Returns every field in which objects of a kind name others, in order."""
        uses = self._uses.get(gvk)
        if uses is None:
            uses = tuple(
                NameUse(reference.gvk, spec)
                for reference in self.name_reference
                for spec in reference.users
                if spec.matches(gvk)
            )
            self._uses[gvk] = uses
        return uses

    def with_specs(self, **changes: Any) -> TransformerConfig:
        """Returns a copy with other lists."""
        return replace(self, _uses={}, **changes)


_TITLES = {
    "name_prefix": "NamePrefix",
    "name_suffix": "NameSuffix",
    "namespace": "NameSpace",
    "common_annotations": "CommonAnnotations",
    "common_labels": "CommonLabels",
    "labels": "Labels",
    "template_labels": "TemplateLabels",
    "var_reference": "VarReference",
    "name_reference": "NameReference",
    "images": "Images",
    "replicas": "Replicas",
}
_JSON_NAMES = {
    "nameprefix": "name_prefix",
    "namesuffix": "name_suffix",
    "namespace": "namespace",
    "commonlabels": "common_labels",
    "labels": "labels",
    "templatelabels": "template_labels",
    "commonannotations": "common_annotations",
    "namereference": "name_reference",
    "varreference": "var_reference",
    "images": "images",
    "replicas": "replicas",
}
assert set(_TITLES) == {item.name for item in fields(TransformerConfig)} - {"_uses"}


def _merge_references(
    mine: tuple[NameReference, ...], theirs: Sequence[NameReference]
) -> tuple[NameReference, ...]:
    result = list(mine)
    for incoming in theirs:
        for index, known in enumerate(result):
            if known.gvk == incoming.gvk:
                result[index] = NameReference(known.gvk, merge_all(known.users, incoming.users))
                break
        else:
            result.append(incoming)
    return tuple(result)


def parse_config(content: bytes, *, source: str = "") -> TransformerConfig:
    """Reads one file of ``configurations``.

    Raises:
        BuildFailed: not YAML, or a field that does not exist.
    """
    try:
        documents = load_all(content, "sigs", source=source)
    except YamlError as error:
        raise BuildFailed(
            f"error converting YAML to JSON: {error.problem}", file=source, line=error.line
        ) from None
    value = documents[0].value if documents else None
    if value is None:
        return TransformerConfig()
    if not isinstance(value, dict):
        raise _mistyped(value, "builtinconfig.TransformerConfig", source)
    lists: dict[str, Any] = {}
    for key, items in value.items():
        name = _JSON_NAMES.get(key.lower())
        if name is None:
            raise _unknown(key, source)
        read = _reference if name == "name_reference" else _field_spec
        lists[name] = tuple(read(item, source) for item in items or ())
    return TransformerConfig(**lists).sorted()


def _unknown(key: str, source: str) -> BuildFailed:
    problem = f'error unmarshaling JSON: while decoding JSON: json: unknown field "{key}"'
    return BuildFailed(problem, file=source)


def _mistyped(value: Any, wanted: str, source: str) -> BuildFailed:
    shown = {list: "array", str: "string", bool: "bool", dict: "object"}.get(type(value), "number")
    problem = f"json: cannot unmarshal {shown} into Go value of type {wanted}"
    return BuildFailed(f"error unmarshaling JSON: while decoding JSON: {problem}", file=source)


def _field_spec(value: Any, source: str) -> FieldSpec:
    parts = _parts(value, ("group", "version", "kind", "path", "create"), source)
    gvk = Gvk(parts.get("group") or "", parts.get("version") or "", parts.get("kind") or "")
    return FieldSpec(parts.get("path") or "", gvk, bool(parts.get("create")))


def _reference(value: Any, source: str) -> NameReference:
    parts = _parts(value, ("group", "version", "kind", "fieldspecs"), source)
    gvk = Gvk(parts.get("group") or "", parts.get("version") or "", parts.get("kind") or "")
    users = tuple(_field_spec(item, source) for item in parts.get("fieldspecs") or ())
    return NameReference(gvk, users)


def _parts(value: Any, known: Sequence[str], source: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _mistyped(value, "types.FieldSpec", source)
    result: dict[str, Any] = {}
    for key, item in value.items():
        if key.lower() not in known:
            raise _unknown(key, source)
        result[key.lower()] = item
    return result
