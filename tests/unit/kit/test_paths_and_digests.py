"""Paths stay inside their root; digests say what they are of."""

from __future__ import annotations

from pathlib import Path

import pytest

from steersman.kit.digest import Digester, digest_of, is_digest_of, parse_digest
from steersman.kit.paths import PathEscapes, clean_path, rooted_path, secure_join

HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("", ""), (".", ""), ("./a//b/", "a/b"), ("a/../b", "b"), ("a/..", ""), ("..a/b", "..a/b")],
)
def test_a_path_is_brought_to_its_shortest_form(path: str, expected: str) -> None:
    assert clean_path(path) == expected


@pytest.mark.parametrize("path", ["..", "../a", "a/../../b", "/a", "a\0b"])
def test_a_path_that_leaves_the_tree_is_refused(path: str) -> None:
    with pytest.raises(PathEscapes):
        clean_path(path)


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [("", "", ""), ("a", "../../b", "b"), ("a", "/b", "a/b"), ("a/b", "..", "a")],
)
def test_a_rooted_path_is_clamped(base: str, path: str, expected: str) -> None:
    assert rooted_path(base, path) == expected


def test_links_are_resolved_inside_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    (root / "dir/out").symlink_to("../../../etc")
    (root / "absolute").symlink_to("/dir")
    (root / "loop").symlink_to("loop")
    assert secure_join(root, "dir/out/passwd") == root / "etc/passwd"
    assert secure_join(root, "absolute/new") == root / "dir/new"
    assert secure_join(root, "../../x") == root / "x"
    with pytest.raises(PathEscapes):
        secure_join(root, "loop/x")


def test_a_digest_is_the_same_whole_or_in_pieces() -> None:
    digester = Digester()
    digester.update(b"hel")
    digester.update(b"lo")
    assert str(digester.digest()) == str(digest_of(b"hello")) == HELLO
    assert is_digest_of(parse_digest(HELLO), [b"hell", b"o"])
    assert not is_digest_of(parse_digest(HELLO), b"hallo")


@pytest.mark.parametrize("text", ["", "sha256", "sha256:", "md5:00", HELLO.upper(), HELLO[:-1]])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"digest|form"):
        parse_digest(text)
