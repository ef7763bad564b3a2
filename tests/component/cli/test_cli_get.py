"""``steersman get`` against embedded clusters."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest
import yaml

from steersman.cli.main import run
from tests.support.liveclusters import (
    LiveClusters,
    a_gitrepository,
    a_kustomization,
    condition,
    ready,
)

MAIN = "main@sha1:0123456789abcdef0123456789abcdef01234567"

APPLIED = f"Applied revision: {MAIN}"
FAILED = "line one line two"
WAITING = "waiting to be reconciled"


@pytest.fixture
def filled(clusters: LiveClusters) -> LiveClusters:
    for cluster in ("staging", "prod"):
        clusters.put(
            cluster,
            a_gitrepository("infra", MAIN),
            a_kustomization("infra", ready(MAIN, APPLIED)),
        )
    clusters.put(
        "prod",
        a_kustomization(
            "backup",
            {
                "observedGeneration": -1,
                "conditions": [
                    condition("Ready", "False", "BuildFailed", "line one\n  line two"),
                ],
                "lastAttemptedRevision": MAIN,
            },
        ),
        a_kustomization("new"),
    )
    return clusters


def test_all_clusters_are_one_table(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["get", "all", "-A"]) == 3
    said = capsys.readouterr()
    assert said.err == ""
    short = "main@sha1:01234567"
    stored, applied = f"stored {short}", f"Applied revision: {short}"
    rows = [
        f"staging  flux-system  gitrepository/infra   {short}  False      True     {stored}",
        f"staging  flux-system  kustomization/infra   {short}  False      True     {applied}",
        f"prod     flux-system  gitrepository/infra   {short}  False      True     {stored}",
        f"prod     flux-system  kustomization/backup  {' ':18}  False      False    {FAILED}",
        f"prod     flux-system  kustomization/infra   {short}  False      True     {applied}",
        f"prod     flux-system  kustomization/new     {' ':18}  False      Unknown  {WAITING}",
    ]
    assert said.out.splitlines() == [
        f"CLUSTER  NAMESPACE    NAME                  {'REVISION':18}  SUSPENDED  READY    MESSAGE",
        *rows,
    ]


def test_one_cluster_one_kind(filled: LiveClusters, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get", "ks", "--cluster", "staging"]) == 0
    assert capsys.readouterr().out == (
        "NAME   REVISION            SUSPENDED  READY  MESSAGE\n"
        "infra  main@sha1:01234567  False      True   Applied revision: main@sha1:01234567\n"
    )


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_documents_hold_everything(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    assert run(["get", "kustomization/backup", "-A", "--cluster", "prod", "-o", output]) == 3
    text = capsys.readouterr().out
    document: dict[str, Any] = json.loads(text) if output == "json" else yaml.safe_load(text)
    (item,) = document.pop("items")
    item.pop("conditions")
    assert document == {
        "apiVersion": "steersman/v1",
        "kind": "StatusReport",
        "summary": {"total": 1, "ready": 0, "notReady": 1, "suspended": 0},
        "failures": [],
    }
    assert item == {
        "cluster": "prod",
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "namespace": "flux-system",
        "name": "backup",
        "ready": "False",
        "reason": "BuildFailed",
        "message": "line one\n  line two",
        "since": "2026-01-02T03:04:05Z",
        "revision": "",
        "attemptedRevision": MAIN,
        "suspended": False,
        "reconciling": False,
        "stalled": False,
        "upToDate": False,
    }


def test_names_are_kubectl_s(filled: LiveClusters, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get", "sources", "git", "-A", "-o", "name"]) == 0
    assert capsys.readouterr().out == (
        "staging:gitrepository.source.toolkit.fluxcd.io/infra\n"
        "prod:gitrepository.source.toolkit.fluxcd.io/infra\n"
    )


def test_a_status_selector_filters(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["get", "all", "-A", "--status-selector", "ready=false", "--no-header"]) == 3
    assert capsys.readouterr().out.split() == [
        *("prod", "flux-system", "kustomization/backup", "False", "False"),
        *("line", "one", "line", "two"),
    ]


def test_a_kubeconfig_names_one_cluster(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--kubeconfig", str(filled.kubeconfig("staging"))]
    assert run(["get", "gitrepositories", *arguments, "-o", "name"]) == 0
    assert capsys.readouterr().out == "gitrepository.source.toolkit.fluxcd.io/infra\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["ks", "nope", "--cluster", "staging"],
            1,
            "✗ error: NotFound: there is no Kustomization `nope` in namespace `flux-system`\n",
        ),
        (
            ["ks", "--cluster", "nope"],
            1,
            "✗ error: NoCluster: there is no cluster `nope`\n  hint: there are staging, prod\n",
        ),
        (["ks", "-n", "default", "--cluster", "staging"], 0, "no objects found\n"),
        (
            ["deployments"],
            2,
            "there is no kind 'deployments'; there is all, gitrepositories, kustomizations",
        ),
        (["ks", "-A", "-n", "x"], 2, "--namespace and --all-namespaces exclude each other"),
    ],
    ids=["unknown name", "unknown cluster", "empty namespace", "unknown kind", "-A with -n"],
)
def test_what_is_not_there(
    filled: LiveClusters,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    assert run(["get", *arguments]) == code
    output = capsys.readouterr()
    assert said in output.err
    assert output.out == ""


def test_a_cluster_that_is_down_spoils_nothing_else(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.kubeconfig("prod").write_text(
        filled.kubeconfig("prod")
        .read_text()
        .replace(filled.servers["prod"].tls_url, "https://127.0.0.1:1")
    )
    assert run(["get", "ks", "--no-header"]) == 1
    output = capsys.readouterr()
    assert output.out.startswith("staging  infra")
    assert output.err.startswith("✗ prod: NetworkFailed: ")


def heed_interrupts() -> None:
    """Undoes what a test run in the background inherits: shells have such jobs ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_watching_shows_what_changes(
    filled: LiveClusters, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["get", "ks", "infra", "--cluster", "staging", "-w", "-o", "json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "steersman", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    filled.set_status("staging", a_kustomization("infra"), ready("main@sha1:" + "f" * 40))
    second = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=90)
    assert (first["revision"], second["revision"]) == (MAIN, "main@sha1:" + "f" * 40)
    assert process.returncode == 130
