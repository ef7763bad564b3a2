"""Distils the schemas of the built-in kinds into one small data file per Kubernetes minor.

Run by ``make schemas``; needs Go and its module proxy, since the public Kubernetes module carries
the OpenAPI v3 documents (Apache-2.0). Drops descriptions, keeps what the named resources need, and
joins the resource table beside this file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATA = HERE.parent / "src" / "steersman" / "schemas" / "data"
VERSIONS = {"1.35": "1.35.4", "1.36": "1.36.3", "1.37": "1.37.2"}
REF = "#/components/schemas/"
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

# Kinds that are bodies of requests and answers rather than resources.
MESSAGES = {
    ("", "v1", "Status"),
    ("", "v1", "DeleteOptions"),
    ("", "v1", "WatchEvent"),
    ("", "v1", "APIGroup"),
    ("", "v1", "APIGroupList"),
    ("", "v1", "APIResourceList"),
    ("", "v1", "APIVersions"),
    ("autoscaling", "v1", "Scale"),
    ("policy", "v1", "Eviction"),
    ("authentication.k8s.io", "v1", "TokenRequest"),
}


def source_documents(version: str) -> Iterator[dict[str, Any]]:
    """Yields the OpenAPI v3 documents that the Kubernetes module of a version carries."""
    command = ["go", "mod", "download", "-json", f"k8s.io/kubernetes@v{version}"]
    answer = subprocess.run(  # noqa: S603 (constants only)
        command, check=True, capture_output=True, cwd=tempfile.gettempdir()
    )
    folder = Path(json.loads(answer.stdout)["Dir"]) / "api" / "openapi-spec" / "v3"
    for path in sorted(folder.glob("*.json")):
        yield json.loads(path.read_text())


def source_definitions(version: str) -> dict[str, Any]:
    """Joins the schemas of all documents; a definition is the same wherever it appears."""
    definitions: dict[str, Any] = {}
    for document in source_documents(version):
        definitions.update(document.get("components", {}).get("schemas", {}))
    return definitions


def distil(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema without its descriptions; a lone reference in ``allOf`` is put in place."""
    result: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "description":
                continue
            case "allOf" if len(value) == 1 and "$ref" in value[0]:
                result["$ref"] = value[0]["$ref"]
            case "properties":
                result[key] = {name: distil(field) for name, field in value.items()}
            case "items" | "additionalProperties" if isinstance(value, dict):
                result[key] = distil(value)
            case _:
                result[key] = value
    return result


def refs(node: object) -> Iterator[str]:
    """Yields the names of the definitions a schema refers to."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(REF)
            else:
                yield from refs(value)
    elif isinstance(node, list):
        for item in node:
            yield from refs(item)


def reachable(definitions: dict[str, Any], roots: Iterable[str]) -> dict[str, Any]:
    """Keeps the definitions that the roots need, sorted by name."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(refs(definitions[name]))
    return {name: definitions[name] for name in sorted(seen)}


def subresource(text: str, kind: str) -> dict[str, Any]:
    """Parses one subresource of the table."""
    rest, _, target = text.partition("@")
    name, _, verbs = rest.partition("=")
    group_version, _, target_kind = target.rpartition("/")
    group, _, version = group_version.rpartition("/")
    return {
        "name": name,
        "group": group,
        "version": version,
        "kind": target_kind or kind,
        "verbs": verbs.split(",") if verbs else ["get", "patch", "update"],
    }


def resource_table() -> Iterator[dict[str, Any]]:
    """Reads scripts/resources.txt."""
    group = version = ""
    for line in (HERE / "resources.txt").read_text().splitlines():
        if line.startswith("#") or not line:
            continue
        if line.startswith("["):
            group, _, version = line.strip("[]").partition("/")
            group = "" if group == "core" else group
            continue
        kind, plural, scope, verbs, short, categories, subs = line.split()
        listed = [[] if text == "-" else text.split(",") for text in (short, categories)]
        yield {
            "group": group,
            "version": version,
            "kind": kind,
            "plural": plural,
            "singular": kind.lower(),
            "namespaced": scope == "ns",
            "verbs": VERBS if verbs == "*" else verbs.split(","),
            "short_names": listed[0],
            "categories": listed[1],
            "subresources": [] if subs == "-" else [subresource(s, kind) for s in subs.split(";")],
        }


def kinds_of(definitions: dict[str, Any]) -> dict[tuple[str, str, str], str]:
    """Maps (group, version, kind) to the name of its definition."""
    found: dict[tuple[str, str, str], str] = {}
    for name, schema in definitions.items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            found.setdefault((gvk["group"], gvk["version"], gvk["kind"]), name)
    return found


def document(minor: str) -> dict[str, Any]:
    """Builds the data file of one minor."""
    source = source_definitions(VERSIONS[minor])
    definitions = {name: distil(schema) for name, schema in source.items()}
    kinds = kinds_of(definitions)
    resources = [
        row for row in resource_table() if (row["group"], row["version"], row["kind"]) in kinds
    ]
    wanted = {(row["group"], row["version"], row["kind"]) for row in resources}
    wanted |= {(group, version, kind + "List") for group, version, kind in wanted}
    wanted |= MESSAGES
    # Lists and messages that a minor does not define are simply absent.
    return {
        "minor": minor,
        "definitions": reachable(definitions, [kinds[key] for key in kinds if key in wanted]),
        "resources": resources,
    }


def main() -> None:
    """Writes the data files; with ``--check`` only says whether they are current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for minor in VERSIONS:
        text = json.dumps(document(minor), separators=(",", ":"), ensure_ascii=False).encode()
        path = DATA / f"kubernetes-{minor}.json.gz"
        if check:
            if gzip.decompress(path.read_bytes()) != text:
                sys.exit(f"{path.name} is out of date: run make schemas")
            continue
        path.write_bytes(gzip.compress(text, 9, mtime=0))
        sys.stderr.write(f"{path.name}: {len(text)} bytes, {path.stat().st_size} compressed\n")


if __name__ == "__main__":
    main()
