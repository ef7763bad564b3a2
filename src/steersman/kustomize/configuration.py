"""The configuration of transformers: which fields each of them changes.

``configurations`` of a kustomization and its ``crds`` add to the defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize.decode import Decoder, Place, Struct, boolean, list_of, text
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
        BuildFailed: not YAML, a field that does not exist, or a value of another type.
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
    try:
        config: TransformerConfig = _CONFIG(value, Place("TransformerConfig"))
    except BuildFailed as error:
        problem = f"error unmarshaling JSON: while decoding JSON: {error.problem}"
        raise BuildFailed(problem, file=source) from None
    return config.sorted()


def _of_gvk(value: Any, place: Place) -> str:
    *outer, name = place.path
    return text(value, Place(place.struct, (*outer, "Gvk", name)))


def _path(value: Any, place: Place) -> str:
    """A path may look like a number."""
    return text(value, Place(place.struct, place.path, lenient=True))


def _slice(item: Struct, go_type: str) -> Decoder:
    decode = list_of(item, go_type)

    def named(value: Any, place: Place) -> Any:
        if not isinstance(value, list):
            raise place.wrong(value, go_type)
        return tuple(decode(value, place))

    return named


def _field_spec(
    group: str = "", version: str = "", kind: str = "", path: str = "", create: bool = False
) -> FieldSpec:
    return FieldSpec(path, Gvk(group, version, kind), create)


def _reference(
    group: str = "", version: str = "", kind: str = "", users: tuple[FieldSpec, ...] = ()
) -> NameReference:
    return NameReference(Gvk(group, version, kind), users)


_GVK: dict[str, tuple[str, Decoder]] = {
    "group": ("group", _of_gvk),
    "version": ("version", _of_gvk),
    "kind": ("kind", _of_gvk),
}
_SPECS = _slice(
    Struct(
        _field_spec, "FieldSpec", {**_GVK, "path": ("path", _path), "create": ("create", boolean)}
    ),
    "types.FsSlice",
)
_REFERENCES = _slice(
    Struct(
        _reference,
        "NameBackReferences",
        {**_GVK, "fieldSpecs": ("users", _SPECS)},
        package="builtinconfig",
    ),
    "builtinconfig.nbrSlice",
)
_CONFIG = Struct(
    TransformerConfig,
    "TransformerConfig",
    {
        "namePrefix": ("name_prefix", _SPECS),
        "nameSuffix": ("name_suffix", _SPECS),
        "namespace": ("namespace", _SPECS),
        "commonLabels": ("common_labels", _SPECS),
        "labels": ("labels", _SPECS),
        "templateLabels": ("template_labels", _SPECS),
        "commonAnnotations": ("common_annotations", _SPECS),
        "nameReference": ("name_reference", _REFERENCES),
        "varReference": ("var_reference", _SPECS),
        "images": ("images", _SPECS),
        "replicas": ("replicas", _SPECS),
    },
    package="builtinconfig",
)
