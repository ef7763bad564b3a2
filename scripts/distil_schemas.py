"""Distils the schemas of the built-in kinds into one small data file per Kubernetes minor.

Run by ``make schemas`` with requirements/schemas.lock installed. Reads the definitions that
``kubernetes-validate`` (Apache-2.0) ships, drops descriptions and what that package added for
validation, puts back the scalar defaults it lost, and joins the resource table beside this file.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATA = HERE.parent / "src" / "steersman" / "schemas" / "data"
MINORS = ("1.35", "1.36", "1.37")
OLD_REF, NEW_REF = "#/$defs/", "#/components/schemas/"
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
# Types whose published schema says nothing that a validator can use.
FIXED: dict[str, dict[str, Any]] = {
    INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
}

CORE = "io.k8s.api.core.v1."
# Scalar defaults of the real server's OpenAPI v3 documents that the source package lacks.
DEFAULTS: dict[str, dict[str, Any]] = {
    "ContainerPort": {"protocol": "TCP"},
    "ServicePort": {"protocol": "TCP"},
    "GRPCAction": {"service": ""},
    "RBDVolumeSource": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "RBDPersistentVolumeSource": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "ScaleIOVolumeSource": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "ScaleIOPersistentVolumeSource": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "ISCSIVolumeSource": {"iscsiInterface": "default"},
    "ISCSIPersistentVolumeSource": {"iscsiInterface": "default"},
    "AzureDiskVolumeSource": {
        "cachingMode": "ReadWrite",
        "fsType": "ext4",
        "readOnly": False,
        "kind": "Shared",
    },
}

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


def source_definitions(minor: str) -> dict[str, Any]:
    """Reads the ``$defs`` of one minor from the installed source package."""
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or spec.origin is None:
        sys.exit("kubernetes-validate is missing: pip install -r requirements/schemas.lock")
    root = Path(spec.origin).parent / "kubernetes-json-schema"
    text = (root / f"v{minor}.0-local" / "_definitions.json").read_text()
    definitions: dict[str, Any] = json.loads(text)["$defs"]
    return definitions


def distil(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema as the API server publishes it, without descriptions."""
    result: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "description" | "enum":
                continue
            case "type" if isinstance(value, list):
                result[key] = next(kind for kind in value if kind != "null")
            case "$ref":
                result[key] = value.replace(OLD_REF, NEW_REF)
            case "properties":
                result[key] = {name: distil(field) for name, field in value.items()}
            case "items" | "additionalProperties" if isinstance(value, dict):
                result[key] = distil(value)
            case _:
                result[key] = value
    return result


def add_defaults(definitions: dict[str, Any]) -> None:
    """Puts the lost scalar defaults back."""
    for type_name, fields in DEFAULTS.items():
        properties = definitions[CORE + type_name]["properties"]
        for field, value in fields.items():
            properties[field]["default"] = value


def refs(node: object) -> Iterator[str]:
    """Yields the names of the definitions a schema refers to."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(NEW_REF)
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
    definitions = {name: distil(schema) for name, schema in source_definitions(minor).items()}
    definitions.update(FIXED)
    add_defaults(definitions)
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
    for minor in MINORS:
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
