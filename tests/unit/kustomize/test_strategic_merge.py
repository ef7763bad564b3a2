"""Strategic merge as kustomize does it."""

from __future__ import annotations

import pytest

from steersman.kit.yaml import dump, load_all
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.merge import merge
from steersman.kustomize.node import MISSING, to_plain
from steersman.kustomize.schema import built_in_schema

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"


def merged(target: str, patch: str) -> str:
    trees = [load_all(POD + text, "kyaml")[0].value for text in (patch, target)]
    found = merge(trees[0], trees[1], built_in_schema())
    if found is MISSING:
        return "deleted"
    value = to_plain(found)
    return dump({key: value[key] for key in value if key not in ("apiVersion", "kind", "metadata")})


ROWS: list[tuple[str, str, str, str]] = [
    ("elements of the patch come first, merged with those of the same key",
     "spec: {containers: [{name: a, image: x}, {name: b, image: y}]}",
     "spec: {containers: [{name: b, args: [q]}]}",
     "spec: {containers: [{args: [q], image: y, name: b}, {image: x, name: a}]}"),
    ("an element can be deleted",
     "spec: {containers: [{name: a}, {name: b}]}",
     "spec: {containers: [{name: a, $patch: delete}]}",
     "spec: {containers: [{name: b}]}"),
    ("a list can be replaced",
     "spec: {containers: [{name: a}, {name: b}]}",
     "spec: {containers: [{name: c}, {$patch: replace}]}",
     "spec: {containers: [{name: c}]}"),
    ("replacing one element does nothing where elements of the patch come first",
     "spec: {containers: [{name: a, image: x}]}",
     "spec: {containers: [{name: a, $patch: replace, image: z}]}",
     "spec: {containers: [{image: x, name: a}]}"),
    ("a map can be replaced and deleted",
     "spec: {nodeSelector: {a: b}, securityContext: {runAsUser: 1}}",
     "spec: {nodeSelector: {$patch: replace, c: d}, securityContext: {$patch: delete}}",
     "spec: {nodeSelector: {c: d}}"),
    ("null removes a field",
     "spec: {hostNetwork: true, nodeName: n}", "spec: {hostNetwork: null}", "spec: {nodeName: n}"),
    ("a blank null vanishes even where the patch is silent, a written one stays",
     "spec:\n  a:\n  b: null\n  c: 1", "spec: {d: 2}", "spec: {b: null, c: 1, d: 2}"),
    ("a list without merge keys is replaced",
     "spec: {tolerations: [{key: a}]}", "spec: {tolerations: [{key: b}]}",
     "spec: {tolerations: [{key: b}]}"),
    ("two keys identify a port",
     "spec: {containers: [{name: a, ports: [{containerPort: 80, protocol: TCP}]}]}",
     "spec: {containers: [{name: a, ports: [{containerPort: 80, protocol: TCP, name: w}]}]}",
     "spec: {containers: [{name: a, ports: [{containerPort: 80, name: w, protocol: TCP}]}]}"),
    ("a port without protocol in the patch is lost to the same port with one, as in kustomize",
     "spec: {containers: [{name: a, ports: [{containerPort: 80, protocol: TCP}]}]}",
     "spec: {containers: [{name: a, ports: [{containerPort: 80, name: w}]}]}",
     "spec: {containers: [{name: a, ports: [{containerPort: 80, protocol: TCP}]}]}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "target", "patch", "result"), ROWS, ids=[row[0] for row in ROWS])
def test_a_patch_is_merged(name: str, target: str, patch: str, result: str) -> None:
    assert to_plain(load_all(merged(target, patch), "kyaml")[0].value) == to_plain(
        load_all(result, "kyaml")[0].value
    )


def test_scalars_of_a_merged_list_are_united() -> None:
    trees = [
        load_all(
            f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p, finalizers: {names}}}\n", "kyaml"
        )[0].value
        for names in ("[c, b]", "[a, b]")
    ]
    found = to_plain(merge(trees[0], trees[1], built_in_schema()))
    assert found["metadata"]["finalizers"] == ["c", "b", "a"]


def test_an_object_can_be_deleted() -> None:
    assert merged("spec: {}", "$patch: delete") == "deleted"


def test_an_unknown_directive_is_refused() -> None:
    with pytest.raises(BuildFailed, match="unknown patch strategy 'drop'"):
        merged("spec: {a: 1}", "spec: {$patch: drop}")


def test_kinds_must_fit() -> None:
    with pytest.raises(BuildFailed, match="expected MappingNode but got SequenceNode"):
        merged("spec: {a: 1}", "spec: [a]")
