"""Which commit a GitRepository asks for: pure decisions over a list of references.

Precedence: commit, name, tag, semver, branch; ``master`` when nothing is set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from steersman.apis.source.gitrepository import GitRepositoryRef
from steersman.kit.semver import (
    InvalidConstraint,
    InvalidVersion,
    Version,
    by_precedence,
    parse_range,
    parse_version,
)
from steersman.sources.revision import GitRevision

__all__ = [
    "DEFAULT_BRANCH",
    "Branch",
    "Candidate",
    "Checkout",
    "Commit",
    "Name",
    "NotSelectable",
    "RemoteReference",
    "SemverRange",
    "Tag",
    "candidates_of",
    "choose_checkout",
    "revision_of",
]

DEFAULT_BRANCH = "master"
_PEELED = "^{}"


class NotSelectable(ValueError):
    """No listed reference fits what is asked for; the text is in Flux's words."""


class RemoteReference(NamedTuple):
    """A reference of a remote repository.

    Attributes:
        name: the full name, or ``HEAD``.
        target: the object it points to.
        peeled: what an annotated tag stands for in the end; empty for all others.
    """

    name: str
    target: str
    peeled: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """The tip of a branch."""

    name: str


@dataclass(frozen=True, slots=True)
class Tag:
    """The commit of a tag."""

    name: str


@dataclass(frozen=True, slots=True)
class SemverRange:
    """The commit of the highest tag within a range of versions."""

    range: str


@dataclass(frozen=True, slots=True)
class Name:
    """The commit of a reference with its full name, such as ``refs/pull/1/head``."""

    name: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit by its hash.

    Attributes:
        commit: the full hash.
        branch: the branch it must be on, or empty.
        name: the reference name that goes into the revision, or empty.
    """

    commit: str
    branch: str = ""
    name: str = ""


Checkout: TypeAlias = Branch | Tag | SemverRange | Name | Commit


class Candidate(NamedTuple):
    """A reference that fits.

    Attributes:
        reference: the full name to fetch; empty for a commit without a branch.
        target: the object the reference points to; a tag object for annotated tags.
        commit: the commit it stands for.
    """

    reference: str
    target: str
    commit: str


def choose_checkout(ref: GitRepositoryRef | None) -> Checkout:
    """Decides which field of ``spec.ref`` counts."""
    if ref is None:
        return Branch(DEFAULT_BRANCH)
    if ref.commit:
        return Commit(ref.commit, ref.branch, ref.name)
    if ref.name:
        return Name(ref.name)
    if ref.tag:
        return Tag(ref.tag)
    if ref.semver:
        return SemverRange(ref.semver)
    return Branch(ref.branch or DEFAULT_BRANCH)


def candidates_of(
    checkout: Checkout, references: Sequence[RemoteReference]
) -> tuple[Candidate, ...]:
    """Finds the references that fit; more than one only for versions that compare equal.

    Args:
        checkout: what is asked for.
        references: what the remote has.

    Raises:
        NotSelectable: none fits.
    """
    by_name = {reference.name: reference for reference in references}
    match checkout:
        case Branch(name):
            return (_named(by_name, f"refs/heads/{name}"),)
        case Tag(name):
            return (_named(by_name, f"refs/tags/{name}"),)
        case Name(name):
            return (_full_name(by_name, name),)
        case SemverRange(text):
            return _highest(text, references)
        case Commit(commit, branch, _):
            if not branch:
                return (Candidate("", commit, commit),)
            return (_named(by_name, f"refs/heads/{branch}")._replace(commit=commit),)


def revision_of(checkout: Checkout, found: Candidate) -> GitRevision:
    """Returns the revision as Flux writes it."""
    match checkout:
        case Branch(name) | Tag(name) | Name(name):
            return GitRevision(name, found.commit)
        case SemverRange():
            return GitRevision(found.reference.removeprefix("refs/tags/"), found.commit)
        case Commit(commit, branch, name):
            return GitRevision(name or branch, commit)


def _candidate(reference: RemoteReference) -> Candidate:
    return Candidate(reference.name, reference.target, reference.peeled or reference.target)


def _named(by_name: Mapping[str, RemoteReference], name: str) -> Candidate:
    reference = by_name.get(name)
    if reference is None:
        raise NotSelectable(f'couldn\'t find remote ref "{name}"')
    return _candidate(reference)


def _full_name(by_name: Mapping[str, RemoteReference], name: str) -> Candidate:
    if name.startswith("/") or name.endswith("/"):
        raise NotSelectable(f"ref {name} is invalid; Git refs cannot begin or end with a slash '/'")
    reference = by_name.get(name.removesuffix(_PEELED))
    if reference is None or (name.endswith(_PEELED) and not reference.peeled):
        raise NotSelectable(f"unable to resolve ref '{name}' to a specific commit")
    return _candidate(reference)


def _highest(text: str, references: Sequence[RemoteReference]) -> tuple[Candidate, ...]:
    try:
        versions = parse_range(text)
    except InvalidConstraint as error:
        raise NotSelectable(f"semver parse error: {error}") from error
    matches = []
    for reference in references:
        if not reference.name.startswith("refs/tags/"):
            continue
        version = _tag_version(reference.name.removeprefix("refs/tags/"))
        if version is not None and versions.is_satisfied_by(version):
            matches.append((version, reference))
    if not matches:
        raise NotSelectable(f"no match found for semver: {text}")
    best = max((version for version, _ in matches), key=by_precedence)
    return tuple(
        _candidate(reference) for version, reference in matches if version.compare(best) == 0
    )


def _tag_version(tag: str) -> Version | None:
    """A tag is a version when it has three parts, with or without a leading ``v``."""
    try:
        version = parse_version(tag.removeprefix("v"), strict=True)
    except InvalidVersion:
        return None
    return version
