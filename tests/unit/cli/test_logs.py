"""The log on stderr."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from steersman.cli.logs import configure_logging


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_record_is_one_line_of_keys(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    extra = {"controller": "kustomization", "error": "line one\n line two"}
    logging.getLogger("steersman.runtime").error("reconcile failed", extra=extra)
    logging.getLogger("steersman.runtime").debug("not shown")
    said = capsys.readouterr().err
    assert re.sub(r"^[\d:.]+", "TIME", said) == (
        'TIME error reconcile failed controller=kustomization error="line one line two"\n'
    )


def test_a_traceback_follows(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("error")
    try:
        raise ValueError("oops")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert "ValueError: oops" in capsys.readouterr().err


def test_none_is_silent_and_later_calls_replace_earlier_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info")
    configure_logging("info")
    logging.getLogger("x").info("once")
    configure_logging("none")
    logging.getLogger("x").error("never")
    assert capsys.readouterr().err.count("once") == 1
