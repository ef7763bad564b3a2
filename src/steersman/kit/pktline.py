"""Git's packet lines: four hexadecimal digits of length, then the data.

Source of the format: ``Documentation/gitprotocol-common`` and ``gitprotocol-v2`` of Git.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TypeAlias

__all__ = [
    "DELIMITER",
    "FLUSH",
    "MAX_DATA",
    "Packet",
    "PacketError",
    "Special",
    "encode",
    "packet",
    "parse_length",
    "read_packets",
    "sideband",
]

MAX_DATA = 65516
"""The most bytes one packet carries (65520 with its length)."""


class PacketError(ValueError):
    """A stream is not made of packet lines."""


class Special(Enum):
    """Packets without data."""

    FLUSH = 0
    DELIMITER = 1
    RESPONSE_END = 2


FLUSH = Special.FLUSH
DELIMITER = Special.DELIMITER

Packet: TypeAlias = bytes | Special


def packet(data: bytes | str) -> bytes:
    """Encodes one packet with data."""
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > MAX_DATA:
        raise PacketError(f"packet of {len(raw)} bytes is longer than {MAX_DATA}")
    return b"%04x%b" % (len(raw) + 4, raw)


def encode(packets: Iterable[Packet | str]) -> bytes:
    """Encodes packets in order."""
    return b"".join(
        b"%04x" % item.value if isinstance(item, Special) else packet(item) for item in packets
    )


def parse_length(header: bytes) -> int | Special:
    """Returns the number of data bytes that follow a header, or the special packet it is."""
    try:
        length = int(header, 16) if len(header) == 4 else -1
    except ValueError:
        length = -1
    if 0 <= length <= 2:
        return Special(length)
    if not 4 <= length <= MAX_DATA + 4:
        raise PacketError(f"{header!r} is not the length of a packet")
    return length - 4


def read_packets(data: bytes, offset: int = 0) -> Iterator[Packet]:
    """Yields the packets of a complete stream.

    Raises:
        PacketError: the data ends within a packet, or a length is impossible.
    """
    while offset < len(data):
        length = parse_length(data[offset : offset + 4])
        offset += 4
        if isinstance(length, Special):
            yield length
            continue
        if offset + length > len(data):
            raise PacketError("stream ends within a packet")
        yield data[offset : offset + length]
        offset += length


def sideband(channel: int, data: bytes) -> bytes:
    """Encodes data for one channel of ``side-band-64k``: 1 data, 2 progress, 3 error."""
    step = MAX_DATA - 1
    head = bytes((channel,))
    return b"".join(
        packet(head + data[start : start + step]) for start in range(0, len(data), step)
    )
