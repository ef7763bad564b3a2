from __future__ import annotations

import pytest

from steersman.apply.changeset import Action, Change, ChangeSet
from steersman.apply.inventory import Entry, InvalidInventoryId, Inventory, format_id, parse_id
from steersman.apply.prune import Pruning, judge_deletion, plan_prune, select_survivors
from steersman.objects.identity import ObjectRef

RBAC = "rbac.authorization.k8s.io"
IDS = {
    "default_web_apps_Deployment": ObjectRef("apps", "Deployment", "default", "web"),
    "_foo__Namespace": ObjectRef("", "Namespace", "", "foo"),
    "default_a.b__ConfigMap": ObjectRef("", "ConfigMap", "default", "a.b"),
    f"_system__auth_{RBAC}_ClusterRole": ObjectRef(RBAC, "ClusterRole", "", "system:auth"),
}


def test_ids_have_one_text_form() -> None:
    assert {format_id(ref): ref for ref in IDS.values()} == IDS
    assert {text: parse_id(text) for text in IDS} == IDS


@pytest.mark.parametrize("text", ["", "a", "a_b", "a_b_c", "a_b_c_d_e"])
def test_ids_that_do_not_parse_are_refused(text: str) -> None:
    with pytest.raises(InvalidInventoryId):
        parse_id(text)


def entry(kind: str, name: str, version: str = "v1", namespace: str = "n") -> Entry:
    return Entry(ObjectRef("", kind, namespace, name), version)


def test_status_round_trip_keeps_order() -> None:
    status = {"entries": [{"id": "n_b__ConfigMap", "v": "v1"}, {"id": "n_a__ConfigMap", "v": "v1"}]}
    assert Inventory.from_status(status).to_status() == status
    assert Inventory.from_status(None).to_status() == {"entries": []}


def test_what_left_the_inventory_is_deleted_in_reverse_order() -> None:
    before = Inventory([entry("Namespace", "n"), entry("ConfigMap", "a"), entry("Secret", "b")])
    after = Inventory([entry("ConfigMap", "c")])
    assert plan_prune(before, after) == (
        entry("Secret", "b"),
        entry("ConfigMap", "a"),
        entry("Namespace", "n"),
    )


def test_a_new_version_of_the_same_object_prunes_nothing() -> None:
    before, after = Inventory([entry("X", "a", "v1")]), Inventory([entry("X", "a", "v2")])
    assert plan_prune(before, after) == ()


OWNER = {"kustomize.toolkit.fluxcd.io/name": "k", "kustomize.toolkit.fluxcd.io/namespace": "f"}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param({"labels": OWNER}, Pruning.DELETE, id="our object goes"),
        pytest.param({}, Pruning.KEEP, id="an object without labels stays"),
        pytest.param(
            {"labels": {**OWNER, "kustomize.toolkit.fluxcd.io/name": "other"}},
            Pruning.KEEP,
            id="an object that moved to another owner stays",
        ),
        pytest.param(
            {"labels": {**OWNER, "kustomize.toolkit.fluxcd.io/prune": "Disabled"}},
            Pruning.KEEP,
            id="prune: disabled as a label keeps it, in any case",
        ),
        pytest.param(
            {"labels": OWNER, "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}},
            Pruning.KEEP,
            id="ssa: Ignore as an annotation keeps it",
        ),
        pytest.param(
            {"labels": OWNER, "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}},
            Pruning.DELETE,
            id="ssa: Merge does not keep it",
        ),
    ],
)
def test_deletions_are_judged_on_the_live_object(
    metadata: dict[str, object], expected: Pruning
) -> None:
    assert judge_deletion({"metadata": metadata}, OWNER) is expected


def test_an_object_that_is_gone_is_settled() -> None:
    assert judge_deletion(None, OWNER) is Pruning.GONE


def test_survivors_are_what_was_neither_deleted_nor_skipped() -> None:
    stale = (entry("X", "a"), entry("X", "b"), entry("X", "c"))
    changes = ChangeSet(
        [
            Change(stale[0].ref, "v1", Action.DELETED),
            Change(stale[1].ref, "v1", Action.UNKNOWN),
            Change(stale[2].ref, "v1", Action.SKIPPED),
        ]
    )
    assert select_survivors(stale, changes) == (stale[1],)


def test_a_change_set_says_what_happened() -> None:
    changes = ChangeSet(
        [
            Change(ObjectRef("", "Namespace", "", "n"), "v1", Action.CREATED),
            Change(ObjectRef("", "ConfigMap", "n", "a"), "v1", Action.UNCHANGED),
            Change(ObjectRef("", "ConfigMap", "n", "b"), "v1", Action.SKIPPED),
        ]
    )
    assert changes.effective().summary() == "Namespace/n created"
    assert [format_id(entry.ref) for entry in changes.inventory()] == [
        "_n__Namespace",
        "n_a__ConfigMap",
        "n_b__ConfigMap",
    ]
    assert changes.applied() == (
        ObjectRef("", "Namespace", "", "n"),
        ObjectRef("", "ConfigMap", "n", "a"),
    )
