"""The answer to an apply that would take fields from others."""

from __future__ import annotations

from collections.abc import Sequence

from steersman.fieldmanager.elements import describe_path
from steersman.fieldmanager.updater import Conflict
from steersman.objects.apistatus import ApiError

__all__ = ["ApplyConflict"]


class ApplyConflict(ApiError):
    """A 409 whose causes name each field and its owner.

    Args:
        conflicts: at least one, ordered by manager and path.
    """

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        causes = [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {conflict.manager.describe()}",
                "field": describe_path(conflict.path),
            }
            for conflict in conflicts
        ]
        super().__init__(409, "Conflict", _message(conflicts), details={"causes": causes})
        self.conflicts = tuple(conflicts)


def _message(conflicts: Sequence[Conflict]) -> str:
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        return (
            "Apply failed with 1 conflict: "
            f"conflict with {manager.describe()}: {describe_path(path)}"
        )
    lines = []
    for manager in sorted({conflict.manager for conflict in conflicts}, key=lambda one: one.text):
        lines.append(f"conflicts with {manager.describe()}:")
        paths = [conflict.path for conflict in conflicts if conflict.manager == manager]
        lines.extend(f"- {describe_path(path)}" for path in paths)
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
