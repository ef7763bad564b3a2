"""The reflector: keeps a cache equal to a collection of the API, whatever happens on the way.

Theory of operation
    A collection is read once, then changes are followed from its resource version on. Four phases
    say what is known; one pure function, :func:`step`, holds every transition, and
    :func:`next_call` says which request each phase makes. The driver below only carries them out.

    Where the server offers it, the first read is a stream (``WatchList``): the present objects,
    then a bookmark, then changes over the same connection. A server that answers 400 or 422 to that
    is asked for a list instead, from then on.

    Losses are told apart: an *ended* watch goes on from the last resource version; an *expired*
    one (410) starts from nothing; a *failed* one waits, ever longer, and then goes on as an ended
    one. A watch that ends as soon as it was opened counts as failed, so that no server can make us
    spin. A kind that is *absent* has no objects: the store is complete, and the kind is asked for
    again; once it was there, its absence is a failure like others and what was known is kept.

    The store is never empty while it is filled anew: objects of a list are staged and swapped in at
    its end.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from steersman.clients.kube import KubeClient, NoMatch, ObjectList, WatchEvent, WatchType
from steersman.clients.kube.request import ListOptions
from steersman.clients.kube.response import ends_initial_events
from steersman.errors import InvalidTransition, SteersmanError
from steersman.kit.backoff import Backoff
from steersman.kit.clock import Clock
from steersman.kit.story import Story
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest, resource_version_of

__all__ = [
    "PHASES",
    "POSSIBLE",
    "Call",
    "Memory",
    "Phase",
    "Reflector",
    "Store",
    "next_call",
    "step",
]

_log = logging.getLogger(__name__)

_BACKOFF: Final = Backoff(first_seconds=0.8, most_seconds=30.0)
# A watch that lasted less, and told nothing, was refused in a polite way.
_SHORTEST_WATCH_SECONDS: Final = 1.0


class Phase(StrEnum):
    """What is known of the collection."""

    EMPTY = "empty"
    STREAMING = "streaming"
    LISTED = "listed"
    WATCHING = "watching"


PHASES: Final[Mapping[Phase, str]] = {
    Phase.EMPTY: "Nothing is known, or what was known is too old to go on from.",
    Phase.STREAMING: "The present objects are arriving over a watch; they are staged.",
    Phase.LISTED: "The store is complete as of a resource version; no watch is open.",
    Phase.WATCHING: "The store is complete and changes arrive.",
}


class Call(StrEnum):
    """Which request comes next."""

    STREAM = "open a watch that begins with the present objects"
    LIST = "list"
    WATCH = "open a watch from the last resource version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that a reflector remembers between two happenings.

    Args:
        phase: what is known.
        resource_version: the last one seen.
        streams: the server may offer to stream the present objects.
        failures: in a row.
        complete: the store was complete at some time.
    """

    phase: Phase = Phase.EMPTY
    resource_version: str = ""
    streams: bool = True
    failures: int = 0
    complete: bool = False


# Happenings: what the driver tells.


@dataclass(frozen=True, slots=True)
class Listed:
    """A list was read."""

    list: ObjectList


@dataclass(frozen=True, slots=True)
class Opened:
    """A watch was opened."""


@dataclass(frozen=True, slots=True)
class Told:
    """A watch told something."""

    event: WatchEvent


@dataclass(frozen=True, slots=True)
class Ended:
    """A watch ended in order; ``told`` says whether it told anything."""

    seconds: float
    told: bool


@dataclass(frozen=True, slots=True)
class Expired:
    """The resource version is too old (410)."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The server cannot stream the present objects."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The API does not serve the kind."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A request failed, or a connection was lost."""


Happening: TypeAlias = Listed | Opened | Told | Ended | Expired | Unsupported | Absent | Failed

POSSIBLE: Final[Mapping[Phase, tuple[type[Happening], ...]]] = {
    Phase.EMPTY: (Listed, Opened, Ended, Expired, Unsupported, Absent, Failed),
    Phase.STREAMING: (Told, Ended, Expired, Unsupported, Failed),
    Phase.LISTED: (Opened, Ended, Expired, Absent, Failed),
    Phase.WATCHING: (Told, Ended, Expired, Failed),
}
"""What can happen in each phase; anything else is a bug."""

# Instructions: what the store is told.


@dataclass(frozen=True, slots=True)
class Begin:
    """What follows replaces everything."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the present objects."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Unstage:
    """One of the present objects was deleted before they were complete."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Commit:
    """The present objects are complete as of a resource version."""

    resource_version: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An object was created or changed."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Delete:
    """An object was deleted."""

    manifest: Manifest


Instruction: TypeAlias = Begin | Stage | Unstage | Commit | Apply | Delete


class Store(Protocol):
    """What a reflector fills: a cache, or something that only follows."""

    def begin(self) -> None:
        """What follows replaces everything."""

    def stage(self, manifest: Manifest) -> None:
        """One of the present objects."""

    def unstage(self, manifest: Manifest) -> None:
        """One of the present objects was deleted before they were complete."""

    def commit(self, resource_version: str) -> None:
        """The present objects are complete."""

    def apply(self, manifest: Manifest) -> None:
        """An object was created or changed."""

    def delete(self, manifest: Manifest) -> None:
        """An object was deleted."""


def next_call(memory: Memory) -> Call:
    """Says which request to make; never asked while a watch is open."""
    if memory.phase in (Phase.LISTED, Phase.WATCHING):
        return Call.WATCH
    return Call.STREAM if memory.streams else Call.LIST


def step(memory: Memory, happening: Happening) -> tuple[Memory, tuple[Instruction, ...]]:
    """Returns what is remembered after a happening, and what the store is told. Pure.

    Raises:
        InvalidTransition: the happening is not possible in this phase.
    """
    if not isinstance(happening, POSSIBLE[memory.phase]):
        raise InvalidTransition(f"{type(happening).__name__} while {memory.phase}")
    match happening:
        case Listed():
            version = happening.list.resource_version
            staged = (Stage(item) for item in happening.list.items)
            instructions: tuple[Instruction, ...] = (Begin(), *staged, Commit(version))
            memory = replace(
                memory, phase=Phase.LISTED, resource_version=version, failures=0, complete=True
            )
            return memory, instructions
        case Opened():
            if memory.phase is Phase.EMPTY:
                return replace(memory, phase=Phase.STREAMING), (Begin(),)
            return replace(memory, phase=Phase.WATCHING), ()
        case Told():
            return _told(replace(memory, failures=0), happening.event)
        case Ended() if not happening.told and happening.seconds < _SHORTEST_WATCH_SECONDS:
            return _interrupted(memory, failed=True), ()
        case Ended():
            return _interrupted(memory, failed=False), ()
        case Absent() if not memory.complete:
            # What is not served has no objects, and nobody needs to wait for them.
            memory = replace(memory, failures=memory.failures + 1, complete=True)
            return memory, (Begin(), Commit(""))
        case Failed() | Absent():
            return _interrupted(memory, failed=True), ()
        case Expired():
            # A first answer of 410 to a new request is a failure too: wait before the next.
            failures = memory.failures + (memory.phase is Phase.EMPTY)
            return replace(memory, phase=Phase.EMPTY, resource_version="", failures=failures), ()
        case Unsupported():
            return replace(memory, phase=Phase.EMPTY, streams=False), ()


def _told(memory: Memory, event: WatchEvent) -> tuple[Memory, tuple[Instruction, ...]]:
    version = resource_version_of(event.object) or memory.resource_version
    if memory.phase is Phase.STREAMING:
        # Versions of the present objects are older than the stream: only the bookmark counts.
        if ends_initial_events(event):
            memory = replace(memory, phase=Phase.WATCHING, resource_version=version, complete=True)
            return memory, (Commit(version),)
        match event.type:
            case WatchType.BOOKMARK:
                return memory, ()
            case WatchType.DELETED:
                return memory, (Unstage(event.object),)
            case WatchType.ADDED | WatchType.MODIFIED:
                return memory, (Stage(event.object),)
    memory = replace(memory, resource_version=version)
    match event.type:
        case WatchType.BOOKMARK:
            return memory, ()
        case WatchType.DELETED:
            return memory, (Delete(event.object),)
        case WatchType.ADDED | WatchType.MODIFIED:
            return memory, (Apply(event.object),)


def _interrupted(memory: Memory, *, failed: bool) -> Memory:
    """What was staged is lost; what was committed is kept and gone on from."""
    phase = Phase.LISTED if memory.phase in (Phase.LISTED, Phase.WATCHING) else Phase.EMPTY
    return replace(memory, phase=phase, failures=memory.failures + 1 if failed else 0)


class Reflector:
    """Carries out what :func:`next_call` says and tells :func:`step` what happened.

    Args:
        client: of the API.
        kind: of the objects.
        options: which of them.
        store: what to fill.
        clock: for waits.
        backoff: after failures.
    """

    def __init__(
        self,
        client: KubeClient,
        kind: GroupVersionKind,
        store: Store,
        *,
        clock: Clock,
        options: ListOptions | None = None,
        backoff: Backoff = _BACKOFF,
    ) -> None:
        self._client = client
        self._kind = kind
        self._options = options or ListOptions()
        self._store = store
        self._clock = clock
        self._backoff = backoff
        self.memory = Memory()
        self.story = Story(limit=50)

    async def run(self) -> None:
        """Follows the collection until it is cancelled."""
        while True:
            call = next_call(self.memory)
            try:
                if call is Call.LIST:
                    await self._list()
                else:
                    await self._watch(call)
            except ApiError as error:
                self._tell(self._read(error, call), str(error))
            except NoMatch as error:
                self._tell(Absent(), str(error))
            except SteersmanError as error:
                self._tell(Failed(), str(error))
            except Exception as error:
                _log.exception("a reflector failed", extra={"kind": self._kind.kind})
                self._tell(Failed(), type(error).__name__)
            delay = self._backoff.delay(self.memory.failures)
            if delay:
                await self._clock.sleep(delay)

    def _read(self, error: ApiError, call: Call) -> Happening:
        if error.code == 410:
            return Expired()
        if error.code in (400, 422) and call is Call.STREAM:
            return Unsupported()
        if error.code == 404:
            # The definition may have been removed, or come back in another shape.
            self._client.forget(self._kind)
        return Failed()

    async def _list(self) -> None:
        options = self._options
        listed = await self._client.list(
            self._kind,
            options.namespace,
            label_selector=options.label_selector,
            field_selector=options.field_selector,
            metadata_only=options.metadata_only,
        )
        self._tell(Listed(listed), f"{len(listed.items)} objects")

    async def _watch(self, call: Call) -> None:
        options = self._options
        events = self._client.watch(
            self._kind,
            resource_version=self.memory.resource_version if call is Call.WATCH else "",
            initial_events=call is Call.STREAM,
            namespace=options.namespace,
            label_selector=options.label_selector,
            field_selector=options.field_selector,
            metadata_only=options.metadata_only,
        )
        opened, told = self._clock.monotonic(), False
        async with aclosing(events):
            async for event in events:
                if not told:
                    self._tell(Opened(), "")
                told = True
                self._tell(Told(event), "")
        self._tell(Ended(self._clock.monotonic() - opened, told), "")

    def _tell(self, happening: Happening, detail: str) -> None:
        before = self.memory
        self.memory, instructions = step(before, happening)
        if not isinstance(happening, Told):
            what = f"{type(happening).__name__} {detail}".strip()
            self.story.note(self._clock.monotonic(), str(self._kind.kind), what)
        if isinstance(happening, Failed | Absent) and before.failures == 0:
            _log.warning("cannot follow objects: %s", detail, extra={"kind": self._kind.kind})
        for instruction in instructions:
            self._obey(instruction)

    def _obey(self, instruction: Instruction) -> None:
        match instruction:
            case Begin():
                self._store.begin()
            case Stage(manifest):
                self._store.stage(manifest)
            case Unstage(manifest):
                self._store.unstage(manifest)
            case Commit(version):
                self._store.commit(version)
            case Apply(manifest):
                self._store.apply(manifest)
            case Delete(manifest):
                self._store.delete(manifest)
