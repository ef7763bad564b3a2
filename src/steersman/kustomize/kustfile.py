"""Reads kustomization files: names, fields, and the fix-ups of old fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize.decode import (
    Place,
    Struct,
    boolean,
    integer,
    list_of,
    map_of_text,
    raw,
    text,
)
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.ids import Gvk, ResId
from steersman.kustomize.model import (
    FieldOptions,
    GeneratorArgs,
    GeneratorOptions,
    Image,
    Kustomization,
    LabelEntry,
    Patch,
    PatchOptions,
    Replacement,
    Replica,
    Selector,
    SortOptions,
    SourceSelector,
    TargetSelector,
    Variable,
)

__all__ = [
    "CONFIG_MAP_ARGS",
    "FIELD_SPECS",
    "KUSTOMIZATION_NAMES",
    "SECRET_ARGS",
    "SORT_OPTIONS",
    "decode_kustomization",
    "fixed",
    "parse_kustomization",
    "parse_replacement",
]

KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""File names of a kustomization, in the order they are looked for."""


def _many(item: Any) -> Any:
    """Decodes a list into a tuple."""
    return lambda value, place: tuple(item(value, place))


def _plainly(decoder: Any, build: Any) -> Any:
    return lambda value, place: build(decoder(value, place))


_ID = {
    "group": ("group", text),
    "version": ("version", text),
    "kind": ("kind", text),
    "name": ("name", text),
    "namespace": ("namespace", text),
}
_SELECTOR = Struct(
    Selector,
    "Selector",
    {
        **_ID,
        "annotationSelector": ("annotation_selector", text),
        "labelSelector": ("label_selector", text),
    },
)
_PATCH_OPTIONS = Struct(
    PatchOptions,
    "PatchArgs",
    {
        "allowNameChange": ("allow_name_change", boolean),
        "allowKindChange": ("allow_kind_change", boolean),
    },
)
_PATCH = Struct(
    Patch,
    "Patch",
    {
        "path": ("path", text),
        "patch": ("patch", text),
        "target": ("target", _SELECTOR),
        "options": ("options", _PATCH_OPTIONS),
    },
)
_IMAGE = Struct(
    Image,
    "Image",
    {
        "name": ("name", text),
        "newName": ("new_name", text),
        "tagSuffix": ("tag_suffix", text),
        "newTag": ("new_tag", text),
        "digest": ("digest", text),
    },
)


def _build_spec(
    group: str = "", version: str = "", kind: str = "", path: str = "", create: bool = False
) -> FieldSpec:
    return FieldSpec(path, Gvk(group, version, kind), create)


_FIELD_SPEC = Struct(
    _build_spec,
    "FieldSpec",
    {
        "group": ("group", text),
        "version": ("version", text),
        "kind": ("kind", text),
        "path": ("path", text),
        "create": ("create", boolean),
    },
)
FIELD_SPECS = _many(list_of(_FIELD_SPEC, "types.FieldSpec"))
"""Decodes a list of field specs."""

_LABEL = Struct(
    LabelEntry,
    "Label",
    {
        "pairs": ("pairs", map_of_text),
        "includeSelectors": ("include_selectors", boolean),
        "includeTemplates": ("include_templates", boolean),
        "fields": ("fields", FIELD_SPECS),
    },
)
_REPLICA = Struct(
    Replica, "Replica", {"name": ("name", text), "count": ("count", integer("int64"))}
)
_FIELD_OPTIONS = Struct(
    FieldOptions,
    "FieldOptions",
    {
        "delimiter": ("delimiter", text),
        "index": ("index", integer("int")),
        "encoding": ("encoding", text),
        "create": ("create", boolean),
    },
)


def _build_id(
    group: str = "", version: str = "", kind: str = "", name: str = "", namespace: str = ""
) -> ResId:
    return ResId(Gvk(group, version, kind), name, namespace)


def _build_source(
    field_path: str = "", options: FieldOptions | None = None, **parts: str
) -> SourceSelector:
    return SourceSelector(id=_build_id(**parts), field_path=field_path, options=options)


_SOURCE = Struct(
    _build_source,
    "SourceSelector",
    {**_ID, "fieldPath": ("field_path", text), "options": ("options", _FIELD_OPTIONS)},
)
_TARGET = Struct(
    TargetSelector,
    "TargetSelector",
    {
        "select": ("select", _SELECTOR),
        "reject": ("reject", _many(list_of(_SELECTOR, "*types.Selector"))),
        "fieldPaths": ("field_paths", _many(list_of(text, "string"))),
        "options": ("options", _FIELD_OPTIONS),
    },
)
_REPLACEMENT_FIELDS = {
    "source": ("source", _SOURCE),
    "sourceValue": ("source_value", text),
    "targets": ("targets", _many(list_of(_TARGET, "*types.TargetSelector"))),
}
_REPLACEMENT = Struct(
    Replacement, "ReplacementField", {**_REPLACEMENT_FIELDS, "path": ("path", text)}
)


def _build_variable(
    name: str = "", objref: ResId | None = None, fieldref: str = "metadata.name"
) -> Variable:
    return Variable(name=name, target=objref or ResId(Gvk(), ""), field_path=fieldref)


def _build_target(api_version: str = "", **parts: str) -> ResId:
    if api_version:
        group, slash, version = api_version.partition("/")
        parts |= {"group": group, "version": version} if slash else {"version": api_version}
    return _build_id(**parts)


_VARIABLE = Struct(
    _build_variable,
    "Var",
    {
        "name": ("name", text),
        "objref": (
            "objref",
            Struct(_build_target, "Target", {**_ID, "apiVersion": ("api_version", text)}),
        ),
        "fieldref": (
            "fieldref",
            Struct(
                lambda path="": path or "metadata.name",
                "FieldSelector",
                {"fieldPath": ("path", text)},
            ),
        ),
    },
)
_GENERATOR_OPTIONS = Struct(
    GeneratorOptions,
    "GeneratorOptions",
    {
        "labels": ("labels", map_of_text),
        "annotations": ("annotations", map_of_text),
        "disableNameSuffixHash": ("disable_name_suffix_hash", boolean),
        "immutable": ("immutable", boolean),
    },
)
_TEXTS = _many(list_of(text, "string"))
_GENERATOR_FIELDS = {
    "name": ("name", text),
    "namespace": ("namespace", text),
    "behavior": ("behavior", text),
    "literals": ("literals", _TEXTS),
    "files": ("files", _TEXTS),
    "envs": ("envs", _TEXTS),
    "env": ("env", text),
    "options": ("options", _GENERATOR_OPTIONS),
}
CONFIG_MAP_ARGS = Struct(GeneratorArgs, "ConfigMapArgs", _GENERATOR_FIELDS)
"""Decodes an entry of ``configMapGenerator``."""

SECRET_ARGS = Struct(GeneratorArgs, "SecretArgs", {**_GENERATOR_FIELDS, "type": ("type", text)})
"""Decodes an entry of ``secretGenerator``."""


def _build_sort(
    order: str = "", legacy: Mapping[str, tuple[str, ...]] | None = None
) -> SortOptions:
    if legacy is None:
        return SortOptions(order=order)
    first, last = legacy.get("first", ()), legacy.get("last", ())
    return SortOptions(order=order, first=first, last=last, has_legacy_options=True)


SORT_OPTIONS = Struct(
    _build_sort,
    "SortOptions",
    {
        "order": ("order", text),
        "legacySortOptions": (
            "legacy",
            Struct(
                dict, "LegacySortOptions", {"orderFirst": ("first", _TEXTS), "orderLast": ("last", _TEXTS)}
            ),
        ),
    },
)  # fmt: skip
"""Decodes ``sortOptions``."""

_FIELDS = {
    "kind": ("kind", text),
    "apiVersion": ("api_version", text),
    "metadata": ("metadata", raw),
    "openapi": ("openapi", map_of_text),
    "namePrefix": ("name_prefix", text),
    "nameSuffix": ("name_suffix", text),
    "namespace": ("namespace", text),
    "commonLabels": ("common_labels", map_of_text),
    "labels": ("labels", list_of(_LABEL, "types.Label")),
    "commonAnnotations": ("common_annotations", map_of_text),
    "patchesStrategicMerge": ("patches_strategic_merge", list_of(text, "types.PatchStrategicMerge")),
    "patchesJson6902": ("patches_json6902", list_of(_PATCH, "types.Patch")),
    "patches": ("patches", list_of(_PATCH, "types.Patch")),
    "images": ("images", list_of(_IMAGE, "types.Image")),
    "imageTags": ("image_tags", list_of(_IMAGE, "types.Image")),
    "replacements": ("replacements", list_of(_REPLACEMENT, "types.ReplacementField")),
    "replicas": ("replicas", list_of(_REPLICA, "types.Replica")),
    "vars": ("vars", list_of(_VARIABLE, "types.Var")),
    "sortOptions": ("sort_options", SORT_OPTIONS),
    "resources": ("resources", list_of(text, "string")),
    "components": ("components", list_of(text, "string")),
    "crds": ("crds", list_of(text, "string")),
    "bases": ("bases", list_of(text, "string")),
    "configMapGenerator": ("config_map_generator", list_of(CONFIG_MAP_ARGS, "types.ConfigMapArgs")),
    "secretGenerator": ("secret_generator", list_of(SECRET_ARGS, "types.SecretArgs")),
    "helmGlobals": ("helm_globals", raw),
    "helmCharts": ("helm_charts", list_of(raw, "types.HelmChart")),
    "helmChartInflationGenerator": (
        "helm_chart_inflation_generator", list_of(raw, "types.HelmChartArgs")
    ),
    "generatorOptions": ("generator_options", _GENERATOR_OPTIONS),
    "configurations": ("configurations", list_of(text, "string")),
    "generators": ("generators", list_of(text, "string")),
    "transformers": ("transformers", list_of(text, "string")),
    "validators": ("validators", list_of(text, "string")),
    "buildMetadata": ("build_metadata", list_of(text, "string")),
}  # fmt: skip
_KUSTOMIZATION = Struct(Kustomization, "Kustomization", _FIELDS)


def parse_kustomization(content: bytes | str, *, source: str = "") -> Kustomization:
    """Reads a kustomization file; old fields are kept apart for :func:`fixed`.

    Raises:
        BuildFailed: not YAML, an unknown field, or a value of the wrong type.
    """
    try:
        documents = load_all(content, "sigs", source=source)
    except YamlError as error:
        raise BuildFailed(
            f"invalid Kustomization: {error.problem}", file=source, line=error.line
        ) from None
    value = documents[0].value if documents else None
    return decode_kustomization({} if value is None else value, source=source)


def decode_kustomization(value: Any, *, source: str = "") -> Kustomization:
    """Decodes the plain value of a kustomization file."""
    try:
        decoded: Kustomization = _KUSTOMIZATION(value, Place("Kustomization"))
    except BuildFailed as error:
        raise error.within("invalid Kustomization").placed(source) from None
    return decoded


def parse_replacement(value: Any) -> Replacement:
    """Decodes one replacement of a file that ``replacements[].path`` names."""
    struct = Struct(Replacement, "Replacement", _REPLACEMENT_FIELDS)
    replacement: Replacement = struct(value, Place("Replacement"))
    return replacement


def fixed(kustomization: Kustomization) -> Kustomization:
    """Moves deprecated fields to their successors."""
    kind = kustomization.kind or "Kustomization"
    version = "v1alpha1" if kind == "Component" else "v1beta1"
    return replace(
        kustomization,
        kind=kind,
        api_version=kustomization.api_version or f"kustomize.config.k8s.io/{version}",
        resources=[*kustomization.resources, *(kustomization.bases or ())],
        bases=None,
        images=[*kustomization.images, *(kustomization.image_tags or ())],
        image_tags=None,
        config_map_generator=[_with_env(args) for args in kustomization.config_map_generator],
        secret_generator=[_with_env(args) for args in kustomization.secret_generator],
        helm_charts=[*kustomization.helm_charts, *kustomization.helm_chart_inflation_generator],
        helm_chart_inflation_generator=[],
    )


def _with_env(args: GeneratorArgs) -> GeneratorArgs:
    return replace(args, envs=(*args.envs, args.env), env="") if args.env else args
