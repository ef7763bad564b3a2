"""How pods look: what state they are in, in one word.

Source of the rules: ``k8s.io/kubernetes/pkg/printers/internalversion``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.printers.age import age_since
from steersman.servers.apiserver.printers.cells import NONE, age_of, columns, part
from steersman.servers.apiserver.printers.layout import Layout

__all__ = ["POD_LAYOUT", "pod_cells"]


class _Summary:
    """Counts over the containers of one pod, and the word for its state."""

    def __init__(self, pod: Manifest) -> None:
        status = part(pod, "status")
        spec = part(pod, "spec")
        self.pod = pod
        self.status = status
        self.reason = str(status.get("reason") or status.get("phase") or "")
        self.total = len(spec.get("containers") or ())
        self.ready = 0
        self.restarts = 0
        self.last_restart = ""
        self.sidecars = {
            container["name"]
            for container in spec.get("initContainers") or ()
            if container.get("restartPolicy") == "Always"
        }
        self.total += len(self.sidecars)
        for condition in status.get("conditions") or ():
            if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
                self.reason = "SchedulingGated"
        initializing = self._init_containers(len(spec.get("initContainers") or ()))
        if not initializing or self._is_initialized():
            self._containers()
        if metadata_of(pod).get("deletionTimestamp"):
            phase = status.get("phase")
            if status.get("reason") == "NodeLost":
                self.reason = "Unknown"
            elif phase not in ("Succeeded", "Failed"):
                self.reason = "Terminating"

    def _is_initialized(self) -> bool:
        return any(
            one["type"] == "Initialized" and one["status"] == "True"
            for one in self.status.get("conditions") or ()
        )

    def _count_restarts(self, container: Mapping[str, Any]) -> None:
        self.restarts += int(container.get("restartCount") or 0)
        ended = part(container, "lastState", "terminated").get("finishedAt") or ""
        self.last_restart = max(self.last_restart, str(ended))

    def _init_containers(self, total: int) -> bool:
        sidecar_restarts = 0
        for index, container in enumerate(self.status.get("initContainerStatuses") or ()):
            self._count_restarts(container)
            state = part(container, "state")
            ended, waits = state.get("terminated"), state.get("waiting")
            sidecar = container.get("name") in self.sidecars
            if sidecar:
                sidecar_restarts += int(container.get("restartCount") or 0)
            if ended is not None and ended.get("exitCode") == 0:
                continue
            if sidecar and container.get("started"):
                self.ready += bool(container.get("ready"))
                continue
            if ended is not None:
                self.reason = f"Init:{_ended_reason(ended)}"
            elif waits is not None and waits.get("reason") not in ("", None, "PodInitializing"):
                self.reason = f"Init:{waits['reason']}"
            else:
                self.reason = f"Init:{index}/{total}"
            return True
        return False

    def _containers(self) -> None:
        self.restarts = 0
        self.last_restart = ""
        for container in self.status.get("initContainerStatuses") or ():
            if container.get("name") in self.sidecars:
                self._count_restarts(container)
        running = False
        for container in reversed(self.status.get("containerStatuses") or ()):
            self._count_restarts(container)
            state = part(container, "state")
            waits, ended = state.get("waiting"), state.get("terminated")
            if waits is not None and waits.get("reason"):
                self.reason = waits["reason"]
            elif ended is not None:
                self.reason = _ended_reason(ended)
            elif container.get("ready") and state.get("running") is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed" and running:
            ready = any(
                one["type"] == "Ready" and one["status"] == "True"
                for one in self.status.get("conditions") or ()
            )
            self.reason = "Running" if ready else "NotReady"


def _ended_reason(ended: Mapping[str, Any]) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return f"ExitCode:{ended.get('exitCode') or 0}"


def pod_cells(pod: Manifest, now: datetime) -> Sequence[Any]:
    """Returns the cells after the name."""
    summary = _Summary(pod)
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts = f"{restarts} ({age_since(summary.last_restart, now)} ago)"
    spec, status = part(pod, "spec"), summary.status
    addresses = status.get("podIPs") or ()
    address = addresses[0].get("ip") if addresses else status.get("podIP")
    return (
        f"{summary.ready}/{summary.total}",
        summary.reason,
        restarts,
        age_of(pod, now),
        address or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec, status),
    )


def _gates(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return NONE
    holding = {one["type"] for one in status.get("conditions") or () if one.get("status") == "True"}
    met = sum(gate.get("conditionType") in holding for gate in gates)
    return f"{met}/{len(gates)}"


POD_LAYOUT = Layout(
    columns(
        "Ready",
        "Status",
        "Restarts",
        "Age",
        "+IP",
        "+Node",
        "+Nominated Node",
        "+Readiness Gates",
    ),
    pod_cells,
)
