"""Pod Security: what the levels ``baseline`` and ``restricted`` allow a pod to ask for.

Source of the rules and texts: the Pod Security Standards, ``k8s.io/pod-security-admission`` and
recorded answers of kube-apiserver 1.36.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from steersman.kit.gotext import quote

__all__ = ["LEVELS", "Violation", "violations"]

LEVELS: Final = ("privileged", "baseline", "restricted")

Spec = Mapping[str, Any]


class Violation(NamedTuple):
    """One rule that a pod breaks.

    Attributes:
        reason: the rule, as people know it.
        detail: who broke it.
    """

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


def violations(level: str, metadata: Spec, spec: Spec) -> list[Violation]:
    """Returns what keeps a pod from a level, in the order of the real server."""
    if level == "privileged":
        return []
    checks = [*_BASELINE]
    if level == "restricted":
        checks = [check for check in _BASELINE if check not in _REPLACED] + [*_RESTRICTED]
    return [found for check in checks for found in check(metadata, spec)]


def _containers(spec: Spec) -> Iterator[Spec]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(kind) or ()


def _context(holder: Spec) -> Spec:
    return holder.get("securityContext") or {}


def _named(word: str, names: Sequence[str]) -> str:
    plural = "s" if len(names) > 1 else ""
    return f"{word}{plural} {', '.join(quote(name) for name in names)}"


def _names(spec: Spec, breaks: Callable[[Spec], bool]) -> list[str]:
    return [one.get("name", "") for one in _containers(spec) if breaks(one)]


def _host_namespaces(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    used = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    if used:
        yield Violation("host namespaces", ", ".join(f"{name}=true" for name in used))


def _host_paths(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    names = [one["name"] for one in spec.get("volumes") or () if one.get("hostPath") is not None]
    if names:
        yield Violation("hostPath volumes", _named("volume", names))


def _host_ports(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    names, ports = [], []
    for container in _containers(spec):
        used = [port["hostPort"] for port in container.get("ports") or () if port.get("hostPort")]
        if used:
            names.append(container.get("name", ""))
            ports += [str(port) for port in used]
    if names:
        uses = "use" if len(names) > 1 else "uses"
        word = "hostPorts" if len(ports) > 1 else "hostPort"
        unique = sorted(set(ports), key=int)
        detail = f"{_named('container', names)} {uses} {word} {', '.join(unique)}"
        yield Violation("hostPort", detail)


def _host_process(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    def is_host(holder: Spec) -> bool:
        return bool((_context(holder).get("windowsOptions") or {}).get("hostProcess"))

    setting = "securityContext.windowsOptions.hostProcess=true"
    who = [_named("container", names)] if (names := _names(spec, is_host)) else []
    who = (["pod"] if is_host(spec) else []) + who
    if who:
        yield Violation("hostProcess", f"{' and '.join(who)} must not set {setting}")


def _privileged(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    names = _names(spec, lambda one: bool(_context(one).get("privileged")))
    if names:
        detail = f"{_named('container', names)} must not set securityContext.privileged=true"
        yield Violation("privileged", detail)


_DEFAULT_CAPABILITIES: Final = frozenset(
    (
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    )
)


def _added(container: Spec) -> Sequence[str]:
    return (_context(container).get("capabilities") or {}).get("add") or ()


def _added_beyond(spec: Spec, allowed: frozenset[str]) -> str:
    names, bad = [], []
    for container in _containers(spec):
        extra = [one for one in _added(container) if one not in allowed]
        if extra:
            names.append(container.get("name", ""))
            bad += extra
    if not names:
        return ""
    listed = ", ".join(quote(one) for one in sorted(set(bad)))
    return (
        f"{_named('container', names)} must not include {listed} in "
        "securityContext.capabilities.add"
    )


def _capabilities(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    detail = _added_beyond(spec, _DEFAULT_CAPABILITIES)
    if detail:
        yield Violation("non-default capabilities", detail)


def _proc_mount(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    if spec.get("hostUsers") is False:
        return
    names, values = [], []
    for container in _containers(spec):
        mount = _context(container).get("procMount")
        if mount and mount != "Default":
            names.append(container.get("name", ""))
            values.append(mount)
    if names:
        shown = ", ".join(quote(value) for value in sorted(set(values)))
        detail = f"{_named('container', names)} must not set securityContext.procMount to {shown}"
        yield Violation("procMount", detail)


_SELINUX_TYPES: Final = (
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
)


def _selinux(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    holders, details = [], []
    for who, holder in _pod_and_containers(spec):
        options = _context(holder).get("seLinuxOptions") or {}
        bad = []
        if options.get("type", "") not in _SELINUX_TYPES:
            bad.append(f"type {quote(options['type'])}")
        bad += [f"{name} may not be set" for name in ("user", "role") if options.get(name)]
        if bad:
            holders.append(who)
            details += bad
    if holders:
        who = " and ".join(holders)
        listed = "; ".join(dict.fromkeys(details))
        yield Violation(
            "seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {listed}"
        )


def _pod_and_containers(spec: Spec) -> Iterator[tuple[str, Spec]]:
    yield "pod", spec
    for container in _containers(spec):
        yield f"container {quote(container.get('name', ''))}", container


def _seccomp_baseline(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    allowed = (None, "", "RuntimeDefault", "Localhost")
    holders, values = [], []
    for who, holder in _pod_and_containers(spec):
        kind = (_context(holder).get("seccompProfile") or {}).get("type")
        if kind not in allowed:
            holders.append(who)
            values.append(str(kind))
    if holders:
        shown = ", ".join(quote(value) for value in sorted(set(values)))
        who = " and ".join(holders)
        yield Violation(
            "seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {shown}"
        )


_SAFE_SYSCTLS: Final = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    )
)


def _sysctls(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    names = [one.get("name", "") for one in _context(spec).get("sysctls") or ()]
    bad = [name for name in names if name not in _SAFE_SYSCTLS]
    if bad:
        yield Violation("forbidden sysctls", ", ".join(bad))


def _no_escalation(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    names = _names(spec, lambda one: _context(one).get("allowPrivilegeEscalation") is not False)
    if names:
        detail = (
            f"{_named('container', names)} must set securityContext.allowPrivilegeEscalation=false"
        )
        yield Violation("allowPrivilegeEscalation != false", detail)


def _drop_all(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    def keeps(container: Spec) -> bool:
        return "ALL" not in ((_context(container).get("capabilities") or {}).get("drop") or ())

    details = []
    names = _names(spec, keeps)
    if names:
        details.append(
            f'{_named("container", names)} must set securityContext.capabilities.drop=["ALL"]'
        )
    added = _added_beyond(spec, frozenset(("NET_BIND_SERVICE",)))
    if added:
        details.append(added)
    if details:
        yield Violation("unrestricted capabilities", "; ".join(details))


def _run_as_non_root(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    setting = "securityContext.runAsNonRoot"
    pod = _context(spec).get("runAsNonRoot")
    bad = _names(spec, lambda one: _context(one).get("runAsNonRoot") is False)
    if bad or pod is False:
        who = (["pod"] if pod is False else []) + ([_named("container", bad)] if bad else [])
        yield Violation("runAsNonRoot != true", f"{' and '.join(who)} must not set {setting}=false")
        return
    unset = _names(spec, lambda one: _context(one).get("runAsNonRoot") is None)
    if unset and pod is not True:
        yield Violation(
            "runAsNonRoot != true", f"pod or {_named('container', unset)} must set {setting}=true"
        )


def _run_as_user(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    who = [
        who for who, holder in _pod_and_containers(spec) if _context(holder).get("runAsUser") == 0
    ]
    if who:
        yield Violation("runAsUser=0", f"{' and '.join(who)} must not set runAsUser=0")


def _seccomp_restricted(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    good = ("RuntimeDefault", "Localhost")

    def kind(holder: Spec) -> Any:
        return (_context(holder).get("seccompProfile") or {}).get("type")

    bad = [
        (who, str(kind(holder)))
        for who, holder in _pod_and_containers(spec)
        if kind(holder) not in (None, "", *good)
    ]
    if bad:
        shown = ", ".join(quote(value) for value in sorted({value for _, value in bad}))
        who = " and ".join(name for name, _ in bad)
        yield Violation(
            "seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {shown}"
        )
        return
    unset = _names(spec, lambda one: not kind(one))
    if unset and not kind(spec):
        detail = (
            f"pod or {_named('container', unset)} must set securityContext.seccompProfile.type to "
            '"RuntimeDefault" or "Localhost"'
        )
        yield Violation("seccompProfile", detail)


_PLAIN_VOLUMES: Final = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
    "image",
)


def _volume_types(metadata: Spec, spec: Spec) -> Iterable[Violation]:
    names, kinds = [], []
    for volume in spec.get("volumes") or ():
        sources = [name for name in volume if name != "name"]
        bad = [name for name in sources if name not in _PLAIN_VOLUMES]
        if bad:
            names.append(volume["name"])
            kinds += bad
    if names:
        uses = "use" if len(names) > 1 else "uses"
        unique = sorted(set(kinds))
        word = "types" if len(unique) > 1 else "type"
        listed = ", ".join(quote(kind) for kind in unique)
        yield Violation(
            "restricted volume types",
            f"{_named('volume', names)} {uses} restricted volume {word} {listed}",
        )


_Check = Callable[[Spec, Spec], Iterable[Violation]]
_BASELINE: Final[tuple[_Check, ...]] = (
    _capabilities,
    _host_namespaces,
    _host_paths,
    _host_ports,
    _privileged,
    _proc_mount,
    _seccomp_baseline,
    _selinux,
    _sysctls,
    _host_process,
)
_RESTRICTED: Final[tuple[_Check, ...]] = (
    _no_escalation,
    _drop_all,
    _volume_types,
    _run_as_non_root,
    _run_as_user,
    _seccomp_restricted,
)
_REPLACED: Final = (_capabilities, _host_paths, _seccomp_baseline)
"""Checks of baseline that one of restricted contains."""
