"""Which commit is asked for, how it is written, and how trees are put together."""

from __future__ import annotations

import pytest

from steersman.apis.source.gitrepository import GitRepositoryRef
from steersman.kit.archive import FileEntry
from steersman.sources.checkout import (
    Branch,
    Candidate,
    Checkout,
    Commit,
    Name,
    NotSelectable,
    RemoteReference,
    SemverRange,
    Tag,
    candidates_of,
    choose_checkout,
    revision_of,
)
from steersman.sources.compose import MissingDirectory, include_tree, select_directories
from steersman.sources.revision import GitRevision, parse_revision

SHA = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738"


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        (f"main@sha1:{SHA}", GitRevision("main", SHA)),
        (f"feature/branch@sha1:{SHA}", GitRevision("feature/branch", SHA)),
        (f"refs/pull/1/head@sha1:{SHA}", GitRevision("refs/pull/1/head", SHA)),
        (f"sha1:{SHA}", GitRevision("", SHA)),
        (f"main/{SHA}", GitRevision("main", SHA)),
        (f"feature/branch/{SHA}", GitRevision("feature/branch", SHA)),
        (f"HEAD/{SHA}", GitRevision("", SHA)),
        (SHA, GitRevision("", SHA)),
        ("", GitRevision("", "")),
    ],
)
def test_a_revision_is_read_in_every_form(text: str, revision: GitRevision) -> None:
    assert parse_revision(text) == revision


@pytest.mark.parametrize(
    ("revision", "text"),
    [
        (GitRevision("main", SHA), f"main@sha1:{SHA}"),
        (GitRevision("", SHA), f"sha1:{SHA}"),
        (GitRevision("main", "dba535cd"), "main@<unknown>:dba535cd"),
    ],
)
def test_a_revision_is_written_as_flux_writes_it(revision: GitRevision, text: str) -> None:
    assert str(revision) == text


@pytest.mark.parametrize(
    ("ref", "checkout"),
    [
        pytest.param(None, Branch("master"), id="nothing means master"),
        pytest.param(GitRepositoryRef(), Branch("master"), id="an empty ref means master"),
        pytest.param(
            GitRepositoryRef(branch="b", tag="t", semver="s", name="n", commit="c"),
            Commit("c", "b", "n"),
            id="commit before all",
        ),
        pytest.param(
            GitRepositoryRef(branch="b", tag="t", semver="s", name="n"),
            Name("n"),
            id="name before tag",
        ),
        pytest.param(
            GitRepositoryRef(branch="b", tag="t", semver="s"), Tag("t"), id="tag before semver"
        ),
        pytest.param(
            GitRepositoryRef(branch="b", semver="s"), SemverRange("s"), id="semver before branch"
        ),
        pytest.param(GitRepositoryRef(branch="b"), Branch("b"), id="branch alone"),
    ],
)
def test_one_field_of_the_ref_decides(ref: GitRepositoryRef | None, checkout: Checkout) -> None:
    assert choose_checkout(ref) == checkout


REFERENCES = (
    RemoteReference("HEAD", "m"),
    RemoteReference("refs/heads/feature/x", "x"),
    RemoteReference("refs/heads/main", "m"),
    RemoteReference("refs/pull/1/head", "p"),
    RemoteReference("refs/tags/0.1.0", "a"),
    RemoteReference("refs/tags/1.2", "two-parts"),
    RemoteReference("refs/tags/v0.2.0", "t2", "b"),
    RemoteReference("refs/tags/v0.2.0+build.1", "c"),
    RemoteReference("refs/tags/v0.3.0-rc.1", "d"),
    RemoteReference("refs/tags/nightly", "e"),
)


@pytest.mark.parametrize(
    ("checkout", "found", "revision"),
    [
        (Branch("main"), [Candidate("refs/heads/main", "m", "m")], "main@<unknown>:m"),
        (
            Branch("feature/x"),
            [Candidate("refs/heads/feature/x", "x", "x")],
            "feature/x@<unknown>:x",
        ),
        (Tag("0.1.0"), [Candidate("refs/tags/0.1.0", "a", "a")], "0.1.0@<unknown>:a"),
        (Tag("v0.2.0"), [Candidate("refs/tags/v0.2.0", "t2", "b")], "v0.2.0@<unknown>:b"),
        (Name("HEAD"), [Candidate("HEAD", "m", "m")], "HEAD@<unknown>:m"),
        (
            Name("refs/pull/1/head"),
            [Candidate("refs/pull/1/head", "p", "p")],
            "refs/pull/1/head@<unknown>:p",
        ),
        (
            Name("refs/tags/v0.2.0^{}"),
            [Candidate("refs/tags/v0.2.0", "t2", "b")],
            "refs/tags/v0.2.0^{}@<unknown>:b",
        ),
        (SemverRange("<0.2.0"), [Candidate("refs/tags/0.1.0", "a", "a")], "0.1.0@<unknown>:a"),
        (
            SemverRange(">=0.1.0"),
            [
                Candidate("refs/tags/v0.2.0", "t2", "b"),
                Candidate("refs/tags/v0.2.0+build.1", "c", "c"),
            ],
            "v0.2.0@<unknown>:b",
        ),
        (
            SemverRange(">=0.1.0-0"),
            [Candidate("refs/tags/v0.3.0-rc.1", "d", "d")],
            "v0.3.0-rc.1@<unknown>:d",
        ),
        (Commit(SHA), [Candidate("", SHA, SHA)], f"sha1:{SHA}"),
        (
            Commit(SHA, "main"),
            [Candidate("refs/heads/main", "m", SHA)],
            f"main@sha1:{SHA}",
        ),
        (
            Commit(SHA, "main", "refs/heads/other"),
            [Candidate("refs/heads/main", "m", SHA)],
            f"refs/heads/other@sha1:{SHA}",
        ),
    ],
)
def test_what_is_asked_for_is_found(
    checkout: Checkout, found: list[Candidate], revision: str
) -> None:
    assert list(candidates_of(checkout, REFERENCES)) == found
    assert str(revision_of(checkout, found[0])) == revision


@pytest.mark.parametrize(
    ("checkout", "message"),
    [
        (Branch("no"), 'couldn\'t find remote ref "refs/heads/no"'),
        (Tag("no"), 'couldn\'t find remote ref "refs/tags/no"'),
        (Commit(SHA, "no"), 'couldn\'t find remote ref "refs/heads/no"'),
        (Name("refs/heads/no"), "unable to resolve ref 'refs/heads/no' to a specific commit"),
        (
            Name("/refs/heads/main"),
            "ref /refs/heads/main is invalid; Git refs cannot begin or end with a slash '/'",
        ),
        (SemverRange(">9"), "no match found for semver: >9"),
        (SemverRange("x y z!"), 'semver parse error: improper constraint: "x y z!"'),
    ],
)
def test_what_is_not_there_is_named(checkout: Checkout, message: str) -> None:
    with pytest.raises(NotSelectable) as refused:
        candidates_of(checkout, REFERENCES)
    assert str(refused.value) == message


PATHS = ["README", "app/a", "apps/b", "apps/c/d", "x"]


@pytest.mark.parametrize(
    ("directories", "expected"),
    [
        (["app"], ["app/a", "apps/b", "apps/c/d"]),
        (["app/"], ["app/a"]),
        (["./apps/c", "x"], ["apps/c/d", "x"]),
        (["./"], PATHS),
    ],
)
def test_a_sparse_checkout_takes_prefixes(directories: list[str], expected: list[str]) -> None:
    assert select_directories(PATHS, directories) == expected


def test_a_sparse_checkout_of_nothing_is_refused() -> None:
    with pytest.raises(MissingDirectory, match="ap"):
        select_directories(PATHS, ["ap"])


A, B, C = FileEntry(b"a"), FileEntry(b"b"), FileEntry(b"c")


@pytest.mark.parametrize(
    ("from_path", "to_path", "expected"),
    [
        pytest.param("", "inc", {"x": A, "inc/deep/b": B, "inc/c": C}, id="the whole artifact"),
        pytest.param("deep", "inc/d", {"x": A, "inc/d/b": B}, id="a directory of it"),
        pytest.param("c", "x", {"x": C}, id="a file of it, over one of ours"),
        pytest.param("../../deep", "../../y", {"x": A, "y/b": B}, id="paths stay in the tree"),
        pytest.param("deep", "", {"x": A, "b": B}, id="into the root"),
    ],
)
def test_an_artifact_is_included(
    from_path: str, to_path: str, expected: dict[str, FileEntry]
) -> None:
    included = {"deep/b": B, "c": C}
    assert include_tree({"x": A}, included, from_path=from_path, to_path=to_path) == expected


def test_including_nothing_is_refused() -> None:
    with pytest.raises(MissingDirectory):
        include_tree({}, {"a": A}, from_path="b", to_path="")
