"""Where a source is really fetched from: a table of URL prefixes, for mirrors and rehearsals."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["mirrored"]


def mirrored(url: str, mirrors: Mapping[str, str]) -> str:
    """Returns the address to fetch from.

    The longest prefix wins. A prefix ends where a part of the path ends: ``https://git.corp`` does
    not stand for ``https://git.corporation``.

    Args:
        url: as the object names it.
        mirrors: URL prefix to URL prefix.
    """
    for prefix in sorted(mirrors, key=len, reverse=True):
        base = prefix.rstrip("/")
        if url == base or url.startswith(f"{base}/"):
            return mirrors[prefix].rstrip("/") + url[len(base) :]
    return url
