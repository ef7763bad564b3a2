"""The pages of the state machines are those of the tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts.states import PAGES

STATES = Path(__file__).parents[2] / "docs" / "states"


@pytest.mark.parametrize("name", PAGES)
def test_a_state_page_is_new(name: str) -> None:
    assert (STATES / name).read_text() == PAGES[name](), "run `make docs`"


def test_no_page_is_left_over() -> None:
    assert sorted(path.name for path in STATES.iterdir()) == sorted(PAGES)
