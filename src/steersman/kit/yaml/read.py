"""YAML text to plain values, by libyaml's events and a constructor with Go's rules.

The ``sigs`` dialect gives what ``sigs.k8s.io/yaml`` hands to Kubernetes: dict, list, str, int,
float, bool, None; the last of two equal keys wins. The ``kyaml`` dialect gives what kustomize keeps
in its trees: numbers, booleans, timestamps and blank nulls stay :class:`Scalar`, so that their text
survives; two equal keys are an error. Both expand aliases by sharing, and refuse alias bombs with
Go's rule.

Values are shared (by aliases, and by callers' caches): never mutate them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from steersman.kit.yaml.failure import YamlError
from steersman.kit.yaml.scalars import HINTS, Dialect, Scalar, resolve_plain, resolve_tagged

__all__ = ["MAX_DEPTH", "Document", "load_all", "split_documents"]

MAX_DEPTH = 250
"""Nesting beyond this is refused; the deepest public definitions nest about 60 levels."""

_SEPARATOR = re.compile(r"\n---.*\n")
_KEY_HINTS = HINTS | {"<"}
_MERGE = object()


class Document(NamedTuple):
    """One document of a stream.

    Args:
        value: plain value, see the module.
        line: one-based line of the text at which the document begins.
        source: name of the text.
    """

    value: Any
    line: int
    source: str


def load_all(
    text: str | bytes,
    dialect: Dialect = "sigs",
    *,
    source: str = "",
    first_line: int = 1,
    first_only: bool = False,
) -> list[Document]:
    """Reads every document of a stream; an empty document is one whose value is None.

    Args:
        text: UTF-8 text.
        dialect: whose rules to follow.
        source: file name for errors.
        first_line: line of ``source`` at which ``text`` begins.
        first_only: stop after the first document and ignore what follows, as a decoder that is
            asked once does.

    Raises:
        YamlError: with Go's text of the problem and the place.
    """
    reader = _Reader(text, dialect, source, first_line)
    try:
        return list(islice(reader.documents(), 1 if first_only else None))
    except _DuplicateKey:
        # Lines of keys are not kept on the way; the second reading fails at the same key.
        reader = _Reader(text, dialect, source, first_line, keep_lines=True)
        return list(reader.documents())
    except yaml.YAMLError as error:
        raise _translated(error, source, first_line) from None


def split_documents(text: str) -> list[tuple[int, str]]:
    """Splits a stream at its separators as kustomize does: (first line, text) of each piece.

    Raises:
        YamlError: something that is not a comment follows a separator.
    """
    pieces: list[tuple[int, str]] = []
    start, line = 0, 1
    for match in _SEPARATOR.finditer(text):
        rest = match.group()[4:].strip()
        if rest and not rest.startswith("#"):
            raise YamlError(f"invalid document separator: {match.group().strip()}")
        piece = text[start : match.start()]
        pieces.append((line, piece + "\n"))
        line += piece.count("\n") + 2
        start = match.end()
    pieces.append((line, text[start:]))
    return pieces


def _translated(error: yaml.YAMLError, source: str, first_line: int) -> YamlError:
    if isinstance(error, yaml.MarkedYAMLError):
        scanning = isinstance(error, yaml.scanner.ScannerError)
        where = ""
        for mark in (error.context_mark, error.problem_mark):
            if mark is not None and mark.line:
                where = f"line {mark.line + scanning}: "
                break
        mark = error.problem_mark or error.context_mark
        line = mark.line + first_line if mark else 0
        column = mark.column + 1 if mark else 0
        problem = error.problem or "unknown problem parsing YAML content"
        return YamlError(f"yaml: {where}{problem}", source=source, line=line, column=column)
    reason = getattr(error, "reason", None) or str(error)
    return YamlError(f"yaml: {reason}", source=source)


def _alias_budget(decoded: int) -> float:
    """Gives the share of nodes that may come from aliases, as Go's decoder limits it."""
    if decoded <= 400_000:
        return 0.99
    if decoded >= 4_000_000:
        return 0.10
    return 0.99 - 0.89 * ((decoded - 400_000) / 3_600_000)


class _DuplicateKey(Exception):
    """Two equal keys, before it is known where the first one stands."""


class _Reader:
    """Builds values from events; one instance per stream."""

    def __init__(
        self,
        text: str | bytes,
        dialect: Dialect,
        source: str,
        first_line: int,
        *,
        keep_lines: bool = False,
    ) -> None:
        try:
            parser = CParser(text)
        except UnicodeEncodeError as error:
            # Bytes that are no UTF-8 come as lone surrogates.
            line = str(text)[: error.start].count("\n") + first_line
            problem = "yaml: invalid leading UTF-8 octet"
            raise YamlError(problem, source=source, line=line, column=1) from None
        self._next: Callable[[], Any] = parser.get_event
        self._dialect: Dialect = dialect
        self._strict = dialect == "kyaml"
        self._keep_lines = keep_lines
        self._source = source
        self._first_line = first_line
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open: set[str] = set()
        self._nodes = 0
        self._aliased = 0
        self._depth = 0

    def documents(self) -> Iterator[Document]:
        event = self._next()
        while event.__class__ is not StreamEndEvent:
            if event.__class__ is DocumentStartEvent:
                self._anchors.clear()
                event = self._next()
                line = event.start_mark.line + self._first_line
                yield Document(self._value(event), line, self._source)
            event = self._next()

    def _value(self, event: Any) -> Any:
        kind = event.__class__
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event)
        anchor, before = event.anchor, self._nodes
        if anchor is not None:
            self._open.add(anchor)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._failed("exceeded max depth of nested values", event)
        value: Any = self._mapping(event) if kind is MappingStartEvent else self._sequence()
        self._depth -= 1
        if anchor is not None:
            self._open.discard(anchor)
            self._anchors[anchor] = (value, self._nodes - before)
        return value

    def _scalar(self, event: Any) -> Any:
        self._nodes += 1
        text: str = event.value
        if event.tag is None:
            plain = event.implicit[0]
            value: Any = text
            if plain and (not text or text[0] in HINTS):
                tag, value = resolve_plain(text, self._dialect)
                if self._strict and tag != "!!str" and (value is not None or not text):
                    value = Scalar(tag, text, value)
        else:
            value = self._tagged(event, text)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        return value

    def _tagged(self, event: Any, text: str) -> Any:
        try:
            tag, value = resolve_tagged(event.tag, text, self._dialect)
        except ValueError as error:
            raise self._failed(str(error), event) from None
        if self._strict and tag != "!!str" and (value is not None or not text):
            return Scalar(tag, text, value)
        return value

    def _alias(self, event: Any) -> Any:
        name: str = event.anchor
        if name in self._open:
            raise self._failed(f"anchor '{name}' value contains itself", event)
        found = self._anchors.get(name)
        if found is None:
            raise self._failed(f"unknown anchor '{name}' referenced", event)
        value, nodes = found
        self._nodes += nodes
        self._aliased += nodes
        aliased, total = self._aliased, self._nodes
        if aliased > 100 and total > 1000 and aliased / total > _alias_budget(total):
            raise self._failed("document contains excessive aliasing", event)
        return value

    def _sequence(self) -> list[Any]:
        self._nodes += 1
        items: list[Any] = []
        following, value, append = self._next, self._value, items.append
        event = following()
        while event.__class__ is not SequenceEndEvent:
            append(value(event))
            event = following()
        return items

    def _mapping(self, start: Any) -> dict[Any, Any]:
        self._nodes += 1
        result: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        merges: list[Any] = []
        following, scalar, value, strict = self._next, self._scalar, self._value, self._strict
        keep_lines = self._keep_lines
        event = following()
        while event.__class__ is not MappingEndEvent:
            key: Any
            if event.__class__ is ScalarEvent:
                key = event.value
                if (
                    not key
                    or key[0] in _KEY_HINTS
                    or event.anchor is not None
                    or event.tag is not None
                ):
                    key = self._key(scalar(event), event)
            else:
                key = self._key(value(event), event)
            item_event = following()
            item = scalar(item_event) if item_event.__class__ is ScalarEvent else value(item_event)
            if key is _MERGE:
                merges.append(self._merge_sources(item, item_event))
                if not strict:
                    for merged in merges.pop():
                        result.update(merged)
            elif key in result and strict:
                raise self._duplicate(key, event, lines)
            else:
                result[key] = item
                if keep_lines:
                    lines[key] = event.start_mark.line
            event = following()
        return self._merged(result, merges, start) if merges else result

    def _key(self, key: Any, event: Any) -> Any:
        if isinstance(key, str):
            return _MERGE if key == "<<" and event.implicit[0] else key
        if isinstance(key, Scalar):
            return _MERGE if key.tag == "!!merge" else key
        if key is None:
            if self._strict:
                return Scalar("!!null", event.value, None)
            raise self._failed("unsupported map key: null", event)
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, int | float):
            return str(key)
        raise self._failed("invalid map key", event)

    def _merge_sources(self, item: Any, event: Any) -> list[Mapping[Any, Any]]:
        sources = item if isinstance(item, list) else [item]
        if not all(isinstance(source, dict) for source in sources):
            raise self._failed("map merge requires map or sequence of maps as the value", event)
        return sources

    def _merged(self, explicit: dict[Any, Any], merges: list[Any], start: Any) -> dict[Any, Any]:
        """Puts merged maps under the explicit keys, which win; an earlier map beats a later."""
        if len(merges) > 1:
            raise self._failed("duplicate merge key", start)
        result: dict[Any, Any] = {}
        for source in reversed(merges[0]):
            result.update(source)
        result.update(explicit)
        return result

    def _duplicate(self, key: Any, event: Any, lines: Mapping[Any, int]) -> Exception:
        if not self._keep_lines:
            return _DuplicateKey()
        text = key.text if isinstance(key, Scalar) else key
        line = event.start_mark.line + 1
        return YamlError(
            f'yaml: unmarshal errors:\n  line {line}: mapping key "{text}" already defined'
            f" at line {lines[key] + 1}",
            source=self._source,
            line=event.start_mark.line + self._first_line,
            column=event.start_mark.column + 1,
        )

    def _failed(self, problem: str, event: Any) -> YamlError:
        mark = event.start_mark
        return YamlError(
            f"yaml: {problem}",
            source=self._source,
            line=mark.line + self._first_line,
            column=mark.column + 1,
        )
