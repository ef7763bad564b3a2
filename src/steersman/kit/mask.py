"""Secrets that cannot be printed by accident, and texts from which they are struck out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NoReturn, TypeVar

__all__ = ["MASK", "Secret", "mask_text"]

T = TypeVar("T", str, bytes)

MASK = "*****"

# Shorter values would strike out half of every message.
_SHORTEST = 4


class Secret(Generic[T]):
    """A text or bytes that must not reach a log, an error, an event or a golden file.

    ``str()``, ``format()``, ``repr()`` and pickling never give the value; :meth:`reveal` does.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        """Returns the value; to be called where it is sent, and nowhere else."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> NoReturn:
        raise TypeError("a secret is not a text; call reveal() where it is sent")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("a secret is not a text; call reveal() where it is sent")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


def mask_text(text: str, secrets: Iterable[Secret[str]]) -> str:
    """Replaces every secret of four or more characters in a text, the longest first."""
    values = {secret.reveal() for secret in secrets}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, MASK)
    return text
