"""What a controller declares, and what a run is given.

The contract
    ``reconcile`` makes the world agree with one object, whatever the reason of the run. It must
    give the same answer if requests were lost, merged or reordered, and if the process died
    half-way in the run before. It returns :class:`~steersman.runtime.outcome.Settled`, or
    :class:`~steersman.runtime.outcome.Later` to be run again; everything else is an error of the
    tree in :mod:`steersman.errors`, raised where the fact is known.

    It edits ``ctx.status`` and never writes the status itself: the envelope does, once, at the end.
    ``await ctx.progress()`` writes what stands there now, for two reasons only: to tell what is
    being done, and to record an intent (an inventory) before its effect.

    Runs of one object never overlap. A run may be cancelled at any await; what its status says by
    then is still written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from steersman.clients.kube import KubeClient
from steersman.conditions import StatusContract, StatusEditor
from steersman.kit.backoff import Backoff
from steersman.kit.clock import Clock, format_rfc3339
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import Manifest, generation_of
from steersman.runtime.cache import Cache, IndexFunction
from steersman.runtime.events import ObjectEvents
from steersman.runtime.outcome import Later, Settled
from steersman.runtime.triggers import Watch

__all__ = ["Context", "Reconciler", "RuntimeSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What all kinds share; defaults are Flux's flags.

    Args:
        backoff: after failures, per object.
        jitter_percentage: how much an interval is moved, either way, so that objects spread.
        namespace: only objects of this namespace; empty for all.
        label_selector: only objects with these labels, to share work among processes.
        last_words_seconds: how long the status of a cancelled run may take to be written.
        instance: what to call this process in events.
    """

    backoff: Backoff = field(default_factory=Backoff)
    jitter_percentage: int = 5
    namespace: str = ""
    label_selector: str = ""
    last_words_seconds: float = 5.0
    instance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run for one object.

    Args:
        obj: the object as it was at the beginning; not to be changed.
        ref: its identity.
        status: its status, to be edited.
        client: acts as the controller itself.
        clock: the time.
        events: tells people what happened to the object.
        caches: what is known of the watched kinds.
        reasons: why the run takes place; for logs, never for decisions.
        reconcile_id: marks the logs of this run.
        write: writes the status; use :meth:`progress`.
    """

    obj: Manifest
    ref: ObjectRef
    status: StatusEditor
    client: KubeClient
    clock: Clock
    events: ObjectEvents
    caches: Mapping[GroupVersionKind, Cache]
    reasons: tuple[str, ...]
    reconcile_id: str
    write: Callable[[], Awaitable[None]] = field(repr=False)

    @property
    def spec(self) -> Mapping[str, Any]:
        """The object's spec as plain data."""
        spec = self.obj.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def generation(self) -> int:
        """The generation that this run is about."""
        return generation_of(self.obj)

    @property
    def suspended(self) -> bool:
        """Whether the object asks to be left alone; finalizing then must not harm anything."""
        return self.spec.get("suspend") is True

    def now(self) -> str:
        """Returns the current time as RFC 3339 text."""
        return format_rfc3339(self.clock.now())

    async def progress(self) -> None:
        """Writes the status as it stands, if it differs from what was written last.

        Raises:
            ObjectGone: the object does not exist any more.
            ApiError: the API refused.
            NetworkFailed: there was no answer.
        """
        await self.write()


class Reconciler(Protocol):
    """A controller of one kind. See the module for its contract."""

    @property
    def kind(self) -> GroupVersionKind:
        """The kind of the objects."""

    @property
    def controller(self) -> str:
        """Who reports events, such as ``source-controller``."""

    @property
    def status_manager(self) -> str:
        """The field manager of status and finalizers.

        Not the name that applies: an apply takes over what its own name wrote by update, and would
        take the finalizers of applied Flux objects away again.
        """

    @property
    def contract(self) -> StatusContract:
        """The conditions of the kind."""

    @property
    def finalizer(self) -> str:
        """The finalizer that the envelope keeps on the objects; empty for none."""

    @property
    def concurrency(self) -> int:
        """How many objects are reconciled at once."""

    @property
    def watches(self) -> Sequence[Watch]:
        """Whose changes concern objects of this kind."""

    @property
    def indexes(self) -> Mapping[str, IndexFunction]:
        """Keys under which the cache of this kind files its objects."""

    def retry_seconds(self, obj: Manifest) -> float | None:
        """Returns the fixed delay after a failure; None for exponential back-off."""

    async def reconcile(self, ctx: Context) -> Settled | Later:
        """Makes the world agree with the object."""

    async def finalize(self, ctx: Context) -> Later | None:
        """Cleans up before the object goes; None says that it may go.

        Must succeed when there is nothing to clean up, and when it is repeated.
        """
