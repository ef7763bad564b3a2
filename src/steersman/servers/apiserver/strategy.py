"""What the REST layer asks of a kind: decode, prepare, validate, show.

The order of calls for one write, as the real server has it::

    create:  decode → (name, namespace, uid, creationTimestamp by the REST layer) → admission
             → prepare_create → validate_create → store
    update:  decode of the merged object → prepare_update → admission → validate_update → store

``decode`` returns a new tree; the ``prepare_*`` methods may edit the object they are given and
return it. ``old`` and everything that came out of the store is never edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import ResourceInfo
from steersman.servers.apiserver.fielderrors import FieldError

__all__ = [
    "ClusterView",
    "Column",
    "Decoded",
    "Row",
    "Scale",
    "Strategy",
    "Table",
    "Traits",
    "WriteContext",
]


class ClusterView(Protocol):
    """Read access to the stored objects, for allocation and references."""

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        """Returns one stored object."""
        ...

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        """Iterates over the stored objects of a resource; an empty namespace means all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteContext:
    """What a write knows besides its object.

    Attributes:
        now: the server's time, RFC 3339, whole seconds.
        cluster: the other objects.
        subresource: ``""``, ``status``, ``scale``, …
        dry_run: nothing will be stored.
    """

    now: str
    cluster: ClusterView
    subresource: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A body read as its kind.

    Attributes:
        obj: pruned, canonical and defaulted; shares nothing with the input.
        problems: what a strict decoder would refuse, in document order, each as
            ``unknown field "spec.foo"``.
    """

    obj: Manifest
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """How the REST layer treats a resource.

    Attributes:
        unconditional_update: a PUT without resourceVersion is allowed.
        create_on_update: a PUT of an absent object creates it.
        returns_deleted: DELETE answers with the object instead of a Status.
        orphans_by_default: DELETE without a policy leaves the dependents.
        strategic_merge: the strategic merge patch is supported.
        items_carry_kind: items of a list repeat ``apiVersion`` and ``kind``.
        reset_fields: paths never tracked in managedFields, by subresource (``""`` is the main
            endpoint), such as ``{"": (("status",),), "status": (("spec",),)}``.
        deprecation: sent as a warning with every answer; empty when not deprecated.
        deletion_finalizer: DELETE adds it, and whoever cleans up takes it off.
    """

    unconditional_update: bool = True
    create_on_update: bool = False
    returns_deleted: bool = False
    orphans_by_default: bool = False
    strategic_merge: bool = True
    items_carry_kind: bool = False
    reset_fields: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    deprecation: str = ""
    deletion_finalizer: str = ""


class Scale(NamedTuple):
    """Where a kind keeps what its ``scale`` subresource shows; paths as tuples of keys.

    Attributes:
        spec_replicas: path of the wanted number.
        status_replicas: path of the number there is.
        selector: path of the selector; a mapping is a LabelSelector (or a plain label map), a
            text is passed on; empty when the kind names none.
    """

    spec_replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    selector: tuple[str, ...] = ()


class Column(NamedTuple):
    """One ``columnDefinition`` of a Table."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


class Row(NamedTuple):
    """One row: the cells, in column order, and the object they show."""

    cells: tuple[Any, ...]
    obj: Manifest


class Table(NamedTuple):
    """The columns and rows; the REST layer wraps them as ``meta.k8s.io/v1 Table``."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


class Strategy(Protocol):
    """One resource in one version."""

    @property
    def info(self) -> ResourceInfo:
        """The resource, as discovery shows it."""
        ...

    @property
    def traits(self) -> Traits:
        """How the REST layer treats the resource."""
        ...

    @property
    def scale(self) -> Scale | None:
        """Where the ``scale`` subresource reads and writes, if there is one."""
        ...

    def decode(self, raw: Mapping[str, Any], *, merged: bool = False) -> Decoded:
        """Reads a body or a merged object: types, pruning, canonical form, defaults.

        ``apiVersion`` and ``kind`` are set from the resource where they are missing. ``merged``
        says that the object is the outcome of a server-side apply, not a body.

        Raises:
            ApiError: 400, a value has the wrong type.
        """
        ...

    def prepare_create(self, obj: Manifest, ctx: WriteContext) -> Manifest:
        """Sets what the server owns: status emptied, generation, allocations, finalizers."""
        ...

    def validate_create(self, obj: Manifest, ctx: WriteContext) -> list[FieldError]:
        """Returns every problem in field order; metadata is included."""
        ...

    def prepare_update(self, new: Manifest, old: Manifest, ctx: WriteContext) -> Manifest:
        """Keeps what this endpoint may not change, and counts the generation.

        ``ctx.subresource`` says which endpoint; for ``status`` everything but the status (and
        managedFields) is taken from ``old``.
        """
        ...

    def validate_update(self, new: Manifest, old: Manifest, ctx: WriteContext) -> list[FieldError]:
        """Returns every problem in field order, immutable fields included."""
        ...

    def warnings(self, new: Manifest, old: Manifest | None) -> Sequence[str]:
        """Returns texts for ``Warning: 299`` headers, without the code."""
        ...

    def selectable_fields(self, obj: Manifest) -> Mapping[str, str]:
        """Returns the fields that a field selector may name, with their values."""
        ...

    def table(self, objs: Sequence[Manifest], now: str) -> Table:
        """Shows objects as a table; ``now`` (RFC 3339) gives the ages."""
        ...
