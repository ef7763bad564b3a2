"""Git's fetch protocol without I/O: what to send, and how to read what comes back.

Version 2 is asked for; servers that answer with version 0 or 1 are spoken to in that.
Source of the formats: ``Documentation/gitprotocol-v2`` and ``gitprotocol-pack`` of Git.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from steersman.clients.git.errors import GitOperationFailed
from steersman.clients.git.limits import GitLimits
from steersman.kit import pktline
from steersman.kit.pktline import DELIMITER, FLUSH, Packet, Special
from steersman.sources.checkout import RemoteReference

__all__ = [
    "Advertisement",
    "FetchAnswer",
    "FetchReader",
    "FetchRequest",
    "PacketReader",
    "encode_fetch",
    "encode_listing",
    "parse_advertisement",
    "parse_listing",
]

_AGENT = "agent=steersman"
_PEELED = "^{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """What a server says first.

    Attributes:
        version: of the protocol it speaks.
        capabilities: what it can do.
        references: all of them, before version 2; empty with version 2, where they are asked for.
    """

    version: int
    capabilities: frozenset[str]
    references: tuple[RemoteReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """Which objects are wanted.

    Attributes:
        wants: ids of commits or tags.
        haves: commits we have, with everything below their trees.
        shallows: those of them whose parents we lack.
        depth: how many commits deep; all when 0.
        commits_only: leave out trees and files, where the server can.
    """

    wants: tuple[str, ...]
    haves: tuple[str, ...] = ()
    shallows: tuple[str, ...] = ()
    depth: int = 1
    commits_only: bool = False


@dataclass(frozen=True, slots=True)
class FetchAnswer:
    """What came back.

    Attributes:
        pack: the objects, packed.
        shallows: commits whose parents were not sent.
    """

    pack: bytes
    shallows: frozenset[str]


class PacketReader:
    """Cuts a stream that arrives in pieces into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Takes the next piece."""
        self._buffer += data

    def take(self) -> Packet | None:
        """Returns the next whole packet, or ``None`` when more must come first."""
        if len(self._buffer) < 4:
            return None
        try:
            length = pktline.parse_length(bytes(self._buffer[:4]))
        except pktline.PacketError as error:
            raise GitOperationFailed("the server does not speak Git's protocol") from error
        if isinstance(length, Special):
            del self._buffer[:4]
            return length
        if len(self._buffer) < 4 + length:
            return None
        packet = bytes(self._buffer[4 : 4 + length])
        del self._buffer[: 4 + length]
        return packet

    def rest(self) -> bytes:
        """Returns what is left, for streams that end in plain data."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data


def parse_advertisement(packets: Sequence[Packet], limits: GitLimits) -> Advertisement:
    """Reads what a server says first.

    Raises:
        GitOperationFailed: it is not Git's protocol, or the server says what is wrong.
    """
    lines = [_line(packet) for packet in packets if isinstance(packet, bytes)]
    if lines and lines[0].startswith("# service="):
        lines = lines[1:]
    if lines and lines[0] == "version 2":
        return Advertisement(version=2, capabilities=frozenset(lines[1:]))
    if lines and lines[0] == "version 1":
        lines = lines[1:]
    if not lines:
        return Advertisement(version=0, capabilities=frozenset())
    first, _, capabilities = lines[0].partition("\0")
    shallow = [line for line in lines if line.startswith("shallow ")]
    references = _old_references([first, *(line for line in lines[1:] if line not in shallow)])
    if len(references) > limits.references:
        raise GitOperationFailed(f"repository has more than {limits.references} references")
    return Advertisement(
        version=0, capabilities=frozenset(capabilities.split()), references=references
    )


def _old_references(lines: Iterable[str]) -> tuple[RemoteReference, ...]:
    found: dict[str, RemoteReference] = {}
    for line in lines:
        target, _, name = line.partition(" ")
        if name == f"capabilities{_PEELED}":
            continue
        if name.endswith(_PEELED):
            name = name.removesuffix(_PEELED)
            if name in found:
                found[name] = found[name]._replace(peeled=target)
        elif name:
            found[name] = RemoteReference(name, target)
    return tuple(found.values())


def encode_listing(prefixes: Iterable[str]) -> bytes:
    """Asks for references (version 2).

    Args:
        prefixes: only references that begin with one of these; a hint, servers may send more.
    """
    wanted = (f"ref-prefix {prefix}\n" for prefix in prefixes)
    return pktline.encode(
        ["command=ls-refs\n", f"{_AGENT}\n", DELIMITER, "peel\n", "symrefs\n", *wanted, FLUSH]
    )


def parse_listing(packets: Iterable[Packet], limits: GitLimits) -> tuple[RemoteReference, ...]:
    """Reads the answer to :func:`encode_listing`; raises as :func:`parse_advertisement`."""
    found: list[RemoteReference] = []
    for packet in packets:
        if isinstance(packet, Special):
            continue
        target, name, *attributes = _line(packet).split(" ")
        if target == "unborn":
            continue
        peeled = [item[7:] for item in attributes if item.startswith("peeled:")]
        found.append(RemoteReference(name, target, peeled[0] if peeled else ""))
        if len(found) > limits.references:
            raise GitOperationFailed(f"repository has more than {limits.references} references")
    return tuple(found)


def encode_fetch(request: FetchRequest, advertisement: Advertisement) -> bytes:
    """Asks for objects, in the server's version."""
    if advertisement.version == 2:
        return _encode_fetch_2(request, advertisement.capabilities)
    return _encode_fetch_0(request, advertisement.capabilities)


def _encode_fetch_2(request: FetchRequest, capabilities: frozenset[str]) -> bytes:
    lines: list[Packet | str] = ["command=fetch\n", f"{_AGENT}\n", "object-format=sha1\n"]
    lines += [DELIMITER, "thin-pack\n", "no-progress\n", "ofs-delta\n"]
    lines += [f"shallow {commit}\n" for commit in request.shallows]
    if request.depth:
        lines.append(f"deepen {request.depth}\n")
    if request.commits_only and any(
        item.startswith("fetch=") and "filter" in item.split("=")[1].split(" ")
        for item in capabilities
    ):
        lines.append("filter tree:0\n")
    lines += [f"want {target}\n" for target in request.wants]
    lines += [f"have {commit}\n" for commit in request.haves]
    return pktline.encode([*lines, "done\n", FLUSH])


def _encode_fetch_0(request: FetchRequest, capabilities: frozenset[str]) -> bytes:
    asked = [
        name
        for name in ("side-band-64k", "thin-pack", "ofs-delta", "no-progress", "shallow")
        if name in capabilities
    ]
    if "side-band-64k" not in capabilities:
        raise GitOperationFailed("the server's version of Git is too old")
    if request.depth and "shallow" not in capabilities:
        request = FetchRequest(wants=request.wants, depth=0)
    first, *others = request.wants
    lines: list[Packet | str] = [f"want {first} {' '.join(asked)} {_AGENT}\n"]
    lines += [f"want {target}\n" for target in others]
    lines += [f"shallow {commit}\n" for commit in request.shallows]
    if request.depth:
        lines.append(f"deepen {request.depth}\n")
    lines.append(FLUSH)
    lines += [f"have {commit}\n" for commit in request.haves]
    return pktline.encode([*lines, "done\n"])


class _Part(Enum):
    """Where in the answer we are."""

    SECTIONS = "version 2: sections before the pack"
    SHALLOW = "version 0: commits that become shallow"
    ACKNOWLEDGED = "version 0: which of ours the server knows"
    PACK = "the pack, in side bands"
    DONE = "nothing may follow"


@dataclass(slots=True)
class FetchReader:
    """Reads the answer to :func:`encode_fetch` as it arrives.

    Attributes:
        version: of the protocol.
        deepens: whether the request had a depth.
        limits: how large the pack may be.
    """

    version: int
    deepens: bool
    limits: GitLimits
    _packets: PacketReader = field(default_factory=PacketReader)
    _pack: bytearray = field(default_factory=bytearray)
    _shallows: set[str] = field(default_factory=set)
    _part: _Part = _Part.SECTIONS

    def __post_init__(self) -> None:
        """Decides what comes first."""
        if self.version != 2:
            self._part = _Part.SHALLOW if self.deepens else _Part.ACKNOWLEDGED

    @property
    def is_done(self) -> bool:
        """Whether the pack has come to its end."""
        return self._part is _Part.DONE

    def feed(self, data: bytes) -> None:
        """Takes the next piece.

        Raises:
            GitOperationFailed: the server says what is wrong, or sends too much.
        """
        self._packets.feed(data)
        while self._part is not _Part.DONE:
            packet = self._packets.take()
            if packet is None:
                return
            self._take(packet)

    def finish(self) -> FetchAnswer:
        """Returns the answer once the stream has ended.

        Raises:
            GitOperationFailed: it ended too early.
        """
        if self._part is not _Part.DONE:
            raise GitOperationFailed("the server ended the connection too early")
        return FetchAnswer(bytes(self._pack), frozenset(self._shallows))

    def _take(self, packet: Packet) -> None:
        match self._part:
            case _Part.PACK:
                self._take_pack(packet)
            case _Part.SECTIONS:
                self._take_section(packet)
            case _Part.SHALLOW:
                if packet is FLUSH:
                    self._part = _Part.ACKNOWLEDGED
                else:
                    self._take_shallow(packet)
            case _Part.ACKNOWLEDGED:
                if isinstance(packet, bytes) and packet[:3] not in (b"ACK", b"NAK", b"ERR"):
                    self._part = _Part.PACK
                    self._take_pack(packet)
                elif isinstance(packet, bytes):
                    _line(packet)
            case _Part.DONE:
                raise AssertionError("nothing follows the pack")

    def _take_section(self, packet: Packet) -> None:
        if isinstance(packet, Special):
            if packet is FLUSH:
                self._part = _Part.DONE  # no pack: there was nothing to send
            return
        line = _line(packet)
        if line == "packfile":
            self._part = _Part.PACK
        else:
            self._take_shallow(packet)

    def _take_shallow(self, packet: Packet) -> None:
        if isinstance(packet, bytes):
            line = _line(packet)
            if line.startswith("shallow "):
                self._shallows.add(line.removeprefix("shallow "))

    def _take_pack(self, packet: Packet) -> None:
        if isinstance(packet, Special):
            self._part = _Part.DONE
            return
        channel, data = packet[:1], packet[1:]
        if channel == b"\x01":
            self._pack += data
            if len(self._pack) > self.limits.pack_bytes:
                raise GitOperationFailed(
                    f"repository is larger than {self.limits.pack_bytes} bytes packed"
                )
        elif channel == b"\x03":
            raise GitOperationFailed(f"remote error: {data.decode(errors='replace').strip()}")


def _line(packet: bytes | Packet) -> str:
    text = packet.decode(errors="surrogateescape") if isinstance(packet, bytes) else ""
    if text.startswith("ERR "):
        raise GitOperationFailed(f"remote error: {text[4:].strip()}")
    return text.rstrip("\n")
