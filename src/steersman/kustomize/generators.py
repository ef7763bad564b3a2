"""Makes ConfigMaps and Secrets from literals, files and env files, and hashes contents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.loader import Loader
from steersman.kustomize.model import GeneratorArgs
from steersman.kustomize.node import Tree, encode_base64, text_of, to_json, to_plain, untagged
from steersman.kustomize.resource import BEHAVIOR, NEEDS_HASH, Resource
from steersman.kustomize.schema import MergeSchema

__all__ = ["content_hash", "generate"]

_BOM = b"\xef\xbb\xbf"
_BEHAVIORS = ("create", "replace", "merge")


def generate(kind: str, args: GeneratorArgs, loader: Loader, schema: MergeSchema) -> Resource:
    """Makes one ConfigMap or Secret.

    Raises:
        BuildFailed: no name, a key twice, or a source that cannot be read.
    """
    if not args.name:
        raise BuildFailed("a configmap must have a name")
    metadata: dict[str, Tree] = {"name": args.name}
    if args.namespace:
        metadata["namespace"] = args.namespace
    tree: dict[str, Tree] = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    pairs = _pairs(args, loader)
    if kind == "Secret":
        tree["type"] = args.type or "Opaque"
        tree["data"] = {key: encode_base64(pairs[key]) for key in sorted(pairs)}
    else:
        tree |= _config_map_data(pairs)
    options = args.options
    if options is not None:
        for field, entries in (("labels", options.labels), ("annotations", options.annotations)):
            if entries:
                metadata[field] = {key: entries[key] for key in sorted(entries)}
        if options.immutable:
            tree["immutable"] = untagged("true")
    resource = Resource(tree, schema)
    if options is None or not options.disable_name_suffix_hash:
        resource.enable(NEEDS_HASH)
    behavior = args.behavior if args.behavior in _BEHAVIORS else "unspecified"
    resource.set_annotations({**resource.annotations, BEHAVIOR: behavior})
    return resource


def _config_map_data(pairs: Mapping[str, bytes]) -> dict[str, Tree]:
    texts: dict[str, Tree] = {}
    binaries: dict[str, Tree] = {}
    for key in sorted(pairs):
        try:
            texts[key] = pairs[key].decode("utf-8")
        except UnicodeDecodeError:
            binaries[key] = encode_base64(pairs[key])
    found = (("data", texts), ("binaryData", binaries))
    return {field: values for field, values in found if values}


def _pairs(args: GeneratorArgs, loader: Loader) -> dict[str, bytes]:
    pairs: list[tuple[str, bytes]] = []
    sources = (
        ("env source files:", args.envs, _from_env_file),
        ("literal sources", args.literals, _from_literal),
        ("file sources:", args.files, _from_file),
    )
    for title, entries, read in sources:
        try:
            for entry in entries:
                pairs.extend(read(entry, loader))
        except BuildFailed as error:
            shown = f"{title} [{' '.join(entries)}]"
            raise error.within(shown).within("loading KV pairs") from None
    result: dict[str, bytes] = {}
    for key, value in pairs:
        if key in result:
            raise BuildFailed(f"configmap {args.name} illegally repeats the key `{key}`")
        result[key] = value
    return result


def _from_literal(source: str, loader: Loader) -> list[tuple[str, bytes]]:
    key, equals, value = source.partition("=")
    if not equals or not key:
        raise BuildFailed(f"invalid literal source {source}, expected key=value")
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return [(key, value.encode())]


def _from_file(source: str, loader: Loader) -> list[tuple[str, bytes]]:
    parts = source.split("=")
    if len(parts) == 1:
        key, path = source.rstrip("/").rpartition("/")[2], source
    elif len(parts) > 2:
        raise BuildFailed(f"source \"{source}\" key name or file path contains '='")
    elif not parts[0]:
        raise BuildFailed(f'missing key name for file path "{parts[1]}" in source "{source}"')
    elif not parts[1]:
        raise BuildFailed(f'missing file path for key name "{parts[0]}" in source "{source}"')
    else:
        key, path = parts
    return [(key, loader.load(path))]


def _from_env_file(path: str, loader: Loader) -> list[tuple[str, bytes]]:
    lines = loader.load(path).split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    pairs = []
    for index, line in enumerate(lines):
        line = line.removesuffix(b"\r")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            shown = " ".join(str(byte) for byte in line)
            raise BuildFailed(
                f"line [{shown}] has invalid utf8 bytes : {line.decode('utf-8', 'replace')}"
            ) from None
        if index == 0:
            text = text.removeprefix(_BOM.decode("utf-8"))
        text = text.lstrip()
        if text and not text.startswith("#"):
            key, _, value = text.partition("=")
            pairs.append((key, value.encode()))
    return [(key, value) for key, value in pairs if key]


def content_hash(tree: Tree) -> str:
    """Returns the ten characters that kustomize appends to the name of generated objects."""
    kind = text_of(tree.get("kind", ""))
    if kind == "ConfigMap":
        encoded = _encoded(tree, kind, ("data",), "binaryData")
    elif kind == "Secret":
        encoded = _encoded(tree, kind, ("type", "data"), "stringData")
    else:
        encoded = to_json(tree)
    digest = hashlib.sha256(encoded.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return digest.translate(str.maketrans("013ae", "ghkmt"))


def _encoded(tree: Tree, kind: str, fields: tuple[str, ...], optional: str) -> str:
    """Writes what counts for the hash. ``name`` is empty: kustomize looks it up by a wrong path."""
    values: dict[str, Tree] = {"kind": kind, "name": ""}
    for field in fields:
        held = tree.get(field, "")
        values[field] = held if isinstance(held, dict | list) else text_of(held)
    if isinstance(tree.get(optional), dict):
        values[optional] = to_plain(tree[optional])
    return to_json(values)
