"""Must an object be deleted and created again, because the API refuses to change it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.apply.optout import may_force
from steersman.objects.apistatus import ApiError

__all__ = ["is_immutable_error", "must_recreate"]

_CONFLICT = 409
_INVALID = 422


def is_immutable_error(error: ApiError) -> bool:
    """Tells whether a refusal may come from an immutable field.

    As in Flux, every conflict and every invalid object counts, so that a manifest that is plainly
    wrong counts too.

    Source:
        Behaviour of fluxcd/pkg ssa/errors; tests/conformance/test_apply_tables.py.
    """
    if error.code in (_CONFLICT, _INVALID) or error.status_reason in ("Conflict", "Invalid"):
        return True
    return "is immutable" in error.message or "immutable field" in error.message


def must_recreate(
    error: ApiError,
    *,
    desired: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    force: bool,
) -> bool:
    """Decides on a dry-run that failed; an object that does not exist is never recreated."""
    if live is None or not is_immutable_error(error):
        return False
    return force or may_force(desired, live)
