"""HTTP answers: bytes with the headers that clients of the real server see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from steersman.objects.apistatus import ApiError

__all__ = ["PLAIN_404", "reply", "reply_error", "reply_text", "reply_value"]

PLAIN_404 = b"404 page not found\n"
_CACHE = "no-cache, private"


def reply(
    body: bytes,
    *,
    status: int = 200,
    media_type: str = "application/json",
    warnings: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Builds an answer from bytes."""
    fields: CIMultiDict[str] = CIMultiDict()
    fields["Cache-Control"] = _CACHE
    fields["Content-Type"] = media_type
    for name, value in (headers or {}).items():
        fields[name] = value
    for text in dict.fromkeys(warnings):
        fields.add("Warning", _warning(text))
    return web.Response(body=body, status=status, headers=fields)


def _warning(text: str) -> str:
    kept = "".join(character if character.isprintable() else " " for character in text)
    escaped = kept.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'


def reply_value(
    value: Any, *, status: int = 200, pretty: bool = False, warnings: Iterable[str] = ()
) -> web.Response:
    """Builds an answer from a plain value."""
    body = msgspec.json.encode(value)
    body = msgspec.json.format(body, indent=2) if pretty else body + b"\n"
    return reply(body, status=status, warnings=warnings)


def reply_text(text: bytes, *, status: int = 200) -> web.Response:
    """Builds a plain text answer."""
    headers = {"X-Content-Type-Options": "nosniff"} if status >= 400 else {}
    return reply(text, status=status, media_type="text/plain; charset=utf-8", headers=headers)


def reply_error(error: ApiError, warnings: Iterable[str] = ()) -> web.Response:
    """Builds the Status answer of a failure."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(int(error.retry_after))
    body = msgspec.json.encode(error.to_status()) + b"\n"
    return reply(body, status=error.code, headers=headers, warnings=warnings)
