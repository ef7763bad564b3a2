"""The envelope that all answers share, and answers as plain data."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec

__all__ = ["API_VERSION", "Answer", "ClusterFailure", "Piece", "plain", "plain_piece"]

API_VERSION: Final = "steersman/v1"
"""Version of the shape of answers; fields may be added within a version, never changed."""


class Piece(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Part of an answer."""


class ClusterFailure(Piece, frozen=True):
    """A cluster that could not be asked; the rest of the answer is complete.

    Attributes:
        cluster: its name.
        reason: CamelCase word.
        message: what happened.
    """

    cluster: str
    reason: str
    message: str


class Answer(Piece, frozen=True):
    """A whole answer; ``KIND`` names its shape."""

    KIND: ClassVar[str] = "Answer"


def plain(answer: Answer) -> dict[str, Any]:
    """Returns an answer as plain data, with ``apiVersion`` and ``kind`` first."""
    return {
        "apiVersion": API_VERSION,
        "kind": answer.KIND,
        **plain_piece(answer),
    }


def plain_piece(piece: Piece) -> dict[str, Any]:
    """Returns part of an answer as plain data: mappings, lists, texts, numbers, booleans, None."""
    # Through JSON, since tuples would stay tuples otherwise.
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(piece))
    return found
