"""Git's objects as bytes, and what they mean: commits, tags, trees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from steersman.clients.git.errors import GitOperationFailed

__all__ = [
    "CommitObject",
    "Identity",
    "RawObject",
    "TagObject",
    "TreeEntry",
    "TreeWalk",
    "object_id",
    "parse_commit",
    "parse_tag",
    "parse_tree",
    "walk_tree",
]

_SUBJECT_LENGTH = 50
_FORBIDDEN_NAMES = frozenset({"", ".", "..", ".git"})


class RawObject(NamedTuple):
    """An object as Git stores it.

    Attributes:
        kind: ``commit``, ``tree``, ``blob`` or ``tag``.
        data: its content; ``None`` for a blob that was too large to keep.
        size: bytes of the content.
    """

    kind: str
    data: bytes | None
    size: int


class Identity(NamedTuple):
    """Who did something, and when."""

    name: str
    email: str
    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitObject:
    """A commit.

    Attributes:
        hash: its id.
        tree: the id of its tree.
        parents: the ids of its parents.
        author: who wrote it.
        committer: who made the commit.
        message: the whole message.
        signature: armored signature, or empty.
        payload: what the signature is about.
    """

    hash: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    message: str
    signature: str
    payload: bytes

    @property
    def subject(self) -> str:
        """The first line, cut after 50 characters as Flux does in events."""
        line = self.message.split("\n", 1)[0]
        return f"{line[:_SUBJECT_LENGTH]}..." if len(line) > _SUBJECT_LENGTH else line


@dataclass(frozen=True, slots=True, kw_only=True)
class TagObject:
    """An annotated tag.

    Attributes:
        hash: its id.
        name: the tag's name.
        target: the object it marks.
        message: the whole message, without the signature.
        signature: armored signature, or empty.
        payload: what the signature is about.
    """

    hash: str
    name: str
    target: str
    message: str
    signature: str
    payload: bytes

    def __str__(self) -> str:
        return f"{self.name}@{self.hash}"


class TreeEntry(NamedTuple):
    """One name in a tree."""

    mode: int
    name: str
    target: str


class TreeWalk(NamedTuple):
    """The files and submodules below a tree.

    Attributes:
        files: path → (id, whether executable); symbolic links are left out.
        submodules: path → commit.
    """

    files: dict[str, tuple[str, bool]]
    submodules: dict[str, str]


def object_id(kind: str, data: bytes) -> str:
    """Returns the id Git gives to an object."""
    header = b"%s %d\0" % (kind.encode(), len(data))
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def parse_commit(commit: str, data: bytes) -> CommitObject:
    """Reads a commit.

    Raises:
        GitOperationFailed: it is malformed.
    """
    headers, message = _split(data)
    values: dict[str, list[bytes]] = {}
    signed = bytearray()
    for key, value, raw in headers:
        values.setdefault(key, []).append(value)
        if not key.startswith("gpgsig"):
            signed += raw
    try:
        return CommitObject(
            hash=commit,
            tree=values["tree"][0].decode(),
            parents=tuple(parent.decode() for parent in values.get("parent", [])),
            author=_identity(values["author"][0]),
            committer=_identity(values["committer"][0]),
            message=message.decode(errors="replace"),
            signature=values.get("gpgsig", [b""])[0].decode(errors="replace"),
            payload=bytes(signed) + b"\n" + message,
        )
    except (KeyError, ValueError) as error:
        raise GitOperationFailed(f"commit '{commit}' is malformed") from error


def parse_tag(tag: str, data: bytes) -> TagObject:
    """Reads an annotated tag.

    Raises:
        GitOperationFailed: it is malformed.
    """
    headers, message = _split(data)
    values = {key: value for key, value, _ in headers}
    begin = max(message.rfind(b"\n-----BEGIN "), 0)
    signature = message[begin:].lstrip(b"\n") if b"-----BEGIN " in message[begin:] else b""
    body = message.removesuffix(signature) if signature else message
    payload = data.removesuffix(signature) if signature else data
    try:
        return TagObject(
            hash=tag,
            name=values["tag"].decode(errors="replace"),
            target=values["object"].decode(),
            message=body.decode(errors="replace"),
            signature=signature.decode(errors="replace"),
            payload=payload,
        )
    except (KeyError, ValueError) as error:
        raise GitOperationFailed(f"tag '{tag}' is malformed") from error


def parse_tree(tree: str, data: bytes) -> Iterator[TreeEntry]:
    """Yields the entries of a tree.

    Raises:
        GitOperationFailed: it is malformed, or a name would lead out of its directory.
    """
    position = 0
    while position < len(data):
        space = data.find(b" ", position)
        end = data.find(b"\0", space)
        if space < 0 or end < 0 or end + 21 > len(data):
            raise GitOperationFailed(f"tree '{tree}' is malformed")
        name = data[space + 1 : end].decode(errors="surrogateescape")
        if name.lower() in _FORBIDDEN_NAMES or "/" in name or "\\" in name:
            raise GitOperationFailed(f"tree '{tree}' has the name '{name}', which is not allowed")
        try:
            mode = int(data[position:space], 8)
        except ValueError as error:
            raise GitOperationFailed(f"tree '{tree}' is malformed") from error
        yield TreeEntry(mode, name, data[end + 1 : end + 21].hex())
        position = end + 21


def walk_tree(
    objects: Mapping[str, RawObject], tree: str, *, max_files: int, wanted: str = ""
) -> TreeWalk:
    """Lists all files below a tree.

    Args:
        objects: where the trees are.
        tree: the id of the root.
        max_files: more files than this are refused; so is a tree that repeats itself without end.
        wanted: only what is below this directory; everything when empty.

    Raises:
        GitOperationFailed: a tree is missing or malformed, or there are too many files.
    """
    walk = TreeWalk({}, {})
    _walk(objects, tree, wanted, _Counter(max_files), walk)
    return walk


class _Counter:
    """Counts entries of any kind, since a hostile tree may hold nothing but directories."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen = 0

    def count(self) -> None:
        self._seen += 1
        if self._seen > 2 * self._most:
            raise GitOperationFailed(f"repository has more than {self._most} files")


def _walk(
    objects: Mapping[str, RawObject], tree: str, prefix: str, counter: _Counter, walk: TreeWalk
) -> None:
    pending = [(tree, prefix)]
    while pending:
        tree, prefix = pending.pop()
        for mode, name, target in parse_tree(tree, tree_data(objects, tree, prefix)):
            counter.count()
            path = f"{prefix}/{name}" if prefix else name
            kind = mode & 0o170000
            if kind == 0o040000:
                pending.append((target, path))
            elif kind == 0o100000:
                walk.files[path] = (target, bool(mode & 0o111))
            elif kind == 0o160000:
                walk.submodules[path] = target


def tree_data(objects: Mapping[str, RawObject], tree: str, path: str) -> bytes:
    """Returns the bytes of a tree.

    Raises:
        GitOperationFailed: it is not there, or is no tree.
    """
    found = objects.get(tree)
    if found is None or found.kind != "tree" or found.data is None:
        raise GitOperationFailed(f"tree '{tree}' of '{path or '.'}' is missing")
    return found.data


def _split(data: bytes) -> tuple[list[tuple[str, bytes, bytes]], bytes]:
    """Splits headers (key, value, raw lines) from the message."""
    head, _, message = data.partition(b"\n\n")
    headers: list[tuple[str, bytes, bytes]] = []
    for line in head.split(b"\n"):
        raw = line + b"\n"
        if line.startswith(b" ") and headers:
            key, value, before = headers[-1]
            headers[-1] = (key, value + b"\n" + line[1:], before + raw)
            continue
        name, _, value = line.partition(b" ")
        headers.append((name.decode(errors="replace"), value, raw))
    return headers, message


def _identity(value: bytes) -> Identity:
    person, _, when = value.rpartition(b"> ")
    name, _, email = person.partition(b"<")
    seconds = int(when.split(b" ")[0] or 0)
    return Identity(
        name.strip().decode(errors="replace"),
        email.decode(errors="replace"),
        datetime.fromtimestamp(min(max(seconds, 0), 253402300799), UTC),
    )
