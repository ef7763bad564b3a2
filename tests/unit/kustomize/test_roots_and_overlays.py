"""What a build may read, and what a Flux Kustomization adds to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from steersman.kustomize import (
    BuildFailed,
    BuildOptions,
    DiskFileSystem,
    MemoryFileSystem,
    build,
    overlay_flux_spec,
)

CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


def names(files: dict[str, str], path: str, spec: dict[str, object]) -> list[str]:
    overlay = overlay_flux_spec(spec)
    built = build(MemoryFileSystem(files), path, overlay=overlay)
    return [manifest["metadata"]["name"] for manifest in built.manifests]


ESCAPES = [
    ("a parent of the root", "../../secret.yaml"),
    ("an absolute path", "{outside}/secret.yaml"),
    ("a symlink", "link.yaml"),
    ("a symlinked directory", "linked/secret.yaml"),
]


@pytest.mark.parametrize(("name", "entry"), ESCAPES, ids=[row[0] for row in ESCAPES])
def test_nothing_outside_of_the_root_is_read(tmp_path: Path, name: str, entry: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "app").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.yaml").write_text(CM % "secret")
    (tmp_path / "secret.yaml").write_text(CM % "secret")
    (root / "app" / "link.yaml").symlink_to(outside / "secret.yaml")
    (root / "app" / "linked").symlink_to(outside)
    (root / "app" / "kustomization.yaml").write_text(
        f"resources: [{entry.format(outside=outside)}]\n"
    )
    with pytest.raises(BuildFailed, match=r"outside of the root|no such file"):
        build(DiskFileSystem(root), str(root / "app"))


def test_files_of_a_sibling_are_read_as_flux_allows_and_kubectl_does_not() -> None:
    files = MemoryFileSystem(
        {"a/kustomization.yaml": "resources: [../shared/cm.yaml]\n", "shared/cm.yaml": CM % "x"}
    )
    assert len(build(files, "/a").manifests) == 1
    with pytest.raises(BuildFailed, match=r"security; file '/shared/cm.yaml' is not in or below"):
        build(files, "/a", options=BuildOptions(restriction="root"))


def test_a_directory_without_a_kustomization_file_is_built_from_what_is_below() -> None:
    files = {
        "app/b.yaml": CM % "b",
        "app/sub/c.yml": CM % "c",
        "app/note.txt": "not yaml: [",
        "app/k/kustomization.yaml": "resources: [d.yaml]\nnamePrefix: p-\n",
        "app/k/d.yaml": CM % "d",
        "app/k/ignored.yaml": CM % "ignored",
    }
    assert names(files, "/app", {}) == ["b", "p-d", "c"]


def test_a_manifest_that_is_no_object_stops_the_generated_build() -> None:
    with pytest.raises(BuildFailed, match=r"failed to decode Kubernetes YAML from /app/x\.yaml"):
        names({"app/x.yaml": "a: 1\n"}, "/app", {})


def test_an_empty_directory_builds_to_nothing() -> None:
    assert names({"app/readme.md": ""}, "/app", {}) == []


def test_the_spec_is_merged_into_the_kustomization_file() -> None:
    files = {
        "app/kustomization.yaml": "resources: [p.yaml]\nimages: [{name: nginx, newTag: old}]\n"
        "unknownField: dropped as Flux drops it\n",
        "app/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
        "spec: {containers: [{name: c, image: nginx}]}\n",
        "extra/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\n"
        "kind: Component\nnameSuffix: -c\n",
    }
    spec = {
        "targetNamespace": "prod",
        "namePrefix": "eu-",
        "images": [{"name": "nginx", "newTag": "new"}],
        "components": ["../extra", "../missing"],
        "ignoreMissingComponents": True,
        "patches": [
            {"target": {"kind": "Pod"}, "patch": '[{"op":"add","path":"/spec/x","value":1}]'}
        ],
    }
    built = build(MemoryFileSystem(files), "/app", overlay=overlay_flux_spec(spec))
    assert built.to_yaml() == (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: eu-p-c\n  namespace: prod\n"
        "spec:\n  containers:\n  - image: nginx:new\n    name: c\n  x: 1\n"
    )


def test_a_component_that_is_not_local_is_refused() -> None:
    with pytest.raises(BuildFailed, match="must be local and relative"):
        names({"app/kustomization.yaml": ""}, "/app", {"components": ["https://x.y/z"]})


def test_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steersman.kustomize.filesystem.MAX_FILE_BYTES", 100)
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    (tmp_path / "a.yaml").write_text("#" * 200)
    with pytest.raises(BuildFailed, match="larger than 100 bytes"):
        build(tmp_path)


def test_two_objects_may_not_end_with_the_same_id() -> None:
    rename = "[{op: replace, path: /metadata/name, value: b}]"
    files = {
        "a/kustomization.yaml": (
            f"resources: [a.yaml, b.yaml]\npatches:\n- target: {{name: a}}\n  patch: '{rename}'\n"
        ),
        "a/a.yaml": CM % "a",
        "a/b.yaml": CM % "b",
    }
    with pytest.raises(BuildFailed, match=r"already registered id: ConfigMap\.v1\.\[noGrp\]/b"):
        build(MemoryFileSystem(files), "/a")


TYPES = [
    (
        "nameReference: [{kind: [a]}]",
        "array into Go struct field NameBackReferences.nameReference.Gvk.kind of type string",
    ),
    ("namePrefix: [{path: a, create: 'yes'}]", "string into Go struct field FieldSpec.namePrefix"),
    ("images: a", "string into Go struct field TransformerConfig.images of type types.FsSlice"),
]


@pytest.mark.parametrize(("config", "problem"), TYPES, ids=[row[0] for row in TYPES])
def test_a_value_of_another_type_in_a_configuration_is_refused(config: str, problem: str) -> None:
    files = {
        "a/kustomization.yaml": "resources: [cm.yaml]\nconfigurations: [config.yaml]\n",
        "a/cm.yaml": CM % "a",
        "a/config.yaml": config,
    }
    with pytest.raises(BuildFailed, match=problem.replace(".", r"\.")):
        build(MemoryFileSystem(files), "/a")
