"""Archives: the same bytes for the same tree, and nothing hostile gets in."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable

import pytest

from steersman.kit.archive import ArchiveRefused, FileEntry, UnpackLimits, pack, unpack

TREE = {
    "b.yaml": FileEntry(b"b: 1\n"),
    "a/run.sh": FileEntry(b"#!/bin/sh\n", executable=True),
    "a-b/x.yaml": FileEntry(b""),
    "a/deep/" + "n" * 120 + ".yaml": FileEntry(b"long\n"),
    "ümlaut.yaml": FileEntry(b"u\n"),
}


def test_a_tree_survives_packing_and_unpacking() -> None:
    assert unpack(pack(TREE)) == TREE


def test_the_order_of_the_mapping_does_not_change_the_bytes() -> None:
    assert pack(dict(reversed(TREE.items()))) == pack(TREE)


def test_entries_come_in_walk_order_without_owner_and_time() -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(TREE, directories=["empty"]))) as tar:
        entries = [
            (m.name, oct(m.mode), m.isdir(), m.uid, m.gid, m.uname, m.mtime)
            for m in tar.getmembers()
        ]
    assert entries == [
        ("a", "0o750", True, 0, 0, "", 0),
        ("a/deep", "0o750", True, 0, 0, "", 0),
        ("a/deep/" + "n" * 120 + ".yaml", "0o600", False, 0, 0, "", 0),
        ("a/run.sh", "0o700", False, 0, 0, "", 0),
        ("a-b", "0o750", True, 0, 0, "", 0),
        ("a-b/x.yaml", "0o600", False, 0, 0, "", 0),
        ("b.yaml", "0o600", False, 0, 0, "", 0),
        ("empty", "0o750", True, 0, 0, "", 0),
        ("ümlaut.yaml", "0o600", False, 0, 0, "", 0),
    ]


def _tar(*members: tuple[str, bytes, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = target
            if kind == tarfile.REGTYPE:
                info.size = len(target)
                tar.addfile(info, io.BytesIO(target.encode()))
            else:
                tar.addfile(info)
    return buffer.getvalue()


def _regular(name: str) -> Callable[[], bytes]:
    return lambda: _tar((name, tarfile.REGTYPE, "x"))


LIMITS = UnpackLimits(
    files=3,
    file_bytes=1000,
    total_bytes=64_000,
    ratio=20,
    ratio_from_bytes=20_480,
    skip_links=False,
)


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        pytest.param(
            _regular("../x"), "archive entry `../x` has a path that is not allowed", id="up"
        ),
        pytest.param(
            _regular("a/../../x"),
            "archive entry `a/../../x` has a path that is not allowed",
            id="down and up",
        ),
        pytest.param(
            _regular("/x"), "archive entry `/x` has a path that is not allowed", id="absolute"
        ),
        pytest.param(
            lambda: _tar(("x", tarfile.SYMTYPE, "/etc/passwd")),
            "archive entry `x` is a link",
            id="link",
        ),
        pytest.param(
            lambda: _tar(("x", tarfile.CHRTYPE, "")),
            "archive entry `x` is not a regular file",
            id="device",
        ),
        pytest.param(
            lambda: _tar(("x", tarfile.REGTYPE, "x" * 1001)),
            "archive entry `x` has 1001 bytes, more than 1000",
            id="huge file",
        ),
        pytest.param(
            lambda: _tar(*((str(n), tarfile.DIRTYPE, "") for n in range(4))),
            "archive has more than 3 entries",
            id="many entries",
        ),
        pytest.param(
            lambda: gzip.compress(bytes(40_000)),
            "archive unpacks to more than 20 times its size",
            id="bomb",
        ),
        pytest.param(
            lambda: gzip.compress(bytes(400_000), 0),
            "archive has more than 64000 bytes unpacked",
            id="too big",
        ),
        pytest.param(lambda: pack(TREE)[:-20], "archive is cut short", id="cut short"),
    ],
)
def test_a_hostile_archive_is_refused(archive: Callable[[], bytes], message: str) -> None:
    with pytest.raises(ArchiveRefused) as refused:
        unpack(archive(), LIMITS)
    assert refused.value.message == message


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(ArchiveRefused):
        unpack(b"no gzip")


def test_links_are_left_out_by_default() -> None:
    archive = _tar(("x", tarfile.SYMTYPE, "/etc/passwd"), ("y", tarfile.REGTYPE, "y"))
    assert unpack(archive) == {"y": FileEntry(b"y")}
