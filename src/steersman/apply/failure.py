"""What the user is told when the API refuses an object: which one, why, and what to do.

The first line is Flux's text. What follows says where the object comes from and what would help.

Source: behaviour of fluxcd/pkg ssa/errors (DryRunErr).
"""

from __future__ import annotations

from steersman.errors import SteersmanError
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import ObjectRef
from steersman.objects.manifest import Manifest, namespace_of

__all__ = ["ApplyFailed", "explain_apply", "explain_dry_run"]

_NOT_FOUND = 404
_FORBIDDEN = 403


class ApplyFailed(SteersmanError):
    """An object could not be applied, so that the stage it belongs to was not written."""

    default_reason = "ReconciliationFailed"


def explain_dry_run(error: SteersmanError, manifest: Manifest, *, origin: str = "") -> ApplyFailed:
    """Says why a dry-run failed.

    Args:
        error: what the API or the way to it said.
        manifest: the object that was sent.
        origin: the file, and line where known, that the object comes from; may be empty.
    """
    ref = ObjectRef.of(manifest)
    if isinstance(error, ApiError) and error.code == _NOT_FOUND:
        where = "not found" if namespace_of(manifest) else "namespace not specified"
        text = f"{ref} {where}: {error.message}"
    else:
        word = _word(error)
        text = f"{ref} dry-run failed{f' ({word})' if word else ''}: {error.message}"
    return ApplyFailed(_with_origin(text, origin), hint=_hint(error, manifest))


def explain_apply(error: SteersmanError, manifest: Manifest, *, origin: str = "") -> ApplyFailed:
    """Says why writing failed after the dry-run had passed; arguments as above."""
    text = f"{ObjectRef.of(manifest)} apply failed: {error.message}"
    return ApplyFailed(_with_origin(text, origin), hint=_hint(error, manifest))


def _word(error: SteersmanError) -> str:
    if not isinstance(error, ApiError):
        return ""
    if any(cause.get("reason") == "FieldManagerConflict" for cause in error.causes):
        return "FieldManagerConflict"
    return error.status_reason


def _with_origin(text: str, origin: str) -> str:
    return f"{text}\nfrom {origin}" if origin else text


def _hint(error: SteersmanError, manifest: Manifest) -> str | None:
    if not isinstance(error, ApiError):
        return error.hint
    if error.code == _NOT_FOUND and not namespace_of(manifest):
        return "set metadata.namespace, or spec.targetNamespace of the Kustomization"
    if error.code == _NOT_FOUND:
        return "create the namespace in this Kustomization or in one that it depends on"
    if error.code == _FORBIDDEN:
        return "grant the right to the service account, or leave the object out"
    if error.status_reason == "Invalid":
        return (
            "correct the named field; if it cannot be changed in place, set spec.force or label"
            " the object kustomize.toolkit.fluxcd.io/force: enabled"
        )
    return None
