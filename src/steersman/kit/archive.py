"""Deterministic ``tar.gz`` archives of trees in memory, and bounded unpacking of foreign ones.

The layout of what we pack is the one Flux's artifacts have: entries in lexical order with their
directories, no owners, no times, modes 0600 (0700 for executables) and 0750. The same tree always
gives the same bytes.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from steersman.errors import SteersmanError
from steersman.kit.paths import is_plain_relative

__all__ = ["ArchiveRefused", "FileEntry", "Tree", "UnpackLimits", "pack", "unpack"]

_FILE_MODE = 0o600
_EXECUTABLE_MODE = 0o700
_DIRECTORY_MODE = 0o750
_BLOCK = 512
_PIECE = 256 * 1024


class FileEntry(NamedTuple):
    """One regular file of a tree."""

    data: bytes
    executable: bool = False


Tree: TypeAlias = Mapping[str, FileEntry]
"""Files by relative path with slashes. Directories exist through the files in them."""


class ArchiveRefused(SteersmanError):
    """An archive is damaged, or breaks a limit or a rule of safety."""

    default_reason = "ArchiveRefused"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """What an archive may cost at most.

    Attributes:
        files: number of entries of any type.
        file_bytes: size of one file.
        total_bytes: size of the whole archive after decompression, headers included.
        ratio: decompressed size over compressed size; asked only beyond ``ratio_from_bytes``.
        ratio_from_bytes: archives that are smaller when decompressed may have any ratio.
        skip_links: leave out symbolic and hard links instead of refusing the archive.
    """

    files: int = 100_000
    file_bytes: int = 64 * 1024 * 1024
    total_bytes: int = 256 * 1024 * 1024
    ratio: int = 250
    ratio_from_bytes: int = 16 * 1024 * 1024
    skip_links: bool = True


def pack(tree: Tree, *, level: int = 6, directories: Iterable[str] = ()) -> bytes:
    """Packs a tree as ``tar.gz``.

    Args:
        tree: the files.
        level: gzip level.
        directories: directories to record even though no file of the tree is in them.

    Returns:
        The archive; the same for the same arguments.
    """
    compressor = zlib.compressobj(level, zlib.DEFLATED, 31)
    pieces: list[bytes] = []
    size = 0
    for piece in _tar_pieces(tree, directories):
        size += len(piece)
        pieces.append(compressor.compress(piece))
    pieces.append(compressor.compress(bytes(2 * _BLOCK + -(size + 2 * _BLOCK) % (20 * _BLOCK))))
    pieces.append(compressor.flush())
    # The header's sixth to tenth byte hold time, level and system: none of them is content.
    archive = b"".join(pieces)
    return archive[:4] + b"\0\0\0\0\0\xff" + archive[10:]


def _tar_pieces(tree: Tree, directories: Iterable[str]) -> Iterator[bytes]:
    for path in _in_walk_order(tree, directories):
        entry = tree.get(path)
        info = tarfile.TarInfo(path)
        if entry is None:
            info.type = tarfile.DIRTYPE
            info.mode = _DIRECTORY_MODE
        else:
            info.mode = _EXECUTABLE_MODE if entry.executable else _FILE_MODE
            info.size = len(entry.data)
        yield info.tobuf(tarfile.PAX_FORMAT)
        if entry is not None:
            yield entry.data
            yield bytes(-len(entry.data) % _BLOCK)


def _in_walk_order(tree: Tree, directories: Iterable[str]) -> list[str]:
    """Files and their directories as a lexical walk meets them (by path parts, not by text)."""
    paths = {*tree, *directories}
    for path in tuple(paths):
        parent = path.rpartition("/")[0]
        while parent and parent not in paths:
            paths.add(parent)
            parent = parent.rpartition("/")[0]
    return sorted(paths, key=lambda path: path.split("/"))


def unpack(archive: bytes, limits: UnpackLimits | None = None) -> dict[str, FileEntry]:
    """Unpacks a ``tar.gz`` into memory.

    Links are left out or refused as the limits say; devices and pipes are always refused. When two
    entries have one path, the later wins, as on disk.

    Raises:
        ArchiveRefused: a limit is broken, a path leaves the root, or the data is damaged.
    """
    limits = limits or UnpackLimits()
    data = _gunzip(archive, limits)
    tree: dict[str, FileEntry] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for count, member in enumerate(tar, start=1):
                if count > limits.files:
                    raise ArchiveRefused(f"archive has more than {limits.files} entries")
                _take(tar, member, limits, tree)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ArchiveRefused(f"archive is damaged: {error}") from error
    return tree


def _take(
    tar: tarfile.TarFile, member: tarfile.TarInfo, limits: UnpackLimits, tree: dict[str, FileEntry]
) -> None:
    path = member.name.removeprefix("./").rstrip("/")
    if path in ("", "."):
        return
    if not is_plain_relative(path):
        raise ArchiveRefused(f"archive entry `{member.name}` has a path that is not allowed")
    if member.isdir():
        return
    if member.issym() or member.islnk():
        if limits.skip_links:
            return
        raise ArchiveRefused(f"archive entry `{member.name}` is a link")
    if not member.isreg() or member.issparse():
        raise ArchiveRefused(f"archive entry `{member.name}` is not a regular file")
    if member.size > limits.file_bytes:
        raise ArchiveRefused(
            f"archive entry `{member.name}` has {member.size} bytes, more than {limits.file_bytes}"
        )
    stream = tar.extractfile(member)
    content = stream.read() if stream else b""
    if len(content) != member.size:
        raise ArchiveRefused(f"archive entry `{member.name}` is cut short")
    tree[path] = FileEntry(content, bool(member.mode & 0o111))


def _gunzip(archive: bytes, limits: UnpackLimits) -> bytes:
    inflater = zlib.decompressobj(31)
    allowed = max(limits.ratio * len(archive), limits.ratio_from_bytes)
    pieces: list[bytes] = []
    size = 0
    pending = archive
    try:
        while pending and not inflater.eof:
            piece = inflater.decompress(pending, _PIECE)
            pending = inflater.unconsumed_tail
            pieces.append(piece)
            size += len(piece)
            if size > limits.total_bytes:
                raise ArchiveRefused(f"archive has more than {limits.total_bytes} bytes unpacked")
            if size > allowed:
                raise ArchiveRefused(f"archive unpacks to more than {limits.ratio} times its size")
    except zlib.error as error:
        raise ArchiveRefused(f"archive is not valid gzip: {error}") from error
    if not inflater.eof:
        raise ArchiveRefused("archive is cut short")
    return b"".join(pieces)
