"""The words that mean Flux kinds on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import click
from click.shell_completion import CompletionItem

from steersman.apis.crds import KINDS, FluxKind

__all__ = ["KindWord", "Wanted", "find_kind", "parse_wanted"]

_ALL: Final = "all"
_SOURCES: Final = {"git": "gitrepositories"}


class Wanted(NamedTuple):
    """Which objects are meant.

    Attributes:
        kinds: their kinds.
        name: name of one object, or empty for all.
    """

    kinds: tuple[FluxKind, ...]
    name: str


def find_kind(word: str) -> FluxKind | None:
    """Finds a kind by its plural, singular or short name, in any case."""
    for kind in KINDS:
        if word.lower() in kind.names:
            return kind
    return None


def parse_wanted(words: Sequence[str], *, several: bool = True) -> Wanted:
    """Reads ``KIND``, ``KIND NAME``, ``KIND/NAME``, ``all``, ``source git NAME``, ``sources all``.

    Args:
        words: as given; empty means ``all``.
        several: whether words for several kinds are accepted.

    Raises:
        click.UsageError: not one of these forms, or an unknown kind.
    """
    rest = list(words)
    first = rest.pop(0) if rest else _ALL
    if first in ("source", "sources"):
        first, rest = _source(rest)
    kinds = _kinds(first, several)
    if "/" in first and not rest:
        rest = [first.partition("/")[2]]
    if len(rest) > 1:
        raise click.UsageError(f"Got unexpected extra argument ({rest[1]})")
    return Wanted(kinds, rest[0] if rest else "")


def _source(rest: list[str]) -> tuple[str, list[str]]:
    if not rest:
        raise click.UsageError(f"which source? There is {', '.join(_SOURCES)}, and all")
    word = rest[0]
    return ("sources" if word == _ALL else _SOURCES.get(word, word)), rest[1:]


def _kinds(word: str, several: bool) -> tuple[FluxKind, ...]:
    if several and word == _ALL:
        return KINDS
    if several and word == "sources":
        return tuple(kind for kind in KINDS if kind.category == "fluxcd-sources")
    kind = find_kind(word.partition("/")[0])
    if kind is None:
        known = ", ".join([*([_ALL] if several else []), *(kind.plural for kind in KINDS)])
        raise click.UsageError(f"there is no kind '{word}'; there is {known}")
    return (kind,)


class KindWord(click.ParamType[str]):
    """A word of a kind; completes the plural names."""

    name = "kind"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offers the kinds that begin as typed."""
        words = [_ALL, *(kind.plural for kind in KINDS), *(kind.short_name for kind in KINDS)]
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]
