"""``PretendNodes``: workloads of one embedded cluster come up without containers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final

from steersman.objects.manifest import Manifest, metadata_of, namespace_of
from steersman.servers.apiserver.controllers.reactor import Reactor
from steersman.servers.apiserver.server import ApiServer
from steersman.servers.apiserver.storage import Change
from steersman.servers.nodes.daemonsets import DaemonSets
from steersman.servers.nodes.deployments import Deployments
from steersman.servers.nodes.fleet import announce_nodes
from steersman.servers.nodes.jobs import CronJobs, Jobs
from steersman.servers.nodes.kubelet import Kubelet
from steersman.servers.nodes.replicas import ReplicaSets
from steersman.servers.nodes.settings import NodeSettings
from steersman.servers.nodes.statefulsets import StatefulSets
from steersman.servers.nodes.volumes import Balancers, Claims
from steersman.servers.nodes.workshop import Workshop, controller_of

__all__ = ["PretendNodes"]

_OWNERS: Final = {
    "Deployment": "apps/deployments",
    "ReplicaSet": "apps/replicasets",
    "StatefulSet": "apps/statefulsets",
    "DaemonSet": "apps/daemonsets",
    "Job": "batch/jobs",
    "CronJob": "batch/cronjobs",
}


class PretendNodes:
    """Nodes, kubelets, scheduler and workload controllers of one cluster.

    Use it as an asynchronous context manager inside that of the server.

    Args:
        server: the running API server.
        settings: delays and failures.
    """

    def __init__(self, server: ApiServer, settings: NodeSettings | None = None) -> None:
        self._server = server
        self._settings = settings or NodeSettings()
        self._jobs: Mapping[str, Callable[[str, str], None]] = {}
        self._cancel: Callable[[], None] | None = None

    async def __aenter__(self) -> PretendNodes:
        """Announces the nodes and takes up what is there already."""
        self._reactor = Reactor()
        work = Workshop(
            self._server.cluster,
            self._server.writer,
            self._server.deleter,
            self._reactor,
            self._settings,
        )
        self._claims = Claims(work)
        self._kubelet = Kubelet(work)
        self._jobs = {
            "/pods": self._kubelet.look_at,
            "apps/replicasets": ReplicaSets(work).look_at,
            "apps/deployments": Deployments(work).look_at,
            "apps/statefulsets": StatefulSets(work).look_at,
            "apps/daemonsets": DaemonSets(work).look_at,
            "batch/jobs": Jobs(work).look_at,
            "batch/cronjobs": CronJobs(work).look_at,
            "/persistentvolumeclaims": self._claims.look_at,
            "/persistentvolumes": lambda _, name: self._claims.look_at_volume(name),
            "/services": Balancers(work).look_at,
        }
        announce_nodes(work)
        self._cancel = self._server.store.subscribe(self._on_change)
        for bucket in self._jobs:
            for stored in self._server.store.scan(bucket):
                self._post(bucket, stored.manifest)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops everything; the objects stay as they are."""
        if self._cancel is not None:
            self._cancel()
        self._reactor.close()

    async def settled(self) -> None:
        """Returns when nothing is left to do now; timers do not count."""
        await self._reactor.settled()

    def _on_change(self, change: Change) -> None:
        if change.bucket == "/nodes":
            self._nodes_changed()
            return
        if change.bucket not in self._jobs:
            return
        obj = change.new.manifest
        if not change.deleted:
            self._post(change.bucket, obj)
        self._post_owner(obj)
        if change.bucket == "/pods":
            self._post_claims(obj)
        elif change.bucket == "/persistentvolumeclaims":
            self._post_volume(obj)
        elif change.bucket == "/persistentvolumes" and not change.deleted:
            self._waiting_claims()

    def _post(self, bucket: str, obj: Manifest) -> None:
        namespace, name = namespace_of(obj), str(metadata_of(obj).get("name") or "")
        job = self._jobs[bucket]
        self._reactor.post((bucket, namespace, name), lambda: job(namespace, name))

    def _post_owner(self, obj: Manifest) -> None:
        reference = controller_of(obj)
        bucket = _OWNERS.get(str(reference.get("kind"))) if reference is not None else None
        if reference is None or bucket is None:
            return
        name = str(reference.get("name"))
        namespace = namespace_of(obj)
        job = self._jobs[bucket]
        self._reactor.post((bucket, namespace, name), lambda: job(namespace, name))

    def _post_claims(self, pod: Manifest) -> None:
        for volume in pod["spec"].get("volumes") or ():
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if name:
                claim = {"metadata": {"namespace": namespace_of(pod), "name": name}}
                self._post("/persistentvolumeclaims", claim)

    def _post_volume(self, claim: Manifest) -> None:
        name = claim["spec"].get("volumeName")
        if name:
            self._post("/persistentvolumes", {"metadata": {"name": name}})

    def _waiting_claims(self) -> None:
        for stored in self._server.store.scan("/persistentvolumeclaims"):
            if (stored.manifest.get("status") or {}).get("phase") == "Pending":
                self._post("/persistentvolumeclaims", stored.manifest)

    def _nodes_changed(self) -> None:
        for bucket in ("apps/daemonsets", "/pods"):
            for stored in self._server.store.scan(bucket):
                if bucket != "/pods" or not stored.manifest["spec"].get("nodeName"):
                    self._post(bucket, stored.manifest)
