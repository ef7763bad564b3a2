"""Keys by which an object leaves a part of the apply: as label or annotation, in any case.

Source: behaviour of fluxcd/pkg ssa and fluxcd/kustomize-controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.apis.kustomization import FORCE, PRUNE, RECONCILE, SSA
from steersman.objects.manifest import annotations_of, labels_of, uid_of

__all__ = ["keeps_foreign_fields", "may_force", "must_not_prune", "must_skip"]

_NOT_APPLIED = ((RECONCILE, "disabled"), (SSA, "ignore"))
_NOT_PRUNED = ((PRUNE, "disabled"), *_NOT_APPLIED)
_CREATED_ONCE = ((SSA, "ifnotpresent"),)
_MERGED = ((SSA, "merge"),)
_FORCED = ((FORCE, "enabled"),)


def _has_any(manifest: Mapping[str, Any] | None, wanted: tuple[tuple[str, str], ...]) -> bool:
    if manifest is None:
        return False
    labels, annotations = labels_of(manifest), annotations_of(manifest)
    if not labels and not annotations:
        return False
    return any(
        str(labels.get(key, "")).lower() == value or str(annotations.get(key, "")).lower() == value
        for key, value in wanted
    )


def must_skip(desired: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """Tells whether an object is left as it is.

    ``reconcile: disabled`` and ``ssa: Ignore`` count on the manifest and on the live object,
    ``ssa: IfNotPresent`` on the manifest, once the object exists.
    """
    if _has_any(desired, _NOT_APPLIED) or _has_any(live, _NOT_APPLIED):
        return True
    return live is not None and bool(uid_of(live)) and _has_any(desired, _CREATED_ONCE)


def must_not_prune(live: Mapping[str, Any]) -> bool:
    """Tells whether a live object may not be deleted by us."""
    return _has_any(live, _NOT_PRUNED)


def keeps_foreign_fields(desired: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """Tells whether fields that other managers set are left to them: ``ssa: Merge``."""
    return _has_any(desired, _MERGED) or _has_any(live, _MERGED)


def may_force(desired: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Tells whether this one object may be recreated: ``force: enabled``."""
    return _has_any(desired, _FORCED) or _has_any(live, _FORCED)
