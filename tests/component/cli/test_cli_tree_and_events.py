"""``tree`` and ``events`` against embedded clusters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steersman.cli.main import run
from tests.support.liveclusters import LiveClusters, a_gitrepository, a_kustomization, ready

MAIN = "main@sha1:0123456789abcdef0123456789abcdef01234567"


def inventory(*ids: str) -> dict[str, Any]:
    return {"inventory": {"entries": [{"id": id, "v": "v1"} for id in ids]}}


def an_event(name: str, about: str, minute: int, **more: Any) -> dict[str, Any]:
    kind, _, object_name = about.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "flux-system"},
        "involvedObject": {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1" if kind == "Kustomization" else "v1",
            "kind": kind,
            "name": object_name,
            "namespace": "flux-system",
        },
        "type": "Normal",
        "reason": "ReconciliationSucceeded",
        "message": "done",
        "firstTimestamp": f"2026-01-01T00:{minute:02}:00Z",
        "lastTimestamp": f"2026-01-01T00:{minute:02}:00Z",
        "count": 1,
        **more,
    }


@pytest.fixture
def filled(clusters: LiveClusters) -> LiveClusters:
    clusters.put(
        "staging",
        a_gitrepository("flux-system", MAIN),
        a_kustomization(
            "flux-system",
            ready(
                MAIN,
                **inventory(
                    "_flux-system__Namespace",
                    "flux-system_flux-system_source.toolkit.fluxcd.io_GitRepository",
                    "flux-system_flux-system_kustomize.toolkit.fluxcd.io_Kustomization",
                    "flux-system_infra_kustomize.toolkit.fluxcd.io_Kustomization",
                    "flux-system_gone_kustomize.toolkit.fluxcd.io_Kustomization",
                ),
            ),
        ),
        a_kustomization(
            "infra",
            ready(
                MAIN,
                **inventory(
                    "backup_operator_apps_Deployment", "_a__b_rbac.authorization.k8s.io_ClusterRole"
                ),
            ),
            suspend=True,
        ),
        an_event("one", "Kustomization/infra", 2, type="Warning", reason="BuildFailed", count=3),
        an_event("two", "Kustomization/flux-system", 1),
        an_event("pod", "Pod/web", 0),
    )
    return clusters


def test_a_tree_follows_inventories(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tree", "--cluster", "staging"]) == 0
    assert capsys.readouterr().out == (
        "Kustomization/flux-system/flux-system ✔\n"
        "├── Namespace/flux-system\n"
        "├── GitRepository/flux-system/flux-system ✔\n"
        "├── Kustomization/flux-system/infra ✔ suspended\n"
        "│   ├── Deployment/backup/operator\n"
        "│   └── ClusterRole/a:b\n"
        "└── Kustomization/flux-system/gone ✗ not found\n"
    )


def test_a_compact_tree_holds_flux_objects_only(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["tree", "ks", "flux-system", "--compact", "--cluster", "staging", "-o", "json"]) == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert (document["apiVersion"], document["kind"]) == ("steersman/v1", "TreeReport")
    (tree,) = document["items"]
    assert tree["cluster"] == "staging"
    assert [(child["kind"], child["name"]) for child in tree["root"]["children"]] == [
        ("GitRepository", "flux-system"),
        ("Kustomization", "infra"),
        ("Kustomization", "gone"),
    ]


def test_a_tree_of_what_is_not_there(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tree", "ks", "nope", "--cluster", "staging"]) == 1
    assert 'kustomizations.kustomize.toolkit.fluxcd.io "nope" not found' in capsys.readouterr().err


def test_events_are_about_flux_objects_the_oldest_first(
    filled: LiveClusters, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["events", "--cluster", "staging", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == "EventReport"
    assert [(item["lastSeen"], item["kind"], item["name"]) for item in document["items"]] == [
        ("2026-01-01T00:01:00Z", "Kustomization", "flux-system"),
        ("2026-01-01T00:02:00Z", "Kustomization", "infra"),
    ]


def test_events_of_one_object(filled: LiveClusters, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "--for", "ks/infra", "--types", "warning"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["CLUSTER", "LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert lines[1].startswith("staging  ")
    assert lines[1].endswith("(x3)  Warning  BuildFailed  Kustomization/infra  done")
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tree", "gitrepo", "infra"], "name a Kustomization"),
        (["events", "--for", "infra"], "write KIND/NAME"),
        (["events", "--types", "Bad"], "there is Normal and Warning"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_command_lines(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert said in capsys.readouterr().err
