"""Deletes objects that left an inventory, each after a last look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from steersman.apply.changeset import Action, Change, ChangeSet
from steersman.apply.inventory import Entry, Inventory
from steersman.apply.prune import Pruning, judge_deletion
from steersman.clients.kube.client import KubeClient
from steersman.clients.kube.discovery import NoMatch
from steersman.errors import SteersmanError
from steersman.kit.clock import Clock
from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest, uid_of
from steersman.schemas.catalogue import ResourceInfo

__all__ = ["Pruned", "delete_entries", "wait_for_termination"]

_TERMINATION_INTERVAL_SECONDS = 2.0


class PruneFailed(SteersmanError):
    """Some objects could not be deleted; they stay in the inventory."""

    default_reason = "PruneFailed"


class Pruned(NamedTuple):
    """What a prune did.

    Args:
        changes: every object that was looked at, in order.
        failure: what could not be deleted and why; None when nothing failed.
    """

    changes: ChangeSet
    failure: SteersmanError | None


async def delete_entries(
    client: KubeClient,
    entries: Iterable[Entry],
    *,
    owner: Mapping[str, str],
    kept: Inventory,
) -> Pruned:
    """Deletes entries in their order; one failure does not keep the others.

    Args:
        client: the identity and the cluster.
        entries: what to delete.
        owner: labels an object must carry to be deleted.
        kept: what must stay. A cluster-scoped object may be known with and without a namespace;
            it stays when either is kept.
    """
    changes: list[Change] = []
    failures: list[str] = []
    for entry in entries:
        try:
            action = await _delete_one(client, entry, owner, kept)
        except SteersmanError as error:
            action = Action.UNKNOWN
            failures.append(f"{entry.ref} delete failed: {error.message}")
        changes.append(Change(entry.ref, entry.version, action))
    failure = PruneFailed(f"delete failed, errors: {';'.join(failures)};") if failures else None
    return Pruned(ChangeSet(changes), failure)


async def _delete_one(
    client: KubeClient, entry: Entry, owner: Mapping[str, str], kept: Inventory
) -> Action:
    resource = await _resource_of(client, entry)
    live = None if resource is None else await _find(client, resource, entry)
    match judge_deletion(live, owner):
        case Pruning.GONE:
            return Action.DELETED
        case Pruning.KEEP:
            return Action.SKIPPED
        case Pruning.DELETE:
            pass
    assert live is not None
    assert resource is not None
    if not resource.namespaced and entry.ref._replace(namespace="") in kept:
        return Action.SKIPPED
    try:
        await client.delete(
            resource,
            entry.ref.name,
            entry.ref.namespace,
            propagation="Background",
            uid=uid_of(live) or None,
        )
    except ApiError as error:
        if error.code != 404:
            raise
    return Action.DELETED


async def _resource_of(client: KubeClient, entry: Entry) -> ResourceInfo | None:
    """Finds how an entry's kind is served, in another version if need be; None if not at all."""
    try:
        return await client.discover(entry.gvk)
    except NoMatch:
        served = await client.resources()
        return next((r for r in served if r.gvk.group_kind == entry.ref.group_kind), None)


async def _find(client: KubeClient, resource: ResourceInfo, entry: Entry) -> Manifest | None:
    try:
        return await client.get(resource, entry.ref.name, entry.ref.namespace)
    except ApiError as error:
        if error.code == 404:
            return None
        raise


async def wait_for_termination(
    client: KubeClient, changes: ChangeSet, *, clock: Clock, timeout: float
) -> str:
    """Waits until deleted objects are gone.

    Args:
        client: the identity and the cluster.
        changes: what was deleted; other changes are passed over.
        clock: for the pauses.
        timeout: seconds for all together.

    Returns:
        Empty when all are gone, else which object was not, for an event.
    """
    deadline = clock.monotonic() + timeout
    for change in changes:
        if change.action is not Action.DELETED:
            continue
        entry = Entry(change.ref, change.version)
        resource = await _resource_of(client, entry)
        pause = 0.05
        while resource is not None and await _find(client, resource, entry) is not None:
            remaining = deadline - clock.monotonic()
            if remaining <= 0:
                return f"{change.ref} termination timeout"
            await clock.sleep(min(pause, remaining))
            pause = min(pause * 2, _TERMINATION_INTERVAL_SECONDS)
    return ""
