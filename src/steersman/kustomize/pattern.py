"""Patterns that users write, matched with Go's syntax in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from steersman.kustomize.failure import BuildFailed

__all__ = ["matches_somewhere", "whole_text"]

_LITERAL = re.compile(r"[A-Za-z0-9_/ -]*\Z")


@lru_cache(maxsize=1024)
def whole_text(pattern: str) -> Callable[[str], bool]:
    """Returns a predicate for texts that match as a whole; an empty pattern matches anything.

    Raises:
        BuildFailed: the pattern is malformed.
    """
    if not pattern:
        return lambda value: True
    if _LITERAL.match(pattern):
        return lambda value: value == pattern
    return _compile(f"^(?:{pattern})$")


@lru_cache(maxsize=1024)
def matches_somewhere(pattern: str) -> Callable[[str], bool]:
    """Returns a predicate for texts in which the pattern occurs."""
    return _compile(pattern)


def _compile(pattern: str) -> Callable[[str], bool]:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise BuildFailed(f"error parsing regexp: {error}: `{pattern}`") from None
    return lambda value: compiled.search(value) is not None
