"""What a new cluster holds from the start."""

from __future__ import annotations

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.authn import MASTERS, User
from steersman.servers.apiserver.bodies import Body
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.options import WriteOptions
from steersman.servers.apiserver.rbac_bootstrap import (
    GROUP,
    bootstrap_bindings,
    bootstrap_roles,
)
from steersman.servers.apiserver.writes import Target, Writer

__all__ = ["SYSTEM", "bootstrap", "ensure"]

SYSTEM = User(name="system:apiserver", groups=(MASTERS,))
"""The server itself."""

_NAMESPACES = ("kube-system", "kube-node-lease", "kube-public", "default")


def bootstrap(cluster: Cluster, writer: Writer) -> None:
    """Creates what is missing."""
    for obj in bootstrap_roles():
        ensure(cluster, writer, GROUP, "clusterroles", obj)
    for obj in bootstrap_bindings():
        ensure(cluster, writer, GROUP, "clusterrolebindings", obj)
    for name in _NAMESPACES:
        ensure(
            cluster,
            writer,
            "",
            "namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        )


def ensure(
    cluster: Cluster,
    writer: Writer,
    group: str,
    plural: str,
    obj: Manifest,
    manager: str = "kube-apiserver",
) -> None:
    """Creates an object unless it exists."""
    resource = cluster.resource(group, plural)
    if resource is None:
        return
    metadata = obj["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    if cluster.get(group, plural, namespace, name) is not None:
        return
    target = Target(resource=resource, namespace=namespace, name="", user=SYSTEM)
    writer.create(target, Body(value=obj), WriteOptions(manager=manager))
