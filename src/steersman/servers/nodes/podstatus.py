"""The status of a pod at each step of its pretend life; pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import Manifest, uid_of

__all__ = [
    "failed",
    "is_active",
    "is_ready",
    "ready_since",
    "running",
    "scheduled",
    "starting",
    "succeeded",
    "unschedulable",
    "waiting",
]

_BEFORE_READY: Final = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Says whether the Ready condition holds."""
    return _condition(pod, "Ready").get("status") == "True"


def ready_since(pod: Mapping[str, Any]) -> str:
    """Returns when the pod became ready."""
    return str(_condition(pod, "Ready").get("lastTransitionTime") or "")


def is_active(pod: Mapping[str, Any]) -> bool:
    """Says whether a pod counts as a replica: not finished and not going."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in ("Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")


def _condition(pod: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind), {})


def _conditions(
    pod: Manifest, now: str, states: Mapping[str, tuple[str, str, str]]
) -> list[dict[str, Any]]:
    """Builds the conditions in the kubelet's order; unchanged ones keep their time."""
    generation = pod["metadata"].get("generation")
    result = []
    for kind in (*_BEFORE_READY, "PodScheduled"):
        if kind not in states:
            continue
        status, reason, message = states[kind]
        old = _condition(pod, kind)
        kept = old.get("status") == status
        condition: dict[str, Any] = {"type": kind}
        if generation:
            condition["observedGeneration"] = generation
        condition |= {
            "status": status,
            "lastProbeTime": None,
            "lastTransitionTime": old["lastTransitionTime"] if kept else now,
        }
        if reason:
            condition |= {"reason": reason, "message": message}
        result.append(condition)
    return result


def _names(pod: Manifest, group: str) -> str:
    return " ".join(container["name"] for container in pod["spec"].get(group) or ())


def _unready(pod: Manifest) -> tuple[str, str, str]:
    text = f"containers with unready status: [{_names(pod, 'containers')}]"
    return "False", "ContainersNotReady", text


_TRUE: Final = ("True", "", "")


def _base(pod: Manifest, now: str, phase: str) -> dict[str, Any]:
    old: Mapping[str, Any] = pod.get("status") or {}
    status: dict[str, Any] = {}
    if pod["metadata"].get("generation"):
        status["observedGeneration"] = pod["metadata"]["generation"]
    status["phase"] = phase
    kept = ("qosClass", "hostIP", "hostIPs", "podIP", "podIPs", "startTime")
    status |= {name: old[name] for name in kept if name in old}
    return status


def _identifier(kind: str, *parts: str) -> str:
    digest = hashlib.sha256("/".join((kind, *parts)).encode()).hexdigest()
    return f"{kind}{digest}"


def _container(
    pod: Manifest, container: Mapping[str, Any], state: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    image = str(container.get("image") or "")
    started = bool(more.get("started"))
    status: dict[str, Any] = {
        "name": container["name"],
        "state": dict(state),
        "lastState": dict(more.get("last") or {}),
        "ready": bool(more.get("ready")),
        "restartCount": int(more.get("restarts") or 0),
        "image": image,
        "imageID": "",
        "started": started,
    }
    if "waiting" not in state or more.get("restarts"):
        status["imageID"] = _identifier("sha256:", image)
        status["containerID"] = _identifier("containerd://", uid_of(pod), container["name"])
    return status


def _init_containers(pod: Manifest, now: str) -> list[dict[str, Any]]:
    result = []
    for container in pod["spec"].get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            state: dict[str, Any] = {"running": {"startedAt": now}}
            result.append(_container(pod, container, state, ready=True, started=True))
        else:
            result.append(_container(pod, container, _done(now, 0, "Completed"), ready=True))
    return result


def _done(now: str, code: int, reason: str) -> dict[str, Any]:
    ended = {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}
    return {"terminated": ended}


def scheduled(pod: Manifest, node: Mapping[str, str], pod_ip: str, now: str) -> dict[str, Any]:
    """Returns the status of a pod that was given a node; its containers are being made."""
    status = _base(pod, now, "Pending")
    status |= {
        "hostIP": node["ip"],
        "hostIPs": [{"ip": node["ip"]}],
        "podIP": pod_ip,
        "podIPs": [{"ip": pod_ip}],
        "startTime": now,
    }
    return status | starting(pod, status, now)


def starting(pod: Manifest, status: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Returns conditions and containers of a pod whose containers are being made."""
    return waiting(pod, status, now, "ContainerCreating", "")


def waiting(
    pod: Manifest, base: Mapping[str, Any], now: str, reason: str, message: str
) -> dict[str, Any]:
    """Returns the status of a pod whose containers wait for a reason."""
    state: dict[str, Any] = {"waiting": {"reason": reason}}
    if message:
        state["waiting"]["message"] = message
    conditions = {
        "PodReadyToStartContainers": ("False", "", ""),
        "Initialized": _TRUE,
        "Ready": _unready(pod),
        "ContainersReady": _unready(pod),
        "PodScheduled": _TRUE,
    }
    return {
        **base,
        "conditions": _conditions(pod, now, conditions),
        "containerStatuses": [_container(pod, one, state) for one in pod["spec"]["containers"]],
    }


def unschedulable(pod: Manifest, message: str, now: str) -> dict[str, Any]:
    """Returns the status of a pod that no node takes."""
    states = {"PodScheduled": ("False", "Unschedulable", message)}
    return {**_base(pod, now, "Pending"), "conditions": _conditions(pod, now, states)}


def running(
    pod: Manifest, now: str, *, ready: bool = True, restarts: int = 0, backing_off: bool = False
) -> dict[str, Any]:
    """Returns the status of a pod whose containers run, or are started again and again."""
    name = pod["metadata"]["name"]
    states = {
        "PodReadyToStartContainers": _TRUE,
        "Initialized": _TRUE,
        "Ready": _TRUE if ready else _unready(pod),
        "ContainersReady": _TRUE if ready else _unready(pod),
        "PodScheduled": _TRUE,
    }
    status = _base(pod, now, "Running")
    status["conditions"] = _conditions(pod, now, states)
    if pod["spec"].get("initContainers"):
        status["initContainerStatuses"] = _init_containers(pod, now)
    statuses = []
    for container in pod["spec"]["containers"]:
        state: dict[str, Any] = {"running": {"startedAt": now}}
        last = _done(now, 1, "Error") if restarts or backing_off else None
        if backing_off:
            text = f"back-off restarting failed container={container['name']} pod={name}"
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
        statuses.append(
            _container(
                pod,
                container,
                state,
                ready=ready,
                started=not backing_off,
                restarts=restarts,
                last=last,
            )
        )
    status["containerStatuses"] = statuses
    return status


def _finished(pod: Manifest, now: str, phase: str, code: int, reason: str) -> dict[str, Any]:
    condition = "PodCompleted" if code == 0 else "PodFailed"
    ended = ("False", condition, "")
    states = {
        "PodReadyToStartContainers": ("False", "", ""),
        "Initialized": ("True", condition, "") if code == 0 else _TRUE,
        "Ready": ended,
        "ContainersReady": ended,
        "PodScheduled": _TRUE,
    }
    status = _base(pod, now, phase)
    status["conditions"] = _without_messages(_conditions(pod, now, states))
    if pod["spec"].get("initContainers"):
        status["initContainerStatuses"] = _init_containers(pod, now)
    status["containerStatuses"] = [
        _container(pod, one, _done(now, code, reason)) for one in pod["spec"]["containers"]
    ]
    return status


def _without_messages(conditions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in one.items() if name != "message" or value}
        for one in conditions
    ]


def succeeded(pod: Manifest, now: str) -> dict[str, Any]:
    """Returns the status of a pod that did its work."""
    return _finished(pod, now, "Succeeded", 0, "Completed")


def failed(pod: Manifest, now: str) -> dict[str, Any]:
    """Returns the status of a pod that ended with an error."""
    return _finished(pod, now, "Failed", 1, "Error")
