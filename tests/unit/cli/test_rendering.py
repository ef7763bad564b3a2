"""How answers look."""

from __future__ import annotations

import io

import pytest

from steersman.cli.kinds import Wanted, find_kind, parse_wanted
from steersman.cli.render.status import short_revision
from steersman.cli.render.table import render_table
from steersman.cli.render.terminal import Terminal
from steersman.cli.render.tree import render_tree
from steersman.queries.status import StatusReport, status_of
from steersman.queries.tree import TreeNode


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [["a", "", "long message"], ["longer", "x", "m"]]
    assert render_table(["NAME", "READY", "MESSAGE"], rows) == (
        "NAME    READY  MESSAGE\na              long message\nlonger  x      m\n"
    )
    assert render_table(["NAME"], [], header=False) == ""


@pytest.mark.parametrize(
    ("revision", "short"),
    [
        ("main@sha1:0123456789abcdef0123456789abcdef01234567", "main@sha1:01234567"),
        ("sha256:0123456789abcdef", "sha256:01234567"),
        ("6.5.0", "6.5.0"),
        ("", ""),
    ],
)
def test_hashes_are_shortened(revision: str, short: str) -> None:
    assert short_revision(revision) == short


def node(kind: str, name: str, *children: TreeNode, exists: bool = True) -> TreeNode:
    return TreeNode(
        group="", version="v1", kind=kind, namespace="", name=name, exists=exists, children=children
    )


def test_a_tree_has_lines() -> None:
    tree = node("A", "a", node("B", "b", node("C", "c")), node("D", "d", exists=False))
    terminal = Terminal(io.StringIO(), io.StringIO(), colour=False, progress=False)
    assert render_tree(tree, terminal) == "A/a\n├── B/b\n│   └── C/c\n└── D/d ✗ not found\n"


@pytest.mark.parametrize(
    ("words", "kinds", "name"),
    [
        ([], ["GitRepository", "Kustomization"], ""),
        (["all"], ["GitRepository", "Kustomization"], ""),
        (["ks", "infra"], ["Kustomization"], "infra"),
        (["ks/infra"], ["Kustomization"], "infra"),
        (["Kustomization/infra"], ["Kustomization"], "infra"),
        (["source", "git", "infra"], ["GitRepository"], "infra"),
        (["sources", "all"], ["GitRepository"], ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_words_for_kinds(words: list[str], kinds: list[str], name: str) -> None:
    wanted = parse_wanted(words)
    assert ([kind.gvk.kind for kind in wanted.kinds], wanted.name) == (kinds, name)


def test_a_kind_has_several_names() -> None:
    kind = find_kind("ks")
    assert kind is not None
    assert parse_wanted(["kustomizations"]) == Wanted((kind,), "")
    assert find_kind("pods") is None


def test_an_object_without_status_waits() -> None:
    report = StatusReport.of([status_of({"kind": "Kustomization"}, "c")])
    assert (report.all_ready, report.items[0].ready) == (False, "Unknown")
    assert report.items[0].message == "waiting to be reconciled"


def test_no_objects_are_all_ready() -> None:
    assert StatusReport.of([]).all_ready
