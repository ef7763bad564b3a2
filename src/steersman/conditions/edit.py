"""The status of one object while it is reconciled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from steersman.apis.meta import READY, RECONCILING, STALLED, Condition
from steersman.objects.manifest import Manifest, generation_of

__all__ = ["ConditionStatus", "StatusEditor", "read_conditions", "to_wire"]

ConditionStatus: TypeAlias = Literal["True", "False", "Unknown"]

_LONGEST_MESSAGE: Final = 32_768
_FIRST: Final = (STALLED, RECONCILING, READY)


def read_conditions(status: Mapping[str, Any]) -> dict[str, Condition]:
    """Reads ``status.conditions`` by type; entries that are no conditions are dropped."""
    found = {}
    for entry in status.get("conditions") or ():
        try:
            condition = msgspec.convert(entry, Condition)
        except msgspec.ValidationError:
            continue
        found[condition.type] = condition
    return found


def _order(condition: Condition) -> tuple[int, str]:
    if condition.type in _FIRST:
        return _FIRST.index(condition.type), ""
    return len(_FIRST), condition.type


def _trim(message: str) -> str:
    if len(message) <= _LONGEST_MESSAGE:
        return message
    return message[: _LONGEST_MESSAGE - 3] + "..."


class StatusEditor:
    """Edits a copy of ``.status``; the object itself is never changed.

    A condition's transition time moves when its status, reason or message differs from what was
    last written; its observed generation is always that of the object being reconciled.

    Args:
        obj: the object as read.
        now: gives the current time as RFC 3339 text.
    """

    def __init__(self, obj: Manifest, now: Callable[[], str]) -> None:
        status = obj.get("status")
        status = status if isinstance(status, dict) else {}
        self._now = now
        self._conditions = read_conditions(status)
        self._base = dict(self._conditions)
        self._fields: dict[str, Any] = {k: v for k, v in status.items() if k != "conditions"}
        self._written = dict(self._fields)
        self._touched: set[str] = set()
        self.generation = generation_of(obj)

    def condition(self, type: str) -> Condition | None:
        """Returns the condition of a type."""
        return self._conditions.get(type)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions in the order in which they are written."""
        return tuple(sorted(self._conditions.values(), key=_order))

    @property
    def touched(self) -> frozenset[str]:
        """The types that were marked since the editor was made."""
        return frozenset(self._touched)

    def is_true(self, type: str) -> bool:
        """Says whether a condition is there and True."""
        condition = self._conditions.get(type)
        return condition is not None and condition.status == "True"

    def is_false(self, type: str) -> bool:
        """Says whether a condition is there and False."""
        condition = self._conditions.get(type)
        return condition is not None and condition.status == "False"

    def mark(self, type: str, status: ConditionStatus, reason: str, message: str) -> None:
        """Sets a condition; a message that is too long is cut.

        Args:
            type: its type.
            status: whether it holds.
            reason: CamelCase word.
            message: for people.
        """
        message = _trim(message)
        self._touched.add(type)
        self._conditions[type] = Condition(
            type=type,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=self._since(type, status, reason, message) or self._now(),
            observed_generation=self.generation,
        )

    def _since(self, type: str, status: str, reason: str, message: str) -> str:
        """Returns since when the condition says this; empty when it is new.

        What was marked in between, but never written, counts as never having been.
        """
        for known in (self._base.get(type), self._conditions.get(type)):
            if known is not None and (known.status, known.reason, known.message) == (
                status,
                reason,
                message,
            ):
                return known.last_transition_time
        return ""

    def mark_true(self, type: str, reason: str, message: str) -> None:
        """Sets a condition to True."""
        self.mark(type, "True", reason, message)

    def mark_false(self, type: str, reason: str, message: str) -> None:
        """Sets a condition to False."""
        self.mark(type, "False", reason, message)

    def mark_unknown(self, type: str, reason: str, message: str) -> None:
        """Sets a condition to Unknown."""
        self.mark(type, "Unknown", reason, message)

    def mark_ready(self, reason: str, message: str) -> None:
        """Sets Ready to True."""
        self.mark(READY, "True", reason, message)

    def mark_not_ready(self, reason: str, message: str) -> None:
        """Sets Ready to False."""
        self.mark(READY, "False", reason, message)

    def mark_reconciling(self, reason: str, message: str) -> None:
        """Sets Reconciling to True and takes Stalled away; the two never stand together."""
        self.delete(STALLED)
        self.mark(RECONCILING, "True", reason, message)

    def mark_stalled(self, reason: str, message: str) -> None:
        """Sets Stalled to True and takes Reconciling away; the two never stand together."""
        self.delete(RECONCILING)
        self.mark(STALLED, "True", reason, message)

    def mark_progressing(self, reason: str, message: str, *, drift: bool = False) -> None:
        """Marks Reconciling, and Ready as Unknown where it says nothing that could be kept.

        Args:
            reason: for both.
            message: for both.
            drift: what Ready says is known to be outdated.
        """
        self.mark_reconciling(reason, message)
        ready = self._conditions.get(READY)
        if drift or ready is None or ready.status == "Unknown":
            self.mark(READY, "Unknown", reason, message)

    def delete(self, *types: str) -> None:
        """Takes conditions away."""
        for type in types:
            self._conditions.pop(type, None)

    def get(self, field: str, default: Any = None) -> Any:
        """Returns a field of the status besides the conditions, as plain data."""
        return self._fields.get(field, default)

    def set(self, field: str, value: Any) -> None:
        """Sets a field of the status; structs become plain data, None takes the field away."""
        if value is None:
            self._fields.pop(field, None)
        else:
            self._fields[field] = msgspec.to_builtins(value)

    @property
    def fields(self) -> dict[str, Any]:
        """All fields besides the conditions, as plain data; a copy."""
        return dict(self._fields)

    @property
    def written_fields(self) -> dict[str, Any]:
        """The fields as they were read or last written; a copy."""
        return dict(self._written)

    def mark_written(self) -> None:
        """Notes that the status as it is now was written to the object."""
        self._written = dict(self._fields)
        self._base = dict(self._conditions)


def to_wire(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    """Returns conditions as plain data: Stalled, Reconciling and Ready first, then by name."""
    wire: list[dict[str, Any]] = msgspec.to_builtins(sorted(conditions, key=_order))
    return wire
