"""Single transformers beside the tables of kustomize's own filters."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from steersman.kit.yaml import load_all
from steersman.kustomize.decode import Place
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters import fields, images, labels, namespaces, replacements, replicas
from steersman.kustomize.filters.affixes import affix_field
from steersman.kustomize.filters.patches import apply_json_patch_to, parse_json_patch
from steersman.kustomize.filters.valueadd import add_value
from steersman.kustomize.filters.variables import counting, expand, expand_fields
from steersman.kustomize.ids import Gvk
from steersman.kustomize.kustfile import FIELD_SPECS, REPLACEMENTS
from steersman.kustomize.merge import merge
from steersman.kustomize.model import Image
from steersman.kustomize.node import MISSING, text_of, to_plain
from steersman.kustomize.resource import Resource
from steersman.kustomize.schema import built_in_schema
from tests.support.tools import conformance_data

pytestmark = pytest.mark.conformance

VALUES = {
    "VAR_A": "A", "VAR_B": "B", "VAR_C": "C", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": "",
    "VAR": "replaced", "BOOL": True, "INT": 5, "FLOAT": 5.5,
}  # fmt: skip
NOT_DATA = {
    "fieldpath containing SequenceNode": "the path of a node is not kept: nothing reads it",
    "fieldpath with MappingNode": "the path of a node is not kept: nothing reads it",
    "replace in seq": "the row calls a function of its own",
}


@cache
def rows() -> list[dict[str, Any]]:
    path = conformance_data("tables", "kustomize-filters.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def trees(text: str) -> list[Any]:
    return [document.value for document in load_all(text, "kyaml")]


def plain(tree: Any) -> Any:
    """Decodes a tree, keys that are no texts too."""
    if isinstance(tree, dict):
        return {text_of(key): plain(value) for key, value in tree.items()}
    return [plain(item) for item in tree] if isinstance(tree, list) else to_plain(tree)


def spec(row: dict[str, Any]) -> FieldSpec:
    gvk = row.get("Gvk", {})
    parts = {**gvk, **row}
    names = Gvk(parts.get("Group", ""), parts.get("Version", ""), parts.get("Kind", ""))
    return FieldSpec(row.get("Path", ""), names, row.get("CreateIfNotPresent", False))


def specs(row: dict[str, Any]) -> list[FieldSpec]:
    found = row.get("fsSlice") or row.get("fsslice") or row.get("filter", {}).get("FsSlice") or []
    if isinstance(found, str):
        value = load_all(found)[0].value if found.strip() else []
        return list(FIELD_SPECS(value, Place("test")))
    return [spec(item) for item in found]


def metadata_specs(row: dict[str, Any], path: str) -> list[FieldSpec]:
    return [FieldSpec(path, create=True), *specs(row)]


def made(filter: dict[str, Any]) -> Any:
    kind = str(filter.get("CreateKind", {}).get("$go", ""))
    return {"yaml.ScalarNode": "text", "yaml.MappingNode": "mapping"}.get(kind, "")


def setter(filter: dict[str, Any]) -> Any:
    args = filter["SetValue"]["args"]
    if filter["SetValue"]["$call"].endswith("SetScalar"):
        return fields.set_scalar(args[0])
    return fields.set_entry(args[0], args[1])


def image(row: dict[str, Any]) -> Image:
    tag = row["ImageTag"]
    return Image(
        name=tag.get("Name", ""), new_name=tag.get("NewName", ""), new_tag=tag.get("NewTag", ""),
        digest=tag.get("Digest", ""), tag_suffix=tag.get("TagSuffix", ""),
    )  # fmt: skip


def resources(text: str) -> list[Resource]:
    return [Resource(tree, built_in_schema()) for tree in trees(text)]


def replaced(row: dict[str, Any]) -> list[Any]:
    wanted = load_all(row["replacements"])[0].value["replacements"]
    found = resources(row["input"])
    replacements.replace(found, REPLACEMENTS(wanted, Place("test", lenient=True)))
    return [resource.tree for resource in found]


def patched(row: dict[str, Any]) -> list[Any]:
    found = resources(row["input"])
    for resource in found:
        apply_json_patch_to(resource, parse_json_patch(row["filter"]["Patch"]))
    return [resource.tree for resource in found]


def merged(row: dict[str, Any]) -> list[Any]:
    patch = trees(row["patch"]["args"][0])[0]
    found = [merge(patch, tree, built_in_schema()) for tree in trees(row["input"])]
    return [tree for tree in found if tree is not MISSING]


def each(change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], list[Any]]:
    return lambda row: [change(tree) for tree in trees(row["input"])]


def run(filter: str, row: dict[str, Any]) -> list[Any]:
    given = row.get("filter", {})
    match filter:
        case "annotations":
            at = metadata_specs(row, "metadata/annotations")
            return each(lambda t: labels.set_entries(t, at, given["Annotations"]))(row)
        case "labels":
            at = metadata_specs(row, "metadata/labels")
            return each(lambda t: labels.set_entries(t, at, given["Labels"]))(row)
        case "fieldspec":
            value = load_all(row["fieldSpec"])[0].value
            one = FIELD_SPECS([value], Place("test"))
            return each(lambda t: fields.change_fields(t, one, setter(given), create=made(given)))(
                row
            )
        case "fsslice":
            at = specs(row)
            return each(lambda t: fields.change_fields(t, at, setter(given), create=made(given)))(
                row
            )
        case "imagetag":
            if given["$type"] == "LegacyFilter":
                return each(lambda t: images.set_images_everywhere(t, image(given)))(row)
            return each(lambda t: images.set_image(t, specs(row), image(given)))(row)
        case "namespace":
            return each(lambda t: namespaced(t, row))(row)
        case "patchjson6902":
            return patched(row)
        case "patchstrategicmerge":
            return merged(row)
        case "prefix" | "suffix":
            affix = given[filter.capitalize()]
            at = [spec(given.get("FieldSpec", {}))]
            return each(lambda t: affix_field(t, at[0], affix, filter))(row)  # type: ignore[arg-type]
        case "refvar":
            at = [spec(given.get("FieldSpec", {}))]
            return each(lambda t: expand_fields(t, at, counting(VALUES, {})))(row)
        case "replacement":
            return replaced(row)
        case "replicacount":
            count, at = given["Replica"]["Count"], spec(given.get("FieldSpec", {}))
            return each(lambda t: replicas.set_replicas(t, at, count))(row)
        case "valueadd":
            position = given.get("FilePathPosition", 0)
            add = each(
                lambda t: add_value(t, given["Value"], given["FieldPath"], position=position)
            )
            return add(row)
    raise AssertionError(filter)


def namespaced(tree: Any, row: dict[str, Any]) -> Any:
    given = row["filter"]
    scoped = Resource(tree, built_in_schema()).id.cluster_scoped
    mode = namespaces.check_subject_mode(given.get("SetRoleBindingSubjects", ""))
    return namespaces.set_namespace(
        tree, given["Namespace"], specs(row), cluster_scoped=scoped, subjects=mode,
        unset_only=given.get("UnsetOnly", False),
    )  # fmt: skip


def test_every_filter_does_to_its_inputs_what_kustomizes_does() -> None:
    failures: list[str] = []
    for entry in rows():
        row, name = entry["row"], f"{entry['filter']}: {entry['name']}"
        if entry["name"] in NOT_DATA:
            continue
        if entry["source"].endswith("TestMapping"):
            counts: dict[str, int] = {}
            found = expand(row["input"], counting(VALUES, counts))
            if (found, counts) != (row["expected"], row.get("counts", {})):
                failures.append(f"{name}: {found!r} {counts}")
            continue
        failures.extend(_compared(name, entry["filter"], row))
    assert not failures, "\n".join(failures)


def _compared(name: str, filter: str, row: dict[str, Any]) -> list[str]:
    error = row.get("error") or row.get("expectedErr") or row.get("expectedError") or ""
    try:
        found: Any = [plain(tree) for tree in run(filter, row)]
    except BuildFailed as failure:
        return (
            []
            if error and failure.problem.strip() == error.strip()
            else [f"{name}: {failure.problem}"]
        )
    if error:
        return [f"{name}: should fail with {error!r}"]
    wanted = [plain(tree) for tree in trees(row.get("expectedOutput") or row.get("expected") or "")]
    if found == wanted or [item for item in found if item] == [item for item in wanted if item]:
        return []
    return [f"{name}:\n  found  {found}\n  wanted {wanted}"]


def test_the_table_is_where_it_should_be() -> None:
    assert Path(conformance_data("tables")).is_dir()
    assert len(rows()) >= 130
