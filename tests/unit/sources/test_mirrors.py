from __future__ import annotations

import pytest

from steersman.sources.mirrors import mirrored

MIRRORS = {
    "https://git.corp": "http://127.0.0.1:8080",
    "https://git.corp/platform/": "http://127.0.0.1:9090/p",
}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "https://git.corp/apps/web.git",
            "http://127.0.0.1:8080/apps/web.git",
            id="a prefix is replaced",
        ),
        pytest.param(
            "https://git.corp/platform/infra.git",
            "http://127.0.0.1:9090/p/infra.git",
            id="the longest prefix wins",
        ),
        pytest.param(
            "https://git.corporation/web.git",
            "https://git.corporation/web.git",
            id="a prefix ends where a part of the path ends",
        ),
        pytest.param("https://git.corp", "http://127.0.0.1:8080", id="the prefix itself counts"),
        pytest.param("ssh://git@host/x", "ssh://git@host/x", id="anything else stays"),
    ],
)
def test_a_url_is_mapped(url: str, expected: str) -> None:
    assert mirrored(url, MIRRORS) == expected
