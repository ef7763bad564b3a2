"""What belongs to a Kustomization, down to the last object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from steersman.apis import kustomization
from steersman.apis.crds import KINDS
from steersman.apply.inventory import InvalidInventoryId, parse_id
from steersman.clients.kube import KubeClient
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import Manifest
from steersman.queries.report import Answer, ClusterFailure, Piece
from steersman.queries.status import ObjectStatus, ask_each, status_of

__all__ = ["Tree", "TreeNode", "TreeReport", "read_trees"]

_FLUX_KINDS: Final = {kind.gvk.group_kind: kind.gvk for kind in KINDS}


class TreeNode(Piece, frozen=True):
    """One object and what belongs to it.

    Attributes:
        version: API version it was applied with.
        exists: False when the API has no such object; only Flux objects are looked at.
        status: state of a Flux object, None for others.
        children: what its inventory holds, in the order of the apply.
    """

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    exists: bool = True
    status: ObjectStatus | None = None
    children: tuple[TreeNode, ...] = ()

    @property
    def ref(self) -> ObjectRef:
        """Which object."""
        return ObjectRef(self.group, self.kind, self.namespace, self.name)


class Tree(Piece, frozen=True):
    """The tree below one Kustomization of one cluster."""

    cluster: str
    root: TreeNode


class TreeReport(Answer, frozen=True):
    """One tree for each cluster that has the Kustomization.

    Attributes:
        items: in the order of clusters.
        failures: clusters that could not be asked, or do not have it.
    """

    KIND: ClassVar[str] = "TreeReport"

    items: tuple[Tree, ...]
    failures: tuple[ClusterFailure, ...] = ()


async def read_trees(
    clients: Mapping[str, KubeClient], *, name: str, namespace: str, flux_only: bool = False
) -> TreeReport:
    """Follows inventories from one Kustomization, on every cluster.

    A Kustomization that is met again, such as one that holds itself, is shown once.

    Args:
        clients: by cluster name; the order is kept.
        name: of the Kustomization.
        namespace: of the Kustomization.
        flux_only: leave out all but Flux objects.
    """

    async def of_cluster(cluster: str, client: KubeClient) -> Tree:
        root = await client.get(kustomization.GVK, name, namespace)
        return Tree(cluster=cluster, root=await _Walk(client, cluster, flux_only).node_of(root))

    found, failures = await ask_each(clients, of_cluster)
    return TreeReport(items=tuple(found.values()), failures=tuple(failures))


class _Walk:
    """One descent; remembers what was shown."""

    def __init__(self, client: KubeClient, cluster: str, flux_only: bool) -> None:
        self._client = client
        self._cluster = cluster
        self._flux_only = flux_only
        self._seen: set[ObjectRef] = set()

    async def node_of(self, manifest: Manifest) -> TreeNode:
        """Builds the node of an object that exists."""
        self._seen.add(ObjectRef.of(manifest))
        gvk, ref = GroupVersionKind.of(manifest), ObjectRef.of(manifest)
        children = [
            child
            for ref_below, version in _inventory_of(manifest)
            if (child := await self._child(ref_below, version)) is not None
        ]
        return TreeNode(
            group=gvk.group,
            version=gvk.version,
            kind=gvk.kind,
            namespace=ref.namespace,
            name=ref.name,
            status=status_of(manifest, self._cluster),
            children=tuple(children),
        )

    async def _child(self, ref: ObjectRef, version: str) -> TreeNode | None:
        gvk = _FLUX_KINDS.get(ref.group_kind)
        if gvk is None:
            return None if self._flux_only else _leaf(ref, version)
        if ref in self._seen:
            return None
        manifest = await self._client.find(gvk, ref.name, ref.namespace)
        if manifest is None:
            return _leaf(ref, version, exists=False)
        return await self.node_of(manifest)


def _leaf(ref: ObjectRef, version: str, *, exists: bool = True) -> TreeNode:
    return TreeNode(
        group=ref.group,
        version=version,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        exists=exists,
    )


def _inventory_of(manifest: Manifest) -> list[tuple[ObjectRef, str]]:
    """Reads ids and versions; an id that cannot be read is left out, the status says why."""
    status: dict[str, Any] = manifest.get("status") or {}
    entries = (status.get("inventory") or {}).get("entries") or ()
    found = []
    for entry in entries:
        try:
            found.append((parse_id(entry["id"]), entry.get("v", "")))
        except InvalidInventoryId:
            continue
    return found
