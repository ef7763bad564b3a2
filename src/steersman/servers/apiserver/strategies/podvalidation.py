"""Checks pod specs, in the words of the real server.

Source of the rules: ``k8s.io/kubernetes/pkg/apis/core/validation``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.objects.quantity import parse_quantity
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from steersman.servers.apiserver.validation.names import (
    dns_label,
    dns_subdomain,
    port_name,
    port_number,
    qualified_name,
    relaxed_env_var_name,
)
from steersman.servers.apiserver.validation.objectmeta import validate_annotations, validate_labels

__all__ = ["validate_pod_spec", "validate_pod_template"]

_PULL: Final = ("Always", "IfNotPresent", "Never")
_RESTART: Final = ("Always", "OnFailure", "Never")
_DNS: Final = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_TERMINATION: Final = ("FallbackToLogsOnError", "File")
_SCHEMES: Final = ("HTTP", "HTTPS")
_NOT_NEGATIVE: Final = "must be greater than or equal to 0"
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")


def validate_pod_template(template: Mapping[str, Any], path: str) -> list[FieldError]:
    """Checks the labels, annotations and spec of a template."""
    metadata = template.get("metadata") or {}
    errors = validate_labels(metadata.get("labels") or {}, f"{path}.labels")
    errors += validate_annotations(metadata.get("annotations") or {}, f"{path}.annotations")
    return errors + validate_pod_spec(template.get("spec") or {}, f"{path}.spec")


def validate_pod_spec(spec: Mapping[str, Any], path: str) -> list[FieldError]:
    """Checks a pod spec."""
    volumes, errors = _validate_volumes(spec.get("volumes") or (), f"{path}.volumes")
    containers = spec.get("containers") or ()
    if not containers:
        errors.append(required(f"{path}.containers"))
    names: set[str] = set()
    for group in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(group) or ()):
            where = f"{path}.{group}[{index}]"
            errors += _validate_container(
                container, where, names, volumes, init=group != "containers"
            )
    errors += _validate_policies(spec, path)
    errors += _validate_references(spec, path)
    return errors


def _validate_policies(spec: Mapping[str, Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    restart = spec.get("restartPolicy") or ""
    if restart and restart not in _RESTART:
        errors.append(not_supported(f"{path}.restartPolicy", restart, _RESTART))
    dns = spec.get("dnsPolicy") or ""
    if dns and dns not in _DNS:
        errors.append(not_supported(f"{path}.dnsPolicy", dns, _DNS))
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        errors.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, _NOT_NEGATIVE))
    return errors


def _validate_references(spec: Mapping[str, Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for name in ("serviceAccountName", "nodeName", "priorityClassName"):
        value = spec.get(name) or ""
        if value:
            errors += [invalid(f"{path}.{name}", value, text) for text in dns_subdomain(value)]
    for name in ("hostname", "subdomain"):
        value = spec.get(name) or ""
        if value:
            errors += [invalid(f"{path}.{name}", value, text) for text in dns_label(value)]
    errors += validate_labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    return errors


def _validate_volumes(
    volumes: Sequence[Mapping[str, Any]], path: str
) -> tuple[set[str], list[FieldError]]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        where = f"{path}[{index}]"
        name = volume.get("name") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        else:
            errors += [invalid(f"{where}.name", name, text) for text in dns_label(name)]
        if name in names:
            errors.append(duplicate(f"{where}.name", name))
        names.add(name)
        sources = [one for one in volume if one != "name"]
        for extra in sources[1:]:
            errors.append(forbidden(f"{where}.{extra}", "may not specify more than 1 volume type"))
        if not sources:
            errors.append(required(where, "must specify a volume type"))
        errors += _validate_source(volume, where)
    return names, errors


def _validate_source(volume: Mapping[str, Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for source, field in (
        ("secret", "secretName"),
        ("configMap", "name"),
        ("persistentVolumeClaim", "claimName"),
        ("hostPath", "path"),
    ):
        if source in volume and not volume[source].get(field):
            errors.append(required(f"{path}.{source}.{field}"))
    return errors


def _validate_container(
    container: Mapping[str, Any],
    path: str,
    names: set[str],
    volumes: set[str],
    *,
    init: bool,
) -> list[FieldError]:
    errors: list[FieldError] = []
    name = container.get("name") or ""
    if not name:
        errors.append(required(f"{path}.name"))
    else:
        errors += [invalid(f"{path}.name", name, text) for text in dns_label(name)]
        if name in names:
            errors.append(duplicate(f"{path}.name", name))
        names.add(name)
    image = container.get("image") or ""
    if not image:
        errors.append(required(f"{path}.image"))
    elif image != image.strip() and ".template." not in path:
        errors.append(
            invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
        )
    pull = container.get("imagePullPolicy") or ""
    if pull and pull not in _PULL:
        errors.append(not_supported(f"{path}.imagePullPolicy", pull, _PULL))
    policy = container.get("terminationMessagePolicy") or ""
    if policy and policy not in _TERMINATION:
        errors.append(not_supported(f"{path}.terminationMessagePolicy", policy, _TERMINATION))
    errors += _validate_ports(container.get("ports") or (), f"{path}.ports")
    errors += _validate_env(container.get("env") or (), f"{path}.env")
    errors += _validate_mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    errors += _validate_resources(container.get("resources") or {}, f"{path}.resources")
    errors += _validate_probes(container, path, init=init)
    return errors


def _validate_ports(ports: Sequence[Mapping[str, Any]], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        name = port.get("name") or ""
        if name:
            errors += [invalid(f"{where}.name", name, text) for text in port_name(name)]
            if name in names:
                errors.append(duplicate(f"{where}.name", name))
            names.add(name)
        number = port.get("containerPort") or 0
        if not number:
            errors.append(required(f"{where}.containerPort"))
        else:
            errors += [
                invalid(f"{where}.containerPort", number, one) for one in port_number(number)
            ]
        host = port.get("hostPort") or 0
        if host:
            errors += [invalid(f"{where}.hostPort", host, one) for one in port_number(host)]
        protocol = port.get("protocol") or ""
        if not protocol:
            errors.append(required(f"{where}.protocol"))
        elif protocol not in _PROTOCOLS:
            errors.append(not_supported(f"{where}.protocol", protocol, _PROTOCOLS))
    return errors


def _validate_env(variables: Sequence[Mapping[str, Any]], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, variable in enumerate(variables):
        where = f"{path}[{index}]"
        name = variable.get("name") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        else:
            errors += [invalid(f"{where}.name", name, text) for text in relaxed_env_var_name(name)]
        source = variable.get("valueFrom")
        if source is None:
            continue
        if len(source) != 1:
            text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`,"
            errors.append(
                invalid(f"{where}.valueFrom", "", f"{text} `secretKeyRef` or `fileKeyRef`")
            )
        elif variable.get("value"):
            text = "may not be specified when `value` is not empty"
            errors.append(invalid(f"{where}.valueFrom", "", text))
        for kind in ("configMapKeyRef", "secretKeyRef"):
            if kind in source:
                errors += [
                    required(f"{where}.valueFrom.{kind}.{one}")
                    for one in ("name", "key")
                    if not source[kind].get(one)
                ]
    return errors


def _validate_mounts(
    mounts: Sequence[Mapping[str, Any]], path: str, volumes: set[str]
) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{path}[{index}]"
        name = mount.get("name") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        elif name not in volumes:
            errors.append(not_found(f"{where}.name", name))
        place = mount.get("mountPath") or ""
        if not place:
            errors.append(required(f"{where}.mountPath"))
        elif place in seen:
            errors.append(invalid(f"{where}.mountPath", place, "must be unique"))
        seen.add(place)
    return errors


def _validate_resources(resources: Mapping[str, Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    limits = resources.get("limits") or {}
    for kind in ("limits", "requests"):
        for name in sorted(resources.get(kind) or {}):
            where = f"{path}.{kind}[{name}]"
            amount = parse_quantity(resources[kind][name])
            errors += [invalid(where, name, text) for text in qualified_name(name)]
            if amount.nanos < 0:
                errors.append(invalid(where, str(amount), _NOT_NEGATIVE))
            elif kind == "requests" and name in limits:
                bound = parse_quantity(limits[name])
                if amount.nanos > bound.nanos:
                    text = f"must be less than or equal to {name} limit of {bound}"
                    errors.append(invalid(f"{path}.requests", str(amount), text))
    return errors


def _validate_probes(container: Mapping[str, Any], path: str, *, init: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    sidecar = container.get("restartPolicy") == "Always"
    for name in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        if name not in container:
            continue
        if init and not sidecar:
            text = "may not be set for init containers without restartPolicy=Always"
            errors.append(forbidden(f"{path}.{name}", text))
            continue
        if name != "lifecycle":
            errors += _validate_probe(container[name], f"{path}.{name}")
    return errors


def _validate_probe(probe: Mapping[str, Any], path: str) -> list[FieldError]:
    handlers = [one for one in _HANDLERS if one in probe]
    errors: list[FieldError] = []
    if not handlers:
        errors.append(required(path, "must specify a handler type"))
    errors += [
        forbidden(f"{path}.{one}", "may not specify more than 1 handler type")
        for one in handlers[1:]
    ]
    action = probe.get("httpGet")
    if action is not None:
        if not action.get("path"):
            errors.append(required(f"{path}.httpGet.path"))
        port = action.get("port")
        if isinstance(port, int):
            errors += [invalid(f"{path}.httpGet.port", port, one) for one in port_number(port)]
        elif isinstance(port, str):
            errors += [invalid(f"{path}.httpGet.port", port, one) for one in port_name(port)]
        if action.get("scheme") not in _SCHEMES:
            errors.append(not_supported(f"{path}.httpGet.scheme", action.get("scheme"), _SCHEMES))
    for name in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        value = probe.get(name) or 0
        if value < 0:
            errors.append(invalid(f"{path}.{name}", value, _NOT_NEGATIVE))
    return errors
