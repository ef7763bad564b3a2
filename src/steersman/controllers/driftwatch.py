"""Sees drift instead of polling for it, and tells waits that an object changed.

Theory of operation: after an apply we know which fields are ours from ``managedFields``. Whoever
changes one of them, by any verb, changes our entry there too; whoever deletes the object emits a
deletion. So it is enough to watch the metadata of the objects that carry owner labels and to
compare a fingerprint with the one of the last apply. The fingerprint also holds whether another
manager's fields would be taken over and whether the object opted out, which are metadata as well.

Whoever owns objects tells what it expects (:meth:`DriftWatch.expect`). While a kind cannot be
watched, its owners are never called unchanged, and a dry-run has to find out.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from steersman.apis.kustomization import OWNER_NAME_LABEL
from steersman.apply.inventory import Entry
from steersman.apply.optout import must_not_prune
from steersman.apply.takeover import Manager, plan_takeover
from steersman.clients.kube.client import KubeClient
from steersman.clients.kube.request import ListOptions
from steersman.kit.clock import Clock
from steersman.objects.identity import GroupKind, GroupVersionKind, ObjectRef
from steersman.objects.manifest import (
    Manifest,
    metadata_of,
    name_of,
    namespace_of,
    resource_version_of,
)
from steersman.runtime.reflector import Phase, Reflector

__all__ = ["Bell", "DriftWatch", "Live", "digest_of_desired", "fingerprint_of"]

_DIGEST_BYTES = 16


class _Seen(NamedTuple):
    version: int
    fingerprint: bytes


class _Expectation(NamedTuple):
    owner: ObjectRef
    version: int
    fingerprint: bytes
    desired: bytes


def digest_of_desired(manifest: Manifest) -> bytes:
    """Condenses a manifest that was, or is to be, applied."""
    text = msgspec.json.encode(manifest, order="deterministic")
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()


class Live(NamedTuple):
    """An object after an apply.

    Args:
        manifest: as the server returned it.
        desired: digest of what was applied.
    """

    manifest: Manifest
    desired: bytes


def fingerprint_of(manifest: Manifest, *, own: str, managers: Sequence[Manager]) -> bytes:
    """Condenses what an apply of ours depends on, from metadata alone.

    Args:
        manifest: an object, or its metadata.
        own: our field manager.
        managers: whose fields we would take over.
    """
    ours = [
        (entry.get("apiVersion"), entry.get("fieldsV1"))
        for entry in metadata_of(manifest).get("managedFields") or ()
        if entry.get("manager") == own and entry.get("operation") == "Apply"
    ]
    facts = (
        ours,
        bool(plan_takeover(manifest, own=own, managers=managers)),
        must_not_prune(manifest),
        bool(metadata_of(manifest).get("deletionTimestamp")),
    )
    text = msgspec.json.encode(facts, order="deterministic")
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()


class Bell:
    """Rings when one of its objects changes.

    Args:
        refs: the objects.
    """

    def __init__(self, refs: Set[ObjectRef]) -> None:
        self.refs = refs
        self._changed: set[ObjectRef] = set()
        self._rung = asyncio.Event()

    def ring(self, ref: ObjectRef) -> None:
        """Notes that an object changed."""
        self._changed.add(ref)
        self._rung.set()

    async def wait(self, seconds: float) -> set[ObjectRef]:
        """Returns what changed since the last call, at once or when something does.

        Returns:
            Empty when nothing changed in time.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return set()
        self._rung.clear()
        changed, self._changed = self._changed, set()
        return changed


class _KindStore:
    """What a reflector tells of one kind: versions and fingerprints."""

    def __init__(self, group_kind: GroupKind, watch: DriftWatch) -> None:
        self._group_kind = group_kind
        self._watch = watch
        self._pending: dict[ObjectRef, _Seen] = {}
        self.seen: dict[ObjectRef, _Seen] = {}

    def _ref(self, manifest: Manifest) -> ObjectRef:
        return ObjectRef(*self._group_kind, namespace_of(manifest), name_of(manifest))

    def begin(self) -> None:
        """What follows replaces everything."""
        self._pending = {}

    def stage(self, manifest: Manifest) -> None:
        """One of the present objects."""
        self._pending[self._ref(manifest)] = self._watch.look_at(manifest)

    def unstage(self, manifest: Manifest) -> None:
        """One of the present objects was deleted before they were complete."""
        self._pending.pop(self._ref(manifest), None)

    def commit(self, resource_version: str) -> None:
        """The present objects are complete."""
        before, self.seen, self._pending = self.seen, self._pending, {}
        for ref, seen in self.seen.items():
            if before.get(ref) != seen:
                self._watch.observe(ref, seen)
        self._watch.miss(self._group_kind, self.seen.keys(), _number(resource_version))

    def apply(self, manifest: Manifest) -> None:
        """An object was created or changed."""
        ref, seen = self._ref(manifest), self._watch.look_at(manifest)
        self.seen[ref] = seen
        self._watch.observe(ref, seen)

    def delete(self, manifest: Manifest) -> None:
        """An object was deleted, or lost its owner label."""
        ref = self._ref(manifest)
        self.seen.pop(ref, None)
        self._watch.observe(ref, _Seen(_number(resource_version_of(manifest)), b""))


class _Followed(NamedTuple):
    store: _KindStore
    reflector: Reflector
    task: asyncio.Task[None]


class DriftWatch:
    """Watches the kinds that owners expect objects of. Use as an async context manager.

    Args:
        client: reads metadata of every watched kind, as ourselves.
        clock: for waits.
        own: our field manager.
        managers: whose fields we would take over.
        on_drift: called with the owner and the object when the first of its objects differs from
            what was expected; must not block.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        clock: Clock,
        own: str,
        managers: Sequence[Manager],
        on_drift: Callable[[ObjectRef, ObjectRef], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._own = own
        self._managers = tuple(managers)
        self._on_drift = on_drift
        self._group = asyncio.TaskGroup()
        self._expected: dict[ObjectRef, _Expectation] = {}
        self._owned: dict[ObjectRef, frozenset[ObjectRef]] = {}
        self._drifted: dict[ObjectRef, set[ObjectRef]] = {}
        self._kinds: dict[GroupKind, _Followed] = {}
        self._bells: list[Bell] = []

    async def __aenter__(self) -> DriftWatch:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        for followed in self._kinds.values():
            followed.task.cancel()
        await self._group.__aexit__(None, None, None)

    # What owners say.

    def expect(
        self,
        owner: ObjectRef,
        applied: Mapping[Entry, Live],
        kept: Set[ObjectRef] = frozenset(),
    ) -> None:
        """Replaces what an owner expects.

        Args:
            owner: who applied.
            applied: the objects after the apply.
            kept: objects that were known to be as expected, and still are expected to be so.
        """
        carried = {
            ref: expectation
            for ref, expectation in self._expected.items()
            if ref in kept and expectation.owner == owner
        }
        self.forget(owner)
        self._expected.update(carried)
        for entry, live in applied.items():
            seen = self.look_at(live.manifest)
            self._expected[entry.ref] = _Expectation(
                owner, seen.version, seen.fingerprint, live.desired
            )
            self._follow(entry.gvk)
        self._owned[owner] = frozenset(carried) | {entry.ref for entry in applied}
        for ref in self._owned[owner]:
            followed = self._kinds.get(ref.group_kind)
            known = followed.store.seen.get(ref) if followed else None
            if known is not None:
                self._compare(ref, known)

    def forget(self, owner: ObjectRef) -> None:
        """Drops what an owner expects; kinds that nobody expects objects of are left alone."""
        for ref in self._owned.pop(owner, ()):
            expectation = self._expected.get(ref)
            if expectation is not None and expectation.owner == owner:
                del self._expected[ref]
        self._drifted.pop(owner, None)

    def is_unchanged(self, owner: ObjectRef) -> bool:
        """Tells whether every object is known to be as expected right now."""
        refs = self._owned.get(owner)
        if refs is None or owner in self._drifted:
            return False
        if any(self._expected.get(ref, _NOBODY).owner != owner for ref in refs):
            return False
        return all(self._is_current(kind) for kind in {ref.group_kind for ref in refs})

    def is_untouched(self, owner: ObjectRef, ref: ObjectRef) -> bool:
        """Tells whether an object is known to be as its owner left it."""
        expectation = self._expected.get(ref)
        return (
            expectation is not None
            and expectation.owner == owner
            and ref not in self._drifted.get(owner, ())
            and self._is_current(ref.group_kind)
        )

    def is_as_desired(self, owner: ObjectRef, ref: ObjectRef, desired: bytes) -> bool:
        """Tells whether applying this again is known to change nothing.

        Args:
            owner: who would apply.
            ref: the object.
            desired: digest of what would be applied.
        """
        return self.is_untouched(owner, ref) and self._expected[ref].desired == desired

    @contextmanager
    def listen(self, refs: Set[ObjectRef]) -> Iterator[Bell]:
        """Gives a bell that rings for changes of these objects, status included."""
        bell = Bell(refs)
        self._bells.append(bell)
        try:
            yield bell
        finally:
            self._bells.remove(bell)

    def follows(self, ref: ObjectRef) -> bool:
        """Tells whether changes of an object would ring a bell at once."""
        return ref in self._expected and self._is_current(ref.group_kind)

    # What reflectors say.

    def look_at(self, manifest: Manifest) -> _Seen:
        """Condenses an object or its metadata."""
        fingerprint = fingerprint_of(manifest, own=self._own, managers=self._managers)
        return _Seen(_number(resource_version_of(manifest)), fingerprint)

    def observe(self, ref: ObjectRef, seen: _Seen) -> None:
        """Takes note of an object as it is now."""
        for bell in self._bells:
            if ref in bell.refs:
                bell.ring(ref)
        self._compare(ref, seen)

    def miss(self, group_kind: GroupKind, present: Set[ObjectRef], version: int) -> None:
        """Takes note that a kind's objects are exactly these, as of a resource version."""
        for ref in tuple(self._expected):
            if ref.group_kind == group_kind and ref not in present:
                self._compare(ref, _Seen(version, b""))

    def _compare(self, ref: ObjectRef, seen: _Seen) -> None:
        expectation = self._expected.get(ref)
        if expectation is None or seen.version <= expectation.version:
            return  # older news than our own write
        if seen.fingerprint == expectation.fingerprint:
            return
        drifted = self._drifted.setdefault(expectation.owner, set())
        is_first = not drifted
        drifted.add(ref)
        if is_first:
            self._on_drift(expectation.owner, ref)

    def _is_current(self, group_kind: GroupKind) -> bool:
        followed = self._kinds.get(group_kind)
        if followed is None:
            return False
        memory = followed.reflector.memory
        return memory.phase in (Phase.LISTED, Phase.WATCHING) and not memory.failures

    def _follow(self, gvk: GroupVersionKind) -> None:
        if gvk.group_kind in self._kinds:
            return
        store = _KindStore(gvk.group_kind, self)
        options = ListOptions(label_selector=OWNER_NAME_LABEL, metadata_only=True)
        reflector = Reflector(self._client, gvk, store, clock=self._clock, options=options)
        task = self._group.create_task(reflector.run(), name=f"drift of {gvk.kind}")
        self._kinds[gvk.group_kind] = _Followed(store, reflector, task)


_NOBODY = _Expectation(ObjectRef("", "", "", ""), 0, b"", b"")


def _number(resource_version: str) -> int:
    """Resource versions of one kind are comparable numbers; anything else counts as newest."""
    return int(resource_version) if resource_version.isdecimal() else 2**63
