"""Services, Endpoints and EndpointSlices, with the allocation of addresses and node ports.

Source of the rules: ``k8s.io/kubernetes/pkg/apis/core`` and ``pkg/registry/core/service``;
recordings. Allocation takes the lowest free value, so that runs repeat.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from steersman.objects.manifest import Manifest, name_of, namespace_of
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    GoText,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from steersman.servers.apiserver.strategies.rules import KindRules, Tree, part
from steersman.servers.apiserver.strategy import ClusterView, Traits, WriteContext
from steersman.servers.apiserver.validation.names import (
    dns_label,
    dns_subdomain,
    name_is_label_1035,
    name_is_subdomain,
    port_name,
    port_number,
)
from steersman.servers.apiserver.validation.objectmeta import validate_labels

__all__ = ["SERVICE_RULES"]

_NETWORK: Final = ipaddress.IPv4Network("10.96.0.0/12")
_FIRST_DYNAMIC: Final = 257
"""Low addresses are left to those who ask for one, as the real allocator leaves them."""

_NODE_PORTS: Final = range(30000, 32768)
_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_AFFINITY_SECONDS: Final = 10800


def _default_service(obj: Manifest) -> None:
    spec = obj["spec"]
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        if config.get("timeoutSeconds") is None:
            config["timeoutSeconds"] = _AFFINITY_SECONDS
    spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (0, "", None):
            port["targetPort"] = port.get("port", 0)
    kind = spec["type"]
    external = kind in ("NodePort", "LoadBalancer") or (
        kind == "ClusterIP" and bool(spec.get("externalIPs"))
    )
    if external:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind in _CLUSTERED and spec.get("internalTrafficPolicy") is None:
        spec["internalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        spec["allocateLoadBalancerNodePorts"] = True


_CLUSTERED: Final = ("ClusterIP", "NodePort", "LoadBalancer")


def _services(cluster: ClusterView, obj: Manifest) -> Iterator[Manifest]:
    identity = namespace_of(obj), name_of(obj)
    for other in cluster.list("", "services"):
        if (namespace_of(other), name_of(other)) != identity:
            yield other


def _allocate(obj: Manifest, ctx: WriteContext) -> None:
    spec = obj["spec"]
    kind = spec["type"]
    if kind not in _CLUSTERED:
        for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(name, None)
        return
    if spec.get("clusterIPs") and not spec.get("clusterIP"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    if not spec.get("clusterIP"):
        taken = {part(one, "spec").get("clusterIP") for one in _services(ctx.cluster, obj)}
        spec["clusterIP"] = _free_address(taken)
    if not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    dual = spec["clusterIP"] == "None" and not spec.get("selector")
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv4", "IPv6"] if dual else ["IPv4"]
    if spec.get("ipFamilyPolicy") is None:
        spec["ipFamilyPolicy"] = "RequireDualStack" if dual else "SingleStack"
    if kind == "NodePort" or (kind == "LoadBalancer" and spec["allocateLoadBalancerNodePorts"]):
        _allocate_node_ports(obj, ctx)
    local = kind == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
    if local and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = _free_port(_taken_ports(obj, ctx) | _own_ports(spec))


def _free_address(taken: Iterable[str | None]) -> str:
    used = set(taken)
    offset = _FIRST_DYNAMIC
    while True:
        address = str(_NETWORK.network_address + offset)
        if address not in used:
            return address
        offset += 1


def _own_ports(spec: Mapping[str, Any]) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


def _taken_ports(obj: Manifest, ctx: WriteContext) -> set[int]:
    taken: set[int] = set()
    for other in _services(ctx.cluster, obj):
        taken |= _own_ports(part(other, "spec"))
        taken.add(part(other, "spec").get("healthCheckNodePort") or 0)
    return taken


def _free_port(taken: set[int]) -> int:
    return next(port for port in _NODE_PORTS if port not in taken)


def _allocate_node_ports(obj: Manifest, ctx: WriteContext) -> None:
    ports: Sequence[Tree] = obj["spec"].get("ports") or ()
    if all(port.get("nodePort") for port in ports):
        return
    taken = _taken_ports(obj, ctx) | _own_ports(obj["spec"])
    for port in ports:
        if not port.get("nodePort"):
            twin = next(
                (
                    one["nodePort"]
                    for one in ports
                    if one.get("nodePort")
                    and one["port"] == port["port"]
                    and one["protocol"] != port["protocol"]
                ),
                None,
            )
            port["nodePort"] = twin or _free_port(taken)
            taken.add(port["nodePort"])


def _prepare_create(obj: Manifest, ctx: WriteContext) -> None:
    _allocate(obj, ctx)


def _prepare_update(new: Manifest, old: Manifest, ctx: WriteContext) -> None:
    now, was = new["spec"], old["spec"]
    if now["type"] in _CLUSTERED and was["type"] in _CLUSTERED:
        if not now.get("clusterIP") and not now.get("clusterIPs"):
            for name in ("clusterIP", "clusterIPs"):
                if was.get(name):
                    now[name] = was[name]
        for name in ("ipFamilies", "ipFamilyPolicy"):
            if now.get(name) is None and was.get(name) is not None:
                now[name] = was[name]
        moved = now.get("clusterIP") != was.get("clusterIP")
        if now.get("clusterIP") and (
            not now.get("clusterIPs") or (moved and now["clusterIPs"] == was.get("clusterIPs"))
        ):
            now["clusterIPs"] = [now["clusterIP"]]
    elif was["type"] in _CLUSTERED and now.get("clusterIP") == was.get("clusterIP"):
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            now.pop(name, None)
    _carry_node_ports(now, was)
    _drop_unneeded(now, was)
    _allocate(new, ctx)


def _needs_node_ports(spec: Mapping[str, Any]) -> bool:
    if spec["type"] == "NodePort":
        return True
    return spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False


def _port_key(port: Mapping[str, Any]) -> tuple[Any, Any]:
    return port.get("port"), port.get("protocol")


def _carry_node_ports(now: Tree, was: Mapping[str, Any]) -> None:
    if not (_needs_node_ports(now) and _needs_node_ports(was)):
        return
    held = {_port_key(port): port.get("nodePort") for port in was.get("ports") or ()}
    used = _own_ports(now)
    for port in now.get("ports") or ():
        kept = held.get(_port_key(port))
        if not port.get("nodePort") and kept and kept not in used:
            port["nodePort"] = kept


def _drop_unneeded(now: Tree, was: Mapping[str, Any]) -> None:
    if not _needs_node_ports(now) and _needs_node_ports(was):
        held = _own_ports(was)
        if _own_ports(now) == held:
            for port in now.get("ports") or ():
                port.pop("nodePort", None)
    if now["type"] != "LoadBalancer" and was["type"] == "LoadBalancer":
        for name in (
            "allocateLoadBalancerNodePorts",
            "loadBalancerClass",
            "healthCheckNodePort",
        ):
            if now.get(name) == was.get(name):
                now.pop(name, None)
    external = now["type"] in ("NodePort", "LoadBalancer") or bool(now.get("externalIPs"))
    if not external and now.get("externalTrafficPolicy") == was.get("externalTrafficPolicy"):
        now.pop("externalTrafficPolicy", None)


def _validate_service(obj: Manifest) -> list[FieldError]:
    spec = obj["spec"]
    kind = spec["type"]
    errors: list[FieldError] = []
    headless = spec.get("clusterIP") == "None"
    ports = spec.get("ports") or ()
    if not ports and not headless and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind == "LoadBalancer" and headless:
        text = "may not be set to 'None' for LoadBalancer services"
        errors.append(invalid("spec.clusterIPs[0]", "None", text))
    if kind == "ExternalName":
        errors += _validate_external_name(spec)
    errors += _validate_ports(ports)
    errors += validate_labels(spec.get("selector") or {}, "spec.selector")
    affinity = spec.get("sessionAffinity")
    if affinity not in ("ClientIP", "None"):
        errors.append(not_supported("spec.sessionAffinity", affinity, ("ClientIP", "None")))
    errors += _validate_cluster_ip(spec)
    if kind not in _TYPES:
        errors.append(not_supported("spec.type", kind, _TYPES))
    if kind == "ClusterIP":
        errors += [
            forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
            for index, port in enumerate(ports)
            if port.get("nodePort")
        ]
    return errors


def _validate_external_name(spec: Mapping[str, Any]) -> list[FieldError]:
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [required("spec.externalName")]
    return [invalid("spec.externalName", name, text) for text in dns_subdomain(name)]


def _validate_cluster_ip(spec: Mapping[str, Any]) -> list[FieldError]:
    address = spec.get("clusterIP") or ""
    if address in ("", "None"):
        return []
    try:
        ipaddress.ip_address(address)
    except ValueError:
        text = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        return [invalid("spec.clusterIPs[0]", address, text)]
    return []


def _validate_ports(ports: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        where = f"spec.ports[{index}]"
        errors += _validate_port_name(port, where, names, single=len(ports) == 1)
        number = port.get("port") or 0
        errors += [invalid(f"{where}.port", number, text) for text in port_number(number)]
        if port.get("protocol") not in _PROTOCOLS:
            errors.append(not_supported(f"{where}.protocol", port.get("protocol"), _PROTOCOLS))
        target = port.get("targetPort")
        texts = port_number(target) if isinstance(target, int) else port_name(target or "")
        errors += [invalid(f"{where}.targetPort", target, text) for text in texts]
        if _port_key(port) in seen:
            # A Go struct is shown with its fields in the order of the type.
            shown = GoText(
                f'{{"Name":"","Protocol":"{port.get("protocol")}","AppProtocol":null,'
                f'"Port":{number},"TargetPort":0,"NodePort":0}}'
            )
            errors.append(duplicate(where, shown))
        seen.add(_port_key(port))
    return errors


def _validate_port_name(
    port: Mapping[str, Any], where: str, names: set[str], *, single: bool
) -> list[FieldError]:
    name = port.get("name") or ""
    if not name:
        return [] if single else [required(f"{where}.name")]
    errors = [invalid(f"{where}.name", name, text) for text in dns_label(name)]
    if name in names:
        errors.append(duplicate(f"{where}.name", name))
    names.add(name)
    return errors


def _validate_service_update(new: Manifest, old: Manifest) -> list[FieldError]:
    now, was = new["spec"], old["spec"]
    if now["type"] == "ExternalName" or was["type"] == "ExternalName":
        return []
    addresses, before = now.get("clusterIPs") or [], was.get("clusterIPs") or []
    if before and before[0] and addresses[:1] != before[:1]:
        return [invalid("spec.clusterIPs[0]", addresses, "may not change once set")]
    return []


def _default_endpoints(obj: Manifest) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _default_slice(obj: Manifest) -> None:
    for port in obj.get("ports") or ():
        for name, value in (("name", ""), ("protocol", "TCP")):
            if port.get(name) is None:
                port[name] = value


def _validate_slice(obj: Manifest) -> list[FieldError]:
    types = ("FQDN", "IPv4", "IPv6")
    kind = obj.get("addressType") or ""
    if not kind:
        return [required("addressType")]
    return [] if kind in types else [not_supported("addressType", kind, types)]


SERVICE_RULES: Final[Mapping[tuple[str, str], KindRules]] = {
    ("", "Service"): KindRules(
        default=_default_service,
        prepare_create=_prepare_create,
        prepare_update=_prepare_update,
        validate=_validate_service,
        validate_update=_validate_service_update,
        immutables_first=True,
        name_rule=name_is_label_1035,
        selectable=lambda obj: {
            "spec.clusterIP": part(obj, "spec").get("clusterIP") or "",
            "spec.type": part(obj, "spec").get("type") or "",
        },
        traits=Traits(
            returns_deleted=True, reset_fields={"": (("status",),), "status": (("spec",),)}
        ),
    ),
    ("", "Endpoints"): KindRules(default=_default_endpoints, name_rule=name_is_subdomain),
    ("discovery.k8s.io", "EndpointSlice"): KindRules(
        default=_default_slice,
        validate=_validate_slice,
        counts_generation=True,
        generation_parts=("addressType", "endpoints", "ports"),
    ),
}
