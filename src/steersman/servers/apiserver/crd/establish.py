"""Accepts the names of a definition and establishes it, as the real server's controllers do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from steersman.kit.gotext import quote
from steersman.objects.manifest import Manifest, annotations_of, name_of

__all__ = ["CLEANUP_FINALIZER", "established_status", "is_protected_group"]

CLEANUP_FINALIZER: Final = "customresourcecleanup.apiextensions.k8s.io"
"""Put on a definition when it is deleted, and taken off once no object of the kind is left."""

_APPROVAL: Final = "api-approved.kubernetes.io"


def is_protected_group(group: str) -> bool:
    """Says whether a group belongs to Kubernetes and needs an approval."""
    return group.endswith((".k8s.io", ".kubernetes.io")) or group in ("k8s.io", "kubernetes.io")


def _used_names(crd: Manifest, others: Iterable[Manifest]) -> tuple[set[str], set[str]]:
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        if name_of(other) == name_of(crd) or other["spec"]["group"] != crd["spec"]["group"]:
            continue
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {names.get("plural") or "", names.get("singular") or ""}
        resources |= set(names.get("shortNames") or ())
        kinds |= {names.get("kind") or "", names.get("listKind") or ""}
    return resources - {""}, kinds - {""}


def _condition(kind: str, status: str, reason: str, message: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _set_condition(conditions: list[dict[str, Any]], new: Mapping[str, str], now: str) -> None:
    for index, old in enumerate(conditions):
        if old["type"] == new["type"]:
            changed = old["status"] != new["status"]
            when = now if changed else old.get("lastTransitionTime", now)
            conditions[index] = _ordered(new, when)
            return
    conditions.append(_ordered(new, now))


def _ordered(condition: Mapping[str, str], when: str) -> dict[str, Any]:
    return {
        "type": condition["type"],
        "status": condition["status"],
        "lastTransitionTime": when,
        "reason": condition["reason"],
        "message": condition["message"],
    }


def _accept_names(
    names: Mapping[str, Any], accepted: Mapping[str, Any], used: tuple[set[str], set[str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    resources, kinds = used
    result = dict(accepted)
    failure: dict[str, str] | None = None
    checks: tuple[tuple[str, str, set[str]], ...] = (
        ("plural", "PluralConflict", resources),
        ("singular", "SingularConflict", resources),
        ("shortNames", "ShortNamesConflict", resources),
        ("kind", "KindConflict", kinds),
        ("listKind", "ListKindConflict", kinds),
    )
    for field, reason, taken in checks:
        wanted, held = names.get(field), accepted.get(field)
        if wanted == held or not wanted:
            continue
        texts = wanted if isinstance(wanted, list) else [wanted]
        clashes = [one for one in texts if one in taken and one not in (held or ())]
        if clashes:
            said = [f"{quote(one)} is already in use" for one in clashes]
            message = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
            failure = _condition("NamesAccepted", "False", reason, message)
        else:
            result[field] = wanted
    if names.get("categories"):
        result["categories"] = names["categories"]
    good = _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found")
    order = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
    return {name: result[name] for name in order if name in result}, failure or good


def established_status(
    crd: Manifest, others: Iterable[Manifest], now: str
) -> dict[str, Any] | None:
    """Returns the status a definition should have; None when it has it.

    Args:
        crd: the stored definition.
        others: every stored definition; those of the same group may hold names.
        now: the time for changed conditions.
    """
    status = dict(crd.get("status") or {})
    accepted = status.get("acceptedNames") or {"plural": "", "kind": ""}
    names, naming = _accept_names(crd["spec"]["names"], accepted, _used_names(crd, others))
    conditions = [dict(one) for one in status.get("conditions") or ()]
    _set_condition(conditions, naming, now)
    established = next((one for one in conditions if one["type"] == "Established"), None)
    if established is None or established["status"] != "True":
        good = naming["status"] == "True"
        text = "the initial names have been accepted" if good else "not all names are accepted"
        reason = "InitialNamesAccepted" if good else "NotAccepted"
        new = _condition("Established", "True" if good else "False", reason, text)
        _set_condition(conditions, new, now)
    _approve(crd, conditions, now)
    wanted = {"conditions": conditions, "acceptedNames": names}
    wanted["storedVersions"] = status.get("storedVersions") or []
    return None if wanted == status else wanted


def _approve(crd: Manifest, conditions: list[dict[str, Any]], now: str) -> None:
    if not is_protected_group(crd["spec"]["group"]):
        return
    approval = annotations_of(crd).get(_APPROVAL, "")
    kind = "KubernetesAPIApprovalPolicyConformant"

    def judge(status: str, reason: str, message: str) -> dict[str, str]:
        return _condition(kind, status, reason, message)

    if approval.startswith("unapproved"):
        text = f"not approved: {quote(approval)}"
        _set_condition(conditions, judge("False", "UnapprovedAnnotation", text), now)
    elif "://" in approval:
        text = f"approved in {approval}"
        _set_condition(conditions, judge("True", "ApprovedAnnotation", text), now)
