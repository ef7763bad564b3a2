from __future__ import annotations

from typing import Any

import pytest

from steersman.servers.apiserver.podsecurity import violations

SAFE: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {"containers": [{"name": "a", "image": "i", **(container or {})}], **spec}


@pytest.mark.parametrize(
    ("level", "spec", "expected"),
    [
        pytest.param("privileged", pod(hostNetwork=True), [], id="privileged allows everything"),
        pytest.param("baseline", pod(), [], id="a plain pod passes baseline"),
        pytest.param("restricted", pod({"securityContext": SAFE}), [], id="a safe pod passes"),
        pytest.param(
            "baseline",
            pod({"securityContext": {"privileged": True}}, hostNetwork=True, hostPID=True),
            [
                "host namespaces (hostNetwork=true, hostPID=true)",
                'privileged (container "a" must not set securityContext.privileged=true)',
            ],
            id="host namespaces and privilege break baseline",
        ),
        pytest.param(
            "baseline",
            pod(
                {
                    "securityContext": {"capabilities": {"add": ["NET_ADMIN", "KILL"]}},
                    "ports": [{"containerPort": 80, "hostPort": 80}],
                },
                volumes=[{"name": "v", "hostPath": {"path": "/"}}],
            ),
            [
                (
                    'non-default capabilities (container "a" must not include "NET_ADMIN" in '
                    "securityContext.capabilities.add)"
                ),
                'hostPath volumes (volume "v")',
                'hostPort (container "a" uses hostPort 80)',
            ],
            id="capabilities, host paths and host ports break baseline",
        ),
        pytest.param(
            "restricted",
            pod(),
            [
                (
                    'allowPrivilegeEscalation != false (container "a" must set '
                    "securityContext.allowPrivilegeEscalation=false)"
                ),
                (
                    'unrestricted capabilities (container "a" must set '
                    'securityContext.capabilities.drop=["ALL"])'
                ),
                (
                    'runAsNonRoot != true (pod or container "a" must set '
                    "securityContext.runAsNonRoot=true)"
                ),
                (
                    'seccompProfile (pod or container "a" must set '
                    'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
                ),
            ],
            id="a plain pod breaks restricted four times",
        ),
        pytest.param(
            "restricted",
            pod({"securityContext": SAFE}, volumes=[{"name": "n", "nfs": {}}]),
            ['restricted volume types (volume "n" uses restricted volume type "nfs")'],
            id="network volumes break restricted",
        ),
        pytest.param(
            "restricted",
            pod({"securityContext": {**SAFE, "runAsUser": 0}}),
            ['runAsUser=0 (container "a" must not set runAsUser=0)'],
            id="root breaks restricted",
        ),
    ],
)
def test_levels_allow_what_the_standards_say(
    level: str, spec: dict[str, Any], expected: list[str]
) -> None:
    assert [str(one) for one in violations(level, {}, spec)] == expected
