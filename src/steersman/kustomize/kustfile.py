"""Reads kustomization files: names, fields, and the fix-ups of old fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize.context import BuildContext
from steersman.kustomize.decode import (
    Decoder,
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
from steersman.kustomize.filesystem import join
from steersman.kustomize.ids import Gvk, ResId
from steersman.kustomize.loader import Loader
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
    "CONFIG_MAP_FIELDS",
    "FIELD_SPECS",
    "IMAGE",
    "KUSTOMIZATION_NAMES",
    "PATCH_OPTIONS",
    "REPLACEMENTS",
    "REPLICA",
    "SECRET_FIELDS",
    "SELECTOR",
    "SORT_OPTIONS",
    "decode_kustomization",
    "fixed",
    "known_fields",
    "parse_kustomization",
    "parse_replacement",
    "read_kustomization",
]

KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""File names of a kustomization, in the order they are looked for."""


def _many(item: Any) -> Any:
    """Decodes a list into a tuple."""
    return lambda value, place: tuple(item(value, place))


_ID = {
    "group": ("group", text),
    "version": ("version", text),
    "kind": ("kind", text),
    "name": ("name", text),
    "namespace": ("namespace", text),
}
SELECTOR = Struct(
    Selector,
    "Selector",
    {
        **_ID,
        "annotationSelector": ("annotation_selector", text),
        "labelSelector": ("label_selector", text),
    },
)
PATCH_OPTIONS = Struct(
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
        "target": ("target", SELECTOR),
        "options": ("options", PATCH_OPTIONS),
    },
)
IMAGE = Struct(
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
REPLICA = Struct(Replica, "Replica", {"name": ("name", text), "count": ("count", integer("int64"))})
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
        "select": ("select", SELECTOR),
        "reject": ("reject", _many(list_of(SELECTOR, "*types.Selector"))),
        "fieldPaths": ("field_paths", _many(list_of(text, "string"))),
        "options": ("options", _FIELD_OPTIONS),
    },
)
_REPLACEMENT_FIELDS: dict[str, tuple[str, Decoder]] = {
    "source": ("source", _SOURCE),
    "sourceValue": ("source_value", text),
    "targets": ("targets", _many(list_of(_TARGET, "*types.TargetSelector"))),
}
_REPLACEMENT = Struct(
    Replacement, "ReplacementField", {**_REPLACEMENT_FIELDS, "path": ("path", text)}
)
REPLACEMENTS = list_of(_REPLACEMENT, "types.ReplacementField")


def _build_variable(
    name: str = "", objref: tuple[ResId, str] | None = None, fieldref: str = ""
) -> Variable:
    target, shown = objref or (ResId(Gvk(), ""), str(Gvk()))
    written = f"{{{name} {shown} {{{fieldref}}}}}"
    field_path = fieldref or "metadata.name"
    return Variable(name=name, target=target, field_path=field_path, written=written)


def _build_target(api_version: str = "", **parts: str) -> tuple[ResId, str]:
    shown = str(_build_id(**parts).gvk)
    if api_version:
        group, slash, version = api_version.partition("/")
        parts |= {"group": group, "version": version} if slash else {"version": api_version}
    return _build_id(**parts), shown


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
                lambda path="": path,
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
CONFIG_MAP_FIELDS = {
    "name": ("name", text),
    "namespace": ("namespace", text),
    "behavior": ("behavior", text),
    "literals": ("literals", _TEXTS),
    "files": ("files", _TEXTS),
    "envs": ("envs", _TEXTS),
    "env": ("env", text),
    "options": ("options", _GENERATOR_OPTIONS),
}
SECRET_FIELDS = {**CONFIG_MAP_FIELDS, "type": ("type", text)}
_CONFIG_MAP = Struct(GeneratorArgs, "ConfigMapArgs", CONFIG_MAP_FIELDS)

_SECRET = Struct(GeneratorArgs, "SecretArgs", SECRET_FIELDS)


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
                dict,
                "LegacySortOptions",
                {"orderFirst": ("first", _TEXTS), "orderLast": ("last", _TEXTS)},
            ),
        ),
    },
)  # fmt: skip
"""Decodes ``sortOptions``."""

_FIELDS: dict[str, tuple[str, Decoder]] = {
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
    "patchesStrategicMerge": (
        "patches_strategic_merge", list_of(text, "types.PatchStrategicMerge")
    ),
    "patchesJson6902": ("patches_json6902", list_of(_PATCH, "types.Patch")),
    "patches": ("patches", list_of(_PATCH, "types.Patch")),
    "images": ("images", list_of(IMAGE, "types.Image")),
    "imageTags": ("image_tags", list_of(IMAGE, "types.Image")),
    "replacements": ("replacements", REPLACEMENTS),
    "replicas": ("replicas", list_of(REPLICA, "types.Replica")),
    "vars": ("vars", list_of(_VARIABLE, "types.Var")),
    "sortOptions": ("sort_options", SORT_OPTIONS),
    "resources": ("resources", list_of(text, "string")),
    "components": ("components", list_of(text, "string")),
    "crds": ("crds", list_of(text, "string")),
    "bases": ("bases", list_of(text, "string")),
    "configMapGenerator": ("config_map_generator", list_of(_CONFIG_MAP, "types.ConfigMapArgs")),
    "secretGenerator": ("secret_generator", list_of(_SECRET, "types.SecretArgs")),
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
    replacement: Replacement = struct(value, Place("Replacement", lenient=True))
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


def read_kustomization(loader: Loader, context: BuildContext) -> tuple[str, Kustomization]:
    """Finds and reads the kustomization file in a loader's directory.

    Returns:
        Its name and its content, old fields moved.

    Raises:
        BuildFailed: none, several, empty, or malformed.
    """
    found = [name for name in KUSTOMIZATION_NAMES if loader.files.is_file(join(loader.root, name))]
    if not found:
        quoted = [f"'{name}'" for name in KUSTOMIZATION_NAMES]
        names = f"{', '.join(quoted[:-1])} or {quoted[-1]}"
        raise BuildFailed(f"unable to find one of {names} in directory '{loader.root}'")
    if len(found) > 1:
        raise BuildFailed(f"Found multiple kustomization files under: {loader.root}\n")
    path = join(loader.root, found[0])
    kustomization, warnings = _read(loader.files.read(path), path)
    for warning in warnings:
        context.warn(warning)
    errors = _wrong_types(kustomization)
    if errors:
        shown = "\n".join(errors)
        raise BuildFailed(
            f"Failed to read kustomization file under {loader.root}:\n{shown}", file=path
        )
    return found[0], kustomization


@lru_cache(maxsize=2048)
def _read(content: bytes, path: str) -> tuple[Kustomization, tuple[str, ...]]:
    raw_file = parse_kustomization(content, source=path)
    warnings = tuple(_warnings(raw_file))
    kustomization = fixed(raw_file)
    blank = Kustomization(api_version=kustomization.api_version, kind=kustomization.kind)
    if kustomization == blank:
        raise BuildFailed("kustomization.yaml is empty", file=path)
    return kustomization, warnings


_DEPRECATED = {
    "bases": ("bases", "resources", ""),
    "common_labels": ("commonLabels", "labels", ""),
    "image_tags": ("imageTags", "images", ""),
    "patches_json6902": ("patchesJson6902", "patches", ""),
    "patches_strategic_merge": ("patchesStrategicMerge", "patches", ""),
    "vars": ("vars", "replacements", "[EXPERIMENTAL] "),
}


def _warnings(kustomization: Kustomization) -> Iterator[str]:
    for attribute, (old, new, note) in _DEPRECATED.items():
        if getattr(kustomization, attribute) is not None:
            yield (
                f"# Warning: '{old}' is deprecated. Please use '{new}' instead. {note}"
                "Run 'kustomize edit fix' to update your Kustomization automatically."
            )


def _wrong_types(kustomization: Kustomization) -> list[str]:
    kind = kustomization.kind
    errors = []
    if kind not in ("Kustomization", "Component"):
        errors.append("kind should be Kustomization or Component")
    version = "v1alpha1" if kind == "Component" else "v1beta1"
    wanted = f"kustomize.config.k8s.io/{version}"
    if kustomization.api_version != wanted:
        errors.append(f"apiVersion for {kind} should be {wanted}")
    return errors


def known_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """Drops the fields that no kustomization has, and puts the others in their usual case."""
    names = {name.lower(): name for name in _FIELDS}
    return {names[key.lower()]: item for key, item in value.items() if key.lower() in names}
