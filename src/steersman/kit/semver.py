"""Semantic versions and ranges in the dialect of Masterminds/semver 3, which Flux and Helm use.

Versions may have a leading ``v`` and may lack parts. A range is a list of groups joined by ``||``;
in a group all comparisons, separated by blanks or commas, must hold. Pre-releases satisfy a group
only when the group itself names one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cmp_to_key, lru_cache
from typing import Any, NamedTuple

__all__ = [
    "InvalidConstraint",
    "InvalidVersion",
    "Range",
    "Version",
    "by_precedence",
    "compare_prereleases",
    "parse_range",
    "parse_version",
]

_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(
    rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?\Z"
)
_STRICT = re.compile(
    rf"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    rf"(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?\Z"
)
_BLANK = r"[ \t\n\f\r]"
_PART = r"[0-9xX*|]+"
_OPERATORS = r"=|!=|>=|=>|<=|=<|~>|>|<|~|\^|"
_PARTIAL = rf"v?{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?"
_COMPARISON = rf"(?:{_OPERATORS}){_BLANK}*{_PARTIAL}"
_BLANKS = re.compile(rf"{_BLANK}+")
_FIND = re.compile(_COMPARISON)
_GROUP = re.compile(
    rf"{_BLANK}*{_COMPARISON}{_BLANK}*(?:(?:{_BLANK}+|,{_BLANK}*){_COMPARISON}{_BLANK}*)*\Z"
)
_HYPHEN = re.compile(rf"{_BLANK}*({_PARTIAL}){_BLANK}+-{_BLANK}+({_PARTIAL}){_BLANK}*")
_SPLIT = re.compile(
    rf"(?P<operator>{_OPERATORS}){_BLANK}*(?P<text>v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?"
    rf"(?:\.(?P<patch>{_PART}))?(?P<pre>-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?){_BLANK}*\Z"
)
_WILDCARDS = frozenset({"x", "X", "*"})
_MAX_PART = 2**64 - 1
_MAX_RANGE_LENGTH = 1024
"""With blanks folded, this bounds the backtracking of the expressions above to milliseconds."""


class InvalidVersion(ValueError):
    """A text is not a version."""


class InvalidConstraint(ValueError):
    """A text is not a range of versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A parsed version.

    Equality compares all fields; :meth:`compare` is the order of semantic versioning, which
    ignores build metadata.
    """

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""
    original: str = ""

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        text += f"-{self.prerelease}" if self.prerelease else ""
        return text + (f"+{self.metadata}" if self.metadata else "")

    def compare(self, other: Version) -> int:
        """Returns -1, 0 or 1: lower than, same as, or higher than ``other``."""
        mine = (self.major, self.minor, self.patch)
        theirs = (other.major, other.minor, other.patch)
        if mine != theirs:
            return -1 if mine < theirs else 1
        if not self.prerelease or not other.prerelease:
            return bool(other.prerelease) - bool(self.prerelease)
        return compare_prereleases(self.prerelease, other.prerelease)

    def next_patch(self) -> Version:
        """The next patch version; a pre-release becomes its release."""
        patch = self.patch if self.prerelease else self.patch + 1
        return self._renumbered(self.major, self.minor, patch)

    def next_minor(self) -> Version:
        """The next minor version."""
        return self._renumbered(self.major, self.minor + 1, 0)

    def next_major(self) -> Version:
        """The next major version."""
        return self._renumbered(self.major + 1, 0, 0)

    def _renumbered(self, major: int, minor: int, patch: int) -> Version:
        version = Version(major=major, minor=minor, patch=patch)
        prefix = "v" if self.original.startswith("v") else ""
        return replace(version, original=f"{prefix}{version}")


by_precedence: Callable[[Version], Any] = cmp_to_key(Version.compare)
"""Sort key: the order of semantic versioning."""


def compare_prereleases(left: str, right: str) -> int:
    """Compares pre-releases part by part; numbers are below words, missing parts below all."""
    if left == right:
        return 0
    lefts, rights = left.split("."), right.split(".")
    for mine, theirs in zip(lefts, rights, strict=False):
        if mine != theirs:
            return -1 if _part_key(mine) < _part_key(theirs) else 1
    return (len(lefts) > len(rights)) - (len(lefts) < len(rights))


def _part_key(part: str) -> tuple[bool, int, str]:
    return (False, int(part), "") if part.isdigit() else (True, 0, part)


def parse_version(text: str, *, strict: bool = False, coerce: bool = True) -> Version:
    """Parses a version.

    Args:
        text: such as ``v1.2.3-rc.1+build``.
        strict: demand exactly three parts and no ``v``.
        coerce: without ``strict``, let numbers have leading zeros, as Flux does.

    Raises:
        InvalidVersion: the text is not a version.
    """
    match = (_STRICT if strict else _VERSION).match(text)
    if match is None:
        raise InvalidVersion(f"`{text}` is not a semantic version")
    numbers = [part or "0" for part in match.group(1, 2, 3)]
    if not coerce and any(len(part) > 1 and part[0] == "0" for part in numbers):
        raise InvalidVersion(f"`{text}` has a number with a leading zero")
    major, minor, patch = (int(part) for part in numbers)
    if max(major, minor, patch) > _MAX_PART:
        raise InvalidVersion(f"`{text}` has a number that is too large")
    prerelease = match.group(4) or ""
    for part in prerelease.split("."):
        if len(part) > 1 and part[0] == "0" and part.isdigit():
            raise InvalidVersion(f"`{text}` has a pre-release number with a leading zero")
    return Version(
        major=major,
        minor=minor,
        patch=patch,
        prerelease=prerelease,
        metadata=match.group(5) or "",
        original=text,
    )


class _Comparison(NamedTuple):
    """One operator with its version; the flags say which parts the range left open."""

    operator: str
    text: str
    version: Version
    minor_open: bool
    patch_open: bool
    open: bool

    def objection(self, version: Version, prereleases: bool) -> str | None:
        """Returns why ``version`` does not satisfy this, or ``None`` when it does."""
        if version.prerelease and not prereleases:
            return _only_releases(version)
        verdict = _OBJECTIONS[self.operator](self, version)
        return verdict and f'"{version}" {verdict.format(bound=_quote(self.text))}'


def _quote(text: str) -> str:
    return '"' + text.replace("{", "{{").replace("}", "}}") + '"'


def _only_releases(version: Version) -> str:
    return (
        f'"{version}" is a prerelease version and the constraint is only looking for '
        "release versions"
    )


def _not_equal(bound: _Comparison, version: Version) -> str | None:
    equal = "is equal to {bound}"
    if bound.open:
        want = bound.version
        if want.major != version.major:
            return None
        if bound.minor_open:
            return equal
        if want.minor != version.minor:
            return None
        if bound.patch_open:
            differs = compare_prereleases(version.prerelease, want.prerelease) != 0
            return None if differs else equal
    return equal if version.compare(bound.version) == 0 else None


def _greater(bound: _Comparison, version: Version) -> str | None:
    low = "is less than or equal to {bound}"
    want = bound.version
    if bound.open and version.major != want.major:
        return None if version.major > want.major else low
    if bound.open and bound.minor_open:
        return low
    if bound.open and bound.patch_open:
        return None if version.minor > want.minor else low
    return None if version.compare(want) > 0 else low


def _less(bound: _Comparison, version: Version) -> str | None:
    return None if version.compare(bound.version) < 0 else "is greater than or equal to {bound}"


def _at_least(bound: _Comparison, version: Version) -> str | None:
    return None if version.compare(bound.version) >= 0 else "is less than {bound}"


def _at_most(bound: _Comparison, version: Version) -> str | None:
    high = "is greater than {bound}"
    want = bound.version
    if not bound.open:
        return None if version.compare(want) <= 0 else high
    if version.major > want.major:
        return high
    if version.major == want.major and version.minor > want.minor and not bound.minor_open:
        return high
    return None


def _tilde(bound: _Comparison, version: Version) -> str | None:
    want = bound.version
    if version.compare(want) < 0:
        return "is less than {bound}"
    zero = want.major == want.minor == want.patch == 0
    if zero and not bound.minor_open and not bound.patch_open:
        return None  # `~0.0.0` and `*` accept everything
    if version.major != want.major:
        return "does not have same major version as {bound}"
    if version.minor != want.minor and not bound.minor_open:
        return "does not have same major and minor version as {bound}"
    return None


def _equal(bound: _Comparison, version: Version) -> str | None:
    if bound.open:
        return _tilde(bound, version)
    return None if version.compare(bound.version) == 0 else "is not equal to {bound}"


def _caret(bound: _Comparison, version: Version) -> str | None:
    want = bound.version
    if version.compare(want) < 0:
        return "is less than {bound}"
    if version.major != want.major:
        return "does not have same major version as {bound}"
    if want.major > 0 or bound.minor_open:
        return None
    if want.minor > 0 or bound.patch_open:
        if version.minor == want.minor:
            return None
        return (
            "does not have same minor version as {bound}. Expected minor versions to match when "
            "constraint major version is 0"
        )
    if version.minor > 0:
        return "does not have same minor version as {bound}"
    if version.patch == want.patch:
        return None
    return (
        "does not equal {bound}. Expect version and constraint to equal when major and minor "
        "versions are 0"
    )


_OBJECTIONS: dict[str, Callable[[_Comparison, Version], str | None]] = {
    "": _equal,
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    "<": _less,
    ">=": _at_least,
    "=>": _at_least,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}


class Range:
    """A parsed range; made by :func:`parse_range`.

    Args:
        groups: the alternatives; all comparisons of one must hold.
        include_prereleases: let pre-releases satisfy groups that name none.
    """

    def __init__(
        self, groups: tuple[tuple[_Comparison, ...], ...], include_prereleases: bool = False
    ) -> None:
        self._groups = tuple(
            (group, include_prereleases or any(item.version.prerelease for item in group))
            for group in groups
        )

    @property
    def alternatives(self) -> int:
        """The number of groups."""
        return len(self._groups)

    def __str__(self) -> str:
        return " || ".join(
            " ".join(item.operator + item.text for item in group) for group, _ in self._groups
        )

    def is_satisfied_by(self, version: Version) -> bool:
        """Whether ``version`` lies in the range."""
        return any(
            all(item.objection(version, prereleases) is None for item in group)
            for group, prereleases in self._groups
        )

    def objections(self, version: Version) -> tuple[str, ...]:
        """Returns why ``version`` is outside, in the library's words; empty when it is inside."""
        found: list[str] = []
        for group, prereleases in self._groups:
            if version.prerelease and not prereleases:
                reasons = [_only_releases(version)]
                found += [reason for reason in reasons if reason not in found]
                continue
            verdicts = [item.objection(version, prereleases) for item in group]
            if not any(verdicts):
                return ()
            found += [verdict for verdict in verdicts if verdict]
        return tuple(found)


@lru_cache(maxsize=256)
def parse_range(text: str, *, include_prereleases: bool = False) -> Range:
    """Parses a range such as ``>=1.2 <2 || ~3.1``.

    Raises:
        InvalidConstraint: the text is not a range.
    """
    if len(text) > _MAX_RANGE_LENGTH:
        raise InvalidConstraint(f"constraint is longer than {_MAX_RANGE_LENGTH} characters")
    text = _BLANKS.sub(" ", text)
    rewritten = text
    for match in _HYPHEN.finditer(text):
        low, high = match.group(1, 2)
        rewritten = rewritten.replace(match.group(0), f">= {low}, <= {high} ", 1)
    groups = tuple(_parse_group(group) for group in rewritten.split("||"))
    return Range(groups, include_prereleases)


def _parse_group(text: str) -> tuple[_Comparison, ...]:
    if not _GROUP.match(text):
        raise InvalidConstraint(f'improper constraint: "{text}"')
    return tuple(_parse_comparison(found) for found in _FIND.findall(text))


def _parse_comparison(text: str) -> _Comparison:
    match = _SPLIT.match(text)
    if match is None:
        raise InvalidConstraint(f'improper constraint: "{text}"')
    parts = match.groupdict()
    major, minor, patch = parts["major"], parts["minor"], parts["patch"]
    prerelease = parts["pre"] or ""
    all_open = major in _WILDCARDS
    minor_open = not all_open and (minor is None or minor in _WILDCARDS)
    patch_open = not all_open and not minor_open and (patch is None or patch in _WILDCARDS)
    full = parts["text"]
    if all_open:
        full = f"0.0.0{prerelease}"
    elif minor_open:
        full = f"{major}.0.0{prerelease}"
    elif patch_open:
        full = f"{major}.{minor}.0{prerelease}"
    try:
        version = parse_version(full)
    except InvalidVersion as error:
        raise InvalidConstraint("constraint parser error") from error
    return _Comparison(
        parts["operator"],
        parts["text"],
        version,
        minor_open,
        patch_open,
        all_open or minor_open or patch_open,
    )
