"""Built-in transformers and generators that are configured by objects of their own.

Whatever is not built in (programs, containers, Helm charts) is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steersman.kit.yaml import dump, load_all
from steersman.kustomize.context import BuildContext
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
from steersman.kustomize.filters.affixes import add_affix
from steersman.kustomize.filters.namespaces import check_subject_mode, set_namespace
from steersman.kustomize.filters.replacements import replace
from steersman.kustomize.filters.replicas import set_replicas_of
from steersman.kustomize.filters.valueadd import add_value
from steersman.kustomize.generators import content_hash, generate
from steersman.kustomize.kustfile import (
    CONFIG_MAP_FIELDS,
    FIELD_SPECS,
    IMAGE,
    PATCH_OPTIONS,
    REPLACEMENTS,
    REPLICA,
    SECRET_FIELDS,
    SELECTOR,
)
from steersman.kustomize.loader import Loader
from steersman.kustomize.model import GeneratorArgs, Image, Patch, Replica
from steersman.kustomize.node import to_plain
from steersman.kustomize.resource import NEEDS_HASH, Resource
from steersman.kustomize.resourceset import ResourceSet
from steersman.kustomize.transformers import (
    Transformer,
    json_patch_transformer,
    label,
    load_replacements,
    merge_patch_transformer,
    namespace_transformer,
    patch_transformer,
    rename_images,
)

__all__ = ["Transformer", "configured_generator", "configured_transformer"]

_Make = Callable[[dict[str, Any], Loader, BuildContext], Transformer]
_Generate = Callable[[Resource, Loader, BuildContext], list[Resource]]


def _decoded(struct: dict[str, tuple[str, Any]], config: Resource) -> dict[str, Any]:
    """Decodes a config leniently: what it does not know is ignored, as Go's YAML decoder does."""
    value = to_plain(config.tree)
    known = {name.lower() for name in struct}
    kept = {key: item for key, item in value.items() if key.lower() in known}
    result: dict[str, Any] = Struct(dict, config.kind, struct)(
        kept, Place(config.kind, lenient=True)
    )
    return result


def _metadata_field(name: str) -> Any:
    return lambda value, place: str((value or {}).get(name) or "")


def _namespace(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    namespace = values.get("namespace", "")
    subjects = check_subject_mode(values.get("subjects", ""))
    if not namespace:
        return lambda resources: None
    return namespace_transformer(
        namespace,
        values.get("specs", ()),
        subjects=subjects,
        unset_only=values.get("unset_only", False),
    )


def _affix(side: Any) -> _Make:
    def make(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
        if "specs" not in values:
            raise BuildFailed("fieldSpecs is not expected to be nil")
        specs, affix = values["specs"], values.get(side, "")
        return lambda resources: add_affix(resources, specs, affix, side)

    return make


def _prefix_suffix(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    first = _affix("prefix")(values, loader, context)
    second = _affix("suffix")(values, loader, context)

    def transform(resources: ResourceSet) -> None:
        first(resources)
        second(resources)

    return transform


def _labels(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    pairs, specs = values.get("pairs", {}), values.get("specs", ())
    return lambda resources: label(resources, specs, pairs)


def _images(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    image, specs = values.get("image") or Image(), values.get("specs", ())
    return lambda resources: rename_images(resources, specs, image)


def _replicas(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    replica, specs = values.get("replica") or Replica(), values.get("specs", ())
    return lambda resources: set_replicas_of(resources, specs, replica)


def _patch(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    shown = values.pop(_SHOWN)
    return patch_transformer(Patch(**values), loader, context, shown=shown)


def _json_patch(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    return json_patch_transformer(Patch(**values), loader)


def _merge_patches(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    paths, patches = values.get("paths", []), values.get("patches", "")
    return merge_patch_transformer(paths, patches, loader, context)


def _replacements(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    loaded = load_replacements(values.get("replacements", ()), loader)
    return lambda resources: replace(list(resources), loaded)


def _hash(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    def transform(resources: ResourceSet) -> None:
        for resource in resources:
            if resource.is_enabled(NEEDS_HASH):
                suffix = content_hash(resource.tree)
                resource.store_previous_id()
                resource.set_name(f"{resource.name}-{suffix}")

    return transform


def _value_add(values: dict[str, Any], loader: Loader, context: BuildContext) -> Transformer:
    value = values.get("value", "").strip() or loader.root.rstrip("/").rpartition("/")[2]
    targets = list(values.get("targets", ()))
    if values.get("file"):
        targets += _targets_in(loader.load(values["file"]))
    if not targets:
        raise BuildFailed("must specify at least one target")
    for target in targets:
        if not target.get("path"):
            raise BuildFailed("fieldPath cannot be empty")
        if target.get("position", 0) < 0:
            position = target["position"]
            raise BuildFailed(f"value of FilePathPosition ({position}) cannot be negative")

    def transform(resources: ResourceSet) -> None:
        for target in targets:
            selector, path = target.get("selector"), target["path"]
            for resource in list(resources) if selector is None else resources.select(selector):
                if path == "metadata/namespace":
                    scoped = resource.id.cluster_scoped
                    resource.tree = set_namespace(resource.tree, value, (), cluster_scoped=scoped)
                else:
                    position = target.get("position", 0)
                    resource.tree = add_value(resource.tree, value, path, position=position)

    return transform


_TARGETS = list_of(
    Struct(
        dict,
        "Target",
        {
            "selector": ("selector", SELECTOR),
            "fieldPath": ("path", text),
            "filePathPosition": ("position", integer("int")),
        },
    ),
    "builtins.Target",
)


def _targets_in(content: bytes) -> list[dict[str, Any]]:
    documents = load_all(content, "sigs")
    value = documents[0].value if documents else {}
    found: list[dict[str, Any]] = _TARGETS(
        (value or {}).get("targets") or [], Place("Target", lenient=True)
    )
    return found


_SHOWN = "shown"
_SPECS = {"fieldSpecs": ("specs", FIELD_SPECS)}
_PATCH_FIELDS = {"target": ("target", SELECTOR), "path": ("path", text)}

_TRANSFORMERS: dict[str, tuple[dict[str, tuple[str, Any]], _Make]] = {
    "NamespaceTransformer": (
        {
            "metadata": ("namespace", _metadata_field("namespace")),
            "unsetOnly": ("unset_only", boolean),
            "setRoleBindingSubjects": ("subjects", text),
            **_SPECS,
        },
        _namespace,
    ),
    "PrefixTransformer": ({"prefix": ("prefix", text), **_SPECS}, _affix("prefix")),
    "SuffixTransformer": ({"suffix": ("suffix", text), **_SPECS}, _affix("suffix")),
    "PrefixSuffixTransformer": (
        {"prefix": ("prefix", text), "suffix": ("suffix", text), **_SPECS},
        _prefix_suffix,
    ),
    "LabelTransformer": ({"labels": ("pairs", map_of_text), **_SPECS}, _labels),
    "AnnotationsTransformer": ({"annotations": ("pairs", map_of_text), **_SPECS}, _labels),
    "ImageTagTransformer": ({"imageTag": ("image", IMAGE), **_SPECS}, _images),
    "ReplicaCountTransformer": ({"replica": ("replica", REPLICA), **_SPECS}, _replicas),
    "PatchTransformer": (
        {**_PATCH_FIELDS, "patch": ("patch", text), "options": ("options", PATCH_OPTIONS)},
        _patch,
    ),
    "PatchJson6902Transformer": ({**_PATCH_FIELDS, "jsonOp": ("patch", text)}, _json_patch),
    "PatchStrategicMergeTransformer": (
        {"paths": ("paths", list_of(text, "string")), "patches": ("patches", text)},
        _merge_patches,
    ),
    "ReplacementTransformer": ({"replacements": ("replacements", REPLACEMENTS)}, _replacements),
    "HashTransformer": ({}, _hash),
    "ValueAddTransformer": (
        {
            "value": ("value", text),
            "targets": ("targets", _TARGETS),
            "targetFilePath": ("file", text),
        },
        _value_add,
    ),
}


def configured_transformer(config: Resource, loader: Loader, context: BuildContext) -> Transformer:
    """Makes the transformer that an object configures.

    Raises:
        BuildFailed: not built in, or its configuration is wrong.
    """
    _require_builtin(config)
    known = _TRANSFORMERS.get(config.kind)
    if known is None:
        if config.kind in _GENERATORS:
            raise BuildFailed(f"plugin {config.original_id} not a transformer")
        raise BuildFailed(f"unable to load builtin {config.gvk}")
    fields, make = known
    try:
        values = _decoded(fields, config)
        if make is _patch:
            values[_SHOWN] = dump(to_plain(config.tree))
        return make(values, loader, context)
    except BuildFailed as error:
        raise error.within(f"plugin {config.original_id} fails configuration") from None


def configured_generator(config: Resource, loader: Loader, context: BuildContext) -> list[Resource]:
    """Makes the objects that a generator's configuration asks for.

    Raises:
        BuildFailed: not built in, or its configuration is wrong.
    """
    try:
        _require_builtin(config)
        if config.kind == "HelmChartInflationGenerator":
            raise BuildFailed("Helm charts in a kustomization are not supported")
        known = _GENERATORS.get(config.kind)
        if known is None:
            what = "not a generator" if config.kind in _TRANSFORMERS else None
            if what:
                raise BuildFailed(f"plugin {config.original_id} {what}")
            raise BuildFailed(f"unable to load builtin {config.gvk}")
    except BuildFailed as error:
        raise error.within("failed to load generator").within("loading generator plugins") from None
    try:
        return known(config, loader, context)
    except BuildFailed as error:
        if config.kind == "IAMPolicyGenerator":
            raise error.within("failed to load generator").within(
                "loading generator plugins"
            ) from None
        raise


def _data_generator(kind: str, fields: dict[str, tuple[str, Any]]) -> _Generate:
    def make(config: Resource, loader: Loader, context: BuildContext) -> list[Resource]:
        values = _decoded({**fields, "metadata": ("metadata", raw)}, config)
        metadata = values.pop("metadata", None) or {}
        values["name"] = values.get("name") or str(metadata.get("name") or "")
        values["namespace"] = values.get("namespace") or str(metadata.get("namespace") or "")
        return [generate(kind, GeneratorArgs(**values), loader, context.schema)]

    return make


def _cloud_account(config: Resource, loader: Loader, context: BuildContext) -> list[Resource]:
    """Makes the service account that stands for one of a cloud provider."""
    values = _decoded({"cloud": ("cloud", text), "kubernetesService": ("service", raw),
                       "serviceAccount": ("account", raw)}, config)  # fmt: skip
    cloud, service = values.get("cloud", ""), values.get("service") or {}
    account = values.get("account") or {}
    if cloud != "gke":
        raise BuildFailed(f"cloud provider {cloud} not supported yet")
    address = f"{account.get('name', '')}@{account.get('projectId', '')}.iam.gserviceaccount.com"
    metadata = {
        "annotations": {"iam.gke.io/gcp-service-account": address},
        "name": str(service.get("name", "")),
    }
    if service.get("namespace"):
        metadata["namespace"] = str(service["namespace"])
    tree = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    return [Resource(tree, context.schema)]


_GENERATORS: dict[str, _Generate] = {
    "ConfigMapGenerator": _data_generator("ConfigMap", CONFIG_MAP_FIELDS),
    "SecretGenerator": _data_generator("Secret", SECRET_FIELDS),
    "IAMPolicyGenerator": _cloud_account,
}


def _require_builtin(config: Resource) -> None:
    gvk = config.gvk
    if gvk.group or gvk.version != "builtin":
        raise BuildFailed(
            "external plugins disabled; unable to load external plugin "
            f"'{config.original_id.gvk.kind}'",
            object=str(config.original_id),
        )
