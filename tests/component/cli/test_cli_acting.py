"""``reconcile``, ``suspend`` and ``resume``: embedded clusters, a pretended controller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from steersman.apis import kustomization
from steersman.apis.source import gitrepository
from steersman.cli.main import run
from steersman.objects.manifest import annotations_of, generation_of
from tests.support.liveclusters import (
    LiveClusters,
    a_gitrepository,
    a_kustomization,
    condition,
    ready,
)

MAIN = "main@sha1:0123456789abcdef0123456789abcdef01234567"
NEXT = "main@sha1:fedcba9876543210fedcba9876543210fedcba98"
REQUESTED = "reconcile.fluxcd.io/requestedAt"


def answering(clusters: LiveClusters, gvk: Any, name: str, answer: Callable[[Any], Any]) -> Any:
    """Starts what a controller does: as the object changes, writes the status ``answer`` gives."""

    async def control() -> None:
        client = clusters.clients["staging"]
        version = (await client.get(gvk, name, "flux-system"))["metadata"]["resourceVersion"]
        async for change in client.watch(gvk, resource_version=version, namespace="flux-system"):
            status = answer(change.object)
            if status is not None:
                await clusters._set_status(client, change.object, status)
                return

    thread = threading.Thread(target=lambda: clusters.run(control()))
    thread.start()
    return thread


@pytest.fixture
def filled(clusters: LiveClusters) -> LiveClusters:
    clusters.put("staging", a_gitrepository("infra", MAIN), a_kustomization("infra", ready(MAIN)))
    return clusters


def requested(answer: dict[str, Any]) -> Callable[[Any], Any]:
    def handle(manifest: Any) -> Any:
        token = annotations_of(manifest).get(REQUESTED)
        return {**answer, "lastHandledReconcileAt": token} if token else None

    return handle


def test_reconcile_waits_for_the_controller(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = answering(filled, kustomization.GVK, "infra", requested(ready(NEXT)))
    assert run(["reconcile", "ks", "infra", "--cluster", "staging", "--timeout", "20s"]) == 0
    thread.join()
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert lines[0] == "► annotating Kustomization infra in flux-system namespace"
    assert "✔ Kustomization annotated" in lines
    assert "◎ waiting for Kustomization reconciliation" in lines
    assert lines[-1] == "✔ applied revision main@sha1:fedcba98"


def test_reconcile_with_source_fetches_first(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    source = a_gitrepository("infra", NEXT)["status"]
    threads = [
        answering(filled, gitrepository.GVK, "infra", requested(source)),
        answering(filled, kustomization.GVK, "infra", requested(ready(NEXT))),
    ]
    assert run(["reconcile", "ks", "infra", "--with-source", "--cluster", "staging"]) == 0
    for thread in threads:
        thread.join()
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("✔")]
    assert said == [
        "✔ GitRepository annotated",
        "✔ fetched revision main@sha1:fedcba98",
        "✔ Kustomization annotated",
        "✔ applied revision main@sha1:fedcba98",
    ]


def test_a_reconcile_that_fails_says_why(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {"conditions": [condition("Ready", "False", "BuildFailed", "no such file")]}
    thread = answering(filled, kustomization.GVK, "infra", requested(failed))
    assert run(["reconcile", "ks", "infra", "--cluster", "staging"]) == 1
    thread.join()
    assert capsys.readouterr().err.splitlines()[-1] == "✗ BuildFailed: no such file"


def test_a_reconcile_that_nobody_does_ends_in_time(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["reconcile", "ks", "infra", "--cluster", "staging", "--timeout", "200ms"]) == 1
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "✗ Timeout: Kustomization `flux-system/infra` was not done after 200ms: Applied revision",
        "  hint: see `steersman events --for Kustomization/infra -n flux-system`",
    ]


def test_a_missing_object_is_the_api_s_answer(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["reconcile", "ks", "infra", "--cluster", "prod"]) == 1
    assert 'kustomizations.kustomize.toolkit.fluxcd.io "infra" not found' in capsys.readouterr().err


def test_suspend_and_resume(filled: LiveClusters, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["suspend", "ks", "infra", "--cluster", "staging"]) == 0
    assert filled.get("staging", kustomization.GVK, "infra")["spec"]["suspend"] is True
    assert run(["suspend", "ks", "--all", "--cluster", "staging"]) == 0
    assert run(["reconcile", "ks", "infra", "--cluster", "staging"]) == 1

    def resumed(manifest: Any) -> Any:
        if manifest["spec"].get("suspend"):
            return None
        return {**ready(MAIN), "observedGeneration": generation_of(manifest)}

    thread = answering(filled, kustomization.GVK, "infra", resumed)
    assert run(["resume", "ks", "infra", "--cluster", "staging"]) == 0
    thread.join()
    assert filled.get("staging", kustomization.GVK, "infra")["spec"]["suspend"] is False
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith(("✔", "✗"))] == [
        "✔ Kustomization infra suspended",
        "✔ Kustomization infra was suspended already",
        "✗ Suspended: Kustomization `flux-system/infra` is suspended",
        "✔ Kustomization infra resumed",
        "✔ applied revision main@sha1:01234567",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reconcile"], "say which object: KIND NAME"),
        (["reconcile", "ks"], "say which one: KIND NAME"),
        (["reconcile", "gitrepo", "infra", "--with-source"], "a GitRepository has no source"),
        (["suspend", "ks", "infra", "--all"], "--all and a name exclude each other"),
        (["reconcile", "ks", "infra", "--timeout", "soon"], "write for example 90s"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_command_lines(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert said in capsys.readouterr().err
