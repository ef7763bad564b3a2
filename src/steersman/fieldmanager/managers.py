"""``metadata.managedFields``: who owns what since when, read and written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from steersman.fieldmanager.fieldset import BadFields, FieldSet, from_fields_v1, to_fields_v1
from steersman.kit.clock import format_rfc3339, parse_rfc3339

__all__ = ["BadManagedFields", "Managed", "ManagerId", "VersionedSet", "is_reset"]

APPLY, UPDATE = "Apply", "Update"


class BadManagedFields(ValueError):
    """Entries that cannot be read."""


class ManagerId(NamedTuple):
    """What makes two entries one: appliers are the same at every version, updaters are not."""

    manager: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    @classmethod
    def of(cls, manager: str, operation: str, api_version: str, subresource: str) -> ManagerId:
        """Builds an id; the version counts for updaters only."""
        return cls(manager, operation, "" if operation == APPLY else api_version, subresource)

    @property
    def text(self) -> str:
        """The form in which Kubernetes sorts managers."""
        return _id_text(self)

    def describe(self) -> str:
        """Prints the manager for people."""
        name = json.dumps(self.manager, ensure_ascii=False)
        if self.subresource:
            name += f' with subresource "{self.subresource}"'
        return f"{name} using {self.api_version}" if self.operation == UPDATE else name


@lru_cache(maxsize=4096)
def _id_text(manager: ManagerId) -> str:
    parts = {
        "manager": manager.manager,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "subresource": manager.subresource,
    }
    kept = {key: value for key, value in parts.items() if value}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


class VersionedSet(NamedTuple):
    """Fields owned at one API version."""

    fields: FieldSet
    api_version: str
    applied: bool


@dataclass(slots=True)
class Managed:
    """All owners of one object.

    Args:
        sets: what each manager owns; a manager that owns nothing is not there.
        times: when each last changed something, RFC 3339 to the second; None when never.
        written: the entries that were read, to be written again while nothing changed.
    """

    sets: dict[ManagerId, VersionedSet] = field(default_factory=dict)
    times: dict[ManagerId, str | None] = field(default_factory=dict)
    written: dict[int, FieldSet] = field(default_factory=dict)

    @classmethod
    def read(cls, entries: object, *, trusted: bool = False) -> Managed:
        """Reads entries.

        Args:
            entries: ``metadata.managedFields``; None means none.
            trusted: whether a server wrote them, so that the field sets are known to be well
                formed and in order.

        Raises:
            BadManagedFields: an entry is malformed.
        """
        managed = cls()
        if entries is None:
            return managed
        if not isinstance(entries, list):
            raise BadManagedFields("managedFields is not a list")
        for index, entry in enumerate(entries):
            managed._read_entry(index, entry, trusted)
        return managed

    def _read_entry(self, index: int, entry: object, trusted: bool) -> None:
        if not isinstance(entry, Mapping):
            raise BadManagedFields(f"managed fields entry {index} is not an object")
        operation, api_version = entry.get("operation"), entry.get("apiVersion")
        if operation not in (APPLY, UPDATE):
            raise BadManagedFields("operation must be `Apply` or `Update`")
        if not api_version:
            raise BadManagedFields("apiVersion must not be empty")
        match entry.get("fieldsType"):
            case "FieldsV1":
                pass
            case None | "":
                raise BadManagedFields(f"missing fieldsType in managed fields entry {index}")
            case other:
                raise BadManagedFields(
                    f'invalid fieldsType "{other}" in managed fields entry {index}'
                )
        manager = ManagerId.of(
            entry.get("manager") or "", operation, api_version, entry.get("subresource") or ""
        )
        fields = entry.get("fieldsV1") or {}
        if not trusted:
            try:
                fields = from_fields_v1(fields)
            except BadFields as error:
                raise BadManagedFields(f"error decoding versioned set: {error}") from error
        elif operation:
            self.written[id(fields)] = fields
        self.sets[manager] = VersionedSet(fields, api_version, operation == APPLY)
        self.times[manager] = _normal_time(entry.get("time"))

    def entries(self) -> list[dict[str, Any]]:
        """Returns the entries to write, in the order in which Kubernetes writes them."""
        rows = [(self._order(manager), manager) for manager in self.sets]
        rows.sort()
        return [self._entry(manager) for _, manager in rows]

    def _order(self, manager: ManagerId) -> tuple[str, str, str, str, str]:
        owned = self.sets[manager]
        operation = APPLY if owned.applied else manager.operation
        since = self.times.get(manager) or ""
        return (operation, since, manager.manager, owned.api_version, manager.subresource)

    def _entry(self, manager: ManagerId) -> dict[str, Any]:
        owned = self.sets[manager]
        entry: dict[str, Any] = {}
        if manager.manager:
            entry["manager"] = manager.manager
        entry["operation"] = APPLY if owned.applied else manager.operation
        entry["apiVersion"] = owned.api_version
        since = self.times.get(manager)
        if since:
            entry["time"] = since
        entry["fieldsType"] = "FieldsV1"
        is_unchanged = id(owned.fields) in self.written
        entry["fieldsV1"] = owned.fields if is_unchanged else to_fields_v1(owned.fields)
        if manager.subresource:
            entry["subresource"] = manager.subresource
        return entry


def is_reset(entries: object) -> bool:
    """Says whether a client asks to forget all owners: an empty list, or one empty entry."""
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        return False
    return not entries or (len(entries) == 1 and not entries[0])


@lru_cache(maxsize=4096)
def _normal_time(text: str | None) -> str | None:
    """Returns a time in UTC to the second; what is no time is no time."""
    if not text:
        return None
    try:
        return format_rfc3339(parse_rfc3339(text))
    except ValueError:
        return None
