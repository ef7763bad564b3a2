"""Protobuf request bodies, as typed client-go clients send them for built-in kinds.

Only decoding: answers are JSON, which every such client accepts. Fields that are absent stay
absent; the kind's codec fills in what Go's zero values mean.
"""

from __future__ import annotations

import base64
import gzip
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources as package_files
from typing import Any

import msgspec

__all__ = ["MAGIC", "ProtobufError", "decode_envelope"]

MAGIC = b"k8s\x00"
_META = "k8s.io.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ProtobufError(ValueError):
    """A body that is no protobuf of a known kind."""


class _Field(msgspec.Struct, array_like=True, frozen=True):
    number: int
    name: str
    cardinality: str
    type: str


class _Table(msgspec.Struct, frozen=True):
    kinds: dict[str, str]
    messages: dict[str, tuple[_Field, ...]]


_Messages = Mapping[str, Mapping[int, _Field]]


@lru_cache(maxsize=1)
def _load() -> tuple[Mapping[str, str], _Messages]:
    file = package_files.files("steersman.servers.apiserver") / "data" / "protobuf-1.36.json.gz"
    table = msgspec.json.decode(gzip.decompress(file.read_bytes()), type=_Table)
    messages = {
        name: {field.number: field for field in fields} for name, fields in table.messages.items()
    }
    return table.kinds, messages


def decode_envelope(data: bytes) -> dict[str, Any]:
    """Decodes a body: the magic, and an envelope that names the kind.

    Returns:
        The object with ``apiVersion`` and ``kind``.

    Raises:
        ProtobufError: not protobuf, or a kind that is not known.
    """
    if not data.startswith(MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message")
    kinds, messages = _load()
    api_version = kind = ""
    raw = b""
    for number, value in _fields(memoryview(data)[len(MAGIC) :]):
        if number == 1:
            for inner, text in _fields(_bytes(value)):
                if inner == 1:
                    api_version = _text(text)
                elif inner == 2:
                    kind = _text(text)
        elif number == 2:
            raw = bytes(_bytes(value))
    message = kinds.get(f"{api_version}/{kind}")
    if message is None and kind == "DeleteOptions":
        message = f"{_META}DeleteOptions"
    if message is None:
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    decoded = _message(memoryview(raw), message, messages)
    return {"kind": kind, "apiVersion": api_version, **decoded}


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        value: int | memoryview
        match wire:
            case 0:
                value, position = _varint(data, position)
            case 2:
                size, position = _varint(data, position)
                if position + size > end:
                    raise ProtobufError("unexpected EOF")
                value = data[position : position + size]
                position += size
            case 1:
                value, position = data[position : position + 8], position + 8
            case 5:
                value, position = data[position : position + 4], position + 4
            case _:
                raise ProtobufError(f"illegal wireType {wire}")
        yield number, value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    try:
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7
    except IndexError:
        raise ProtobufError("unexpected EOF") from None


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ProtobufError("wrong wireType")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_bytes(value)).decode(errors="replace")


def _message(data: memoryview, name: str, messages: _Messages) -> dict[str, Any]:
    fields = messages[name]
    result: dict[str, Any] = {}
    for number, raw in _fields(data):
        field = fields.get(number)
        if field is None:
            continue
        match field.cardinality:
            case "r":
                result.setdefault(field.name, []).extend(_repeated(raw, field.type, messages))
            case "m":
                key, value = _entry(_bytes(raw), field.type, messages)
                result.setdefault(field.name, {})[key] = value
            case _ if field.name:
                value = _value(raw, field.type, messages)
                if value is not _ABSENT:
                    result[field.name] = value
            case _:
                result.update(_message(_bytes(raw), field.type, messages))
    return result


_ABSENT = object()


def _repeated(raw: int | memoryview, kind: str, messages: _Messages) -> list[Any]:
    if kind in _INTEGERS and not isinstance(raw, int):
        packed, position = [], 0
        while position < len(raw):
            number, position = _varint(raw, position)
            packed.append(_INTEGERS[kind](number))
        return packed
    return [_value(raw, kind, messages)]


def _entry(data: memoryview, kind: str, messages: _Messages) -> tuple[str, Any]:
    key: str = ""
    value: Any = {} if kind in messages else ""
    for number, raw in _fields(data):
        if number == 1:
            key = _text(raw)
        elif number == 2:
            value = _value(raw, kind, messages)
    return key, value


def _value(raw: int | memoryview, kind: str, messages: _Messages) -> Any:
    if kind in _INTEGERS:
        if not isinstance(raw, int):
            raise ProtobufError("wrong wireType")
        return _INTEGERS[kind](raw)
    data = _bytes(raw)
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(data)
    union = _UNIONS.get(kind)
    if union is not None:
        return union(_message(data, kind, messages))
    return _message(data, kind, messages)


def _signed(bits: int) -> Callable[[int], int]:
    def convert(value: int) -> int:
        value &= (1 << 64) - 1
        value = value - (1 << 64) if value >= 1 << 63 else value
        return value if bits == 64 else ((value + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)

    return convert


_INTEGERS: Mapping[str, Callable[[int], Any]] = {
    "bool": bool,
    "int32": _signed(32),
    "int64": _signed(64),
}


def _moment(data: memoryview) -> datetime | None:
    parts = dict(_fields(data))
    seconds, nanos = parts.get(1, 0), parts.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        raise ProtobufError("wrong wireType")
    seconds = _INTEGERS["int64"](seconds)
    if seconds == 0 and nanos == 0:
        return None
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)


def _time(data: memoryview) -> Any:
    moment = _moment(data)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else _ABSENT


def _micro_time(data: memoryview) -> Any:
    moment = _moment(data)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else _ABSENT


def _int_or_string(data: memoryview) -> int | str:
    parts = dict(_fields(data))
    if parts.get(1, 0):
        return _text(parts.get(3, memoryview(b"")))
    number = parts.get(2, 0)
    if not isinstance(number, int):
        raise ProtobufError("wrong wireType")
    return int(_INTEGERS["int32"](number))


def _quantity(data: memoryview) -> str:
    return _text(dict(_fields(data)).get(1, memoryview(b"0"))) or "0"


def _raw_json(data: memoryview) -> Any:
    raw = bytes(_bytes(dict(_fields(data)).get(1, memoryview(b""))))
    if not raw:
        return _ABSENT
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise ProtobufError(str(error)) from error


_SPECIAL: Mapping[str, Callable[[memoryview], Any]] = {
    "string": _text,
    "bytes": lambda data: base64.b64encode(data).decode(),
    "double": lambda data: struct.unpack("<d", data)[0],
    f"{_META}Time": _time,
    f"{_META}MicroTime": _micro_time,
    f"{_META}FieldsV1": _raw_json,
    f"{_EXTENSIONS}JSON": _raw_json,
    "k8s.io.apimachinery.pkg.runtime.RawExtension": _raw_json,
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _quantity,
}

_UNIONS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    f"{_EXTENSIONS}JSONSchemaPropsOrArray": lambda value: (
        value.get("jSONSchemas") or value.get("schema")
    ),
    f"{_EXTENSIONS}JSONSchemaPropsOrBool": lambda value: (
        value.get("schema") or bool(value.get("allows"))
    ),
    f"{_EXTENSIONS}JSONSchemaPropsOrStringArray": lambda value: (
        value.get("property") or value.get("schema")
    ),
    "k8s.io.api.authorization.v1.ExtraValue": lambda value: value.get("items", []),
    "k8s.io.api.authentication.v1.ExtraValue": lambda value: value.get("items", []),
    "k8s.io.api.certificates.v1.ExtraValue": lambda value: value.get("items", []),
}
