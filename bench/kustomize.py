"""kustomize builds beside a fork of the real kubectl for each of the same directories."""

from __future__ import annotations

import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.table import Row
from steersman.kustomize import BuildCache, build, kustfile, parse

SEED = 11
DIRECTORIES = 60


def run() -> list[Row]:
    """Measures; without a real kubectl only our figures are given."""
    with tempfile.TemporaryDirectory() as scratch:
        directories = write_directories(Path(scratch), random.Random(SEED))
        build(directories[0])
        cold = _each(directories, _cold)
        cache = BuildCache()
        _each(directories, lambda directory: _warm(directory, cache))
        warm = _each(directories, lambda directory: _warm(directory, cache))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        kubectl = real_kubectl()
        forked = _each(directories, lambda d: _fork(kubectl, d)) if kubectl else None
        rows = [_row("cold", cold, forked), _row("warm", warm, forked)]
        if forked:
            rows.append(_slowest(cold, forked))
        return [*rows, Row("peak memory of our process", f"{peak:.0f} MiB")]


def _row(what: str, ours: list[float], forked: list[float] | None) -> Row:
    mine = f"{statistics.mean(ours) * 1e3:.2f} ms a directory"
    name = f"{what}, {len(ours)} directories"
    if forked is None:
        return Row(name, mine, "no real kubectl")
    ratio = sum(forked) / sum(ours)
    return Row(name, mine, f"{statistics.mean(forked) * 1e3:.1f} ms", f"{ratio:.0f} times faster")


def _slowest(cold: list[float], forked: list[float]) -> Row:
    ratio, ours, theirs = min(
        (theirs / ours, ours, theirs) for ours, theirs in zip(cold, forked, strict=True)
    )
    return Row(
        "the least favourable directory, cold",
        f"{ours * 1e3:.1f} ms",
        f"{theirs * 1e3:.1f} ms",
        f"{ratio:.1f} times faster",
    )


def _each(directories: list[Path], measure: Callable[[Path], object]) -> list[float]:
    """Times every directory, the best of three, so that a busy machine spoils neither side."""
    return [min(_timed(directory, measure) for _ in range(3)) for directory in directories]


def _timed(directory: Path, measure: Callable[[Path], object]) -> float:
    start = time.perf_counter()
    measure(directory)
    return time.perf_counter() - start


def _cold(directory: Path) -> None:
    """Builds with nothing remembered."""
    parse._parsed.cache_clear()
    kustfile._read.cache_clear()
    build(directory, order="legacy").to_yaml()


def _warm(directory: Path, cache: BuildCache) -> None:
    build(directory, order="legacy", cache=cache).to_yaml()


def _fork(kubectl: Path, directory: Path) -> None:
    subprocess.run([kubectl, "kustomize", directory], capture_output=True, check=True)


def real_kubectl() -> Path | None:
    """Finds the real kubectl as the tests do, or None."""
    import pytest

    from tests.support import tools

    try:
        return tools.real_kubectl()
    except pytest.skip.Exception:
        return None


# Directories as people write them: most hold a few manifests and a namespace, some share a base,
# some patch it, a few hold a large definition of a kind.


def write_directories(root: Path, chance: random.Random) -> list[Path]:
    """Writes directories below ``root`` and returns them."""
    found = []
    for number in range(DIRECTORIES):
        directory = root / f"app{number}"
        (directory / "base").mkdir(parents=True)
        (directory / "prod").mkdir()
        names = [f"svc{number}-{i}" for i in range(chance.randint(1, 6))]
        for name in names:
            (directory / "base" / f"{name}.yaml").write_text(workload(name, chance))
        resources = [f"{name}.yaml" for name in names]
        if number % 12 == 0:
            (directory / "base" / "crd.yaml").write_text(definition(number, chance))
            resources.append("crd.yaml")
        listed = "".join(f"- {name}\n" for name in resources)
        (directory / "base" / "kustomization.yaml").write_text(f"resources:\n{listed}")
        (directory / "prod" / "kustomization.yaml").write_text(overlay(names, chance))
        found.append(directory / "prod")
    return found


def workload(name: str, chance: random.Random) -> str:
    """Writes a Deployment, its Service and a ConfigMap."""
    values = "".join(f'  KEY_{i}: "{chance.random()}"\n' for i in range(chance.randint(2, 20)))
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}  # the name
spec:
  replicas: 2
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
      - name: main
        image: registry.example.com/{name}:v1
        envFrom:
        - configMapRef: {{name: {name}}}
        ports:
        - {{containerPort: 8080, name: http}}
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: {{app: {name}}}
  ports:
  - {{port: 80, targetPort: http, name: http}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
{values}"""


def definition(number: int, chance: random.Random) -> str:
    """Writes the definition of a kind with many described fields."""
    words = ["what", "the", "field", "says", "about", "an", "object", "and", "when", "it", "holds"]
    fields = "".join(
        f"                  field{i}:\n                    type: string\n"
        f"                    description: {' '.join(chance.choices(words, k=30))}\n"
        for i in range(1500)
    )
    return f"""\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things{number}.example.com
spec:
  group: example.com
  names: {{kind: Thing{number}, plural: things{number}}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              nested:
                type: object
                properties:
{fields}"""


def overlay(names: list[str], chance: random.Random) -> str:
    """Writes a kustomization with what real ones use most."""
    text = "resources: [../base]\nnamespace: prod\n"
    if chance.random() < 0.4:
        text += "labels:\n- pairs: {team: a}\n  includeSelectors: false\n"
    if chance.random() < 0.4:
        text += f"images:\n- name: registry.example.com/{names[0]}\n  newTag: v2\n"
    if chance.random() < 0.4:
        text += "configMapGenerator:\n- name: extra\n  literals: [A=1, B=2]\n"
    if chance.random() < 0.4:
        text += f"""\
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {{name: {names[0]}}}
    spec:
      template:
        spec:
          containers:
          - name: main
            env:
            - {{name: MODE, value: prod}}
- target: {{kind: Service}}
  patch: |
    - op: add
      path: /metadata/annotations
      value: {{a: b}}
"""
    return text
