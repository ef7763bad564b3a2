"""How Services, Ingresses and what belongs to them look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.printers.cells import (
    NONE,
    age_of,
    columns,
    format_label_selector,
    format_labels,
    part,
    shorten,
)
from steersman.servers.apiserver.printers.layout import Layout

__all__ = ["NETWORK_LAYOUTS"]

_MOST_ENDPOINTS: Final = 3


def _service(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    return (
        spec.get("type") or "",
        spec.get("clusterIP") or NONE,
        _external(obj),
        ",".join(_port(port) for port in spec.get("ports") or ()) or NONE,
        age_of(obj, now),
        format_labels(spec.get("selector")),
    )


def _port(port: Mapping[str, Any]) -> str:
    node = port.get("nodePort")
    return (
        f"{port['port']}:{node}/{port['protocol']}"
        if node
        else f"{port['port']}/{port['protocol']}"
    )


def _external(obj: Manifest) -> str:
    spec = part(obj, "spec")
    addresses = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "LoadBalancer":
            balanced = _balanced(obj)
            return ",".join([*balanced, *addresses]) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName") or "")
        case _:
            return ",".join(addresses) or NONE


def _balanced(obj: Manifest) -> list[str]:
    ingress = part(obj, "status", "loadBalancer").get("ingress") or ()
    return [str(one.get("ip") or one.get("hostname") or "") for one in ingress]


def _endpoints(obj: Manifest, now: datetime) -> Sequence[Any]:
    shown: list[str] = []
    for subset in obj.get("subsets") or ():
        ports = subset.get("ports") or ()
        for address in subset.get("addresses") or ():
            ip = str(address.get("ip") or "")
            shown += [f"{ip}:{port['port']}" for port in ports] or [ip]
    return (shorten(shown, _MOST_ENDPOINTS) or NONE, age_of(obj, now))


def _slice(obj: Manifest, now: datetime) -> Sequence[Any]:
    ports = [
        str(port["port"]) if port.get("port") is not None else "*"
        for port in obj.get("ports") or ()
    ]
    addresses = [
        str(address)
        for endpoint in obj.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    ]
    return (
        obj.get("addressType") or "",
        shorten(ports, _MOST_ENDPOINTS) or "<unset>",
        shorten(addresses, _MOST_ENDPOINTS) or "<unset>",
        age_of(obj, now),
    )


def _ingress(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    hosts = [str(rule["host"]) for rule in spec.get("rules") or () if rule.get("host")]
    return (
        spec.get("ingressClassName") or NONE,
        shorten(hosts, _MOST_ENDPOINTS) or "*",
        ",".join(_balanced(obj)),
        "80, 443" if spec.get("tls") else "80",
        age_of(obj, now),
    )


def _ingress_class(obj: Manifest, now: datetime) -> Sequence[Any]:
    spec = part(obj, "spec")
    parameters = part(spec, "parameters")
    shown = NONE
    if parameters:
        kind = str(parameters["kind"])
        if parameters.get("apiGroup"):
            kind = f"{kind}.{parameters['apiGroup']}"
        shown = f"{kind}/{parameters['name']}"
    return (spec.get("controller") or "", shown, age_of(obj, now))


def _network_policy(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (format_label_selector(part(obj, "spec", "podSelector")), age_of(obj, now))


def _ip_address(obj: Manifest, now: datetime) -> Sequence[Any]:
    parent = part(obj, "spec", "parentRef")
    names = [parent.get("resource"), parent.get("namespace"), parent.get("name")]
    return ("/".join(str(name) for name in names if name),)


def _cidr(obj: Manifest, now: datetime) -> Sequence[Any]:
    return (",".join(part(obj, "spec").get("cidrs") or ()), age_of(obj, now))


NETWORK_LAYOUTS: Final[Mapping[tuple[str, str], Layout]] = {
    ("", "Service"): Layout(
        columns("Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "+Selector"), _service
    ),
    ("", "Endpoints"): Layout(columns("Endpoints", "Age"), _endpoints),
    ("discovery.k8s.io", "EndpointSlice"): Layout(
        columns("AddressType", "Ports", "Endpoints", "Age"), _slice
    ),
    ("networking.k8s.io", "Ingress"): Layout(
        columns("Class", "Hosts", "Address", "Ports", "Age"), _ingress
    ),
    ("networking.k8s.io", "IngressClass"): Layout(
        columns("Controller", "Parameters", "Age"), _ingress_class
    ),
    ("networking.k8s.io", "NetworkPolicy"): Layout(columns("Pod-Selector", "Age"), _network_policy),
    ("networking.k8s.io", "IPAddress"): Layout(columns("ParentRef"), _ip_address),
    ("networking.k8s.io", "ServiceCIDR"): Layout(columns("CIDRs", "Age"), _cidr),
}
