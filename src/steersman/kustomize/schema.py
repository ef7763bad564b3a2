"""What strategic merge must know of a kind: which lists merge, and by which keys.

The built-in data is Kubernetes 1.21 reduced to merge information: the schema that kustomize 5.8
embeds, so results are the same. A kustomization's ``openapi`` replaces it by a schema of its own.
The schema is a value that is handed down; nothing global.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from steersman.kit.yaml import load_all
from steersman.kustomize.failure import BuildFailed

__all__ = ["FieldSchema", "MergeSchema", "built_in_schema", "read_custom_schema"]


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """The schema of one node, references resolved.

    Args:
        raw: JSON schema with Kubernetes' extensions.
        owner: where references lead.
    """

    raw: Mapping[str, Any]
    owner: MergeSchema

    def field(self, name: str) -> FieldSchema | None:
        """Returns the schema of a field or map value, or None."""
        properties = self.raw.get("properties")
        found = properties.get(name) if properties else None
        if found is None:
            found = self.raw.get("additionalProperties")
            if not isinstance(found, dict):
                return None
        return self.owner.resolved(found)

    def elements(self) -> FieldSchema | None:
        """Returns the schema of the elements of a list, or None."""
        items = self.raw.get("items")
        if self.raw.get("type") not in ("array", ["array"]) or not isinstance(items, dict):
            return None
        return self.owner.resolved(items)

    @property
    def merges(self) -> bool:
        """Whether a list of this schema is merged element by element."""
        strategy = self.raw.get("x-kubernetes-patch-strategy")
        return isinstance(strategy, str) and "merge" in strategy.split(",")

    @property
    def merge_keys(self) -> tuple[str, ...]:
        """The fields that identify an element; empty for lists of scalars."""
        if "x-kubernetes-patch-strategy" not in self.raw:
            return ()
        keys = self.raw.get("x-kubernetes-list-map-keys")
        if keys:
            return tuple(keys)
        key = self.raw.get("x-kubernetes-patch-merge-key")
        return (key,) if key else ()

    @property
    def strategy(self) -> str:
        """The patch strategy, or an empty text."""
        return str(self.raw.get("x-kubernetes-patch-strategy") or "")


@dataclass(frozen=True, slots=True, eq=False)
class MergeSchema:
    """Definitions, the kinds they describe, and the kinds known to be cluster-scoped.

    Args:
        definitions: JSON schemas by name.
        kinds: ``apiVersion/Kind`` to the name of its definition.
        cluster_kinds: ``(apiVersion, kind)`` without a namespace.
    """

    definitions: Mapping[str, Mapping[str, Any]]
    kinds: Mapping[str, str]
    cluster_kinds: frozenset[tuple[str, str]]

    def of_kind(self, api_version: str, kind: str) -> FieldSchema | None:
        """Returns the schema of a kind, or None when it is not known."""
        name = self.kinds.get(f"{api_version}/{kind}")
        definition = self.definitions.get(name) if name else None
        return FieldSchema(definition, self) if definition is not None else None

    def resolved(self, raw: Mapping[str, Any]) -> FieldSchema | None:
        """Follows references until something else is found."""
        for _ in range(32):
            reference = raw.get("$ref")
            if reference is None:
                return FieldSchema(raw, self)
            target = self.definitions.get(str(reference).rpartition("/")[2])
            if target is None:
                return None
            raw = target
        return None

    def merged_with(self, other: MergeSchema) -> MergeSchema:
        """Adds the definitions of another schema, which win."""
        return MergeSchema(
            {**self.definitions, **other.definitions},
            {**self.kinds, **other.kinds},
            self.cluster_kinds | other.cluster_kinds,
        )

    def scopes_only(self) -> MergeSchema:
        """Keeps the scopes and forgets how to merge."""
        return MergeSchema({}, {}, self.cluster_kinds)


@cache
def built_in_schema() -> MergeSchema:
    """Reads the built-in schema once."""
    path = resources.files("steersman.kustomize") / "data" / "merge-schema-1.21.json"
    data = json.loads(path.read_bytes())
    cluster = frozenset(_split_kind(name) for name in data["cluster"])
    return MergeSchema(data["definitions"], data["kinds"], cluster)


def _split_kind(name: str) -> tuple[str, str]:
    api_version, _, kind = name.rpartition("/")
    return api_version, kind


@lru_cache(maxsize=8)
def read_custom_schema(content: bytes) -> MergeSchema:
    """Reads a swagger file in JSON or YAML: definitions, their kinds, and scopes from paths.

    Raises:
        BuildFailed: the file is not a swagger document.
    """
    try:
        swagger = load_all(content, "sigs")[0].value
    except (IndexError, Exception) as error:
        raise BuildFailed(f"invalid schema file: {error}") from None
    if not isinstance(swagger, dict):
        raise BuildFailed("invalid schema file: not a swagger document")
    definitions = swagger.get("definitions") or {}
    kinds: dict[str, str] = {}
    for name, definition in definitions.items():
        for gvk in definition.get("x-kubernetes-group-version-kind") or ():
            group, version = gvk.get("group") or "", gvk.get("version") or ""
            api_version = f"{group}/{version}" if group else version
            kinds[f"{api_version}/{gvk.get('kind')}"] = name
    return MergeSchema(definitions, kinds, _cluster_kinds(swagger.get("paths") or {}))


def _cluster_kinds(paths: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    namespaced: dict[tuple[str, str], bool] = {}
    for path, operations in paths.items():
        gvk = ((operations or {}).get("get") or {}).get("x-kubernetes-group-version-kind")
        if not isinstance(gvk, dict):
            continue
        group, version = gvk.get("group") or "", gvk.get("version") or ""
        key = (f"{group}/{version}" if group else version, str(gvk.get("kind")))
        if "namespaces/{namespace}" in path:
            namespaced[key] = True
        else:
            namespaced.setdefault(key, False)
    return frozenset(key for key, within in namespaced.items() if not within)
