"""The nodes themselves."""

from __future__ import annotations

from typing import Any

from steersman.objects.manifest import Manifest
from steersman.servers.nodes.kubelet import node_address, node_name
from steersman.servers.nodes.workshop import Workshop

__all__ = ["announce_nodes"]


def announce_nodes(workshop: Workshop) -> None:
    """Creates the nodes that are not there yet, and says that they are ready."""
    work = workshop.under("kubelet")
    for index in range(work.settings.nodes):
        name = node_name(index)
        if work.get("", "nodes", "", name) is not None:
            continue
        work.ensure("", "nodes", _node(index))
        node = work.get("", "nodes", "", name)
        if node is None:
            continue
        work.edit("", "nodes", node, _without_taint)
        node = work.get("", "nodes", "", name)
        if node is not None:
            work.set_status("", "nodes", node, _status(index, work.now, work.settings.version))


def _without_taint(node: Manifest) -> Manifest:
    return {**node, "spec": {"podCIDR": "10.244.0.0/16", "podCIDRs": ["10.244.0.0/16"]}}


def _node(index: int) -> Manifest:
    name = node_name(index)
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "steersman.dev/pretend": "true",
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def _status(index: int, now: str, version: str) -> dict[str, Any]:
    amounts = {
        "cpu": "64",
        "ephemeral-storage": "1Ti",
        "memory": "256Gi",
        "pods": "250",
    }
    conditions = [
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    return {
        "capacity": amounts,
        "allocatable": amounts,
        "conditions": [
            {
                "type": kind,
                "status": status,
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
                "reason": reason,
                "message": message,
            }
            for kind, status, reason, message in conditions
        ],
        "addresses": [
            {"type": "InternalIP", "address": node_address(index)},
            {"type": "Hostname", "address": node_name(index)},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": f"{index:032x}",
            "systemUUID": f"00000000-0000-4000-8000-{index:012x}",
            "bootID": f"00000000-0000-4000-9000-{index:012x}",
            "kernelVersion": "6.12.0",
            "osImage": "Pretend Linux",
            "containerRuntimeVersion": "pretend://1.0",
            "kubeletVersion": version,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }
