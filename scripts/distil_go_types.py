"""Distils the published Go API types of Kubernetes into the table the type codec reads.

The JSON form of a built-in kind is decided by its Go type: the order of the fields, which zero
values are left out, which are pointers and keep them. This script reads the field declarations
(name, type and JSON tag, no comments and no code) of git checkouts of ``k8s.io/api``,
``k8s.io/apimachinery``, ``k8s.io/apiextensions-apiserver`` and ``k8s.io/kube-aggregator``
(Apache-2.0) and writes ``go-types-<minor>.json.gz``.

Usage::

    python scripts/distil_go_types.py 1.36 OUT NAME=GITDIR@REF ...
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOTS = {
    "api": ("", re.compile(r"^(?!testdata/)([a-z]+/v\w+)/types\.go$")),
    "apimachinery": (
        "",
        re.compile(r"^pkg/apis/(meta/v1)/(?:types|micro_time|group_version)\.go$"),
    ),
    "apiextensions": ("", re.compile(r"^pkg/apis/(apiextensions/v1)/types(?:_jsonschema)?\.go$")),
    "aggregator": ("", re.compile(r"^pkg/apis/(apiregistration/v1)/types\.go$")),
}
_BASIC = {
    "string": "string",
    "bool": "bool",
    "int": "int",
    "int32": "int32",
    "int64": "int64",
    "float64": "float64",
    "[]byte": "bytes",
}
_SPECIAL = {
    "metav1.Time": "!time",
    "metav1.MicroTime": "!microtime",
    "metav1.Duration": "!duration",
    "resource.Quantity": "!quantity",
    "intstr.IntOrString": "!intstr",
    "runtime.RawExtension": "!raw",
    "metav1.FieldsV1": "!raw",
    "types.UID": "string/types.UID",
    "types.NodeName": "string/types.NodeName",
    "runtime.Object": "!raw",
    "meta/v1.Time": "!time",
    "meta/v1.MicroTime": "!microtime",
    "meta/v1.Duration": "!duration",
    "meta/v1.FieldsV1": "!raw",
    "apiextensions/v1.JSON": "!raw",
    "apiextensions/v1.JSONSchemaPropsOrBool": "!schemaorbool",
    "apiextensions/v1.JSONSchemaPropsOrArray": "!schemaorarray",
    "apiextensions/v1.JSONSchemaPropsOrStringArray": "!schemaorstrings",
}
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
_EMPTY = re.compile(r"^type (\w+) struct ?\{\s*\}", re.M)
_NAMED = re.compile(r"^type (\w+) (?:= )?((?:\[\]|map\[[\w.]+\])*[\w.]+)(?: *//.*)?$", re.M)
_FIELD = re.compile(r"^\t(?:(\w+)\s+)?([\w.*\[\]]+)\s+`([^`]*)`")
_IMPORT = re.compile(r"^(?:\t|import )(?:(\w+) )?\"(k8s\.io/[^\"]+)\"", re.M)


def read(git_dir: str, ref: str, path: str) -> str:
    """Returns the text of one file of a bare repository."""
    command = ["git", "-C", git_dir, "show", f"{ref}:{path}"]
    return subprocess.run(  # noqa: S603 - git, with our arguments
        command, check=True, capture_output=True, text=True
    ).stdout


def list_files(git_dir: str, ref: str) -> list[str]:
    """Lists the files of a bare repository."""
    command = ["git", "-C", git_dir, "ls-tree", "-r", "--name-only", ref]
    return subprocess.run(  # noqa: S603 - git, with our arguments
        command, check=True, capture_output=True, text=True
    ).stdout.splitlines()


class Package:
    """The declarations of one Go package."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.imports: dict[str, str] = {}
        self.structs: dict[str, list[tuple[str, str, str]]] = {}
        self.named: dict[str, str] = {}

    def add(self, text: str) -> None:
        """Reads the declarations of one file."""
        for alias, path in _IMPORT.findall(text):
            match = re.search(r"k8s\.io/(?:api|apimachinery/pkg/apis|.*/pkg/apis)/(\w+/\w+)$", path)
            short = match.group(1) if match else path.rsplit("/", 1)[-1]
            self.imports[alias or path.rsplit("/", 1)[-1]] = short
        for name, body in _STRUCT.findall(text):
            fields = [_FIELD.match(line) for line in body.splitlines()]
            self.structs[name] = [
                (one.group(1) or "", one.group(2), one.group(3)) for one in fields if one
            ]
        self.structs.update({name: [] for name in _EMPTY.findall(text)})
        for name, target in _NAMED.findall(text):
            self.named[name] = target


class Distiller:
    """Resolves type names across packages."""

    def __init__(self) -> None:
        self.packages: dict[str, Package] = {}

    def type_of(self, text: str, package: Package) -> str:
        """Encodes a Go type; prefixes ``*``, ``[]`` and ``{}`` nest."""
        if text in _BASIC:
            return _BASIC[text]
        if text.startswith("*"):
            return "*" + self.type_of(text[1:], package)
        if text.startswith("[]"):
            return "[]" + self.type_of(text[2:], package)
        if match := re.match(r"map\[([\w.]+)\](.*)$", text):
            return "{}" + self.type_of(match.group(2), package)
        return self._named(text, package)

    def _named(self, text: str, package: Package) -> str:
        if text in _SPECIAL:
            return _SPECIAL[text]
        owner, name = package, text
        if "." in text:
            alias, name = text.split(".")
            target = package.imports.get(alias, alias)
            if f"{target}.{name}" in _SPECIAL:
                return _SPECIAL[f"{target}.{name}"]
            if target not in self.packages:
                raise KeyError(f"{text} in {package.name}: {target}")
            owner = self.packages[target]
        full = f"{owner.name}.{name}"
        if full in _SPECIAL:
            return _SPECIAL[full]
        if name in owner.structs:
            return full
        resolved = self.type_of(owner.named[name], owner)
        go_name = f"{owner.name.rsplit('/', 1)[-1]}.{name}"
        return f"{resolved}/{go_name}" if resolved in set(_BASIC.values()) else resolved

    def fields_of(self, package: Package, name: str) -> list[list[Any]]:
        """Lists ``[json name, type, flags]`` of a struct, embedded structs flattened."""
        fields: list[list[Any]] = []
        for go_name, go_type, tags in package.structs[name]:
            match = re.search(r'json:"([^"]*)"', tags)
            if match is None or match.group(1) == "-":
                continue
            json_name, *options = match.group(1).split(",")
            if "inline" in options or (not go_name and not json_name):
                encoded = self.type_of(go_type, package)
                owner, struct = encoded.lstrip("*").rsplit(".", 1)
                fields += self.fields_of(self.packages[owner], struct)
                continue
            flags = ("o" if "omitempty" in options else "") + ("z" if "omitzero" in options else "")
            fields.append([json_name, self.type_of(go_type, package), flags])
        return fields


def main(minor: str, out: str, *sources: str) -> None:
    """Reads the checkouts and writes the table."""
    distiller = Distiller()
    for source in sources:
        name, _, location = source.partition("=")
        git_dir, _, ref = location.rpartition("@")
        pattern = _ROOTS[name][1]
        for path in list_files(git_dir, ref):
            if match := pattern.match(path):
                short = match.group(1)
                package = distiller.packages.setdefault(short, Package(short))
                package.add(read(git_dir, ref, path))
    table = {
        f"{package.name}.{name}": distiller.fields_of(package, name)
        for package in distiller.packages.values()
        for name in package.structs
        if f"{package.name}.{name}" not in _SPECIAL
    }
    data = json.dumps(table, separators=(",", ":"), sort_keys=True).encode()
    target = Path(out) / f"go-types-{minor}.json.gz"
    target.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{len(table)} structs, {len(data)} bytes, {target.stat().st_size} compressed")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
