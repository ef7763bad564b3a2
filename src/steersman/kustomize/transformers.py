"""The transformers that a kustomization's own fields ask for, in kustomize's order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from steersman.kit.yaml import YamlError, dump, load_all
from steersman.kustomize.configuration import TransformerConfig
from steersman.kustomize.context import BuildContext
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec, merge_all, merge_one
from steersman.kustomize.filters.affixes import add_affix
from steersman.kustomize.filters.images import set_image, set_images_everywhere
from steersman.kustomize.filters.labels import set_entries
from steersman.kustomize.filters.namespaces import SubjectMode, set_namespace
from steersman.kustomize.filters.patches import (
    apply_json_patch_to,
    apply_merge_patch,
    load_patch,
    parse_json_patch,
)
from steersman.kustomize.filters.replacements import replace
from steersman.kustomize.filters.replicas import set_replicas_of
from steersman.kustomize.kustfile import parse_replacement
from steersman.kustomize.loader import Loader
from steersman.kustomize.model import Image, Kustomization, LabelEntry, Patch, Replacement
from steersman.kustomize.node import to_json
from steersman.kustomize.parse import parse_resources
from steersman.kustomize.resource import HELM_GENERATED, Resource
from steersman.kustomize.resourceset import ResourceSet

__all__ = [
    "Transformer",
    "annotate",
    "built_in_transformers",
    "json_patch_transformer",
    "label",
    "load_replacements",
    "merge_patch_transformer",
    "namespace_transformer",
    "patch_transformer",
    "rename_images",
]

Transformer: TypeAlias = Callable[[ResourceSet], None]


def built_in_transformers(
    kustomization: Kustomization, config: TransformerConfig, loader: Loader, context: BuildContext
) -> Iterator[tuple[str, Transformer]]:
    """Yields (kind, transformer) for everything the kustomization asks for, patches first.

    All are configured before the first is to run; errors in any of them come first.
    """
    built = list(_all(kustomization, config, loader, context))
    yield from built


def _all(
    kustomization: Kustomization, config: TransformerConfig, loader: Loader, context: BuildContext
) -> Iterator[tuple[str, Transformer]]:
    k = kustomization
    if k.patches_strategic_merge:
        yield "PatchStrategicMergeTransformer", _old_merge_patches(k, loader, context)
    for patch in k.patches:
        make: Callable[[], Transformer] = partial(patch_transformer, patch, loader, context)
        yield "PatchTransformer", _configured("PatchTransformer", _patch_config(patch), make)
    if k.namespace:
        yield "NamespaceTransformer", namespace_transformer(k.namespace, config.namespace)
    if k.name_prefix:
        yield (
            "PrefixTransformer",
            partial(add_affix, specs=config.name_prefix, affix=k.name_prefix, side="prefix"),
        )
    if k.name_suffix:
        yield (
            "SuffixTransformer",
            partial(add_affix, specs=config.name_suffix, affix=k.name_suffix, side="suffix"),
        )
    if k.labels or k.common_labels:
        for entry in k.labels:
            specs = _label_specs(entry, config)
            yield "LabelTransformer", partial(label, specs=specs, pairs=entry.pairs)
        yield (
            "LabelTransformer",
            partial(label, specs=config.common_labels, pairs=k.common_labels or {}),
        )
    if k.common_annotations:
        yield (
            "AnnotationsTransformer",
            partial(annotate, specs=config.common_annotations, pairs=k.common_annotations),
        )
    for patch in k.patches_json6902 or ():
        kind, make = "PatchJson6902Transformer", partial(json_patch_transformer, patch, loader)
        yield kind, _configured(kind, _json_patch_config(patch), make)
    for replica in k.replicas:
        yield (
            "ReplicaCountTransformer",
            partial(set_replicas_of, specs=config.replicas, replica=replica),
        )
    for image in k.images:
        yield "ImageTagTransformer", partial(rename_images, specs=config.images, image=image)
    if k.replacements:
        replacements = load_replacements(k.replacements, loader)
        yield "ReplacementTransformer", lambda resources: replace(list(resources), replacements)


def _configured(kind: str, config: object, make: Callable[[], Transformer]) -> Transformer:
    try:
        return make()
    except BuildFailed as error:
        shown = dump(config)
        raise error.within(f"trouble configuring builtin {kind} with config: `\n{shown}`") from None


def _patch_config(patch: Patch) -> dict[str, object]:
    config: dict[str, object] = {"path": patch.path, "patch": patch.patch}
    if patch.target is not None:
        config["target"] = _selector_config(patch)
    if patch.options is not None:
        options = patch.options
        given = {
            "allowNameChange": options.allow_name_change,
            "allowKindChange": options.allow_kind_change,
        }
        config["options"] = {key: value for key, value in given.items() if value}
    return {key: value for key, value in config.items() if value != ""}


def _json_patch_config(patch: Patch) -> dict[str, object]:
    config: dict[str, object] = {"path": patch.path, "jsonOp": patch.patch}
    if patch.target is not None:
        config["target"] = _selector_config(patch)
    return {key: value for key, value in config.items() if value != ""}


def _selector_config(patch: Patch) -> dict[str, str]:
    target = patch.target
    assert target is not None
    parts = {
        "group": target.group,
        "version": target.version,
        "kind": target.kind,
        "name": target.name,
        "namespace": target.namespace,
        "annotationSelector": target.annotation_selector,
        "labelSelector": target.label_selector,
    }
    return {key: value for key, value in parts.items() if value}


def _old_merge_patches(k: Kustomization, loader: Loader, context: BuildContext) -> Transformer:
    paths = k.patches_strategic_merge or []
    make = partial(merge_patch_transformer, paths, "", loader, context)
    return _configured("PatchStrategicMergeTransformer", {"paths": paths}, make)


def merge_patch_transformer(
    paths: Sequence[str], text: str, loader: Loader, context: BuildContext
) -> Transformer:
    """Reads strategic merge patches, from files or written out in place of a path.

    Raises:
        BuildFailed: nothing given, or nothing in it.
    """
    if not paths and not text:
        raise BuildFailed("empty file path and empty patch content")
    patches: list[Resource] = []
    for path in paths:
        try:
            patches += parse_resources(path, context.schema)
        except BuildFailed:
            patches += _patches_in_file(path, loader, context)
    if text:
        patches += parse_resources(text, context.schema)
    if not patches:
        shown = " ".join(paths)
        raise BuildFailed(f"patch appears to be empty; files=[{shown}], Patch={text}")

    def transform(resources: ResourceSet) -> None:
        for patch in patches:
            target = resources.the_one(patch.original_id)
            apply_merge_patch(resources, [target], patch)

    return transform


def _patches_in_file(path: str, loader: Loader, context: BuildContext) -> list[Resource]:
    content = loader.load(path)
    try:
        return parse_resources(content, context.schema, file=loader.real_path(path))
    except BuildFailed as error:
        if "MalformedYAMLError" in error.problem:
            raise error.reworded(f"{error.problem} in File: {path}") from None
        raise


def patch_transformer(
    patch: Patch, loader: Loader, context: BuildContext, *, shown: str = ""
) -> Transformer:
    """Reads one entry of ``patches``.

    Args:
        patch: the entry.
        loader: reads its file.
        context: what the build shares.
        shown: the configuration as errors show it; made from the entry when empty.

    Raises:
        BuildFailed: neither or both of path and patch, or it cannot be read.
    """
    text = patch.patch.strip()
    shown = shown or dump(_patch_config(patch))
    if not text and not patch.path:
        raise BuildFailed(f"must specify one of patch and path in\n{shown}")
    if text and patch.path:
        raise BuildFailed(f"patch and path can't be set at the same time\n{shown}")
    source = f"[patch: {json.dumps(text, ensure_ascii=False)}]"
    if patch.path:
        source = f'[path: "{patch.path}"]'
        try:
            text = loader.load(patch.path).decode("utf-8", "surrogateescape")
        except BuildFailed as error:
            raise error.within(f"failed to get the patch file from path({patch.path})") from None
    loaded = load_patch(
        text, source, target=patch.target, options=patch.options, schema=context.schema
    )
    return loaded.apply


def json_patch_transformer(patch: Patch, loader: Loader) -> Transformer:
    """Reads one entry of ``patchesJson6902``.

    Raises:
        BuildFailed: no target name, neither or both of path and patch, or it cannot be read.
    """
    target = patch.target
    if target is None or not target.name:
        raise BuildFailed("must specify the target name")
    text = patch.patch
    if not patch.path and not text:
        raise BuildFailed("empty file path and empty jsonOp")
    if patch.path:
        if text:
            raise BuildFailed("must specify a file path or jsonOp, not both")
        text = loader.load(patch.path).decode("utf-8", "surrogateescape")
        if not text:
            raise BuildFailed(f"patch file '{patch.path}' empty seems to be empty")
    try:
        operations = parse_json_patch(text)
    except BuildFailed as error:
        if not error.problem.startswith("json: "):
            raise
        shown = text if text.startswith("[") else to_json(_as_json(text))
        raise error.within(f"decoding {shown}") from None
    if not operations:
        raise BuildFailed(f"patch appears to be empty; file={patch.path}, JsonOp={text}")

    def transform(resources: ResourceSet) -> None:
        for resource in resources.select(target):
            apply_json_patch_to(resource, operations)

    return transform


def _as_json(text: str) -> object:
    documents = load_all(text, "sigs")
    return documents[0].value if documents else None


def namespace_transformer(
    namespace: str,
    specs: Sequence[FieldSpec],
    *,
    subjects: SubjectMode = "defaultOnly",
    unset_only: bool = False,
) -> Transformer:
    """Returns the transformer that puts objects into a namespace."""

    def transform(resources: ResourceSet) -> None:
        counts = Counter(resource.id.key for resource in resources)
        for resource in resources:
            if resource.is_gone or resource.annotations.get(HELM_GENERATED) == "true":
                continue
            before = resource.id
            resource.store_previous_id()
            resource.tree = set_namespace(
                resource.tree,
                namespace,
                specs,
                cluster_scoped=before.cluster_scoped,
                subjects=subjects,
                unset_only=unset_only,
            )
            counts[before.key] -= 1
            counts[resource.id.key] += 1
            if counts[resource.id.key] != 1:
                same = resources.with_current_id(resource.id)
                shown = " ".join(to_json(match.tree) for match in same)
                raise BuildFailed(
                    f"namespace transformation produces ID conflict: [{shown}]",
                    object=str(resource.id),
                )

    return transform


def _label_specs(entry: LabelEntry, config: TransformerConfig) -> tuple[FieldSpec, ...]:
    try:
        specs = merge_all(entry.fields, config.labels)
        if entry.include_selectors:
            return merge_all(specs, config.common_labels)
        if entry.include_templates:
            try:
                specs = merge_all(specs, config.template_labels)
            except BuildFailed as error:
                raise error.within("failed to merge template fieldSpec") from None
        return merge_one(specs, FieldSpec("metadata/labels", create=True))
    except BuildFailed as error:
        raise error.within("failed to merge labels") from None


def label(resources: ResourceSet, specs: Sequence[FieldSpec], pairs: Mapping[str, str]) -> None:
    """Writes labels into all objects."""
    if pairs:
        for resource in resources:
            resource.tree = set_entries(resource.tree, specs, pairs)


annotate = label


def rename_images(resources: ResourceSet, specs: Sequence[FieldSpec], image: Image) -> None:
    """Renames an image in all objects."""
    for resource in resources:
        resource.tree = set_images_everywhere(resource.tree, image)
    for resource in resources:
        resource.tree = set_image(resource.tree, specs, image)


def load_replacements(entries: Sequence[Replacement], loader: Loader) -> list[Replacement]:
    """Reads the files that entries name.

    Raises:
        BuildFailed: an entry has both a path and a replacement, or a file is malformed.
    """
    result: list[Replacement] = []
    for entry in entries:
        if not entry.path:
            result.append(entry)
            continue
        if entry.source is not None or entry.targets:
            raise BuildFailed("cannot specify both path and inline replacement")
        try:
            documents = load_all(loader.load(entry.path), "sigs", source=entry.path)
        except YamlError as error:
            raise BuildFailed(
                f"error converting YAML to JSON: {error.problem}", file=entry.path, line=error.line
            ) from None
        value = documents[0].value if documents else None
        if isinstance(value, list):
            result.extend(parse_replacement(item) for item in value)
        elif isinstance(value, dict):
            result.append(parse_replacement(value))
        else:
            raise BuildFailed(
                "unsupported replacement type encountered within replacement path: invalid"
            )
    return result
