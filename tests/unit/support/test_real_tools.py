from __future__ import annotations

import subprocess

import pytest

from tests.support.tools import real_kubectl


@pytest.mark.kubectl
def test_the_pinned_kubectl_runs() -> None:
    answer = subprocess.run(
        [real_kubectl(), "version", "--client"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith("Client Version: v1.")
