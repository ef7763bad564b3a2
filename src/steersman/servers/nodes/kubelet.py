"""Schedules pods, lets them live the life they are meant to, and lets them go."""

from __future__ import annotations

from typing import Any, Final

from steersman.objects.manifest import Manifest, metadata_of, name_of, namespace_of
from steersman.servers.nodes import podstatus
from steersman.servers.nodes.settings import Outcome
from steersman.servers.nodes.workshop import Workshop

__all__ = ["Kubelet", "node_address", "node_name"]

_LONGEST_BACKOFF: Final = 300.0
_FIRST_BACKOFF: Final = 10.0
_PODS_PER_NODE: Final = 250


def node_name(index: int) -> str:
    """Names a pretend node."""
    return f"node-{index + 1}"


def node_address(index: int) -> str:
    """Returns the address of a pretend node."""
    return f"172.18.0.{index + 2}"


class Kubelet:
    """Every node's kubelet and the scheduler in one.

    Args:
        workshop: access to the cluster.
    """

    def __init__(self, workshop: Workshop) -> None:
        self._work = workshop.under("kubelet")
        self._addresses = 0

    def look_at(self, namespace: str, name: str) -> None:
        """Moves a pod on if it is due."""
        pod = self._work.get("", "pods", namespace, name)
        if pod is None:
            return
        if metadata_of(pod).get("deletionTimestamp"):
            self._let_go(pod)
            return
        phase = (pod.get("status") or {}).get("phase")
        if phase in ("Succeeded", "Failed"):
            return
        outcome = self._work.settings.outcome_of(pod)
        if not pod["spec"].get("nodeName"):
            self._schedule(pod, outcome)
        elif not (pod.get("status") or {}).get("startTime"):
            self._start(pod)
        else:
            self._live(pod, outcome)

    def _key(self, pod: Manifest) -> tuple[str, ...]:
        return ("kubelet", namespace_of(pod), name_of(pod))

    def _later(self, seconds: float, pod: Manifest) -> None:
        namespace, name = namespace_of(pod), name_of(pod)
        self._work.later(seconds, self._key(pod), lambda: self.look_at(namespace, name))

    def _let_go(self, pod: Manifest) -> None:
        asked = metadata_of(pod).get("deletionTimestamp")
        grace = float(metadata_of(pod).get("deletionGracePeriodSeconds") or 0)
        since = self._work.seconds_since(asked) + grace
        left = min(self._work.settings.stops_after, grace) - since
        if left > 0:
            self._later(left, pod)
        else:
            self._work.delete("", "pods", pod, grace=0)

    # scheduling

    def _schedule(self, pod: Manifest, outcome: Outcome) -> None:
        count = self._work.settings.nodes
        node = self._choose_node(pod)
        if outcome is Outcome.PENDING or node is None:
            text = (
                f"0/{count} nodes are available: {count} Insufficient cpu. preemption: 0/{count} "
                f"nodes are available: {count} No preemption victims found for incoming pod."
            )
            self._work.set_status(
                "", "pods", pod, podstatus.unschedulable(pod, text, self._work.now)
            )
            return
        if not self._claims_are_there(pod):
            self._later(self._work.settings.binds_after or 0.1, pod)
            return
        store = self._work.cluster.store
        key = f"{namespace_of(pod)}/{name_of(pod)}"
        store.put("/pods", key, {**pod, "spec": {**pod["spec"], "nodeName": node}})

    def _choose_node(self, pod: Manifest) -> str | None:
        """Returns the ready node with the fewest pods that the pod may run on."""
        wanted: dict[str, str] = pod["spec"].get("nodeSelector") or {}
        load: dict[str, int] = {}
        for node in self._work.every("", "nodes"):
            labels = metadata_of(node).get("labels") or {}
            if (node.get("spec") or {}).get("unschedulable"):
                continue
            if all(labels.get(key) == value for key, value in wanted.items()):
                load[name_of(node)] = 0
        for other in self._work.every("", "pods"):
            placed = other["spec"].get("nodeName")
            if placed in load and podstatus.is_active(other):
                load[placed] += 1
        return min(load, key=lambda name: (load[name], name)) if load else None

    def _claims_are_there(self, pod: Manifest) -> bool:
        namespace = namespace_of(pod)
        for volume in pod["spec"].get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if not claim:
                continue
            found = self._work.get("", "persistentvolumeclaims", namespace, claim)
            if found is None or (found.get("status") or {}).get("phase") != "Bound":
                return False
        return True

    # life

    def _start(self, pod: Manifest) -> None:
        self._addresses += 1
        high, low = divmod(self._addresses + 1, _PODS_PER_NODE)
        node = pod["spec"]["nodeName"]
        address = {"name": node, "ip": self._address_of(node)}
        status = podstatus.scheduled(pod, address, f"10.244.{high}.{low + 1}", self._work.now)
        self._work.set_status("", "pods", pod, status)

    def _address_of(self, node: str) -> str:
        found = self._work.get("", "nodes", "", node) or {}
        addresses = (found.get("status") or {}).get("addresses") or ()
        return next((one["address"] for one in addresses if one["type"] == "InternalIP"), "")

    def _live(self, pod: Manifest, outcome: Outcome) -> None:
        age = self._work.seconds_since(pod["status"]["startTime"])
        left = self._work.settings.delay_of(pod) - age
        if left > 0:
            self._later(left, pod)
            return
        match outcome:
            case Outcome.IMAGE:
                self._fail_image(pod)
            case Outcome.FAIL | Outcome.CRASH_LOOP:
                self._crash(pod)
            case Outcome.UNREADY:
                self._run(pod, ready=False)
            case Outcome.READY | Outcome.PENDING:
                self._run(pod, ready=True)

    def _run(self, pod: Manifest, *, ready: bool) -> None:
        phase = pod["status"].get("phase")
        if phase != "Running":
            self._work.set_status(
                "", "pods", pod, podstatus.running(pod, self._work.now, ready=ready)
            )
        if pod["spec"].get("restartPolicy") == "Always" or not ready:
            return
        age = self._work.seconds_since(pod["status"]["startTime"])
        left = self._work.settings.delay_of(pod) + self._work.settings.runs_for - age
        if left > 0:
            self._later(left, pod)
        elif phase == "Running":
            self._work.set_status("", "pods", pod, podstatus.succeeded(pod, self._work.now))
        else:
            self._later(self._work.settings.runs_for, pod)

    def _fail_image(self, pod: Manifest) -> None:
        image = pod["spec"]["containers"][0].get("image") or ""
        text = f'Back-off pulling image "{image}"'
        base = {
            name: value
            for name, value in pod["status"].items()
            if name not in ("conditions", "containerStatuses")
        }
        status = podstatus.waiting(pod, base, self._work.now, "ImagePullBackOff", text)
        self._work.set_status("", "pods", pod, status)

    def _crash(self, pod: Manifest) -> None:
        if pod["spec"].get("restartPolicy") == "Never":
            self._work.set_status("", "pods", pod, podstatus.failed(pod, self._work.now))
            return
        first: dict[str, Any] = (pod["status"].get("containerStatuses") or [{}])[0]
        restarts = int(first.get("restartCount") or 0)
        ended = ((first.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
        pause = min(_FIRST_BACKOFF * 2 ** max(restarts - 1, 0), _LONGEST_BACKOFF)
        if ended is not None:
            left = pause - self._work.seconds_since(ended)
            if left > 0:
                self._later(left, pod)
                return
        status = podstatus.running(
            pod, self._work.now, ready=False, restarts=restarts + 1, backing_off=True
        )
        self._work.set_status("", "pods", pod, status)
        self._later(pause, pod)
