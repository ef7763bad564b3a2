"""What became of each object, in the order it happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from steersman.apply.inventory import Entry, Inventory
from steersman.objects.identity import ObjectRef

__all__ = ["Action", "Change", "ChangeSet"]


class Action(StrEnum):
    """What was done to an object; the words appear in events."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


_CHANGES = frozenset({Action.CREATED, Action.CONFIGURED, Action.DELETED})


class Change(NamedTuple):
    """One object and what was done to it.

    Args:
        ref: which object.
        version: the API version used.
        action: what was done.
    """

    ref: ObjectRef
    version: str
    action: Action

    def __str__(self) -> str:
        return f"{self.ref} {self.action}"


class ChangeSet:
    """Changes in order.

    Args:
        changes: the changes.
    """

    __slots__ = ("_changes",)

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self._changes = tuple(changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChangeSet) and self._changes == other._changes

    def __hash__(self) -> int:
        return hash(self._changes)

    def __repr__(self) -> str:
        return f"ChangeSet({[str(change) for change in self]})"

    def __add__(self, other: ChangeSet) -> ChangeSet:
        return ChangeSet((*self._changes, *other._changes))

    def summary(self) -> str:
        """One line an object, as events show it; also what did not change."""
        return "\n".join(map(str, self._changes))

    def effective(self) -> ChangeSet:
        """Only what was created, configured or deleted."""
        return ChangeSet(change for change in self._changes if change.action in _CHANGES)

    def inventory(self) -> Inventory:
        """The inventory after an apply; skipped objects stay ours, so that they are not pruned."""
        return Inventory(Entry(change.ref, change.version) for change in self._changes)

    def applied(self) -> tuple[ObjectRef, ...]:
        """The objects whose health matters: all but the skipped ones."""
        return tuple(c.ref for c in self._changes if c.action is not Action.SKIPPED)
