from __future__ import annotations

from dataclasses import dataclass

import pytest

from steersman.objects.identity import ObjectRef
from steersman.runtime.cache import Change
from steersman.runtime.queue import HIGH, LOW, NORMAL
from steersman.runtime.triggers import (
    became_ready,
    in_dependency_order,
    own_change,
    revision_changed,
)

REF = ObjectRef("example.com", "Thing", "", "a")
REQUESTED = "reconcile.fluxcd.io/requestedAt"


def thing(generation: int = 1, status: dict | None = None, **metadata: object) -> dict:
    return {"metadata": {"generation": generation, "uid": "u", **metadata}, "status": status or {}}


def change(old: dict | None, new: dict | None, *, initial: bool = False) -> Change:
    return Change(REF, old, new, initial)


@dataclass(frozen=True)
class Case:
    id: str
    change: Change
    expected: tuple[str, int] | None


CASES = [
    Case(
        "what is there at the start can wait",
        change(None, thing(), initial=True),
        ("first seen", LOW),
    ),
    Case("a new object is reconciled", change(None, thing()), ("created", NORMAL)),
    Case("a new generation is reconciled", change(thing(1), thing(2)), ("spec changed", NORMAL)),
    Case(
        "a request goes first",
        change(thing(1), thing(2, annotations={REQUESTED: "now"})),
        ("requested", HIGH),
    ),
    Case(
        "any other value is a new request",
        change(thing(annotations={REQUESTED: "b"}), thing(annotations={REQUESTED: "a"})),
        ("requested", HIGH),
    ),
    Case(
        "a deletion is finalized",
        change(thing(1), thing(2, deletionTimestamp="now")),
        ("deleted", NORMAL),
    ),
    Case(
        "another object of that name is a new one",
        change(thing(), thing(uid="v")),
        ("created", NORMAL),
    ),
    Case("a status does not count", change(thing(), thing(status={"a": 1})), None),
    Case(
        "labels and other annotations do not count",
        change(thing(), thing(labels={"a": "b"}, annotations={"c": "d"})),
        None,
    ),
    Case("what is gone needs no reconcile", change(thing(), None), None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_changes_of_the_object_itself(case: Case):
    assert own_change(case.change) == case.expected


def source(revision: str | None) -> dict:
    return thing(status={"artifact": {"revision": revision}} if revision else {})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (source("a"), source("b"), True),
        (source(None), source("a"), True),
        (None, source("a"), True),
        (source("a"), source("a"), False),
        (source("a"), source(None), False),
        (source("a"), None, False),
    ],
)
def test_a_source_counts_when_its_revision_changes(old, new, expected):
    assert revision_changed(change(old, new)) is expected


def ready(status: str, message: str = "m", generation: int = 1) -> dict:
    condition = {
        "type": "Ready",
        "status": status,
        "reason": "Because",
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": generation,
    }
    return thing(status={"conditions": [condition]})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (ready("False"), ready("True"), True),
        (thing(), ready("True"), True),
        (ready("True", "revision a"), ready("True", "revision b"), True),
        (ready("True", generation=1), ready("True", generation=2), True),
        (ready("True"), ready("True"), False),
        (ready("True"), ready("False"), False),
        (ready("True"), None, False),
    ],
)
def test_a_dependency_counts_when_it_becomes_ready_or_ready_about_more(old, new, expected):
    assert became_ready(change(old, new)) is expected


def named(name: str, *needs: str) -> dict:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": name},
        "spec": {"needs": needs},
    }


def needs(manifest: dict) -> list[ObjectRef]:
    return [ObjectRef("example.com", "Thing", "", name) for name in manifest["spec"]["needs"]]


def test_dependencies_come_before_dependents():
    things = [named("c", "b"), named("b", "a", "elsewhere"), named("a"), named("d")]
    order = in_dependency_order(things, needs)
    assert [ref.name for ref in order] == ["a", "b", "c", "d"]


def test_a_cycle_loses_nobody():
    order = in_dependency_order([named("a", "b"), named("b", "a")], needs)
    assert sorted(ref.name for ref in order) == ["a", "b"]
