"""The main features of a build, each in a few lines."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from steersman.kustomize import BuildFailed, MemoryFileSystem, build

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: app
        image: nginx:1.0
        envFrom:
        - configMapRef: {name: settings}
"""


def rendered(files: Mapping[str, str], path: str = "/") -> str:
    return build(MemoryFileSystem(files), path).to_yaml()


def test_everything_people_write_most_works_together() -> None:
    files = {
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": DEPLOYMENT,
        "prod/kustomization.yaml": """\
resources: [../base]
namespace: shop
namePrefix: eu-
labels:
- pairs: {team: a}
images:
- name: nginx
  newTag: "2.0"
replicas:
- name: web
  count: 3
configMapGenerator:
- name: settings
  literals: [A=1]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec: {template: {spec: {containers: [{name: app, args: [x]}]}}}
- target: {kind: Deployment}
  patch: |
    - op: add
      path: /spec/paused
      value: true
""",
    }
    assert (
        rendered(files, "/prod")
        == """\
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    team: a
  name: eu-web
  namespace: shop
spec:
  paused: true
  replicas: 3
  template:
    spec:
      containers:
      - args:
        - x
        envFrom:
        - configMapRef:
            name: eu-settings-89g4tffbfk
        image: nginx:2.0
        name: app
---
apiVersion: v1
data:
  A: "1"
kind: ConfigMap
metadata:
  labels:
    team: a
  name: eu-settings-89g4tffbfk
  namespace: shop
"""
    )


def test_a_build_can_be_repeated_on_the_same_files() -> None:
    files = MemoryFileSystem({"kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n",
                              "a.yaml": DEPLOYMENT})  # fmt: skip
    assert build(files, "/").to_yaml() == build(files, "/").to_yaml()


FAILURES: list[tuple[str, dict[str, str], str]] = [
    ("a missing kustomization file", {"x/a.yaml": ""},
     "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in"),
    ("an unknown field", {"kustomization.yaml": "resource: [a]\n"},
     'invalid Kustomization: json: unknown field "resource"'),
    ("an empty file", {"kustomization.yaml": "\n"}, "kustomization.yaml is empty"),
    ("a cycle", {"kustomization.yaml": "resources: [a]\n",
                 "a/kustomization.yaml": "resources: [..]\n"},
     "cycle detected: candidate root '/' contains visited root '/a'"),
    ("a helm chart", {"kustomization.yaml": "helmCharts: [{name: x}]\n"},
     "Helm charts in a kustomization are not supported"),
    ("a remote base", {"kustomization.yaml": "resources: ['https://github.com/a/b']\n"},
     "remote bases are not allowed"),
    ("a program as a transformer",
     {"kustomization.yaml": "transformers: [t.yaml]\n",
      "t.yaml": "apiVersion: x/v1\nkind: Run\nmetadata: {name: r}\n"},
     "external plugins disabled; unable to load external plugin 'Run'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "reason"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_build_that_cannot_succeed_says_why(
    name: str, files: dict[str, str], reason: str
) -> None:
    with pytest.raises(BuildFailed) as caught:
        rendered(files)
    assert reason in caught.value.problem


def test_an_error_names_the_file_and_its_line() -> None:
    files = {
        "kustomization.yaml": "resources: [a.yaml]\n",
        "a.yaml": "a: 1\n---\nb:\n  - c\n d: 1\n",
    }
    with pytest.raises(BuildFailed) as caught:
        rendered(files)
    assert (caught.value.file, caught.value.line) == ("/a.yaml", 5)
    assert "MalformedYAMLError" in caught.value.message
