"""Patches: strategic merge and JSON patches, with their targets and options."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steersman.kit.jsonpatch import JsonPatchFailed, apply_json_patch
from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.merge import merge
from steersman.kustomize.model import PatchOptions, Selector
from steersman.kustomize.node import MISSING, Tree, from_plain, is_empty, to_plain, untagged
from steersman.kustomize.parse import parse_resources
from steersman.kustomize.resource import ALLOW_KIND_CHANGE, ALLOW_NAME_CHANGE, Resource
from steersman.kustomize.resourceset import ResourceSet
from steersman.kustomize.schema import MergeSchema
from steersman.kustomize.takeover import take_metadata

__all__ = [
    "LoadedPatch",
    "apply_json_patch_to",
    "apply_merge_patch",
    "load_patch",
    "parse_json_patch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPatch:
    """One entry of ``patches``, read.

    Args:
        source: how errors name it.
        merges: strategic merge patches, or empty.
        operations: a JSON patch, or None.
        target: which objects.
    """

    source: str
    merges: tuple[Resource, ...]
    operations: Sequence[Any] | None
    target: Selector | None

    def apply(self, resources: ResourceSet) -> None:
        """Applies the patch.

        Raises:
            BuildFailed: no target, several, or the patch does not fit.
        """
        if self.merges:
            self._merge(resources)
        elif self.operations is not None:
            self._edit(resources)

    def _merge(self, resources: ResourceSet) -> None:
        if self.target is not None:
            if len(self.merges) > 1:
                raise BuildFailed(
                    "Multiple Strategic-Merge Patches in one `patches` entry is not allowed "
                    f"to set `patches.target` field: {self.source}"
                )
            try:
                selected = resources.select(self.target)
            except BuildFailed as error:
                raise error.within(
                    f'unable to find patch target "{self.target}" in `resources`'
                ) from None
            apply_merge_patch(resources, selected, self.merges[0])
            return
        for patch in self.merges:
            try:
                target = resources.the_one(patch.original_id)
            except BuildFailed as error:
                raise error.within(
                    f'no resource matches strategic merge patch "{patch.original_id}"'
                ) from None
            _merge_into(target, patch)

    def _edit(self, resources: ResourceSet) -> None:
        if self.target is None:
            raise BuildFailed(f"must specify a target for JSON patch {self.source}")
        assert self.operations is not None
        for resource in resources.select(self.target):
            resource.store_previous_id()
            apply_json_patch_to(resource, self.operations)


def load_patch(
    text: str,
    source: str,
    *,
    target: Selector | None,
    options: PatchOptions | None,
    schema: MergeSchema,
) -> LoadedPatch:
    """Reads a patch, which may be a strategic merge or a JSON patch.

    Raises:
        BuildFailed: it is neither, or could be both.
    """
    merges: tuple[Resource, ...] | None = None
    operations: Sequence[Any] | None = None
    try:
        merges = tuple(parse_resources(text, schema))
    except BuildFailed:
        pass
    try:
        operations = parse_json_patch(text)
    except BuildFailed:
        pass
    if merges and operations:
        raise BuildFailed(f"illegally qualifies as both an SM and JSON patch: {source}")
    if merges is None and operations is None:
        raise BuildFailed(f"unable to parse SM or JSON patch from {source}")
    for patch in merges or ():
        if options is not None and options.allow_name_change:
            patch.enable(ALLOW_NAME_CHANGE)
        if options is not None and options.allow_kind_change:
            patch.enable(ALLOW_KIND_CHANGE)
    kept = None if merges is not None else operations
    return LoadedPatch(source=source, merges=merges or (), operations=kept, target=target)


def parse_json_patch(text: str) -> Sequence[Any]:
    """Reads a JSON patch written as JSON or YAML.

    Raises:
        BuildFailed: with Go's text.
    """
    if not text:
        raise BuildFailed("empty json patch operations")
    if text.startswith("["):
        try:
            value = json.loads(text)
        except ValueError:
            value = _from_yaml(text)
    else:
        value = _from_yaml(text)
    if value is None:
        return []
    if not isinstance(value, list):
        shown = {str: "string", dict: "object", bool: "bool"}.get(type(value), "number")
        raise BuildFailed(f"json: cannot unmarshal {shown} into Go value of type jsonpatch.Patch")
    for item in value:
        if not isinstance(item, dict):
            shown = {str: "string", list: "array", bool: "bool"}.get(type(item), "number")
            raise BuildFailed(
                f"json: cannot unmarshal {shown} into Go value of type jsonpatch.Operation"
            )
    return value


def _from_yaml(text: str) -> Any:
    try:
        documents = load_all(text, "sigs")
    except YamlError as error:
        raise BuildFailed(error.problem) from None
    return documents[0].value if documents else None


def apply_json_patch_to(resource: Resource, operations: Sequence[Any]) -> None:
    """Applies a JSON patch to one object; what the build knows of it survives.

    Raises:
        BuildFailed: an operation fails, with its reason.
    """
    internal = resource.internal_annotations()
    try:
        patched = apply_json_patch(to_plain(resource.tree), operations)
    except JsonPatchFailed as error:
        raise BuildFailed(error.message, object=str(resource.id)) from None
    resource.tree = from_plain(patched)
    resource.set_annotations({**resource.annotations, **internal})


def apply_merge_patch(
    resources: ResourceSet, selected: Sequence[Resource], patch: Resource
) -> None:
    """Applies a strategic merge patch to chosen objects, and forgets those it deletes.

    Raises:
        BuildFailed: the patch does not fit, or makes two objects of one id.
    """
    chosen = {resource.id for resource in selected}
    for resource in resources:
        if resource.id in chosen:
            copy = patch.copy()
            take_metadata(copy, patch)
            copy.tree = {
                **copy.tree,
                "apiVersion": untagged(resource.gvk.api_version),
                "kind": untagged(patch.kind),
            }
            _merge_into(resource, copy)
    resources.replace_all([resource for resource in resources if not resource.is_gone])


def _merge_into(resource: Resource, patch: Resource) -> None:
    name, namespace, kind = resource.name, resource.namespace, resource.kind
    keeps_name = not patch.is_enabled(ALLOW_NAME_CHANGE)
    keeps_kind = not patch.is_enabled(ALLOW_KIND_CHANGE)
    if not (keeps_name and keeps_kind):
        resource.store_previous_id()
    try:
        merged: Tree = merge(patch.tree, resource.tree, resource.schema)
    except BuildFailed as error:
        error.object = error.object or str(resource.id)
        raise
    resource.tree = None if merged is MISSING else merged
    if is_empty(resource.tree):
        return
    if keeps_kind:
        resource.tree = {**resource.tree, "kind": untagged(kind)}
    if keeps_name:
        resource.set_name(name)
    resource.set_namespace(namespace)
