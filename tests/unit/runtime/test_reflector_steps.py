"""The reflector's table: every phase, every happening; and playbooks of what servers do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from steersman.clients.kube import ObjectList, WatchEvent, WatchType
from steersman.runtime.reflector import (
    PHASES,
    Apply,
    Begin,
    Call,
    Commit,
    Delete,
    Ended,
    Expired,
    Failed,
    Happening,
    Instruction,
    Listed,
    Memory,
    Opened,
    Phase,
    Stage,
    Told,
    Unstage,
    Unsupported,
    next_call,
    step,
)


def an_object(name: str, version: str) -> dict:
    return {"metadata": {"name": name, "resourceVersion": version}}


A1, A2, B5 = an_object("a", "1"), an_object("a", "2"), an_object("b", "5")
BOOKMARK = {"metadata": {"resourceVersion": "9"}}
END = {"metadata": {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}}}


def told(type: str, manifest: dict) -> Told:
    return Told(WatchEvent(WatchType(type), manifest))


LISTED = Listed(ObjectList((A1, B5), "6"))
HAPPENINGS: dict[str, Happening] = {
    "listed": LISTED,
    "opened": Opened(),
    "added": told("ADDED", B5),
    "modified": told("MODIFIED", A2),
    "deleted": told("DELETED", A2),
    "bookmark": told("BOOKMARK", BOOKMARK),
    "end of initial": told("BOOKMARK", END),
    "ended": Ended(300.0, True),
    "ended silent": Ended(300.0, False),
    "ended at once": Ended(0.1, False),
    "expired": Expired(),
    "unsupported": Unsupported(),
    "failed": Failed(),
}
KNOWN = {"resource_version": "6"}
E, S, L, W = Phase.EMPTY, Phase.STREAMING, Phase.LISTED, Phase.WATCHING

#: phase before, happening: phase after, resource version, failures, instructions
TABLE: dict[tuple[Phase, str], tuple[Phase, str, int, tuple[Instruction, ...]]] = {}
for phase in Phase:
    streaming = phase in (E, S)
    kept = L if phase in (L, W) else E
    TABLE |= {
        (phase, "listed"): (L, "6", 0, (Begin(), Stage(A1), Stage(B5), Commit("6"))),
        (phase, "opened"): (S, "6", 3, (Begin(),)) if streaming else (W, "6", 3, ()),
        (phase, "ended"): (kept, "6", 0, ()),
        (phase, "ended silent"): (kept, "6", 0, ()),
        (phase, "ended at once"): (kept, "6", 4, ()),
        (phase, "expired"): (E, "", 4 if phase is E else 3, ()),
        (phase, "unsupported"): (E, "6", 3, ()),
        (phase, "failed"): (kept, "6", 4, ()),
    }
    if phase is S:
        TABLE |= {
            (S, "added"): (S, "6", 0, (Stage(B5),)),
            (S, "modified"): (S, "6", 0, (Stage(A2),)),
            (S, "deleted"): (S, "6", 0, (Unstage(A2),)),
            (S, "bookmark"): (S, "6", 0, ()),
            (S, "end of initial"): (W, "7", 0, (Commit("7"),)),
        }
    else:
        TABLE |= {
            (phase, "added"): (phase, "5", 0, (Apply(B5),)),
            (phase, "modified"): (phase, "2", 0, (Apply(A2),)),
            (phase, "deleted"): (phase, "2", 0, (Delete(A2),)),
            (phase, "bookmark"): (phase, "9", 0, ()),
            (phase, "end of initial"): (phase, "7", 0, ()),
        }


@pytest.mark.parametrize(("phase", "name"), TABLE, ids=lambda part: str(part))
def test_every_transition(phase: Phase, name: str):
    before = Memory(phase=phase, resource_version="6", failures=3)
    after, instructions = step(before, HAPPENINGS[name])
    expected_phase, version, failures, expected = TABLE[phase, name]
    assert (after.phase, after.resource_version, after.failures) == (
        expected_phase,
        version,
        failures,
    )
    assert instructions == expected


def test_the_table_is_complete():
    assert set(TABLE) == {(phase, name) for phase in Phase for name in HAPPENINGS}


def test_every_phase_is_explained():
    assert set(PHASES) == set(Phase)


def test_only_a_server_without_streams_is_asked_for_lists():
    assert next_call(Memory()) is Call.STREAM
    after, _ = step(Memory(), Unsupported())
    assert next_call(after) is Call.LIST
    assert next_call(Memory(phase=Phase.LISTED)) is Call.WATCH


@dataclass
class Playbook:
    """``given().when(...).then(...)``: what a server does, and what the store is told."""

    memory: Memory = field(default_factory=Memory)
    instructions: list[Instruction] = field(default_factory=list)

    def calls(self, call: Call) -> Playbook:
        assert next_call(self.memory) is call
        return self

    def when(self, *happenings: Happening) -> Playbook:
        for happening in happenings:
            self.memory, instructions = step(self.memory, happening)
            self.instructions += instructions
        return self

    def then(self, *instructions: Instruction) -> Playbook:
        assert tuple(self.instructions) == instructions
        self.instructions = []
        return self


def test_a_server_that_streams():
    (
        Playbook()
        .calls(Call.STREAM)
        .when(Opened(), told("ADDED", A1), told("BOOKMARK", END), told("MODIFIED", A2))
        .then(Begin(), Stage(A1), Commit("7"), Apply(A2))
        .when(Ended(300, True))
        .calls(Call.WATCH)
        .when(Opened(), told("DELETED", A2))
        .then(Delete(A2))
    )


def test_a_stream_that_breaks_half_way_begins_again_and_shows_nothing():
    (
        Playbook()
        .when(Opened(), told("ADDED", A1), Failed())
        .then(Begin(), Stage(A1))
        .calls(Call.STREAM)
        .when(Opened(), told("ADDED", B5), told("BOOKMARK", END))
        .then(Begin(), Stage(B5), Commit("7"))
    )


def test_an_old_server_that_lists():
    (
        Playbook()
        .when(Unsupported())
        .calls(Call.LIST)
        .when(LISTED)
        .then(Begin(), Stage(A1), Stage(B5), Commit("6"))
        .calls(Call.WATCH)
        .when(Opened(), told("BOOKMARK", BOOKMARK), Expired())
        .then()
        .calls(Call.LIST)
    )


def test_a_server_that_refuses_politely_is_not_asked_without_pause():
    book = Playbook(memory=Memory(phase=Phase.LISTED))
    book.when(*[Ended(0.0, False)] * 5)
    assert book.memory.failures == 5
