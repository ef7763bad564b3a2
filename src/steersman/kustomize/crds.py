"""Field specs from the OpenAPI definitions of custom kinds (``crds``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize.configuration import NameReference, TransformerConfig
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.ids import Gvk

__all__ = ["config_from_crds"]

_ANNOTATION = "x-kubernetes-annotation"
_LABELS = "x-kubernetes-label-selector"
_IDENTITY = "x-kubernetes-identity"
_REF_VERSION = "x-kubernetes-object-ref-api-version"
_REF_KIND = "x-kubernetes-object-ref-kind"
_REF_NAME_KEY = "x-kubernetes-object-ref-name-key"


def config_from_crds(content: bytes, path: str) -> TransformerConfig:
    """Reads which fields of custom kinds hold labels, annotations, identities and names.

    Raises:
        BuildFailed: the file is malformed.
    """
    try:
        documents = load_all(content, "sigs", source=path)
    except YamlError as error:
        raise BuildFailed(
            f"unable to parse open API definition from '{path}': "
            f"error converting YAML to JSON: {error.problem}",
            file=path,
            line=error.line,
        ) from None
    value = documents[0].value if documents else None
    definitions = {
        name: _schema_of(definition)
        for name, definition in (value.items() if isinstance(value, dict) else ())
    }
    config = TransformerConfig()
    for name, schema in definitions.items():
        properties = schema.get("properties") or {}
        if all(field in properties for field in ("kind", "apiVersion", "metadata")):
            kind = Gvk(kind=name.rpartition(".")[2])
            config = config.merged_with(_collect(kind, definitions, name, ()))
    return config


def _schema_of(definition: Any) -> Mapping[str, Any]:
    if not isinstance(definition, dict):
        return {}
    for key in definition:
        if key.lower() == "schema" and isinstance(definition[key], dict):
            return definition[key]  # type: ignore[no-any-return]
    return {}


def _collect(
    kind: Gvk, definitions: Mapping[str, Mapping[str, Any]], name: str, path: tuple[str, ...]
) -> TransformerConfig:
    config = TransformerConfig()
    for field, schema in (definitions.get(name, {}).get("properties") or {}).items():
        here = (*path, field)
        spec = FieldSpec("/".join(here), kind)
        if isinstance(schema.get(_ANNOTATION), str):
            config = config.merged_with(TransformerConfig(common_annotations=(spec,)))
        if isinstance(schema.get(_LABELS), str):
            config = config.merged_with(TransformerConfig(common_labels=(spec,)))
        if isinstance(schema.get(_IDENTITY), str):
            config = config.merged_with(TransformerConfig(name_prefix=(spec,)))
        version, target = schema.get(_REF_VERSION), schema.get(_REF_KIND)
        if isinstance(version, str) and isinstance(target, str):
            key = schema.get(_REF_NAME_KEY)
            use = FieldSpec("/".join((*here, key if isinstance(key, str) else "name")), kind)
            reference = NameReference(Gvk("", version, target), (use,))
            config = config.merged_with(TransformerConfig(name_reference=(reference,)))
        reference_to = schema.get("$ref")
        if isinstance(reference_to, str) and len(path) < 32:
            config = config.merged_with(_collect(kind, definitions, reference_to, here))
    return config
