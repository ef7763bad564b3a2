"""Reads a pack: the stream in which Git transfers objects, some as differences to others.

Blobs that are larger than the limit are skipped over, not kept: whether that matters is known only
once the ignore rules are. Source of the format: ``Documentation/gitformat-pack`` of Git.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from steersman.clients.git.errors import GitOperationFailed
from steersman.clients.git.limits import GitLimits
from steersman.clients.git.objects import RawObject, object_id
from steersman.clients.git.protocol import FetchAnswer
from steersman.kit.tasks import run_blocking

__all__ = ["Fetched", "KnownObjects", "read_pack", "unpack_answer"]

KnownObjects: TypeAlias = Callable[[str], RawObject | None]
"""Finds an object we already have."""

_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_OFFSET_DELTA = 6
_REFERENCE_DELTA = 7
_PIECE = 1 << 20
_UNPACK_IN_THREAD_FROM = 64 * 1024
_TRAILER = 20


class Fetched(NamedTuple):
    """What a fetch brought.

    Attributes:
        objects: by id.
        shallows: commits whose parents are not among them.
    """

    objects: dict[str, RawObject]
    shallows: frozenset[str]


class _Delta(NamedTuple):
    """A difference whose base is not known yet."""

    offset: int
    base: int | str
    data: bytes


class _Packed(NamedTuple):
    """An entry's type, size when unpacked, base, and where its compressed data begins."""

    kind: int
    size: int
    base: int | str
    start: int


async def unpack_answer(answer: FetchAnswer, known: KnownObjects, limits: GitLimits) -> Fetched:
    """Unpacks what a server sent, a large pack in a thread; raises as :func:`read_pack`."""
    if not answer.pack:
        return Fetched({}, answer.shallows)
    if len(answer.pack) < _UNPACK_IN_THREAD_FROM:
        objects = read_pack(answer.pack, known, limits)
    else:
        objects = await run_blocking(read_pack, answer.pack, known, limits)
    return Fetched(objects, answer.shallows)


def read_pack(pack: bytes, known: KnownObjects, limits: GitLimits) -> dict[str, RawObject]:
    """Unpacks all objects.

    Args:
        pack: the whole stream.
        known: finds objects we already have, for packs that build on them.
        limits: what this may cost.

    Raises:
        GitOperationFailed: the pack is damaged, incomplete, or too large.
    """
    if len(pack) < 12 + _TRAILER or pack[:4] != b"PACK":
        raise GitOperationFailed("the server sent no valid pack")
    version, count = struct.unpack(">II", pack[4:12])
    if version not in (2, 3) or count > limits.objects:
        raise GitOperationFailed(f"the server sent a pack of version {version}, {count} objects")
    checksum = hashlib.sha1(memoryview(pack)[:-_TRAILER], usedforsecurity=False).digest()
    if checksum != pack[-_TRAILER:]:
        raise GitOperationFailed("the server sent a damaged pack: its checksum is wrong")
    reader = _Reader(pack, known, limits)
    try:
        reader.read(count)
    except (zlib.error, IndexError) as error:
        raise GitOperationFailed(f"the server sent a damaged pack: {error}") from error
    return reader.objects


class _Reader:
    def __init__(self, pack: bytes, known: KnownObjects, limits: GitLimits) -> None:
        self.objects: dict[str, RawObject] = {}
        self._pack = pack
        self._view = memoryview(pack)
        self._known = known
        self._limits = limits
        self._by_offset: dict[int, RawObject] = {}
        self._waiting: list[_Delta] = []
        self._inflated = 0

    def read(self, count: int) -> None:
        offset = 12
        for _ in range(count):
            offset = self._read_one(offset)
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            for delta in waiting:
                self._resolve(delta)
            if len(self._waiting) == len(waiting):
                raise GitOperationFailed("the server sent a pack that lacks objects")

    def _read_one(self, offset: int) -> int:
        packed = self._read_head(offset)
        self._inflated += packed.size
        if self._inflated > self._limits.inflated_bytes:
            raise GitOperationFailed(
                f"repository unpacks to more than {self._limits.inflated_bytes} bytes"
            )
        kind = _KINDS.get(packed.kind)
        if kind == "blob" and packed.size > self._limits.file_bytes:
            return self._skip(packed)
        data, end = self._inflate(packed)
        if kind is not None:
            self._keep(offset, kind, data)
        else:
            self._resolve(_Delta(offset, packed.base, data))
        return end

    def _read_head(self, offset: int) -> _Packed:
        pack, position = self._pack, offset
        byte = pack[position]
        position += 1
        kind, size, shift = (byte >> 4) & 7, byte & 15, 4
        while byte & 0x80:
            byte = pack[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
        base: int | str = 0
        if kind == _OFFSET_DELTA:
            byte = pack[position]
            position += 1
            distance = byte & 0x7F
            while byte & 0x80:
                byte = pack[position]
                position += 1
                distance = ((distance + 1) << 7) | (byte & 0x7F)
            base = offset - distance
        elif kind == _REFERENCE_DELTA:
            base = pack[position : position + 20].hex()
            position += 20
        elif kind not in _KINDS:
            raise GitOperationFailed(f"the server sent a pack with an entry of type {kind}")
        return _Packed(kind, size, base, position)

    def _inflate(self, packed: _Packed) -> tuple[bytes, int]:
        if packed.size > 2 * self._limits.file_bytes:
            raise GitOperationFailed(f"repository has an object of {packed.size} bytes")
        inflater = zlib.decompressobj()
        # Deflate never needs more than this; feeding no more keeps `unused_data` small.
        start, step = packed.start, packed.size + packed.size // 500 + 64
        data = b""
        while not inflater.eof:
            piece = self._view[start : start + step]
            if not piece:
                raise GitOperationFailed("the server sent a pack that is cut short")
            data += inflater.decompress(piece, packed.size + 1 - len(data))
            start += len(piece) - len(inflater.unconsumed_tail)
            if len(data) > packed.size:
                break
        if len(data) != packed.size:
            raise GitOperationFailed("the server sent a damaged pack: an object's size is wrong")
        return data, start - len(inflater.unused_data)

    def _skip(self, packed: _Packed) -> int:
        """Runs over a large blob, only to learn its id and where it ends."""
        hasher = hashlib.sha1(b"blob %d\0" % packed.size, usedforsecurity=False)
        inflater = zlib.decompressobj()
        start, done = packed.start, 0
        while not inflater.eof:
            piece = self._view[start : start + _PIECE]
            if not piece:
                raise GitOperationFailed("the server sent a pack that is cut short")
            data = inflater.decompress(piece, _PIECE)
            start += len(piece) - len(inflater.unconsumed_tail)
            hasher.update(data)
            done += len(data)
            if done > packed.size:
                raise GitOperationFailed("the server sent a damaged pack: a size is wrong")
        self.objects[hasher.hexdigest()] = RawObject("blob", None, packed.size)
        return start - len(inflater.unused_data)

    def _keep(self, offset: int, kind: str, data: bytes) -> None:
        raw = RawObject(kind, data, len(data))
        self.objects[object_id(kind, data)] = raw
        self._by_offset[offset] = raw

    def _resolve(self, delta: _Delta) -> None:
        if isinstance(delta.base, int):
            base = self._by_offset.get(delta.base)
        else:
            base = self.objects.get(delta.base) or self._known(delta.base)
        if base is None or base.data is None:
            self._waiting.append(delta)
            return
        data = _apply(base.data, delta.data, 2 * self._limits.file_bytes)
        self._inflated += len(data)
        if self._inflated > self._limits.inflated_bytes:
            raise GitOperationFailed(
                f"repository unpacks to more than {self._limits.inflated_bytes} bytes"
            )
        self._keep(delta.offset, base.kind, data)


def _apply(base: bytes, delta: bytes, most: int) -> bytes:
    """Applies a difference: a list of "copy from the base" and "insert this"."""
    base_size, position = _varint(delta, 0)
    size, position = _varint(delta, position)
    if base_size != len(base) or size > most:
        raise GitOperationFailed("the server sent a difference that does not fit its base")
    pieces: list[bytes] = []
    done = 0
    while position < len(delta) and done <= size:
        command = delta[position]
        position += 1
        if command & 0x80:
            offset = length = 0
            for bit in range(4):
                if command & (1 << bit):
                    offset |= delta[position] << (8 * bit)
                    position += 1
            for bit in range(3):
                if command & (0x10 << bit):
                    length |= delta[position] << (8 * bit)
                    position += 1
            pieces.append(base[offset : offset + (length or 0x10000)])
        elif command:
            pieces.append(delta[position : position + command])
            position += command
        else:
            raise GitOperationFailed("the server sent a difference with an unknown command")
        done += len(pieces[-1])
    data = b"".join(pieces)
    if len(data) != size:
        raise GitOperationFailed("the server sent a difference of the wrong size")
    return data


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, position
