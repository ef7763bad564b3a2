"""Defaults of pod specs, wherever a kind holds one.

Source of the rules: ``k8s.io/kubernetes/pkg/apis/core/v1`` defaults, and recordings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from steersman.servers.apiserver.strategies.rules import Tree

__all__ = ["containers_of", "default_claim_spec", "default_pod_spec", "default_pod_template"]

_MODE: Final = 0o644
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def containers_of(spec: Mapping[str, Any]) -> Iterator[Tree]:
    """Yields init, normal and ephemeral containers."""
    for name in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(name) or ()


def default_pod_template(template: Tree) -> None:
    """Fills in the spec of a template, if it has one."""
    if "spec" in template:
        default_pod_spec(template["spec"])


def default_pod_spec(spec: Tree) -> None:
    """Fills in a pod spec, in place."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    spec.setdefault("schedulerName", "default-scheduler")
    if spec.get("serviceAccountName") or spec.get("serviceAccount"):
        name = spec.get("serviceAccountName") or spec["serviceAccount"]
        spec["serviceAccountName"] = spec["serviceAccount"] = name
    for container in containers_of(spec):
        _default_container(container, host_network=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def _default_container(container: Tree, *, host_network: bool) -> None:
    container.setdefault("imagePullPolicy", _pull_policy(container.get("image") or ""))
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if host_network and not port.get("hostPort"):
            port["hostPort"] = port.get("containerPort", 0)
    for variable in container.get("env") or ():
        _default_field_ref(variable.get("valueFrom"))
        file_ref = (variable.get("valueFrom") or {}).get("fileKeyRef")
        if file_ref is not None:
            file_ref.setdefault("optional", False)
    for name in _PROBES:
        if name in container:
            _default_probe(container[name])
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _default_http_get(handler)


def _pull_policy(image: str) -> str:
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _default_field_ref(source: Tree | None) -> None:
    reference = (source or {}).get("fieldRef")
    if reference is not None and not reference.get("apiVersion"):
        reference["apiVersion"] = "v1"


def _default_http_get(handler: Tree) -> None:
    action = handler.get("httpGet")
    if action is not None:
        action.setdefault("path", "/")
        action.setdefault("scheme", "HTTP")


def _default_probe(probe: Tree) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    _default_http_get(probe)
    if "grpc" in probe and probe["grpc"].get("service") is None:
        probe["grpc"]["service"] = ""


def _default_volume(volume: Tree) -> None:
    sources = [name for name in volume if name != "name"]
    if not sources:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        if name in volume and volume[name].get("defaultMode") is None:
            volume[name]["defaultMode"] = _MODE
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _default_field_ref(item)
    for source in (volume.get("projected") or {}).get("sources") or ():
        _default_projection(source)
    _default_legacy_volume(volume)
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if template is not None:
        default_claim_spec(template["spec"])


def _default_projection(source: Tree) -> None:
    token = source.get("serviceAccountToken")
    if token is not None and token.get("expirationSeconds") is None:
        token["expirationSeconds"] = 3600
    for item in (source.get("downwardAPI") or {}).get("items") or ():
        _default_field_ref(item)


def _default_legacy_volume(volume: Tree) -> None:
    if "iscsi" in volume:
        volume["iscsi"].setdefault("iscsiInterface", "default")
    if "azureDisk" in volume:
        disk = volume["azureDisk"]
        for name, value in (
            ("cachingMode", "ReadWrite"),
            ("kind", "Shared"),
            ("fsType", "ext4"),
            ("readOnly", False),
        ):
            if disk.get(name) is None:
                disk[name] = value


def default_claim_spec(spec: Tree) -> None:
    """Fills in the spec of a PersistentVolumeClaim."""
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
