"""The emitter writes what Go's ``sigs.k8s.io/yaml`` writes."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.kit.yaml import dump, dump_all

TEXTS: list[tuple[str, str]] = [
    ("plain", "plain"),
    ("a b", "a b"),
    ("", '""'),
    ("true", '"true"'),
    ("on", '"on"'),
    ("12", '"12"'),
    ("12:30", '"12:30"'),
    ("1_000", '"1_000"'),
    ("2001-01-01", '"2001-01-01"'),
    ("a: b", "'a: b'"),
    ("a #b", "'a #b'"),
    ("a:b", "a:b"),
    ("it's", "it's"),
    ("'x'", "'''x'''"),
    ("-", "'-'"),
    ("-a", "-a"),
    ("? a", "'? a'"),
    ("?a", "?a"),
    ("[a", "'[a'"),
    ("---", "'---'"),
    (" a", "' a'"),
    ("a\tb", '"a\\tb"'),
    ("<<", "<<"),
    ("😀", '"\\U0001F600"'),
    ("a\nb", "|-\n  a\n  b"),
    ("a\n", "|\n  a"),
    ("a\n\n", "|+\n  a\n"),
    (" a\nb", "|2-\n   a\n  b"),
    ("a \nb", '"a \\nb"'),
    ("w " * 45, "'" + ("w " * 39).rstrip() + "\n  w w w w w w '"),
]


@pytest.mark.parametrize(("text", "written"), TEXTS, ids=[repr(row[0]) for row in TEXTS])
def test_a_text_is_quoted_only_where_go_does(text: str, written: str) -> None:
    assert dump({"k": text}) == f"k: {written}\n"


NUMBERS: list[tuple[Any, str]] = [
    (1.0, "1"),
    (0.1, "0.1"),
    (1234567.5, "1.2345675e+06"),
    (1e21, "1e+21"),
    (1e-7, "1e-07"),
    (0.0001, "0.0001"),
    (-2.5, "-2.5"),
    (4211167773331703300.0, "4211167773331703300"),
    (True, "true"),
    (None, "null"),
]


@pytest.mark.parametrize(("value", "written"), NUMBERS)
def test_a_number_is_written_as_go_does_after_json(value: Any, written: str) -> None:
    assert dump([value]) == f"- {written}\n"


def test_keys_are_sorted_with_numbers_by_their_value() -> None:
    keys = ["foo10", "foo2", "Foo", "a", "-k", "9", "10", "foo-bar"]
    assert dump(dict.fromkeys(keys, 1)) == (
        '-k: 1\n"9": 1\n"10": 1\nFoo: 1\na: 1\nfoo-bar: 1\nfoo2: 1\nfoo10: 1\n'
    )


def test_sequences_keep_the_indent_of_their_key() -> None:
    value = {"a": [{"b": 1, "c": [[1, {"d": []}], {}]}], "e": {}}
    assert dump(value) == "a:\n- b: 1\n  c:\n  - - 1\n    - d: []\n  - {}\ne: {}\n"


def test_a_key_beyond_128_bytes_is_not_simple() -> None:
    assert dump({"a" * 130: {"b": 1}}) == f"? {'a' * 130}\n: b: 1\n"


def test_documents_are_separated() -> None:
    assert dump_all([{"a": 1}, {"b": 2}]) == "a: 1\n---\nb: 2\n"
