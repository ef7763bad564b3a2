"""Which files an artifact leaves out: ``.sourceignore`` files and ``spec.ignore``.

The dialect is ``.gitignore`` as Flux reads it, which differs from Git's in details:

* A later pattern wins over an earlier one; a directory that is left out can still have files
  brought back by a later ``!pattern``.
* Names are matched as Go's ``filepath.Match`` does: ``[^a]`` negates, ``[!a]`` does not.
* Version control files are always left out; the other defaults count only as long as nobody
  wrote a pattern.

Order, lowest first: version control, defaults or ``.sourceignore`` files (each in the scope of its
directory, parents before children), ``spec.ignore``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

__all__ = ["IGNORE_FILE", "IgnoreRules", "compile_name_pattern", "read_rules"]

IGNORE_FILE = ".sourceignore"

_VCS = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
_DEFAULTS = (
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml"),
    *("cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml"),
    *("**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)
_MAX_LINE = 64 * 1024
_WILD = re.compile(r"[*?\[\\]")

_NameMatcher = Callable[[str], bool]


class _Pattern:
    """One line of rules."""

    __slots__ = ("_directory_only", "_domain", "_is_path", "_matchers", "_parts", "includes")

    def __init__(self, line: str, domain: tuple[str, ...]) -> None:
        self.includes = line.startswith("!")
        line = line.removeprefix("!")
        if not line.endswith("\\ "):
            line = line.rstrip(" ")
        self._directory_only = line.endswith("/")
        line = line.removesuffix("/")
        self._is_path = "/" in line
        self._domain = domain
        self._parts = line.split("/")
        self._matchers = [compile_name_pattern(part) for part in self._parts]

    def matches(self, path: Sequence[str], is_directory: bool) -> bool:
        domain = self._domain
        if len(path) <= len(domain) or tuple(path[: len(domain)]) != domain:
            return False
        inside = path[len(domain) :]
        if self._is_path:
            return self._matches_path(inside, is_directory)
        return self._matches_name(inside, is_directory)

    def _matches_name(self, path: Sequence[str], is_directory: bool) -> bool:
        matcher = self._matchers[0]
        last = len(path) - 1
        for position, name in enumerate(path):
            if matcher(name):
                return not (self._directory_only and not is_directory and position == last)
        return False

    def _matches_path(self, path: Sequence[str], is_directory: bool) -> bool:
        position, matched, anywhere = 0, False, False
        for index, part in enumerate(self._parts):
            if part == "":
                anywhere = False
            elif part == "**":
                if index == len(self._parts) - 1:
                    break
                anywhere = True
            elif "**" in part or position == len(path):
                return False
            else:
                matcher = self._matchers[index]
                start, position = position, position + 1
                found = matcher(path[start])
                while not found and anywhere and position < len(path):
                    found, position = matcher(path[position]), position + 1
                if not found and not anywhere:
                    return False
                # As in Flux: a part that was looked for in vain leaves only the rest to decide.
                matched = found or (matched and not anywhere)
                anywhere = False
        at_end = position == len(path)
        return matched and not (self._directory_only and not is_directory and at_end)


class IgnoreRules:
    """Compiled rules; made by :func:`read_rules`.

    Args:
        patterns: lowest priority first.
    """

    def __init__(self, patterns: Iterable[_Pattern]) -> None:
        self._patterns = tuple(reversed(tuple(patterns)))

    def leaves_out(self, path: str, *, is_directory: bool = False) -> bool:
        """Whether the artifact leaves out ``path``, which is relative with slashes."""
        parts = path.split("/")
        for pattern in self._patterns:
            if pattern.matches(parts, is_directory):
                return not pattern.includes
        return False

    def keep(self, paths: Iterable[str]) -> list[str]:
        """Returns the files that stay, in the order given."""
        return [path for path in paths if not self.leaves_out(path)]


def read_rules(ignore_files: Mapping[str, str], spec_ignore: str | None) -> IgnoreRules:
    """Reads all rules of a source.

    Args:
        ignore_files: directory (the root is empty) → text of its ``.sourceignore``.
        spec_ignore: ``spec.ignore``; its patterns are about the root.
    """
    written: list[_Pattern] = []
    for directory in sorted(ignore_files, key=_walk_key):
        domain = tuple(directory.split("/")) if directory else ()
        written += _patterns(ignore_files[directory], domain)
    if spec_ignore is not None:
        written += _patterns(spec_ignore, ())
    lowest = _VCS if written else (*_VCS, *_DEFAULTS)
    return IgnoreRules([*(_Pattern(line, ()) for line in lowest), *written])


def _walk_key(directory: str) -> list[str]:
    return directory.split("/") if directory else []


def _patterns(text: str, domain: tuple[str, ...]) -> list[_Pattern]:
    found = []
    for line in text.split("\n"):
        if len(line) > _MAX_LINE:
            break  # as Go's scanner, which stops at a line that does not fit its buffer
        line = line.removesuffix("\r")
        if not line.startswith("#") and line.strip():
            found.append(_Pattern(line, domain))
    return found


@lru_cache(maxsize=4096)
def compile_name_pattern(pattern: str) -> _NameMatcher:
    """Compiles a pattern for one name, as Go's ``filepath.Match``; a bad one matches nothing."""
    if not _WILD.search(pattern):
        return pattern.__eq__
    pieces = _translate(pattern)
    if pieces is None:
        return _never
    first, *rest = pieces
    # Every `*` but the last takes the first place where what follows it fits: that is enough to
    # find a match, and it keeps hostile patterns from taking exponential time.
    body = first + "".join(f"(?>[^/]*?{piece})" for piece in rest[:-1])
    if rest:
        body += f"[^/]*?{rest[-1]}"
    compiled = re.compile(body + r"\Z", re.DOTALL)
    return lambda name: compiled.match(name) is not None


def _never(_: str) -> bool:
    return False


def _translate(pattern: str) -> list[str] | None:
    """Splits at ``*`` into regular expressions; ``None`` for a bad pattern."""
    pieces, piece = [], ""
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            pieces.append(piece)
            piece = ""
        elif char == "?":
            piece += "[^/]"
        elif char == "[":
            found = _translate_class(pattern, position)
            if found is None:
                return None
            piece, position = piece + found[0], found[1]
        else:
            if char == "\\":
                if position == len(pattern):
                    return None
                char, position = pattern[position], position + 1
            piece += re.escape(char)
    return [*pieces, piece]


def _translate_class(pattern: str, position: int) -> tuple[str, int] | None:
    """Translates what follows ``[``; returns the expression and where it ended."""
    negated = pattern[position : position + 1] == "^"
    position += negated
    ranges: list[tuple[str, str]] = []
    while not ranges or pattern[position : position + 1] != "]":
        low = _class_character(pattern, position)
        if low is None:
            return None
        char, position = low
        last = char
        if pattern[position : position + 1] == "-":
            high = _class_character(pattern, position + 1)
            if high is None:
                return None
            last, position = high
        ranges.append((char, last))
    body = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in ranges if low <= high)
    if not body:
        return ("[^/]" if negated else "(?!)"), position + 1
    return (f"[^{body}/]" if negated else f"[{body}]"), position + 1


def _class_character(pattern: str, position: int) -> tuple[str, int] | None:
    char = pattern[position : position + 1]
    if char == "\\":
        position += 1
        char = pattern[position : position + 1]
    elif char in ("-", "]"):
        return None
    return (char, position + 1) if char else None
