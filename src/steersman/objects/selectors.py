"""Label and field selectors: grammar, error texts and matching of the Kubernetes API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = [
    "EVERYTHING",
    "EVERY_FIELD",
    "FieldSelector",
    "FieldTerm",
    "LabelSelector",
    "Operator",
    "Requirement",
    "SelectorError",
]


class SelectorError(ValueError):
    """A selector that cannot be parsed; the text is the one the real server answers."""


class Operator(Enum):
    """How a requirement compares a label's value."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    NOT_EXISTS = "!"
    GREATER = "gt"
    LESS = "lt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One term of a label selector."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Says whether ``labels`` satisfy this term; absent labels satisfy negative terms."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.IN:
                return value in self.values
            case Operator.NOT_IN:
                return value is None or value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.NOT_EXISTS:
                return value is None
            case Operator.GREATER | Operator.LESS:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        try:
            left, right = int(value or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return left > right if self.operator is Operator.GREATER else left < right


_TOKEN = re.compile(r"\s*(?:(?P<symbol>\(|\)|,|!=|==|=|!|<|>)|(?P<word>[^\s(),!=<>]+))")
_OPERATORS = {
    "=": Operator.IN,
    "==": Operator.IN,
    "in": Operator.IN,
    "!=": Operator.NOT_IN,
    "notin": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}
_EXPECTED_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


class _Parser:
    """Recursive descent over the tokens; an exhausted input reads as an empty found."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, bool]] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match:
                break
            word = match.group("word")
            self._tokens.append((word or match.group("symbol"), word is not None))
            position = match.end()
        self._next = 0

    def peek(self) -> tuple[str, bool]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("", False)

    def take(self) -> tuple[str, bool]:
        found = self.peek()
        self._next += 1
        return found

    def parse(self) -> tuple[Requirement, ...]:
        requirements: list[Requirement] = []
        while True:
            found, is_word = self.peek()
            if not found:
                return tuple(requirements)
            if not is_word and found != "!":
                raise SelectorError(f"found '{found}', expected: !, identifier, or 'end of string'")
            requirements.append(self._requirement())
            found, _ = self.take()
            if not found:
                return tuple(requirements)
            if found != ",":
                raise SelectorError(f"found '{found}', expected: ',' or 'end of string'")
            following, is_word = self.peek()
            if not is_word and following != "!":
                raise SelectorError(f"found '{following}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        negated = self.peek()[0] == "!"
        if negated:
            self.take()
        key, is_word = self.take()
        if not is_word:
            raise SelectorError(f"unable to parse requirement: found '{key}', expected: identifier")
        _check_key(key)
        symbol, symbol_is_word = self.peek()
        if negated or symbol in ("", ","):
            operator = Operator.NOT_EXISTS if negated else Operator.EXISTS
            return Requirement(key=key, operator=operator)
        if symbol not in _OPERATORS or (symbol_is_word and symbol not in ("in", "notin")):
            raise SelectorError(
                f"unable to parse requirement: found '{symbol}', expected: {_EXPECTED_OPERATORS}"
            )
        self.take()
        in_set = symbol in ("in", "notin")
        values = self._values() if in_set else frozenset((self._exact_value(),))
        operator = _OPERATORS[symbol]
        _check_values(key, operator, values)
        return Requirement(key=key, operator=operator, values=values)

    def _exact_value(self) -> str:
        found, is_word = self.peek()
        if found in ("", ","):
            return ""
        if not is_word:
            raise SelectorError(
                f"unable to parse requirement: found '{found}', expected: identifier"
            )
        self.take()
        return found

    def _values(self) -> frozenset[str]:
        found, _ = self.take()
        if found != "(":
            raise SelectorError(f"unable to parse requirement: found '{found}' expected: '('")
        values: set[str] = set()
        expect_value = True
        while True:
            found, is_word = self.take()
            if is_word and expect_value:
                values.add(found)
                expect_value = False
            elif found == "," and not is_word:
                if expect_value:
                    values.add("")
                expect_value = True
            elif found == ")" and not is_word:
                if expect_value:
                    values.add("")
                return frozenset(values)
            else:
                raise SelectorError(
                    f"unable to parse requirement: found '{found}', expected: ',', ')' or "
                    "identifier"
                )


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    if slash and not _PREFIX.fullmatch(prefix):
        raise SelectorError(
            f'unable to parse requirement: key: Invalid value: "{key}": prefix part a lowercase '
            "RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character (e.g. 'example.com', "
            "regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
    if not _NAME.fullmatch(name) or len(name) > 63:
        raise SelectorError(
            f'unable to parse requirement: key: Invalid value: "{key}": name part {_NAME_RULE}'
        )


def _check_values(key: str, operator: Operator, values: frozenset[str]) -> None:
    for value in sorted(values):
        if operator in (Operator.GREATER, Operator.LESS):
            if not re.fullmatch(r"[+-]?\d+", value):
                raise SelectorError(
                    f'unable to parse requirement: values[0]: Invalid value: "{value}": '
                    "for 'Gt', 'Lt' operators, the value must be an integer"
                )
        elif value and (not _NAME.fullmatch(value) or len(value) > 63):
            raise SelectorError(
                f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": '
                f"{_VALUE_RULE}"
            )


_EXPRESSION_OPERATORS = {
    "In": Operator.IN,
    "NotIn": Operator.NOT_IN,
    "Exists": Operator.EXISTS,
    "DoesNotExist": Operator.NOT_EXISTS,
}


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A conjunction of requirements; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> LabelSelector:
        """Parses the query form (``a=b,c in (d,e),!f``); raises :class:`SelectorError`."""
        return cls(_Parser(text).parse())

    @classmethod
    def from_object(cls, selector: Mapping[str, Any] | None) -> LabelSelector | None:
        """Reads ``metav1.LabelSelector``; ``None`` (which selects nothing) stays ``None``.

        Raises:
            SelectorError: an operator is not one of In, NotIn, Exists and DoesNotExist.
        """
        if selector is None:
            return None
        terms = [
            Requirement(key=key, operator=Operator.IN, values=frozenset((value,)))
            for key, value in (selector.get("matchLabels") or {}).items()
        ]
        for expression in selector.get("matchExpressions") or ():
            operator = _EXPRESSION_OPERATORS.get(expression.get("operator", ""))
            if operator is None:
                raise SelectorError(
                    f'"{expression.get("operator", "")}" is not a valid label selector operator'
                )
            values = frozenset(expression.get("values") or ())
            terms.append(Requirement(key=expression["key"], operator=operator, values=values))
        return cls(tuple(terms))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Says whether all requirements hold."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)


EVERYTHING = LabelSelector()
"""The selector without requirements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTerm:
    """One term of a field selector: a dotted path that is, or is not, a value."""

    path: str
    value: str
    negated: bool = False


def _split_terms(text: str) -> Sequence[str]:
    terms, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == ",":
            terms.append(text[start:position])
            start = position + 1
        position += 1
    terms.append(text[start:])
    return terms


def _unescape(value: str, term: str) -> str:
    out, position = [], 0
    while position < len(value):
        character = value[position]
        if character == "\\":
            position += 1
            following = value[position] if position < len(value) else ""
            if following not in ("\\", ",", "="):
                raise SelectorError(f"invalid field selector: invalid escape sequence in {term}")
            out.append(following)
        elif character in ",=":
            raise SelectorError(f"invalid field selector: unescaped {character} in {term}")
        else:
            out.append(character)
        position += 1
    return "".join(out)


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """A conjunction of field terms."""

    terms: tuple[FieldTerm, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FieldSelector:
        """Parses ``metadata.name=x,status.phase!=Running``; raises :class:`SelectorError`."""
        terms = []
        for term in _split_terms(text):
            if not term:
                continue
            found = re.match(r"((?:[^\\=!]|\\.|!(?!=))*)(!=|==|=)(.*)", term, re.DOTALL)
            if not found:
                raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
            path, operator, value = found.groups()
            terms.append(
                FieldTerm(path=path, value=_unescape(value, term), negated=operator == "!=")
            )
        return cls(tuple(terms))

    def matches(self, value_of: Callable[[str], str]) -> bool:
        """Says whether all terms hold; ``value_of`` gives the text at a path."""
        return all((value_of(term.path) == term.value) != term.negated for term in self.terms)

    def exact(self, path: str) -> str | None:
        """Returns the value that ``path`` is required to have, if there is such a term."""
        for term in self.terms:
            if term.path == path and not term.negated:
                return term.value
        return None

    def __bool__(self) -> bool:
        return bool(self.terms)


EVERY_FIELD = FieldSelector()
"""The field selector without terms."""
