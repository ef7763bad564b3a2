"""Golden files: what an answer looked like when it was last read by a person.

``STEERSMAN_UPDATE_GOLDEN=1`` writes them again; read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"


def assert_golden(name: str, actual: str) -> None:
    """Compares a text with a file below ``tests/golden``."""
    path = GOLDEN / name
    if os.environ.get("STEERSMAN_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(actual)
    assert actual == path.read_text()
