from __future__ import annotations

from steersman.conditions import StatusContract, StatusEditor, status_patch
from steersman.conditions.patch import merge_diff

CONTRACT = StatusContract()
NOW = "2026-01-01T00:00:00Z"


def condition(type: str, reason: str = "Because") -> dict:
    return {
        "type": type,
        "status": "True",
        "reason": reason,
        "message": "m",
        "lastTransitionTime": NOW,
        "observedGeneration": 1,
    }


def an_object(status: dict, version: str = "7") -> dict:
    return {"metadata": {"generation": 1, "resourceVersion": version}, "status": status}


def test_a_merge_diff_names_only_what_differs():
    before = {"same": 1, "changed": {"a": 1, "b": 2}, "gone": 1, "list": [1]}
    after = {"same": 1, "changed": {"a": 1, "b": 3}, "new": {}, "list": [1, 2]}
    patch = {"changed": {"b": 3}, "new": {}, "gone": None, "list": [1, 2]}
    assert merge_diff(before, after) == patch


def test_nothing_is_written_when_nothing_differs():
    obj = an_object({"conditions": [condition("Ready")], "a": 1})
    status = StatusEditor(obj, lambda: NOW)
    status.mark_ready("Because", "m")
    status.set("a", 1)
    assert status_patch(obj, status, CONTRACT) is None


def test_fields_alone_are_written_without_a_lock():
    obj = an_object({"conditions": [condition("Ready")], "a": 1, "b": 2})
    status = StatusEditor(obj, lambda: NOW)
    status.set("a", 2)
    status.set("b", None)
    assert status_patch(obj, status, CONTRACT) == {"status": {"a": 2, "b": None}}


def test_conditions_of_others_survive_and_the_patch_is_locked():
    obj = an_object({"conditions": [condition("Foreign"), condition("Ready")]})
    status = StatusEditor(obj, lambda: NOW)
    status.mark_ready("Other", "m")
    assert status_patch(obj, status, CONTRACT) == {
        "metadata": {"resourceVersion": "7"},
        "status": {"conditions": [condition("Ready", "Other"), condition("Foreign")]},
    }


def test_after_a_conflict_the_newer_conditions_and_fields_of_others_survive():
    read = an_object({"conditions": [condition("Ready")], "mine": 1})
    status = StatusEditor(read, lambda: NOW)
    status.mark_stalled("Broken", "m")
    status.set("mine", 2)
    newer = an_object(
        {"conditions": [condition("Foreign"), condition("Ready")], "mine": 1, "theirs": 5}, "9"
    )
    assert status_patch(newer, status, CONTRACT) == {
        "metadata": {"resourceVersion": "9"},
        "status": {
            "mine": 2,
            "conditions": [
                condition("Stalled", "Broken"),
                condition("Ready"),
                condition("Foreign"),
            ],
        },
    }


def test_what_was_written_on_the_way_is_not_written_again():
    obj = an_object({})
    status = StatusEditor(obj, lambda: NOW)
    status.set("a", 1)
    status.mark_written()
    status.set("b", 2)
    assert status_patch(obj, status, CONTRACT) == {"status": {"b": 2}}
