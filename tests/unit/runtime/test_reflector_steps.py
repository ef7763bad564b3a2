"""The reflector's table: every phase, every happening; and playbooks of what servers do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from steersman.clients.kube import ObjectList, WatchEvent, WatchType
from steersman.errors import InvalidTransition
from steersman.runtime.reflector import (
    PHASES,
    POSSIBLE,
    Absent,
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
    "absent": Absent(),
    "failed": Failed(),
}
E, S, L, W = Phase.EMPTY, Phase.STREAMING, Phase.LISTED, Phase.WATCHING

Row = tuple[Phase, str, int, tuple[Instruction, ...]]
LOST = {
    "ended": (0, "6"),
    "ended silent": (0, "6"),
    "ended at once": (4, "6"),
    "failed": (4, "6"),
}

#: phase before, happening: phase after, resource version, failures, instructions
TABLE: dict[tuple[Phase, str], Row] = {
    (E, "listed"): (L, "6", 0, (Begin(), Stage(A1), Stage(B5), Commit("6"))),
    (E, "opened"): (S, "6", 3, (Begin(),)),
    (E, "expired"): (E, "", 4, ()),
    (E, "unsupported"): (E, "6", 3, ()),
    (E, "absent"): (E, "6", 4, (Begin(), Commit(""))),
    (S, "added"): (S, "6", 0, (Stage(B5),)),
    (S, "modified"): (S, "6", 0, (Stage(A2),)),
    (S, "deleted"): (S, "6", 0, (Unstage(A2),)),
    (S, "bookmark"): (S, "6", 0, ()),
    (S, "end of initial"): (W, "7", 0, (Commit("7"),)),
    (S, "expired"): (E, "", 3, ()),
    (S, "unsupported"): (E, "6", 3, ()),
    (L, "opened"): (W, "6", 3, ()),
    (L, "expired"): (E, "", 3, ()),
    (L, "absent"): (L, "6", 4, ()),
    (W, "added"): (W, "5", 0, (Apply(B5),)),
    (W, "modified"): (W, "2", 0, (Apply(A2),)),
    (W, "deleted"): (W, "2", 0, (Delete(A2),)),
    (W, "bookmark"): (W, "9", 0, ()),
    (W, "end of initial"): (W, "7", 0, ()),
    (W, "expired"): (E, "", 3, ()),
}
for phase, kept in ((E, E), (S, E), (L, L), (W, L)):
    for name, (failures, version) in LOST.items():
        TABLE[phase, name] = (kept, version, failures, ())


@pytest.mark.parametrize(("phase", "name"), TABLE, ids=lambda part: str(part))
def test_every_transition(phase: Phase, name: str):
    complete = phase in (L, W)
    before = Memory(phase=phase, resource_version="6", failures=3, complete=complete)
    after, instructions = step(before, HAPPENINGS[name])
    expected_phase, version, failures, expected = TABLE[phase, name]
    assert (after.phase, after.resource_version, after.failures) == (
        expected_phase,
        version,
        failures,
    )
    assert instructions == expected


IMPOSSIBLE = [(p, n) for p in Phase for n in HAPPENINGS if (p, n) not in TABLE]


@pytest.mark.parametrize(("phase", "name"), IMPOSSIBLE, ids=lambda part: str(part))
def test_what_cannot_happen_is_a_bug(phase: Phase, name: str):
    with pytest.raises(InvalidTransition, match=f" while {phase}"):
        step(Memory(phase=phase), HAPPENINGS[name])


def test_the_table_and_the_code_agree_on_what_is_possible():
    possible = {(p, n) for p in Phase for n, h in HAPPENINGS.items() if type(h) in POSSIBLE[p]}
    assert set(TABLE) == possible


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


def test_a_kind_that_is_not_served_is_complete_and_its_objects_are_news_when_it_comes():
    (
        Playbook()
        .when(Absent())
        .then(Begin(), Commit(""))
        .when(Absent(), Absent())
        .then()
        .calls(Call.STREAM)
        .when(Opened(), told("ADDED", A1), told("BOOKMARK", END))
        .then(Begin(), Stage(A1), Commit("7"))
    )


def test_a_kind_that_vanishes_for_a_while_loses_nothing():
    book = Playbook().when(LISTED).then(Begin(), Stage(A1), Stage(B5), Commit("6"))
    book.when(Expired(), Absent(), Absent()).then()
    assert book.memory.failures == 2
