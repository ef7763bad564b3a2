"""Field management of one resource: ``apply`` and ``update`` as the API server does them.

Pure: objects come in and go out as plain data, time is passed in. Works for built-in kinds, custom
kinds and, with deduced types, for anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from steersman.fieldmanager.compare import compare
from steersman.fieldmanager.conflict import ApplyConflict
from steersman.fieldmanager.fields import fields_of
from steersman.fieldmanager.fieldset import FieldSet, difference, from_paths, has, union
from steersman.fieldmanager.lastapplied import last_applied_of, with_last_applied
from steersman.fieldmanager.managers import (
    APPLY,
    UPDATE,
    BadManagedFields,
    Managed,
    ManagerId,
    VersionedSet,
    is_reset,
)
from steersman.fieldmanager.types import Type
from steersman.fieldmanager.typesource import TypeSource
from steersman.fieldmanager.updater import Conflicts, Typed, Updater
from steersman.fieldmanager.validate import TypeMismatch, validate
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind, split_api_version
from steersman.objects.manifest import Manifest, api_version_of, metadata_of, name_of, namespace_of

__all__ = ["FieldManager", "keep_old_times"]

MAX_UPDATERS = 10
ANCIENT = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"
_CURRENT = ManagerId("current-operation", "")
_NEVER_OWNED = from_paths(
    [
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", "f:" + name)
            for name in (
                "name",
                "namespace",
                "creationTimestamp",
                "selfLink",
                "uid",
                "clusterName",
                "generation",
                "managedFields",
                "resourceVersion",
            )
        ),
    ]
)


class FieldManager:
    """Keeps ``metadata.managedFields`` of one kind, at one version, for one endpoint.

    Args:
        types: the types of the kind's versions.
        gvk: kind and version of the requests.
        subresource: ``status``, ``scale``, or empty for the resource itself.
        reset_fields: fields that this endpoint never owns, by API version.
        convert: returns an object at another API version of the same kind, or None when it cannot
            be had; by default only ``apiVersion`` changes.
    """

    def __init__(
        self,
        types: TypeSource,
        gvk: GroupVersionKind,
        subresource: str = "",
        reset_fields: Mapping[str, FieldSet] | None = None,
        convert: Callable[[Manifest, str], Manifest | None] | None = None,
    ) -> None:
        self._types = types
        self._gvk = gvk
        self._subresource = subresource
        self._convert = convert or _rename_version
        self._updater = Updater(self._convert_typed, reset_fields)

    def apply(
        self, live: Manifest | None, config: Manifest, *, manager: str, force: bool, now: str
    ) -> Manifest:
        """Merges an applied configuration.

        Args:
            live: the stored object in this manager's version; None when there is none yet.
            config: what was applied.
            manager: who applies.
            force: take fields from others.
            now: RFC 3339 in UTC, to the second.

        Returns:
            The merged object with its owners, before defaulting. It shares parts with ``live``.

        Raises:
            ApplyConflict: others own what would change, and ``force`` is not set.
            ApiError: 400 for another kind or with managed fields, 500 when the configuration does
                not fit the type.
        """
        found = GroupVersionKind.of(config)
        if found != self._gvk:
            raise ApiError(400, "BadRequest", f"invalid object type: {_gvk_text(found)}")
        try:
            merged = self._apply_for_kubectl(live, config, manager, force, now)
        except Conflicts as found_conflicts:
            raise ApplyConflict(found_conflicts.conflicts) from None
        except TypeMismatch as error:
            raise ApiError(500, "", f"failed to merge config: {error}") from error
        if manager == "kubectl" and last_applied_of(merged):
            merged = with_last_applied(merged, config)
        return merged

    def update(
        self,
        live: Manifest | None,
        new: Manifest,
        *,
        manager: str,
        now: str,
        operation: str = UPDATE,
    ) -> Manifest:
        """Records who changed what by any request other than an apply.

        Args:
            live: the object before; None on creation.
            new: the object to store, with whatever managed fields the client sent.
            manager: who changes it.
            now: RFC 3339 in UTC, to the second.
            operation: kept for symmetry; updates are recorded as ``Update``.

        Returns:
            ``new`` with its owners; without any when they cannot be computed.
        """
        bare = _without_managed_fields(new)
        try:
            managed = self._managed_of_update(live, new)
            if live is not None and not managed.sets:
                return bare
            before = self._types.empty_object(self._gvk) if live is None else live
            before = _without_managed_fields(before)
            self._update(before, bare, managed, ManagerId.of(*self._id(manager, operation)), now)
        except (TypeMismatch, ValueError, KeyError):
            # A failure here must not fail the request: the API server forgets the owners too.
            return bare
        _cap(managed)
        return _with_entries(bare, managed)

    def _id(self, manager: str, operation: str) -> tuple[str, str, str, str]:
        return (manager or "unknown", operation, self._gvk.api_version, self._subresource)

    def _managed_of_update(self, live: Manifest | None, new: Manifest) -> Managed:
        """Takes the owners from the request where it may set them, else from the live object."""
        live_entries = metadata_of(live or {}).get("managedFields")
        entries = metadata_of(new).get("managedFields")
        if not self._subresource:
            if is_reset(entries):
                return Managed()
            if entries is not None and entries is not live_entries and entries != live_entries:
                try:
                    managed = Managed.read(entries)
                except BadManagedFields:
                    managed = Managed()
                if managed.sets:
                    return managed
        try:
            return Managed.read(live_entries, trusted=True)
        except BadManagedFields:
            return Managed()

    def _update(
        self, live: Manifest, new: Manifest, managed: Managed, manager: ManagerId, now: str
    ) -> None:
        """Changes the owners in place; the time moves only when something was taken."""
        old = self._typed(live, allow_duplicates=True)
        then = self._typed(new, allow_duplicates=True)
        version = self._gvk.api_version
        sets = self._updater.update(old, then, version, managed.sets, _CURRENT)
        taken = sets.pop(_CURRENT, None)
        managed.sets = sets
        if taken is None:
            return
        fields = difference(taken.fields, _NEVER_OWNED)
        if not fields:
            return
        previous = sets.get(manager)
        if previous is not None:
            fields = union(fields, previous.fields)
        sets[manager] = VersionedSet(fields, version, False)
        managed.times[manager] = now

    def _apply_for_kubectl(
        self, live: Manifest | None, config: Manifest, manager: str, force: bool, now: str
    ) -> Manifest:
        """Forces conflicts that a client-side apply of kubectl explains."""
        try:
            return self._apply(live, config, manager, force, now)
        except Conflicts as found:
            if manager != "kubectl" or live is None:
                raise
            explained = self._explained_by_last_applied(live)
            if explained is None:
                raise
            left = [one for one in found.conflicts if not has(explained, one.path)]
            if left:
                raise Conflicts(left) from None
        return self._apply(live, config, manager, True, now)

    def _explained_by_last_applied(self, live: Manifest) -> FieldSet | None:
        """Returns the fields that the annotation holds with the values of the live object."""
        try:
            last = json.loads(last_applied_of(live))
            if not isinstance(last, dict) or api_version_of(last) != self._gvk.api_version:
                return None
            bare = _without_managed_fields(live)
            applied, current = self._typed(last), self._typed(bare)
            changes = compare(applied.value, current.value, current.type)
            fields = fields_of(applied.value, applied.type)
        except ValueError:
            return None
        for part in changes:
            fields = difference(fields, part)
        return fields

    def _apply(
        self, live: Manifest | None, config: Manifest, manager: str, force: bool, now: str
    ) -> Manifest:
        stored = {"apiVersion": self._gvk.api_version, "kind": self._gvk.kind}
        current = stored if live is None else _without_managed_fields(live)
        managed = self._managed_of_live(live)
        if live is not None and not managed.sets:
            self._adopt(current, managed, now)
        if metadata_of(config).get("managedFields") is not None:
            raise ApiError(400, "BadRequest", "metadata.managedFields must be nil")
        applied = self._typed_config(config)
        typed_live = self._typed_live(current)
        own = ManagerId.of(*self._id(manager, APPLY))
        merged, sets = self._updater.apply(
            typed_live, applied, self._gvk.api_version, managed.sets, own, force=force
        )
        mine = sets.get(own)
        if mine is not None:
            fields = difference(mine.fields, _NEVER_OWNED)
            if fields:
                sets[own] = mine._replace(fields=fields)
            else:
                del sets[own]
        managed.sets = sets
        if merged is not None:
            managed.times[own] = now
        return _with_entries(current if merged is None else merged, managed)

    def _managed_of_live(self, live: Manifest | None) -> Managed:
        try:
            return Managed.read(metadata_of(live or {}).get("managedFields"), trusted=True)
        except BadManagedFields as error:
            raise ApiError(500, "", f"failed to decode managed fields: {error}") from error

    def _adopt(self, current: Manifest, managed: Managed, now: str) -> None:
        """Gives all fields of an untracked object to an invented first owner."""
        empty = _without_managed_fields(self._types.empty_object(self._gvk))
        first = ManagerId.of(*self._id(BEFORE_FIRST_APPLY, UPDATE))
        try:
            self._update(empty, current, managed, first, now)
        except TypeMismatch as error:
            raise ApiError(
                500, "", f"failed to create manager for existing fields: {error}"
            ) from error

    def _type(self, api_version: str) -> Type | None:
        group, version = split_api_version(api_version)
        return self._types.type_of(GroupVersionKind(group, version, self._gvk.kind))

    def _typed(self, manifest: Manifest, *, allow_duplicates: bool = False) -> Typed:
        """Checks an object against its type.

        Raises:
            TypeMismatch: it does not fit.
        """
        value_type = self._type(self._gvk.api_version)
        if value_type is None:
            raise TypeMismatch([("", f"no corresponding type for {_gvk_text(self._gvk)}")])
        validate(manifest, value_type, allow_duplicates=allow_duplicates)
        return Typed(manifest, value_type)

    def _typed_config(self, config: Manifest) -> Typed:
        try:
            return self._typed(config)
        except TypeMismatch as error:
            what = f"failed to create typed patch object ({_describe(config)})"
            raise ApiError(500, "", f"{what}: {error}") from error

    def _typed_live(self, live: Manifest) -> Typed:
        try:
            return self._typed(live, allow_duplicates=True)
        except TypeMismatch as error:
            what = f"failed to create typed live object ({_describe(live)})"
            raise ApiError(500, "", f"{what}: {error}") from error

    def _convert_typed(self, manifest: Manifest, api_version: str) -> Typed | None:
        value_type = self._type(api_version)
        if value_type is None:
            return None
        converted = self._convert(manifest, api_version)
        return None if converted is None else Typed(converted, value_type)


def keep_old_times(old: Manifest, new: Manifest) -> Manifest:
    """Returns ``new`` with the times of ``old`` when nothing but times of owners differs.

    So an apply that changes nothing writes nothing. ``new`` is returned as it is otherwise.
    """
    old_entries = metadata_of(old).get("managedFields") or []
    new_entries = metadata_of(new).get("managedFields") or []
    if not new_entries or len(old_entries) != len(new_entries) or old_entries == new_entries:
        return new
    if list(map(_timeless, old_entries)) != list(map(_timeless, new_entries)):
        return new
    if _without_managed_fields(old) != _without_managed_fields(new):
        return new
    return {**new, "metadata": {**metadata_of(new), "managedFields": old_entries}}


def _timeless(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "time"}


def _cap(managed: Managed) -> None:
    """Merges the oldest updaters of a version into one when there are too many."""
    updaters = [manager for manager, owned in managed.sets.items() if not owned.applied]
    excess = len(updaters) - MAX_UPDATERS
    if excess <= 0:
        return
    updaters.sort(key=lambda manager: (managed.times.get(manager) or "", manager.text))
    first_of: dict[str, ManagerId] = {}
    for manager in updaters:
        if excess <= 0:
            return
        owned = managed.sets[manager]
        version = owned.api_version
        if version not in first_of:
            first_of[version] = manager
            continue
        bucket = ManagerId.of(ANCIENT, UPDATE, version, "")
        if bucket not in managed.sets:
            managed.sets[bucket] = managed.sets.pop(first_of[version])
        fields = union(owned.fields, managed.sets[bucket].fields)
        del managed.sets[manager]
        managed.sets[bucket] = VersionedSet(fields, version, False)
        managed.times[bucket] = managed.times.get(manager)
        excess -= 1


def _without_managed_fields(manifest: Manifest) -> Manifest:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return manifest
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    return {**manifest, "metadata": kept}


def _with_entries(manifest: Manifest, managed: Managed) -> Manifest:
    entries = managed.entries()
    if not entries:
        return manifest
    return {**manifest, "metadata": {**metadata_of(manifest), "managedFields": entries}}


def _rename_version(manifest: Manifest, api_version: str) -> Manifest:
    return {**manifest, "apiVersion": api_version}


def _gvk_text(gvk: GroupVersionKind) -> str:
    return f"{gvk.group}/{gvk.version}, Kind={gvk.kind}"


def _describe(manifest: Manifest) -> str:
    gvk = GroupVersionKind.of(manifest)
    return f"{namespace_of(manifest)}/{name_of(manifest)}; {_gvk_text(gvk)}"
