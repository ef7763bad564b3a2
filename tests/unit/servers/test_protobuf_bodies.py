"""Protobuf bodies decode to the JSON form of the same object."""

from __future__ import annotations

import pytest

from steersman.servers.apiserver.protobuf import ProtobufError, decode_envelope


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def part(number: int, value: bytes | str | int) -> bytes:
    """Encodes one field: a number as varint, anything else with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def entry(key: str, value: bytes | str) -> bytes:
    return part(1, key) + part(2, value)


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\x00" + part(1, part(1, api_version) + part(2, kind)) + part(2, raw)


def test_a_secret_keeps_its_bytes_as_base64() -> None:
    metadata = part(1, "s") + part(3, "n") + part(11, entry("app", "web"))
    raw = part(1, metadata) + part(2, entry("k", b"\x00\xff")) + part(3, "Opaque")
    assert decode_envelope(envelope("v1", "Secret", raw)) == {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "s", "namespace": "n", "labels": {"app": "web"}},
        "data": {"k": "AP8="},
        "type": "Opaque",
    }


def test_embedded_structs_times_and_unions_have_their_json_form() -> None:
    probe = part(1, part(3, part(1, part(2, 8080)))) + part(2, 5)  # handler.tcpSocket.port
    container = part(1, "c") + part(10, probe)
    volume = part(1, "v") + part(2, part(6, part(1, "secret")))
    spec = part(1, volume) + part(2, container)
    metadata = part(1, "p") + part(8, part(1, 1_767_225_600))
    decoded = decode_envelope(envelope("v1", "Pod", part(1, metadata) + part(2, spec)))
    assert decoded["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert decoded["spec"] == {
        "volumes": [{"name": "v", "secret": {"secretName": "secret"}}],
        "containers": [
            {
                "name": "c",
                "livenessProbe": {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 5},
            }
        ],
    }


def test_negative_numbers_and_unset_times() -> None:
    metadata = part(1, "d") + part(7, -1) + part(8, b"")
    decoded = decode_envelope(envelope("apps/v1", "Deployment", part(1, metadata)))
    assert decoded["metadata"] == {"name": "d", "generation": -1}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"{}", "does not appear to be a protobuf message", id="another format"),
        pytest.param(envelope("v1", "Nope", b""), 'no kind "Nope"', id="an unknown kind"),
        pytest.param(
            envelope("v1", "Secret", b"\x0a\x05ab"), "unexpected EOF", id="a body cut short"
        ),
    ],
)
def test_other_bodies_are_refused(body: bytes, problem: str) -> None:
    with pytest.raises(ProtobufError, match=problem):
        decode_envelope(body)
