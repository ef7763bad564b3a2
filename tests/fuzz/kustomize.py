"""Throws damaged kustomizations at the build; whatever is not a reasoned failure is a crash.

``python -m tests.fuzz.kustomize [--seconds 60] [--seed N]``. The seed is printed; the files of a
crash are written below the working directory.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from steersman.kit.yaml import YamlError, dump, load_all
from steersman.kustomize import BuildFailed, MemoryFileSystem, build

OBJECTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: &m {name: web, labels: {app: x}, annotations: {note: "1"}}
spec:
  replicas: 2
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      serviceAccountName: sa
      containers:
      - name: c
        image: nginx:1.0@sha256:abc
        args: [$(FOO), 0x1F, yes, 2001-01-01, ~]
        env: [{name: A, valueFrom: {configMapKeyRef: {name: cfg, key: k}}}]
        ports: [{containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: UDP}]
      volumes: [{name: v, configMap: {name: cfg}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cfg}
data:
  text: |
    a
     b
  json: '{"a": {"b": ["1", 2]}}'
  k: $(FOO)
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects: [{kind: ServiceAccount, name: default, namespace: n}]
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: svc}, spec: {ports: [{port: 80}]}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: sa}}
"""
KUSTOMIZATION = {
    "resources": ["../base", "more.yaml"],
    "components": ["../comp"],
    "namespace": "prod",
    "namePrefix": "p-",
    "labels": [{"pairs": {"a": "b"}, "includeSelectors": True, "fields": [{"path": "spec/x"}]}],
    "commonAnnotations": {"c": "d"},
    "images": [{"name": "nginx", "newTag": "2"}],
    "replicas": [{"name": "web", "count": 3}],
    "configMapGenerator": [{"name": "cfg", "behavior": "merge", "literals": ["x=y"],
                            "envs": ["env"], "files": ["f=more.yaml"]}],
    "patches": [
        {"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
                  "spec: {template: {spec: {containers: [{name: c, $patch: delete}]}}}\n"},
        {"target": {"kind": "Dep.*", "labelSelector": "app=x"},
         "patch": '[{"op": "replace", "path": "/spec/replicas", "value": 5}]'},
    ],
    "replacements": [{"source": {"kind": "ConfigMap", "name": "cfg", "fieldPath": "data.k"},
                      "targets": [{"select": {"kind": "ConfigMap"},
                                   "fieldPaths": ["data.json.a.b.0", "metadata.labels.[x.y/z]"],
                                   "options": {"create": True, "delimiter": "-"}}]}],
    "vars": [{"name": "FOO", "objref": {"kind": "Service", "name": "svc", "apiVersion": "v1"}}],
    "transformers": ["t.yaml"],
    "configurations": ["conf.yaml"],
    "openapi": {"path": "schema.json"},
    "buildMetadata": ["originAnnotations", "transformerAnnotations"],
    "sortOptions": {"order": "legacy"},
}  # fmt: skip
FILES = {
    "base/kustomization.yaml": "resources: [all.yaml]\n",
    "base/all.yaml": OBJECTS,
    "comp/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    "nameSuffix: -c\n",
    "over/kustomization.yaml": json.dumps(KUSTOMIZATION, indent=1),
    "over/more.yaml": "apiVersion: x.y/v1\nkind: Z\nmetadata: {name: z}\nspec: {f: 1}\n",
    "over/env": "A=1\n#c\nB\n",
    "over/t.yaml": "apiVersion: builtin\nkind: ValueAddTransformer\nmetadata: {name: t}\n"
    "value: v\ntargets: [{fieldPath: metadata/annotations/va}]\n",
    "over/conf.yaml": "nameReference:\n- kind: ConfigMap\n  fieldSpecs: [{path: spec/f}]\n",
    "over/schema.json": '{"definitions": {"z": {"x-kubernetes-group-version-kind": '
    '[{"group": "x.y", "version": "v1", "kind": "Z"}], "properties": {"spec": {}}}}}',
}
ODDITIES: list[Any] = [
    None, "", [], {}, 0, -1, True, "x", "a/b", [None], [[]], {"name": None}, {"$patch": "delete"},
    {"name": "cfg"}, ["a"], "name", 2**70, 1.5, {"a": {"b": "c"}}, "*", "[name=c]", "(", "\n",
]  # fmt: skip
TOKENS = [
    "null", "[]", "{}", "''", "- ", ": ", "&a ", "*a", "<<: ", "---\n", "\n", " ", "\t", "0", "1",
    "-1", "true", "!!int ", "!!binary ", "|\n", "'", '"', "\\", "\x00", "\u2028", "é", "[", "}",
    "$patch: replace", "metadata", "name", "../", "/", "*", ".", "$(FOO)", "~", "1e999", "\ud800",
]  # fmt: skip


def damaged(files: dict[str, str], chance: random.Random) -> dict[str, str]:
    """Damages a few places, mostly in one file."""
    result = dict(files)
    if chance.random() < 0.7:
        for name in chance.sample(["base/all.yaml", "over/kustomization.yaml", "over/t.yaml"], 2):
            result[name] = retyped(result[name], chance)
    for _ in range(chance.randint(0, 1)):
        name = chance.choice(sorted(result))
        for _ in range(chance.randint(1, 2)):
            result[name] = _damage(result[name], chance)
    for field in chance.sample(sorted(KUSTOMIZATION), chance.randint(0, 14)):
        trimmed = _without(result["over/kustomization.yaml"], field)
        result["over/kustomization.yaml"] = trimmed
    return result


def retyped(text: str, chance: random.Random) -> str:
    """Puts something else in the place of one value of a document."""
    try:
        documents = [document.value for document in load_all(text)]
    except YamlError:
        return text
    places = [place for document in documents for place in _places(document)]
    if places:
        container, key = chance.choice(places)
        container[key] = chance.choice(ODDITIES)
    return "---\n".join(dump(document) for document in documents)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(pairs) if isinstance(value, dict | list) else ():
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


def _without(text: str, field: str) -> str:
    """Leaves out one field of a kustomization, so that the build comes further."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if not isinstance(value, dict):
        return text
    value.pop(field, None)
    return json.dumps(value)


def _damage(text: str, chance: random.Random) -> str:
    start = chance.randint(0, len(text))
    end = min(len(text), start + chance.choice([0, 0, 1, 1, 2, 5, 20]))
    match chance.randint(0, 3):
        case 0:
            return text[:start] + chance.choice(TOKENS) + text[end:]
        case 1:
            return text[:start] + text[end:]
        case 2:
            return text[:end] + text[start:]
        case _:
            lines = text.split("\n")
            chance.shuffle(lines)
            return "\n".join(lines) if chance.random() < 0.2 else text[:start] + text[end:]


def main() -> int:
    """Runs until the time is over; 1 after a crash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    chance, end = random.Random(options.seed), time.monotonic() + options.seconds
    built = failed = 0
    while time.monotonic() < end:
        files = damaged(FILES, chance)
        try:
            encoded = {name: text.encode("utf-8", "surrogatepass") for name, text in files.items()}
            order: Any = chance.choice(["input", "legacy"])
            build(MemoryFileSystem(encoded), "/over", order=order).to_yaml()
            built += 1
        except BuildFailed:
            failed += 1
        except Exception:
            traceback.print_exc()
            crash = Path("fuzz-crash.json")
            crash.write_text(json.dumps(files))
            sys.stderr.write(f"seed {options.seed}: the files are in {crash}\n")
            return 1
    sys.stdout.write(f"seed {options.seed}: {built} built, {failed} refused, no crash\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
