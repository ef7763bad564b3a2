"""``git push``: receives objects into quarantine, judges each command, then moves references.

Theory of operation
    1. The list of commands is read; rules that need no objects are asked.
    2. The pack goes to a directory of its own inside the repository, where nobody else sees it.
       ``git rev-list`` proves that nothing is missing below the new tips.
    3. Under the repository's lock the rules are asked again, now with ancestry.
    4. The objects move into the repository (packs before their indexes), then the references move,
       then the listeners are told, then the client gets its answer. A crash between any two leaves
       objects without a name or an unacknowledged push, never a broken reference.

A refused command is reported as ``! [remote rejected] main -> main (reason)``.
Source of the format: ``Documentation/gitprotocol-pack`` of Git.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import StreamReader

from steersman.kit import pktline
from steersman.kit.pktline import FLUSH, PacketError, Special
from steersman.kit.tasks import run_blocking
from steersman.servers.gitserver.process import GitFailed, GitProgram, finish
from steersman.servers.gitserver.repositories import Reference, Repository
from steersman.servers.gitserver.rules import NO_COMMIT, BranchRules, RefUpdate, judge
from steersman.servers.gitserver.users import Role

__all__ = ["Push", "PushLimits", "Receiver", "advertise_receive"]

_CAPABILITIES = (
    "report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 "
    "agent=steersman"
)
_COMMAND = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) (refs/[^\0\n ]+)\Z")
# Below this many objects they are kept loose, as Git's receive.unpackLimit has it.
_LOOSE_BELOW = 100
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PushLimits:
    """What one push may bring.

    Attributes:
        pack_bytes: size of its pack.
        commands: number of references it moves.
    """

    pack_bytes: int = 512 * 1024 * 1024
    commands: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """References that moved."""

    repository: str
    user: str
    updates: tuple[RefUpdate, ...]


@dataclass(slots=True)
class _Request:
    """The commands of a push and what has been decided about each."""

    updates: list[RefUpdate]
    capabilities: frozenset[str]
    refusals: list[str | None] = field(default_factory=list)

    @property
    def brings_pack(self) -> bool:
        return any(not update.is_deletion for update in self.updates)

    @property
    def accepted(self) -> list[RefUpdate]:
        pairs = zip(self.updates, self.refusals, strict=True)
        return [update for update, refusal in pairs if refusal is None]

    def refuse_rest(self, reason: str) -> None:
        self.refusals = [refusal or reason for refusal in self.refusals]

    def note(self, verdicts: Sequence[str | None]) -> None:
        """Merges newer verdicts in; a refusal stays a refusal. An atomic push is all or nothing."""
        if self.refusals:
            pairs = zip(self.refusals, verdicts, strict=True)
            self.refusals = [old or new for old, new in pairs]
        else:
            self.refusals = list(verdicts)
        if "atomic" in self.capabilities and any(self.refusals):
            self.refuse_rest("another command of this atomic push was refused")


def advertise_receive(references: Sequence[Reference]) -> bytes:
    """Returns the answer to ``info/refs?service=git-receive-pack``."""
    lines = [f"{item.target} {item.name}" for item in references]
    lines = lines or [f"{NO_COMMIT} capabilities^{{}}"]
    lines[0] += f"\0{_CAPABILITIES}"
    listing = (f"{line}\n" for line in lines)
    return pktline.encode(["# service=git-receive-pack\n", FLUSH, *listing, FLUSH])


class Receiver:
    """Receives the pushes to one repository.

    Args:
        repository: where they go.
        git: the program that unpacks objects.
        rules: the special branches.
        limits: what one push may bring.
        on_push: told after references moved, before the client hears of it.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        git: GitProgram,
        rules: BranchRules,
        limits: PushLimits,
        on_push: Callable[[Push], None],
    ) -> None:
        self._repository = repository
        self._git = git
        self._rules = rules
        self._limits = limits
        self._on_push = on_push
        self._lock = asyncio.Lock()

    async def receive(self, body: StreamReader, user: str, role: Role) -> bytes:
        """Handles one ``git-receive-pack`` request and returns the body of its answer.

        Raises:
            PacketError: the body is not a push.
        """
        request = await _read_commands(body, self._limits)
        if not request.updates:
            return b""
        tips = await run_blocking(self._repository.tips)
        request.note(self._judge(request, user, role, tips, None))
        incoming = await run_blocking(self._make_quarantine)
        try:
            unpacked = await self._take(request, body, incoming, user, role)
        finally:
            await run_blocking(shutil.rmtree, incoming, ignore_errors=True)
        return _report(request, unpacked)

    async def apply(self, updates: Sequence[RefUpdate], user: str, role: Role) -> list[str | None]:
        """Moves references to objects that are already in the repository, by the same rules.

        Returns:
            For each command the reason it was refused, or ``None``.
        """
        request = _Request(list(updates), frozenset())
        async with self._lock:
            await self._settle(request, None, user, role)
        return request.refusals

    async def _take(
        self, request: _Request, body: StreamReader, incoming: Path, user: str, role: Role
    ) -> str:
        """Receives, judges and moves; returns what went wrong with the pack, or ``ok``."""
        if request.brings_pack:
            if not request.accepted:
                await _drain(body)
                return "ok"
            try:
                await self._unpack(body, incoming)
                await self._check_connected(request, incoming)
            except GitFailed as failure:
                await _drain(body)
                request.refuse_rest("unpacker error")
                return failure.message
        async with self._lock:
            await self._settle(request, incoming, user, role)
        return "ok"

    async def _settle(
        self, request: _Request, incoming: Path | None, user: str, role: Role
    ) -> None:
        tips = await run_blocking(self._repository.tips)
        verdicts = await run_blocking(self._judge_all, request, user, role, tips, incoming)
        request.note(verdicts)
        if not request.accepted:
            return
        if incoming is not None:
            await run_blocking(_migrate, incoming, self._repository.path / "objects")
        moved = await run_blocking(self._move, request)
        if moved:
            self._on_push(Push(repository=self._repository.name, user=user, updates=tuple(moved)))

    def _judge(
        self,
        request: _Request,
        user: str,
        role: Role,
        tips: dict[str, str],
        is_ancestor: Callable[[str, str], bool] | None,
    ) -> list[str | None]:
        return judge(
            request.updates,
            user=user,
            role=role,
            rules=self._rules,
            tips=tips,
            is_ancestor=is_ancestor,
        )

    def _judge_all(
        self, request: _Request, user: str, role: Role, tips: dict[str, str], incoming: Path | None
    ) -> list[str | None]:
        repository = self._repository

        def is_ancestor(older: str, newer: str) -> bool:
            return repository.is_ancestor(older, newer, extra_objects=incoming)

        verdicts = self._judge(request, user, role, tips, is_ancestor)
        for index, update in enumerate(request.updates):
            if verdicts[index] is not None or update.is_deletion:
                continue
            kind = repository.kind_of(update.new, extra_objects=incoming)
            if not kind:
                verdicts[index] = "its object is missing"
            elif kind != "commit" and update.name.startswith("refs/heads/"):
                verdicts[index] = f"a branch cannot point to a {kind}"
        return verdicts

    def _move(self, request: _Request) -> list[RefUpdate]:
        moved = []
        for index, update in enumerate(request.updates):
            if request.refusals[index] is not None:
                continue
            try:
                self._repository.move(update)
            except ValueError as error:
                request.refusals[index] = str(error)
            else:
                moved.append(update)
        return moved

    def _make_quarantine(self) -> Path:
        objects = self._repository.path / "objects"
        # The prefix is the one by which `git gc` knows leftovers of a crash.
        incoming = Path(tempfile.mkdtemp(prefix="tmp_objdir-incoming-", dir=objects))
        (incoming / "pack").mkdir()
        return incoming

    def _quarantine_environment(self, incoming: Path) -> dict[str, str]:
        return {
            "GIT_OBJECT_DIRECTORY": str(incoming),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self._repository.path / "objects"),
            "GIT_QUARANTINE_PATH": str(incoming),
        }

    async def _unpack(self, body: StreamReader, incoming: Path) -> None:
        try:
            head = await body.readexactly(12)
        except asyncio.IncompleteReadError as error:
            raise GitFailed("the push ended before its pack") from error
        signature, _version, count = struct.unpack(">4sII", head)
        if signature != b"PACK":
            raise GitFailed("what was pushed is not a pack")
        limit = f"--max-input-size={self._limits.pack_bytes}"
        command = (
            ("unpack-objects", "-q", limit)
            if count < _LOOSE_BELOW
            else ("index-pack", "--stdin", "--fix-thin", limit)
        )
        async with self._git.running(
            *command, git_dir=self._repository.path, env=self._quarantine_environment(incoming)
        ) as process:
            assert process.stdin is not None
            with suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(head)
                async for piece in body.iter_chunked(_PIECE):
                    process.stdin.write(piece)
                    await process.stdin.drain()
            complaint = await finish(process)
            if complaint:
                raise GitFailed(complaint)

    async def _check_connected(self, request: _Request, incoming: Path) -> None:
        wanted = [update.new for update in request.accepted if not update.is_deletion]
        try:
            await self._git.run(
                "rev-list",
                "--objects",
                "--stdin",
                "--not",
                "--all",
                "--quiet",
                git_dir=self._repository.path,
                env=self._quarantine_environment(incoming),
                stdin="".join(f"{oid}\n" for oid in wanted).encode(),
            )
        except GitFailed as failure:
            raise GitFailed(f"missing necessary objects: {failure.message}") from failure


async def _read_commands(body: StreamReader, limits: PushLimits) -> _Request:
    updates: list[RefUpdate] = []
    capabilities: frozenset[str] = frozenset()
    while True:
        data = await _read_packet(body)
        if data is FLUSH:
            break
        if isinstance(data, Special):
            raise PacketError("a push has no delimiters")
        line, _, rest = data.partition(b"\0")
        if rest:
            capabilities = frozenset(rest.decode(errors="replace").split())
        line = line.rstrip(b"\n")
        if line.startswith(b"shallow "):
            continue  # the check of connections decides whether that matters
        command = _COMMAND.match(line)
        if command is None:
            raise PacketError("a command of the push cannot be read")
        updates.append(_command(command))
        if len(updates) > limits.commands:
            raise PacketError(f"a push may move at most {limits.commands} references")
    if len({update.name for update in updates}) != len(updates):
        raise PacketError("a push may name each reference once")
    return _Request(updates, capabilities)


def _command(match: re.Match[bytes]) -> RefUpdate:
    old, new, name = (group.decode(errors="replace") for group in match.groups())
    return RefUpdate(name, old, new)


async def _read_packet(body: StreamReader) -> pktline.Packet:
    try:
        length = pktline.parse_length(await body.readexactly(4))
        return length if isinstance(length, Special) else await body.readexactly(length)
    except asyncio.IncompleteReadError as error:
        if not error.partial and error.expected == 4:
            return FLUSH  # an empty request: nothing to do
        raise PacketError("the push ends within a packet") from error


async def _drain(body: StreamReader) -> None:
    """Reads what is left, so that the client reads our answer instead of a broken connection."""
    async for _ in body.iter_chunked(_PIECE):
        pass


def _migrate(incoming: Path, objects: Path) -> None:
    """Moves quarantined objects into the repository; an index only after its pack."""
    packs = sorted((incoming / "pack").iterdir(), key=lambda path: path.suffix == ".idx")
    (objects / "pack").mkdir(exist_ok=True)
    for path in packs:
        path.rename(objects / "pack" / path.name)
    for directory in incoming.iterdir():
        if len(directory.name) != 2:
            continue
        target = objects / directory.name
        target.mkdir(exist_ok=True)
        for path in directory.iterdir():
            path.rename(target / path.name)


def _report(request: _Request, unpacked: str) -> bytes:
    if "report-status" not in request.capabilities:
        return b""
    lines = [f"unpack {unpacked}\n"]
    for update, refusal in zip(request.updates, request.refusals, strict=True):
        lines.append(f"ng {update.name} {refusal}\n" if refusal else f"ok {update.name}\n")
    report = pktline.encode([*lines, FLUSH])
    if "side-band-64k" not in request.capabilities:
        return report
    return pktline.sideband(1, report) + pktline.encode([FLUSH])
