"""Talk on a terminal, and where there is none."""

from __future__ import annotations

import io

import pytest

from steersman.cli.render.terminal import Terminal


def talk(*, colour: bool, progress: bool) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out, err, colour=colour, progress=progress)
    terminal.action("annotating")
    terminal.waiting("waiting")
    terminal.waiting("waiting")
    terminal.waiting("still waiting")
    terminal.success("done")
    terminal.data("answer")
    return out.getvalue(), err.getvalue()


def test_without_a_terminal_each_line_is_said_once() -> None:
    assert talk(colour=False, progress=False) == (
        "answer\n",
        "► annotating\n◎ waiting\n◎ still waiting\n✔ done\n",
    )


def test_on_a_terminal_waiting_is_one_line_that_goes_away() -> None:
    clear = "\r\x1b[2K"
    assert talk(colour=False, progress=True) == (
        "answer\n",
        f"► annotating\n{clear}◎ waiting{clear}◎ still waiting{clear}✔ done\n",
    )


def test_colours_are_only_around_glyphs() -> None:
    assert talk(colour=True, progress=False)[1] == (
        "\x1b[36m►\x1b[0m annotating\n◎ waiting\n◎ still waiting\n\x1b[32m✔\x1b[0m done\n"
    )


@pytest.mark.parametrize("style", ["green", "yellow", "red", "cyan", "bold"])
def test_paint_is_the_identity_without_colours(style: str) -> None:
    terminal = Terminal(io.StringIO(), io.StringIO(), colour=False, progress=False)
    assert terminal.paint("x", style) == "x"
