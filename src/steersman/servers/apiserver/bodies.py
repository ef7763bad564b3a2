"""Request bodies: JSON, YAML 1.1 and protobuf, read into plain mappings.

Duplicate keys are reported, since a strict decoder refuses them and a plain one loses them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from steersman.kit.yaml import YamlError, load_all
from steersman.servers.apiserver.answers import bad_request, unsupported_media_type
from steersman.servers.apiserver.protobuf import ProtobufError, decode_envelope

__all__ = ["Body", "media_type", "read_body", "read_yaml_mapping"]

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

PROTOBUF_PREFIX = b"k8s\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A decoded body.

    Attributes:
        value: the top-level mapping.
        duplicates: problems of the text itself, such as ``duplicate field "data"``.
        yaml: it was written in YAML.
    """

    value: Mapping[str, Any]
    duplicates: tuple[str, ...] = ()
    yaml: bool = False


def media_type(content_type: str | None) -> str:
    """Returns the bare media type in lower case; absent means JSON."""
    return (content_type or "application/json").partition(";")[0].strip().lower()


_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


def read_body(data: bytes, content_type: str | None, kind: str) -> Body:
    """Decodes the body of a create, update or delete.

    Args:
        data: the bytes as sent.
        content_type: the header; absent means JSON.
        kind: what the endpoint expects, for the error texts.

    Raises:
        ApiError: 415 for other media types, 400 for text that cannot be decoded.
    """
    match media_type(content_type):
        case "application/json":
            return _read_json(data, kind)
        case "application/yaml":
            return _read_yaml(data, kind)
        case "application/vnd.kubernetes.protobuf":
            try:
                return Body(value=decode_envelope(data))
            except ProtobufError as error:
                raise bad_request(str(error)) from error
        case _:
            raise unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types "
                f"include: {_ACCEPTED}"
            )


def _read_json(data: bytes, kind: str) -> Body:
    try:
        value = _decode(data)
    except msgspec.DecodeError as error:
        shown = data.decode(errors="replace")
        problem = json_problem(data)
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get "
            f"version/kind; json parse error: {problem} ({_excerpt(shown)})"
        ) from error
    if not isinstance(value, dict):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get "
            f"version/kind; json parse error: json: cannot unmarshal {_go_type(value)} into Go "
            f"value of type struct {{ APIVersion string; Kind string }} "
            f"({_excerpt(data.decode(errors='replace'))})"
        )
    duplicates = find_duplicates(data, value)
    return Body(value=_merged(data) if duplicates else value, duplicates=duplicates)


def _excerpt(text: str) -> str:
    return text if len(text) <= 1024 else f"{text[:1024]} ..."


def _go_type(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "null"


def json_problem(data: bytes) -> str:
    """Says in the words of Go's decoder what is wrong with a JSON text."""
    text = data.decode(errors="replace")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            return "unexpected end of JSON input"
        character = text[error.pos]
        return f"invalid character {_go_rune(character)} looking for beginning of value"
    return "unexpected end of JSON input"


def _go_rune(character: str) -> str:
    if character.isprintable() and character != "'":
        return f"'{character}'"
    return f"'\\x{ord(character):02x}'"


def find_duplicates(data: bytes, value: object) -> tuple[str, ...]:
    """Names the keys that occur twice in one mapping of a JSON text, in document order.

    A text as long as its own compact form has none; only others are read a second time.
    """
    if len(_encode(value)) == len(data):
        return ()
    found: list[tuple[str, ...]] = []
    tree = json.loads(data, object_pairs_hook=_Pairs)
    _walk_pairs(tree, (), found)
    return tuple(f'duplicate field "{".".join(path)}"' for path in found)


def _merged(data: bytes) -> dict[str, Any]:
    """Reads a text with duplicate keys as Go does: later mappings are merged into earlier ones."""

    def build(node: Any, into: Any = None) -> Any:
        if isinstance(node, _Pairs):
            result: dict[str, Any] = dict(into) if isinstance(into, dict) else {}
            for name, child in node:
                result[name] = build(child, result.get(name))
            return result
        return [build(child) for child in node] if isinstance(node, list) else node

    merged: dict[str, Any] = build(json.loads(data, object_pairs_hook=_Pairs))
    return merged


class _Pairs(list[tuple[str, Any]]):
    """A mapping as its pairs."""


def _walk_pairs(node: object, path: tuple[str, ...], found: list[tuple[str, ...]]) -> None:
    if isinstance(node, _Pairs):
        seen: set[str] = set()
        for name, child in node:
            if name in seen:
                found.append((*path, name))
            seen.add(name)
            _walk_pairs(child, (*path, name), found)
    elif isinstance(node, list):
        for index, child in enumerate(node):
            last = (*path[:-1], f"{path[-1]}[{index}]") if path else (f"[{index}]",)
            _walk_pairs(child, last, found)


def _read_yaml(data: bytes, kind: str) -> Body:
    value, duplicates = read_yaml_mapping(
        data, lambda text: bad_request(f"couldn't get version/kind; json parse error: {text}")
    )
    return Body(value=value, duplicates=duplicates, yaml=True)


def read_yaml_mapping(
    data: bytes, failed: Callable[[str], Exception]
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Reads one YAML 1.1 document as the API does (Go's dialect, also for keys).

    JSON texts, which most apply bodies are, are read as JSON.

    Args:
        data: the text.
        failed: builds the error for a text that cannot be read.

    Returns:
        The mapping, and the problems of duplicate keys as the strict decoder words them.
    """
    if data[:1] == b"{":
        try:
            value = _decode(data)
        except msgspec.DecodeError:
            pass
        else:
            if isinstance(value, dict):
                return value, find_duplicates(data, value)
    try:
        documents = load_all(data)
    except YamlError as error:
        raise failed(error.problem) from error
    value = documents[0].value if documents else None
    if not isinstance(value, dict):
        raise failed(f"json: cannot unmarshal {_go_type(value)} into Go value of type map")
    return value, _yaml_duplicates(data)


def _yaml_duplicates(data: bytes) -> tuple[str, ...]:
    try:
        load_all(data, "kyaml")
    except YamlError as error:
        found = re.search(r'line (\d+): mapping key "(.*)" already defined', error.problem)
        if found:
            line, key = found.groups()
            text = f'yaml: unmarshal errors:\n  line {line}: key "{key}" already set in map'
            return (text,)
    return ()
