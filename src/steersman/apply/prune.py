"""Which objects must go, and whether one may be deleted.

Source: behaviour of fluxcd/kustomize-controller (prune) and fluxcd/pkg ssa (Delete).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from steersman.apply.changeset import Action, ChangeSet
from steersman.apply.inventory import Entry, Inventory
from steersman.apply.optout import must_not_prune
from steersman.objects.manifest import labels_of
from steersman.objects.order import reconcile_key

__all__ = ["Pruning", "judge_deletion", "plan_prune", "select_survivors"]


class Pruning(Enum):
    """What to do with one object."""

    DELETE = "it carries our owner labels"
    KEEP = "it belongs to somebody else, or opted out"
    GONE = "it does not exist"


def plan_prune(before: Inventory, after: Inventory) -> tuple[Entry, ...]:
    """Chooses the objects that left the inventory.

    Args:
        before: what we owned.
        after: what we own now; empty means that everything goes.

    Returns:
        Entries in the order to delete them: the reverse of apply order.
    """
    stale = before.missing_from(after)
    return tuple(sorted(stale, key=lambda entry: reconcile_key(entry.ref), reverse=True))


def judge_deletion(live: Mapping[str, Any] | None, owner_labels: Mapping[str, str]) -> Pruning:
    """Decides on one object right before it would be deleted.

    Args:
        live: the object as it is now, None when it does not exist.
        owner_labels: the labels that make it ours; every one must be there. An object that moved
            to another owner carries that one's.
    """
    if live is None:
        return Pruning.GONE
    labels = labels_of(live)
    if any(labels.get(key) != value for key, value in owner_labels.items()):
        return Pruning.KEEP
    return Pruning.KEEP if must_not_prune(live) else Pruning.DELETE


def select_survivors(stale: Iterable[Entry], changes: ChangeSet) -> tuple[Entry, ...]:
    """Returns the entries whose deletion is not confirmed; they must stay in the inventory."""
    settled = {c.ref for c in changes if c.action in (Action.DELETED, Action.SKIPPED)}
    return tuple(entry for entry in stale if entry.ref not in settled)
