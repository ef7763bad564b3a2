"""Distils the field numbers of the built-in kinds into the data file of the request decoder.

Source: the ``generated.proto`` files of ``k8s.io/api`` and its sister modules (Kubernetes 1.36,
Apache-2.0), as a JSON table: message -> number -> [name, label or map, type]. Keeps the messages
that a request body of a served kind can hold, resolves type names, and marks the fields that Go
embeds (their JSON form has no name of its own).

Usage: python scripts/distil_protobuf.py TABLE.json.gz
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

from steersman.schemas.catalogue import load_catalogue

OUTPUT = Path(__file__).parent.parent / "src/steersman/servers/apiserver/data/protobuf-1.36.json.gz"
SCALARS = frozenset(("string", "bytes", "bool", "int32", "int64", "double"))
META = "k8s.io.apimachinery.pkg.apis.meta.v1."
EXTRA = (META + "DeleteOptions", META + "Status", "k8s.io.apimachinery.pkg.runtime.Unknown")
SPECIAL = (
    META + "Time",
    META + "MicroTime",
    META + "FieldsV1",
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString",
    "k8s.io.apimachinery.pkg.api.resource.Quantity",
    "k8s.io.apimachinery.pkg.runtime.RawExtension",
)


def json_name(name: str, properties: dict[str, Any]) -> str:
    """Gives the JSON name of a field, which differs in case or is an extension for some."""
    dashed = re.sub(r"(?<=[a-z])([A-Z])", lambda found: "-" + found[1].lower(), name)
    for candidate in (name, "$" + name, dashed):
        if candidate in properties:
            return candidate
    return next((known for known in properties if known.lower() == name.lower()), name)


def full_name(name: str, message: str) -> str:
    """Resolves a type named inside a message."""
    if name in SCALARS:
        return name
    if name.startswith("."):
        return name[1:]
    return f"{message.rpartition('.')[0]}.{name}"


def definition_of(message: str) -> str:
    """Gives the OpenAPI name of a message."""
    return "io.k8s." + message.removeprefix("k8s.io.").replace("_", "-")


def main(path: str) -> None:
    """Writes the data file."""
    table = json.loads(gzip.decompress(Path(path).read_bytes()))
    catalogue = load_catalogue("1.36")
    definitions = catalogue.definitions
    by_definition = {definition_of(message): message for message in table}
    roots = set(EXTRA)
    kinds: dict[str, str] = {}
    for gvk in catalogue._names:
        message = by_definition.get(catalogue.definition_name(gvk) or "")
        if message:
            kinds[f"{gvk.api_version}/{gvk.kind}"] = message
            roots.add(message)
    kept: dict[str, list[Any]] = {}
    todo = sorted(roots)
    while todo:
        message = todo.pop()
        if message in kept or message in SPECIAL:
            continue
        schema = definitions.get(definition_of(message), {})
        properties = schema.get("properties", {})
        rows = []
        for number, (name, label, kind) in table[message].items():
            if label.startswith("map"):
                kind = label.partition(",")[2].strip(" >")
                cardinality = "m"
            else:
                cardinality = "r" if label == "repeated" else ""
            resolved = full_name(kind, message)
            if resolved not in SCALARS:
                todo.append(resolved)
            shown = json_name(name, properties)
            embedded = bool(properties) and shown not in properties
            if embedded and resolved in SCALARS:
                sys.exit(f"{message}.{name} is in no schema")
            rows.append([int(number), "" if embedded else shown, cardinality, resolved])
        kept[message] = rows
    document = {"kinds": kinds, "messages": dict(sorted(kept.items()))}
    data = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    OUTPUT.write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
