"""The algebra of ownership: what an update and an apply do to everybody's field sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from steersman.fieldmanager.compare import Comparison, compare, same
from steersman.fieldmanager.elements import Path
from steersman.fieldmanager.fields import fields_of, named_fields_of, with_named_fields
from steersman.fieldmanager.fieldset import (
    LEAF,
    FieldSet,
    difference,
    intersection,
    paths_of,
    recursive_difference,
    union,
)
from steersman.fieldmanager.managers import ManagerId, VersionedSet
from steersman.fieldmanager.merge import merge
from steersman.fieldmanager.reconcile import reconcile
from steersman.fieldmanager.remove import remove
from steersman.fieldmanager.types import Type
from steersman.objects.manifest import Manifest, api_version_of

__all__ = ["Conflict", "Conflicts", "Sets", "Typed", "Updater"]

Sets = dict[ManagerId, VersionedSet]


class Typed(NamedTuple):
    """An object with the type it was checked against; None once everything was removed from it."""

    value: Manifest | None
    type: Type


class Conflict(NamedTuple):
    """A field that somebody else owns and that an apply would change."""

    manager: ManagerId
    path: Path


class Conflicts(Exception):
    """An apply without force that would take fields from others."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        super().__init__(f"{len(conflicts)} conflicts")
        self.conflicts = conflicts


class Updater:
    """Computes new owners; knows no time and no metadata.

    Args:
        convert: returns an object at another API version with its type, or None when that version
            does not exist any more.
        ignored: fields that are never owned, by API version.
    """

    def __init__(
        self,
        convert: Callable[[Manifest, str], Typed | None],
        ignored: Mapping[str, FieldSet] | None = None,
    ) -> None:
        self._convert = convert
        self._ignored = ignored or {}

    def update(
        self, live: Typed, new: Typed, api_version: str, sets: Sets, manager: ManagerId
    ) -> Sets:
        """Returns the owners after ``manager`` replaced ``live`` by ``new``; never conflicts."""
        sets = self._reconciled(live, sets)
        sets, changes = self._take(live, new, api_version, sets, manager, force=True)
        owned = sets[manager].fields if manager in sets else LEAF
        owned = union(union(difference(owned, changes.removed), changes.modified), changes.added)
        owned = recursive_difference(owned, self._ignored.get(api_version, LEAF))
        if owned:
            sets[manager] = VersionedSet(owned, api_version, False)
        else:
            sets.pop(manager, None)
        return sets

    def apply(
        self,
        live: Typed,
        config: Typed,
        api_version: str,
        sets: Sets,
        manager: ManagerId,
        *,
        force: bool,
    ) -> tuple[Manifest | None, Sets]:
        """Returns the merged object, None when it equals ``live``, and the owners.

        Raises:
            Conflicts: others own what would change, and ``force`` is not set.
            TypeMismatch: an item of a list has no key.
        """
        sets = self._reconciled(live, sets)
        merged = merge(live.value, config.value, live.type)
        last = sets.get(manager)
        fields = fields_of(config.value, config.type)
        fields = recursive_difference(fields, self._ignored.get(api_version, LEAF))
        if last is not None and last.fields == fields:
            # The same object tells later steps that nothing changed.
            fields = last.fields
        sets[manager] = VersionedSet(fields, api_version, True)
        pruned = self._prune(Typed(merged, live.type), sets, manager, last)
        new = Typed(pruned, live.type)
        sets, _ = self._take(live, new, api_version, sets, manager, force=force)
        return (None if same(live.value, pruned) else pruned or {}), sets

    def _reconciled(self, live: Typed, sets: Sets) -> Sets:
        """Returns a copy of the sets, fitted to today's schemas, without vanished versions."""
        result: Sets = {}
        for manager, owned in sets.items():
            converted = self._at(live, owned.api_version)
            if converted is None:
                continue
            fields = reconcile(owned.fields, converted.type)
            result[manager] = owned if fields is owned.fields else owned._replace(fields=fields)
        return result

    def _at(self, typed: Typed, api_version: str) -> Typed | None:
        if typed.value is None or api_version_of(typed.value) == api_version:
            return typed
        return self._convert(typed.value, api_version)

    def _take(
        self,
        live: Typed,
        new: Typed,
        api_version: str,
        sets: Sets,
        manager: ManagerId,
        *,
        force: bool,
    ) -> tuple[Sets, Comparison]:
        """Takes what changed from everybody else; returns the owners and the changes."""
        changes = compare(live.value, new.value, live.type)
        changes = changes.without(self._ignored.get(api_version, LEAF))
        by_version: dict[str, Comparison | None] = {api_version: changes}
        losses: Sets = {}
        conflicts: dict[ManagerId, FieldSet] = {}
        for other, owned in list(sets.items()):
            if other == manager:
                continue
            if owned.api_version not in by_version:
                by_version[owned.api_version] = self._compare_at(live, new, owned.api_version)
            seen = by_version[owned.api_version]
            if seen is None:
                del sets[other]
                continue
            taken = intersection(owned.fields, union(seen.modified, seen.added))
            if taken:
                conflicts[other] = taken
            if taken or seen.removed:
                left = difference(difference(owned.fields, taken), seen.removed)
                losses[other] = owned._replace(fields=left)
        if conflicts and not force:
            raise Conflicts(
                [
                    Conflict(other, path)
                    for other in sorted(conflicts, key=lambda one: one.text)
                    for path in paths_of(conflicts[other])
                ]
            )
        sets.update(losses)
        return {other: owned for other, owned in sets.items() if owned.fields}, changes

    def _compare_at(self, live: Typed, new: Typed, api_version: str) -> Comparison | None:
        old, then = self._at(live, api_version), self._at(new, api_version)
        if old is None or then is None:
            return None
        changes = compare(old.value, then.value, old.type)
        return changes.without(self._ignored.get(api_version, LEAF))

    def _prune(
        self, merged: Typed, sets: Sets, manager: ManagerId, last: VersionedSet | None
    ) -> Manifest | None:
        """Removes what the manager applied last time, not now, and nobody else owns."""
        config = sets[manager]
        if last is None or not last.fields:
            return merged.value
        if last.api_version == config.api_version and not difference(last.fields, config.fields):
            # Nothing was dropped, so nothing can go.
            return merged.value
        then = self._at(merged, last.api_version)
        if then is None:
            return merged.value
        dropped = with_named_fields(last.fields, then.type)
        pruned = Typed(remove(then.value, dropped, then.type), then.type)
        everything = named_fields_of(then.value, then.type)
        pruned = self._add_back_owned(then, pruned, last.api_version, sets, everything)
        pruned = self._add_back_dangling(then, pruned, last, everything)
        back = self._at(pruned, config.api_version)
        return merged.value if back is None else back.value

    def _add_back_owned(
        self, merged: Typed, pruned: Typed, version: str, sets: Sets, everything: FieldSet
    ) -> Typed:
        """Adds back what anybody owns, at each version, the pruned one first."""
        by_version: dict[str, FieldSet] = {}
        for owned in sets.values():
            known = by_version.get(owned.api_version, LEAF)
            by_version[owned.api_version] = union(known, owned.fields)
        for api_version in sorted(by_version, key=lambda one: one != version):
            full, part = self._at(merged, api_version), self._at(pruned, api_version)
            if full is None or part is None:
                continue
            if full is not merged:
                everything = named_fields_of(full.value, full.type)
            merged, pruned = full, part
            kept = union(
                named_fields_of(pruned.value, pruned.type),
                with_named_fields(by_version[api_version], merged.type),
            )
            gone = difference(everything, kept)
            pruned = Typed(remove(merged.value, gone, merged.type), merged.type)
        return pruned

    def _add_back_dangling(
        self, merged: Typed, pruned: Typed, last: VersionedSet, everything: FieldSet
    ) -> Typed:
        """Adds back what the manager did not own: defaults, and what nobody owns."""
        part = self._at(pruned, last.api_version)
        if part is None:
            return merged
        gone = difference(everything, named_fields_of(part.value, part.type))
        gone = intersection(gone, with_named_fields(last.fields, merged.type))
        return Typed(remove(merged.value, gone, merged.type), merged.type)
