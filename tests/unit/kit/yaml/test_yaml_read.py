"""The two dialects read scalars and structures as Go does."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.kit.yaml import Position, YamlError, load_all, load_manifests, locate


def plain(value: Any) -> Any:
    """Replaces kept scalars by what they decode to."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.value if isinstance(value, tuple) else value


SCALARS: list[tuple[str, Any, Any]] = [
    ("on", True, "on"),
    ("No", False, "No"),
    ("y", True, "y"),
    ("true", True, True),
    ("~", None, None),
    ("", None, None),
    ("Null", None, None),
    ("0644", 420, 420),
    ("0o644", 420, 420),
    ("0x1F", 31, 31),
    ("0b11", 3, 3),
    ("08", 8.0, 8.0),
    ("1_000", 1000, 1000),
    ("+1", 1, 1),
    ("1:30", "1:30", "1:30"),
    ("1e3", 1000.0, 1000.0),
    ("1e400", "1e400", "1e400"),
    (".5", 0.5, 0.5),
    ("9223372036854775808", 9223372036854775808.0, 9223372036854775808),
    ("2001-01-01", "2001-01-01", "2001-01-01T00:00:00Z"),
    ("2001-1-2 3:4:5.10", "2001-1-2 3:4:5.10", "2001-01-02T03:04:05.1Z"),
    ("2001-01-02T03:04:05+02:00", "2001-01-02T03:04:05+02:00", "2001-01-02T03:04:05+02:00"),
    ("2001-13-01", "2001-13-01", "2001-13-01"),
    ("'on'", "on", "on"),
    ("!!str 12", "12", "12"),
    ("!!binary aGk=", "hi", "hi"),
    ("!custom 12", "12", "12"),
    ("!!float 1", 1.0, 1.0),
    ("=", "=", "="),
]


@pytest.mark.parametrize(
    ("text", "sigs", "kyaml"), SCALARS, ids=[row[0] or "empty" for row in SCALARS]
)
def test_a_scalar_means_what_go_reads(text: str, sigs: Any, kyaml: Any) -> None:
    assert load_all(f"a: {text}\n", "sigs")[0].value == {"a": sigs}
    assert plain(load_all(f"a: {text}\n", "kyaml")[0].value) == {"a": kyaml}


def test_aliases_and_merge_keys_are_expanded_and_explicit_keys_win_in_kustomize() -> None:
    text = "base: &b {x: 1, z: 2}\none:\n  x: 9\n  <<: *b\ntwo: [*b]\n"
    assert plain(load_all(text, "kyaml")[0].value)["one"] == {"x": 9, "z": 2}
    assert load_all(text, "sigs")[0].value == {
        "base": {"x": 1, "z": 2},
        "one": {"x": 1, "z": 2},
        "two": [{"x": 1, "z": 2}],
    }


def test_the_last_of_two_equal_keys_wins_for_kubernetes() -> None:
    assert load_all("a: 1\na: 2\n", "sigs")[0].value == {"a": 2}


def test_keys_become_texts_for_kubernetes() -> None:
    assert load_all("1: a\ntrue: b\n", "sigs")[0].value == {"1": "a", "true": "b"}


def test_an_anchor_may_be_defined_twice() -> None:
    assert load_all("a: &x 1\nb: &x 2\nc: *x\n", "sigs")[0].value == {"a": 1, "b": 2, "c": 2}


BAD: list[tuple[str, str, str, int]] = [
    ("two equal keys in kustomize", "a: 1\nb: 2\na: 3\n",
     'yaml: unmarshal errors:\n  line 3: mapping key "a" already defined at line 1', 3),
    ("a key without indentation", "a:\n  b: 1\n c: 2\n",
     "yaml: line 2: did not find expected key", 3),
    ("an unknown alias", "a: *x\n", "yaml: unknown anchor 'x' referenced", 1),
    ("an alias within itself", "a: &x [*x]\n", "yaml: anchor 'x' value contains itself", 1),
    ("a tab as indentation", "a:\n\tb: 1\n",
     "yaml: line 2: found character that cannot start any token", 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "problem", "line"), BAD, ids=[row[0] for row in BAD])
def test_a_malformed_text_is_refused_with_gos_words(
    name: str, text: str, problem: str, line: int
) -> None:
    with pytest.raises(YamlError) as caught:
        load_all(text, "kyaml", source="f.yaml")
    assert (caught.value.problem, caught.value.line) == (problem, line)


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for left, right in zip("bcdefgh", "abcdefg", strict=True):
        lines.append(f"{left}: &{left} [{', '.join([f'*{right}'] * 10)}]")
    with pytest.raises(YamlError, match="excessive aliasing"):
        load_all("\n".join(lines), "sigs")


def test_bottomless_nesting_is_refused() -> None:
    with pytest.raises(YamlError, match="max"):
        load_all("[" * 2000, "sigs")


def test_manifests_are_flattened_out_of_lists_and_empty_documents_dropped() -> None:
    text = "---\n# nothing\n---\nkind: List\nitems:\n- {kind: A}\n- {kind: B}\n---\nkind: C\n"
    assert load_manifests(text) == [{"kind": "A"}, {"kind": "B"}, {"kind": "C"}]


def test_a_document_without_kind_is_no_manifest() -> None:
    with pytest.raises(YamlError) as caught:
        load_manifests("a: 1\n", source="f.yaml")
    assert caught.value.message == "f.yaml:1:1: Object 'Kind' is missing"


def test_a_field_is_found_in_its_text() -> None:
    text = "a: 1\n---\nb:\n- c: 1\n- d: {e: 2}\n"
    assert locate(text, ["b", 1, "d", "e"], document=1) == Position(5, 7)
