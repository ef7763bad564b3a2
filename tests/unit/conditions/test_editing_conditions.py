from __future__ import annotations

from itertools import count

from steersman.conditions import StatusEditor
from steersman.conditions.edit import to_wire


def editor(status: dict | None = None, generation: int = 2) -> StatusEditor:
    ticks = (f"2026-01-01T00:00:{second:02}Z" for second in count())
    return StatusEditor(
        {"metadata": {"generation": generation}, "status": status or {}}, ticks.__next__
    )


def times(status: StatusEditor) -> dict[str, str]:
    return {c.type: c.last_transition_time[-3:-1] for c in status.conditions}


def test_a_condition_keeps_its_time_while_it_says_the_same():
    status = editor()
    status.mark_ready("Succeeded", "fine")
    status.mark_ready("Succeeded", "fine")
    assert times(status) == {"Ready": "00"}
    status.mark_ready("Succeeded", "finer")
    assert times(status) == {"Ready": "01"}


def test_a_detour_that_was_never_written_leaves_no_trace():
    first = editor()
    first.mark_ready("Succeeded", "fine")
    wire = {"conditions": to_wire(first.conditions)}
    status = editor(wire)
    status.mark_unknown("Ready", "Progressing", "working")
    status.mark_ready("Succeeded", "fine")
    assert to_wire(status.conditions) == wire["conditions"]


def test_a_detour_that_was_written_moves_the_time():
    first = editor()
    first.mark_ready("Succeeded", "fine")
    status = editor({"conditions": to_wire(first.conditions)})
    status.mark_unknown("Ready", "Progressing", "working")
    status.mark_written()
    status.mark_ready("Succeeded", "fine")
    assert times(status) == {"Ready": "01"}


def test_a_condition_that_says_the_same_is_about_the_new_generation():
    status = editor(generation=1)
    status.mark_ready("Succeeded", "fine")
    wire = {"conditions": to_wire(status.conditions)}
    later = editor(wire, generation=5)
    later.mark_ready("Succeeded", "fine")
    assert to_wire(later.conditions) == [{**wire["conditions"][0], "observedGeneration": 5}]


def test_conditions_are_sorted_for_readers():
    status = editor()
    for type in ("FetchFailed", "ArtifactInStorage", "Ready"):
        status.mark_true(type, "Because", "it is so")
    status.mark_reconciling("Progressing", "working")
    order = [c.type for c in status.conditions]
    assert order == ["Reconciling", "Ready", "ArtifactInStorage", "FetchFailed"]


def test_reconciling_and_stalled_replace_each_other():
    status = editor()
    status.mark_reconciling("Progressing", "working")
    status.mark_stalled("InvalidURL", "no")
    assert [c.type for c in status.conditions] == ["Stalled"]
    status.mark_reconciling("Progressing", "working")
    assert [c.type for c in status.conditions] == ["Reconciling"]


def test_progress_leaves_a_ready_that_says_something():
    status = editor()
    status.mark_progressing("Progressing", "begin")
    assert status.condition("Ready").status == "Unknown"
    status.mark_ready("Succeeded", "fine")
    status.mark_progressing("Progressing", "again")
    assert status.is_true("Ready")
    status.mark_progressing("Progressing", "again", drift=True)
    assert status.condition("Ready").status == "Unknown"


def test_messages_that_are_too_long_are_cut():
    status = editor()
    status.mark_ready("Succeeded", "x" * 40_000)
    message = status.condition("Ready").message
    assert (len(message), message[-4:]) == (32_768, "x...")


def test_the_object_that_was_read_is_never_changed():
    obj = {"metadata": {"generation": 1}, "status": {"a": 1, "conditions": []}}
    status = StatusEditor(obj, lambda: "2026-01-01T00:00:00Z")
    status.set("a", 2)
    status.mark_ready("Succeeded", "fine")
    assert obj == {"metadata": {"generation": 1}, "status": {"a": 1, "conditions": []}}


def test_broken_conditions_are_dropped():
    assert editor({"conditions": [{"type": "Ready"}, 7]}).conditions == ()
